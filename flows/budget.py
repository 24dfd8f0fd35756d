"""The budget of a run: when it is spent, and what was spent in the end."""

from flows.device_limits import DeviceUse
from schemas.budget import HOUR, BudgetOptions, Spending
from schemas.errors import EmptyResultError


class Budget:
    """What a run may spend on its devices; without a limit it is never spent."""

    def __init__(self, options: BudgetOptions | None, use: DeviceUse) -> None:
        self._hours = options.device_hours if options else None
        self.use = use

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be begun; what is under way ends in order."""
        return self._hours is not None and self.use.seconds >= self._hours * HOUR

    def spent(self, frames: int, clips_left: int) -> Spending:
        """What was spent on making ``frames``, with ``clips_left`` of the recipe still to be made."""
        return Spending(
            devices=self.use.metered, seconds=round(self.use.seconds, 2), frames=frames, clips_left=clips_left
        )


def refuse_unlabelled(labelled: int, spending: Spending) -> None:
    """Fail where a budget was too small for anything to be labelled.

    Raises:
        EmptyResultError: with what is left; what was rendered stays.
    """
    if not labelled and spending.clips_left:
        raise EmptyResultError(
            f"the budget was spent after {spending.seconds:.0f} device seconds, before any clip was labelled; "
            f"{spending.clips_left:,} clips are left and nothing was published.",
            "Run it again, which goes on, or raise budget.device_hours.",
        )
