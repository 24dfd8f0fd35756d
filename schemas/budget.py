"""The recipe's `budget`, and the account of what a run has spent on devices."""

from pydantic import Field, PositiveFloat

from schemas.strict_model import StrictModel

HOUR = 3600.0


class BudgetOptions(StrictModel):
    """What one run may spend; no clip, label or version depends on it."""

    device_hours: PositiveFloat | None = Field(
        default=None,
        description="Hours of GPUs, or of the CPU where there are none, that one run may spend on rendering and "
        "labelling. A run that has spent them publishes what is done, says that it is partial, and the next goes on.",
    )
    price_per_device_hour: PositiveFloat | None = Field(
        default=None, description="Money for an hour of one device, in whatever currency; reports then tell the cost."
    )


class Spending(StrictModel):
    """What one run has spent.

    Attributes:
        devices: that were metered: the GPUs, or ``cpu``, which is all cores of one machine.
        seconds: that these were held for rendering and labelling, all devices together.
        frames: of clips that were rendered or labelled meanwhile.
        clips_left: of the recipe, for which the budget did not suffice.
    """

    devices: tuple[str, ...]
    seconds: float
    frames: int
    clips_left: int = 0


class DeviceAccount(Spending):
    """What a run has spent, and what came of it.

    Attributes:
        seconds_per_accepted_frame: seconds for a frame that was made, divided by the share of the version's frames
            that were accepted (with labels, or as background); None where nothing was made, or nothing accepted. A
            version of which earlier runs made a part is judged by what this run made.
        money, money_per_accepted_frame: the same at the recipe's price; None without one.
    """

    seconds_per_accepted_frame: float | None = None
    money: float | None = None
    money_per_accepted_frame: float | None = None

    @property
    def partial(self) -> str:
        """That the version is partial, in words; empty where it is not."""
        if not self.clips_left:
            return ""
        return f"partial: the budget was spent with {self.clips_left:,} clips of the recipe left; run it again to go on"

    @property
    def in_words(self) -> str:
        """``42 s on cpu; 0.021 s for each accepted frame``, and what that costs where the recipe has a price."""
        words = f"{self.seconds:,.0f} s on {', '.join(self.devices)}"
        if self.seconds_per_accepted_frame is not None:
            words += f"; {self.seconds_per_accepted_frame:.3g} s for each accepted frame"
        if self.money is not None:
            words += f"; {self.money:.2f} at the recipe's price"
        if self.money_per_accepted_frame is not None:
            words += f", {1000 * self.money_per_accepted_frame:.3g} for a thousand accepted frames"
        return words


def account_for(spending: Spending, options: BudgetOptions | None, frames: int, accepted_frames: int) -> DeviceAccount:
    """The account of ``spending``, given the frames of all clips of the version and how many of them were accepted."""
    made_and_taken = spending.frames * accepted_frames
    a_frame = spending.seconds * frames / made_and_taken if made_and_taken else None
    price = options.price_per_device_hour if options else None
    return DeviceAccount(
        **spending.model_dump(),
        seconds_per_accepted_frame=a_frame,
        money=None if price is None else spending.seconds / HOUR * price,
        money_per_accepted_frame=None if price is None or a_frame is None else a_frame / HOUR * price,
    )
