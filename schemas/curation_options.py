"""The recipe's `curation` and `split`: which labels and clips enter a dataset, and on which side."""

from pydantic import Field, PositiveInt, field_validator, model_validator

from schemas.annotator_options import Sha256
from schemas.strict_model import StrictModel

DETECTOR = "detector"


class NearDuplicateOptions(StrictModel):
    """Which clips and frames say the same thing twice. Similarity is the cosine of two embeddings, 1 for equal ones."""

    clips: float | None = Field(
        default=0.97,
        gt=0,
        lt=1,
        description="A clip at least this similar to a better one is rejected; null leaves clips alone.",
    )
    frames: float | None = Field(
        default=0.98,
        gt=0,
        lt=1,
        description="A frame at least this similar to the last one kept is not exported; null leaves frames alone.",
    )
    every: PositiveInt = Field(
        default=2, description="Every how many frames one is embedded; the stride of the exports, as a rule."
    )
    embedder: str = Field(
        default=DETECTOR,
        min_length=1,
        description="`detector` (the backbone of the annotator's own weights), a .pt of ultralytics, or the folder of "
        "a transformers vision model.",
    )
    embedder_sha256: Sha256 | None = Field(
        default=None, description="As `annotator.weights_sha256`, of an `embedder` that is named here."
    )


class QuotaOptions(StrictModel):
    """How many labelled objects are wanted in each cell: a class, and one value of each of some axes."""

    per_class: PositiveInt = Field(description="Labelled objects wanted of each class in each cell, one a track.")
    per: tuple[str, ...] = Field(default=(), description="Axes whose values divide a class into cells.")

    @field_validator("per")
    @classmethod
    def _each_axis_once(cls, per: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((axis for axis in per if per.count(axis) > 1), None)
        if twice is not None:
            raise ValueError(f"axis {twice!r} is listed twice")
        return per


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
    min_contrast: float = Field(
        default=0.01, ge=0, le=1, description="A clip with less contrast (deviation of luma) shows one tone, no scene."
    )
    max_clipped: float = Field(
        default=0.8, ge=0, le=1, description="A clip with a larger share of crushed and burnt-out pixels is rejected."
    )
    max_blur: float = Field(
        default=0.75, ge=0, le=1, description="A clip that is more blurred (0 sharp to 1) is rejected."
    )
    max_flicker: float = Field(
        default=0.12,
        ge=0,
        description="A clip whose brightness jumps by a larger share of itself from frame to frame is rejected.",
    )
    max_cuts: int | None = Field(
        default=0,
        ge=0,
        description="A rendered clip with more scene cuts is rejected; footage may have any. null: so may all.",
    )
    min_moving: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Least share of frames in which camera or objects move; grain is no motion. 0: even still scenes.",
    )
    max_drift: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A clip with a track whose colours change by more is rejected; null: none.",
    )
    max_box_flicker: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A clip in which a larger share of detections comes and goes is rejected; null: none.",
    )
    max_class_flicker: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A clip in which a larger share of detections changes class is rejected; null: none.",
    )
    min_agreement: float = Field(
        default=0.0, ge=0, le=1, description="Least share of the promised objects that the tracks must show."
    )
    max_surplus: int | None = Field(
        default=None,
        ge=0,
        description="A clip with more objects of the recipe's classes beyond the promise is rejected; null: none.",
    )

    near_duplicates: NearDuplicateOptions | None = Field(
        default=None, description="Drops clips and frames that say the same thing twice; null: none. Needs embeddings."
    )
    quota: QuotaOptions | None = Field(
        default=None, description="Keeps the best clips that fill each cell; null: every clip that is good enough."
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
