"""Logs for machines: one JSON object a line, with the run, recipe, stage and clip that it is about.

``FRAMEFOUNDRY_LOG_FORMAT=json`` asks for them, of runs, worker and server alike.
"""

import json
import logging
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TextIO

FORMAT_VARIABLE = "FRAMEFOUNDRY_LOG_FORMAT"
JSON = "json"
_FIELDS = {"run": "flow_run_name", "run_id": "flow_run_id", "task": "task_run_name"}
"""Our name -> the attribute that Prefect gives to records of a run."""
_OURS = ("recipe", "stage", "clip", "reason")
"""Attributes that our own messages carry, as ``extra``."""


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; what a record does not know is left out."""

    def __init__(self, *_format: object, **_options: object) -> None:
        """Takes what ``logging.config`` hands to any formatter, and needs none of it."""
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, what it is about, and ``error`` if there is."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        sources = [*_FIELDS.items(), *((name, name) for name in _OURS)]
        about = {name: str(getattr(record, source, "") or "") for name, source in sources}
        line |= {name: value for name, value in about.items() if value}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class PlainConsole(logging.StreamHandler[TextIO]):
    """Writes lines as they are, in the place of Prefect's console with its colours."""

    def __init__(self, stream: TextIO | None = None, **_styles: object) -> None:
        super().__init__(stream)


def ask_for_json_logs(environment: MutableMapping[str, str]) -> None:
    """Have Prefect write its console logs through :class:`JsonLines`, where ``environment`` asks for JSON."""
    if wants_json(environment):
        environment.setdefault("PREFECT_LOGGING_FORMATTERS_JSON_CLASS", f"{__name__}.{JsonLines.__name__}")
        environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", f"{__name__}.{PlainConsole.__name__}")
        environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER", JSON)
        environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO")


def wants_json(environment: Mapping[str, str]) -> bool:
    """Whether ``environment`` asks for logs as JSON."""
    return environment.get(FORMAT_VARIABLE, "") == JSON
