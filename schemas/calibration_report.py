"""What a calibration came to, as the command line prints it and the flow returns it."""

from pydantic import Field

from schemas.calibration import ExpectedQuality
from schemas.strict_model import StrictModel


class CalibrationReport(StrictModel):
    """The result of ``calibrate``.

    Attributes:
        recipe: its name.
        generator: kind and version, with model and revision where there are any.
        basis: ``truth`` or ``reviews``.
        clips, frames, boxes: that were judged; for reviews, ``boxes`` is what was shown to the reviewers.
        wanted_boxes: how many reviewed boxes a figure needs; 0 for truth.
        calibration: its id; empty where too little was reviewed.
        is_new: whether the store did not have it yet.
        expected: figures at the recipe's threshold; None where too little was reviewed.
        failures: one line a clip that could not be rendered or labelled.
        seconds: stage -> wall seconds.
    """

    recipe: str
    generator: str
    basis: str
    clips: int
    frames: int
    boxes: int
    wanted_boxes: int = 0
    calibration: str = ""
    is_new: bool = False
    expected: ExpectedQuality | None = None
    failures: list[str] = Field(default_factory=list)
    seconds: dict[str, float] = Field(default_factory=dict)

    @property
    def is_measured(self) -> bool:
        """Whether datasets of this generator and detector may state figures now."""
        return self.expected is not None
