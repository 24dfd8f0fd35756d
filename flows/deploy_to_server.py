"""Our work pool, deployments and automations on a server that is up: ``python -m flows.deploy_to_server``.

What ``framefoundry serve`` does for the server that it starts, for one that is there, as in deployments/compose.yaml.
``PREFECT_API_URL``, ``FRAMEFOUNDRY_HOME``, ``FRAMEFOUNDRY_STORE`` and ``FRAMEFOUNDRY_INBOX`` say where and for what.
"""

import os
import sys
from pathlib import Path

from flows.automations import apply_automations, read_automations
from flows.embedded_server import why_unreachable
from flows.serve import (
    INBOX_VARIABLE,
    VERSION_VARIABLE,
    create_work_pool,
    deploy,
    deployment_names,
    describe_version,
    project_folder,
)
from schemas.errors import EnvironmentFault, FramefoundryError
from storage.store import STORE_VARIABLE


def deploy_to_server(api: str, project: Path) -> list[str]:
    """Create or update the work pool, every deployment and every automation of ``project``; names of the deployments.

    Raises:
        EnvironmentFault: the server does not answer, or refuses; or a variable that deployments need is not set.
    """
    missing = [name for name in (STORE_VARIABLE, INBOX_VARIABLE) if not os.environ.get(name)]
    if missing:
        raise EnvironmentFault(f"{missing[0]} is not set.", "Deployments name the store and the inbox absolutely.")
    silence = why_unreachable(api)
    if silence:
        raise EnvironmentFault(f"the Prefect server at {api} does not answer: {silence}", "Start it first.")
    file = project / "deployments" / "prefect.yaml"
    names = deployment_names(file)
    create_work_pool(api)
    version = os.environ.get(VERSION_VARIABLE) or describe_version(project)
    deploy(project, {**os.environ, VERSION_VARIABLE: version}, file)
    apply_automations(api, read_automations(file.with_name("automations.yaml")))
    return names


def main() -> None:
    """Deploy as the environment says."""
    try:
        names = deploy_to_server(os.environ.get("PREFECT_API_URL", ""), project_folder())
    except FramefoundryError as fault:
        sys.exit(str(fault))
    sys.stdout.write(f"Deployed: {', '.join(names)}.\n")


if __name__ == "__main__":
    main()
