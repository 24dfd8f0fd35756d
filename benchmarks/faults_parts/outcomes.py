"""What became of a run that a fault hit and that was started again; and all of them as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = ("faults", "survived", "lost_rows", "doubled_rows", "rendered_twice")


@dataclass(frozen=True)
class Outcome:
    """One fault.

    Attributes:
        where, fault: what was going on, and what was done to it.
        same_version: whether the restarted run ended as an undisturbed one does.
        half_visible: whether anything unfinished could be seen between the fault and the restart.
        lost_rows, doubled_rows: rows of the version against those of an undisturbed run.
        rendered_twice, labelled_twice: clips whose finished work was done again.
    """

    where: str
    fault: str
    same_version: bool
    half_visible: bool = False
    lost_rows: int = 0
    doubled_rows: int = 0
    rendered_twice: int = 0
    labelled_twice: int = 0

    @property
    def survived(self) -> bool:
        """Whether nothing at all came of the fault but the time that it cost."""
        wrong = self.lost_rows + self.doubled_rows + self.rendered_twice + self.labelled_twice
        return self.same_version and not self.half_visible and wrong == 0


def summarise(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The counts of many faults."""
    return {
        "faults": len(outcomes),
        "survived": sum(outcome.survived for outcome in outcomes),
        "lost_rows": sum(outcome.lost_rows for outcome in outcomes),
        "doubled_rows": sum(outcome.doubled_rows for outcome in outcomes),
        "rendered_twice": sum(outcome.rendered_twice for outcome in outcomes),
        "labelled_twice": sum(outcome.labelled_twice for outcome in outcomes),
    }


def print_table(outcomes: Sequence[Outcome]) -> None:
    """One line for each kind of fault, with its counts."""
    print(f"{'where':<38}{'fault':<36}" + "".join(f"{name:>16}" for name in COLUMNS))
    for where, fault in dict.fromkeys((outcome.where, outcome.fault) for outcome in outcomes):
        counts = summarise([outcome for outcome in outcomes if (outcome.where, outcome.fault) == (where, fault)])
        print(f"{where:<38}{fault:<36}" + "".join(f"{counts[name]:>16,}" for name in COLUMNS))
