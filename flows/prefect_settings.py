"""Where Prefect keeps its data, and how it behaves, for runs that start from our command line."""

import json
import os
from pathlib import Path
from urllib.request import urlopen

from flows.json_logs import ask_for_json_logs
from storage.private_folders import make_private_folder

SERVE_FILE = "serve.json"
SERVER_LOGIN, CLIENT_LOGIN = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
"""What a server asks for and what a client says, ``name:password``."""

_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_COLORS": "false",
    # By its heartbeat a run that is gone is told from one that works; see deployments/automations.yaml.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # The first start of the embedded server migrates its database, which takes 12 s or more on two cores.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The recorder writes one row at a time by default, at 16 to 20 ms of server time a task.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
    # In memory, the default, a server that dies forgets the leases on devices, which then stay taken for good.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # Without these the history grows for good: runs with their tasks, logs and artifacts, and all events.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "P60D",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P30D",
}


def configure_prefect(home: Path) -> str:
    """Set Prefect's environment; must run before Prefect is imported. What the user has set is kept.

    Args:
        home: folder for Prefect's own database and logs, unless ``PREFECT_HOME`` says otherwise.

    Returns:
        The API's URL when the run reports to a server that is already up (``PREFECT_API_URL``, or the one that
        ``make serve`` started), else an empty string: the run brings its own embedded server.
    """
    if not os.environ.get("PREFECT_HOME"):
        make_private_folder(home)
        os.environ["PREFECT_HOME"] = str(home)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    ask_for_json_logs(os.environ)
    if os.environ.get(SERVER_LOGIN):
        os.environ.setdefault(CLIENT_LOGIN, os.environ[SERVER_LOGIN])
    if not os.environ.get("PREFECT_API_URL"):
        served = served_api(Path(os.environ["PREFECT_HOME"]))
        if served:
            os.environ["PREFECT_API_URL"] = served
    return os.environ.get("PREFECT_API_URL", "")


def served_api(home: Path) -> str:
    """The URL of the server that ``make serve`` runs on ``home``, if it answers; else an empty string."""
    try:
        url = str(json.loads((home / SERVE_FILE).read_text())["api_url"])
        with urlopen(f"{url}/health", timeout=2) as answer:
            return url if answer.status == 200 else ""
    except (OSError, ValueError, KeyError):
        return ""
