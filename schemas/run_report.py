"""What happened in a run: every input with its outcome, counted."""

from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from schemas.budget import DeviceAccount
from schemas.errors import EmptyResultError
from schemas.records import Failure
from schemas.strict_model import StrictModel


class StageTally(StrictModel):
    """Outcomes of one stage over clips: ``done`` now, ``reused`` from an earlier run, or failed with a reason."""

    done: int = 0
    reused: int = 0
    failed: dict[str, int] = Field(default_factory=dict, description="reason -> clips")
    seconds: float = 0.0

    @property
    def failures(self) -> int:
        """Clips that failed, for whatever reason."""
        return sum(self.failed.values())


class RunReport(StrictModel):
    """The result of a run, as the command line prints it and the flow returns it.

    ``boxes`` counts labels by class; ``box_verdicts`` and ``clip_verdicts`` count decisions by verdict and rule, such
    as ``{"accept": 812, "ignore: confidence": 31}``.
    """

    recipe: str
    scenarios: int = 0
    clips: int = 0
    frames: int = 0
    missing_clips: int = Field(default=0, description="clips of the recipe that were left out, not being in the store")
    render: StageTally = StageTally()
    label: StageTally = StageTally()
    failures: list[str] = Field(default_factory=list, description="one line a failed clip: stage, reason, detail")
    boxes: dict[str, int] = Field(default_factory=dict, description="class -> labels in the version")
    boxes_by_split: dict[str, dict[str, int]] = Field(default_factory=dict, description="split -> class -> labels")
    box_verdicts: dict[str, int] = Field(default_factory=dict)
    clip_verdicts: dict[str, int] = Field(default_factory=dict)
    frame_uses: dict[str, int] = Field(default_factory=dict, description="use of a frame -> frames")
    seconds: dict[str, float] = Field(default_factory=dict, description="stage -> wall seconds")
    busy: dict[str, float] = Field(
        default_factory=dict, description="stages that work at the same time -> share of that time at work, 0 to 1"
    )
    dataset: str = Field(default="", description="name@version")
    path: str = Field(default="", description="folder of the version")
    new_version: bool = True
    device: DeviceAccount | None = Field(default=None, description="what was spent on devices; null: nothing")
    weights_sha256: str = Field(default="", description="hash of the detector's weights; empty where none looked")
    label_quality: str = Field(default="", description="measured, exact or unmeasured, with a reason in brackets")
    warnings: list[str] = Field(default_factory=list)
    remarks: list[str] = Field(
        default_factory=list, description="what the generator did differently, how busy devices were"
    )

    @property
    def accepted_clips(self) -> int:
        """Clips that are in the version."""
        return self.clip_verdicts.get("accepted", 0)


def tally(done: int, reused: int, failures: Iterable[Failure], seconds: float) -> StageTally:
    """Count the outcomes of one stage."""
    reasons = Counter(failure.reason for failure in failures)
    return StageTally(done=done, reused=reused, failed=dict(sorted(reasons.items())), seconds=round(seconds, 2))


def refuse_empty(stage: str, survivors: int, failures: list[Failure]) -> None:
    """Fail loudly when a stage had work and nothing came of it.

    Raises:
        EmptyResultError: with the first reason.
    """
    if survivors == 0 and failures:
        first = failures[0]
        raise EmptyResultError(
            f"{stage}: all {len(failures)} clips failed; the first: {first.reason}: {first.detail}",
            "Mend the cause and run again; nothing was published.",
        )
