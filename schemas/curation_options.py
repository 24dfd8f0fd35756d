"""The recipe's `curation` and `split`: which labels and clips enter a dataset, and on which side."""

from pydantic import Field, PositiveInt, model_validator

from schemas.strict_model import StrictModel


class CurationOptions(StrictModel):
    """Thresholds over stored scores. Changing one costs no inference."""

    accept: float = Field(default=0.6, ge=0, le=1, description="From this confidence on a box is a label.")
    ignore: float = Field(default=0.2, ge=0, le=1, description="Below it a box is nothing; between, an ignore region.")
    min_track_frames: PositiveInt = Field(
        default=4, description="Shorter tracks, in detected frames, become ignore regions."
    )
    min_box_side: float = Field(
        default=4.0, ge=0, description="Boxes with a shorter side, pixels, become ignore regions."
    )
    max_background: float = Field(
        default=0.1, ge=0, le=1, description="Largest share of published frames that may show no object at all."
    )
    max_frozen: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="A clip with a larger share of repeated frames is rejected; a still scene repeats some by itself.",
    )
    max_black: float = Field(
        default=0.1, ge=0, le=1, description="A clip with a larger share of black frames is rejected."
    )
    min_agreement: float = Field(
        default=0.0, ge=0, le=1, description="Least share of the promised objects that the tracks must show."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "CurationOptions":
        if self.ignore > self.accept:
            raise ValueError(f"ignore ({self.ignore}) is above accept ({self.accept}); it must be at most accept")
        return self


class SplitOptions(StrictModel):
    """Shares of families (not frames) in each split, and the axes that widen a family."""

    train: float = Field(default=0.8, ge=0, le=1)
    val: float = Field(default=0.1, ge=0, le=1)
    test: float = Field(default=0.1, ge=0, le=1)
    by: tuple[str, ...] = Field(
        default=(), description="Clips that agree in these axes share a family, whatever their text."
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitOptions":
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test is {total:g}; it must be 1")
        return self
