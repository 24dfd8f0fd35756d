"""The recipe's `annotator`: who labels the clips, and how."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from schemas.strict_model import StrictModel

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Tracker = Literal["offline", "ocsort", "bytetrack", "botsort", "deepocsort", "fasttrack", "tracktrack"]
Boxes = Literal["strongest", "voted", "two_views"]
Engine = Literal["auto", "openvino", "torch"]
Precision = Literal["auto", "f32", "int8"]


class RefinementOptions(StrictModel):
    """The offline pass over whole tracks."""

    min_track_frames: PositiveInt = Field(default=3, description="Shorter tracks, in detected frames, are dropped.")
    max_gap_frames: int = Field(
        default=30, ge=0, description="Longest hole in a track that is filled by interpolation."
    )
    smooth_frames: int = Field(default=7, ge=0, description="Width of the centred smoothing window; 0 turns it off.")


class DetectorOptions(StrictModel):
    """A YOLO detector, and a tracker for each clip."""

    weights: str = Field(
        default="starter",
        min_length=1,
        description="`starter` (bundled), a .pt file, an OpenVINO export folder, or a model version.",
    )
    weights_sha256: Sha256 | None = Field(
        default=None,
        description="Weights with any other hash are refused before they are loaded; `framefoundry doctor` shows it. "
        "Never part of a label's identity, which holds the hash of the weights as they are.",
    )
    tracker: Tracker = Field(
        default="offline",
        description="`offline`: the whole clip at once, weak detections too; the others are ultralytics' trackers, "
        "which see a clip as a live stream.",
    )
    score_floor: float = Field(
        default=0.03, ge=0.001, le=0.9, description="Detections below this score are not stored."
    )
    image_size: PositiveInt | None = Field(
        default=None, description="Longer side of the detector's input, pixels; default: the size it was trained at."
    )
    boxes: Boxes = Field(
        default="two_views",
        description="What a detection's box is: `strongest` of the detector's overlapping proposals, as in the plain "
        "loop; `voted`, their mean, at no cost; `two_views`, the mean over two looks at each frame, the second "
        "mirrored and at 1.4 times the size (an export's size is fixed), at about three times the cost.",
    )
    engine: Engine = Field(
        default="auto",
        description="What runs the network: `openvino` on a CPU, `torch` on a GPU; `auto` chooses by the device.",
    )
    precision: Precision = Field(
        default="auto",
        description="Of its arithmetic: `auto`, the fastest that costs no accuracy (bfloat16 where the processor has "
        "it, half precision on a GPU); `f32`, tracks identical to the plain loop's; `int8`, on a CPU, faster still.",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, …; never part of a label's identity.")
    batch: PositiveInt = Field(default=8, description="Frames per forward pass; never part of a label's identity.")


class YoloOptions(DetectorOptions):
    """A YOLO detector, a tracker for each clip, and the refinement of its tracks."""

    kind: Literal["yolo"] = "yolo"
    refine: RefinementOptions | None = Field(
        default_factory=RefinementOptions, description="null: the tracker's own output, as the plain loop gives it."
    )


class CarriedOptions(DetectorOptions):
    """The exact labels of a restyled source, each held against what the detector sees; `generator.mode: video` only."""

    kind: Literal["carried"] = "carried"
    refine: RefinementOptions = Field(
        default_factory=RefinementOptions, description="Of the tracks that tell what the source does not explain."
    )


class TruthOptions(StrictModel):
    """The renderer's own labels; only for generators that have them."""

    kind: Literal["truth"] = "truth"


AnnotatorOptions = Annotated[YoloOptions | CarriedOptions | TruthOptions, Field(discriminator="kind")]
