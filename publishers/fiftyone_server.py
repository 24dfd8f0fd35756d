"""The FiftyOne App's server behind our guard: ``python -m publishers.fiftyone_server PORT ADDRESS FOLDER…``.

FiftyOne's own start serves any file that this user can read, at ``/media?filepath=``, to whoever can reach the port.
This one serves those below the folders that it is given, and answers no page of another site.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any


def serve_app(port: int, address: str, media_folders: list[Path]) -> None:
    """Serve until SIGTERM. FiftyOne's database is named by the environment."""
    os.environ.pop("FIFTYONE_DISABLE_SERVICES", None)
    os.environ["FIFTYONE_SERVER"] = "1"
    from fiftyone.server.app import app
    from fiftyone.server.events import set_port
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from publishers.browser_guard import guard_app

    set_port(port)
    config = Config()
    config.bind = [f"{address}:{port}"]
    guarded: Any = guard_app(app, media_folders)  # hypercorn has a type of its own for each ASGI message
    asyncio.run(serve(guarded, config))


if __name__ == "__main__":
    serve_app(int(sys.argv[1]), sys.argv[2], [Path(folder) for folder in sys.argv[3:]])
