"""The recipe's `generator`: one model for each kind."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from schemas.diffusers_options import DiffusersOptions
from schemas.strict_model import StrictModel


class ProceduralOptions(StrictModel):
    """Street scenes drawn on the CPU, with exact truth."""

    kind: Literal["procedural"] = "procedural"


class FootageOptions(StrictModel):
    """Existing video files, normalised to the clip's size and frame rate and cut into segments."""

    kind: Literal["footage"] = "footage"
    path: Path = Field(
        description="A folder of videos (mp4, mov, mkv, webm, m4v, avi), searched to its depth, or one file."
    )
    fit: Literal["letterbox", "crop", "native"] = Field(
        default="native",
        description="How a frame meets the clip's size: keep the source's own size, pad, or cut to fill.",
    )
    fps: Literal["source", "clip"] = Field(
        default="source", description="Keep each source's own frame rate, or bring all to the clip's."
    )
    licence: str = Field(default="unknown", description="Licence of the footage, recorded with every clip.")
    synthetic: bool = Field(default=False, description="Whether the footage was itself generated.")


GeneratorOptions = Annotated[ProceduralOptions | FootageOptions | DiffusersOptions, Field(discriminator="kind")]
