"""The recipe's `publish`: the forms in which a dataset version is written."""

from typing import Literal

from pydantic import Field, PositiveInt

from schemas.strict_model import StrictModel


class ParquetOptions(StrictModel):
    """The manifest: clips, frames and tracks as Parquet. Always written."""


class FiftyOneOptions(StrictModel):
    """A persistent FiftyOne dataset of video samples with tracked detections."""

    name: str | None = Field(default=None, description="Dataset name in FiftyOne; default: the recipe's name.")
    edits: Literal["keep", "overwrite"] = Field(
        default="keep",
        description="What people changed in FiftyOne and was not read back: kept, by refusing to replace it, or given "
        "up.",
    )


class ImageOptions(StrictModel):
    """Which frames become images, and how well they are kept."""

    stride: PositiveInt = Field(default=2, description="Every how many frames an image is exported.")
    jpeg_quality: int = Field(default=95, ge=50, le=100, description="JPEG quality of frame images.")


class YoloExportOptions(ImageOptions):
    """An ultralytics dataset: images, five-column labels, data.yaml."""

    ignore: Literal["drop", "mask"] = Field(
        default="drop", description="A frame with an ignore region is dropped, or the region is painted over."
    )


class CocoExportOptions(ImageOptions):
    """COCO JSON and its images; ignore regions become `iscrowd` annotations."""


class PublishOptions(StrictModel):
    """Which projections of a version are written; null or absent leaves one out."""

    parquet: ParquetOptions = Field(default_factory=ParquetOptions)
    fiftyone: FiftyOneOptions | None = None
    yolo: YoloExportOptions | None = None
    coco: CocoExportOptions | None = None
