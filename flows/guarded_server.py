"""Prefect's server behind our guard: whoever may use its API has any command run, and by default it asks nobody.

Prefect allows every origin, so that any web page could write a deployment and start it. See
:mod:`publishers.browser_guard`.
"""

import sys
from pathlib import Path

from publishers.browser_guard import App, guard_app


def server_command(host: str, port: int, log_level: str) -> list[str]:
    """The command that serves :func:`create_app`; Prefect's own settings come from the environment."""
    return [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parents[1])),
        *("--factory", f"{__name__}:{create_app.__name__}"),
        *("--host", host, "--port", str(port), "--log-level", log_level, "--lifespan", "on"),
    ]


def create_app() -> App:
    """Prefect's API, UI and services, guarded."""
    from prefect.server.api.server import create_app as create_prefect

    return guard_app(create_prefect())
