"""One finding of the preflight, and the words for it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended: a warning needs attention, a fault stops runs."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        subject: what was looked at, such as ``mongod``.
        verdict: how it ended.
        found: what is there, with version or path.
        remedy: what to do; empty when all is well.
    """

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(subject: str, found: str) -> Check:
    """All is well."""
    return Check(subject, Verdict.OK, found)


def warning(subject: str, found: str, remedy: str) -> Check:
    """It works, with a limit that the user should know."""
    return Check(subject, Verdict.WARNING, found, remedy)


def fault(subject: str, found: str, remedy: str) -> Check:
    """Runs will fail."""
    return Check(subject, Verdict.FAULT, found, remedy)
