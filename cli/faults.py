"""From an exception to what the user reads and the exit code that a script sees."""

import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from cli.session import Session
from schemas.errors import EnvironmentFault, FramefoundryError
from schemas.redaction import without_login

INTERRUPTED = 130
UNEXPECTED = 1


class ErrorReport(NamedTuple):
    """What ``--json`` prints for a failed call, below the key ``error``."""

    kind: str
    message: str
    hint: str
    exit_code: int


def report_fault(fault: BaseException, session: Session, beside: Mapping[str, Any] | None = None) -> int:
    """Print ``fault`` (a red line and its hint; a traceback only with ``--verbose``); return the exit code.

    With ``--json`` the fault stands below the key ``error``, beside whatever result there was.
    """
    report = describe(fault)
    if session.verbose and not isinstance(fault, KeyboardInterrupt):
        _print_traceback(fault, session)
    from rich.markup import escape

    session.note(f"[bold red]{'Stopped' if report.exit_code == INTERRUPTED else 'Error'}:[/] {escape(report.message)}")
    if report.hint:
        session.note(f"  {escape(report.hint)}")
    session.emit({**(beside or {}), "error": report._asdict()})
    return report.exit_code


def describe(fault: BaseException) -> ErrorReport:
    """``fault`` in the words and with the exit code of the command line."""
    ours = find_our_fault(fault) or _as_lost_server(fault)
    if ours is not None:
        return ErrorReport(type(ours).__name__, ours.message, ours.hint, ours.exit_code)
    if isinstance(fault, KeyboardInterrupt):
        return ErrorReport(
            "Interrupted",
            "you stopped the run. Every clip that was finished is kept; nothing half-written was published.",
            "The same command takes up where this one stopped.",
            INTERRUPTED,
        )
    return ErrorReport(
        type(fault).__name__,
        without_login(f"unexpected {type(fault).__name__}: {fault}"),
        "This is a fault of Framefoundry. Run the command again with --verbose and report what it prints.",
        UNEXPECTED,
    )


def find_our_fault(fault: BaseException | None) -> FramefoundryError | None:
    """The first of our errors among ``fault``, its causes, and the members of an exception group."""
    while fault is not None:
        if isinstance(fault, FramefoundryError):
            return fault
        if isinstance(fault, BaseExceptionGroup):
            found = (find_our_fault(member) for member in fault.exceptions)
            return next((member for member in found if member is not None), None)
        fault = fault.__cause__
    return None


def _as_lost_server(fault: BaseException) -> EnvironmentFault | None:
    """``fault`` as what it is where it says that Prefect's server, which answered at the start, does so no more."""
    api = os.environ.get("PREFECT_API_URL")
    request = getattr(fault, "_request", None)  # the property beside it raises where there is none
    if not api or not isinstance(fault, _transport_errors()) or not str(getattr(request, "url", "")).startswith(api):
        return None
    return EnvironmentFault(
        f"Prefect's server at {api} does not answer any more: {fault}",
        "Run the same command again: every clip that was finished is kept.",
    )


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the library raises through which Prefect speaks; nothing where it has not been imported."""
    httpx = sys.modules.get("httpx")
    return (httpx.TransportError,) if httpx else ()


def _print_traceback(fault: BaseException, session: Session) -> None:
    import traceback

    sys.stderr.write(without_login("".join(traceback.format_exception(fault))))
    session.notes.line()
