"""Where a message about a run goes."""

import logging
from typing import Any


def find_log() -> "logging.Logger | logging.LoggerAdapter[Any]":
    """The log of the run that this is called from, which Prefect's pages show; outside of one, ours."""
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_run_logger

    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(__name__)
