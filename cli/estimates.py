"""What a recipe will cost: frames, seconds and disk, from stored clips where there are any, else from constants."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from schemas.recipe import Recipe
from schemas.records import ClipJob, ClipRecord
from storage.clips import CLIP_STAGE, RECORD_FORM, find_clip
from storage.commits import committed_keys
from storage.store import Store

if TYPE_CHECKING:
    from generators.protocol import RenderCost

# One CPU core, for a frame of 320x192 pixels; larger frames in proportion. Measured on this version.
REFERENCE_PIXELS = 320 * 192
RENDER_SECONDS = {"procedural": 1 / 60, "footage": 1 / 200}
LABEL_SECONDS = {"yolo": 0.02, "carried": 0.02, "truth": 0.001}
# Bytes of a pixel: H.264 at crf 18, and JPEG at quality 95.
VIDEO_BYTES_PER_PIXEL = 0.15
IMAGE_BYTES_PER_PIXEL = 0.25
SAMPLED_CLIPS = 50


@dataclass(frozen=True)
class Estimate:
    """Cost of a recipe on a store.

    Attributes:
        clips, stored: all clips, and those that the store has already.
        frames: of all clips.
        render_seconds, label_seconds: wall time for what is missing; labels of stored clips count as made. Rendering is
            None where nothing is known of it.
        memory_gb: GPU memory that rendering needs, GB; None where it needs none, or nothing is known.
        bytes_needed: disk for missing clips and for frame images.
        basis: where the figures come from, in words.
    """

    clips: int
    stored: int
    frames: int
    render_seconds: float | None
    label_seconds: float
    bytes_needed: int
    basis: str
    memory_gb: float | None = None


def estimate_recipe(recipe: Recipe, store: Store) -> Estimate:
    """Estimate a whole recipe.

    Raises:
        FramefoundryError: its clips cannot be listed.
    """
    from generators.build import build_generator
    from generators.protocol import cost_of

    generator = build_generator(recipe)
    try:
        return estimate_jobs(recipe, generator.jobs(), store, cost_of(generator))
    finally:
        generator.close()


def estimate_jobs(recipe: Recipe, jobs: Sequence[ClipJob], store: Store, cost: "RenderCost | None" = None) -> Estimate:
    """Estimate ``jobs`` of ``recipe``; ``cost`` is what its generator knows, see ``generators.protocol.cost_of``.

    Clips of this recipe that are stored are the best evidence, then the generator's own knowledge, then stored clips of
    other recipes with the same generator, then constants.
    """
    stored = [record for record in (find_clip(store, job.clip_id) for job in jobs) if record is not None]
    # A clip of another model, or of other steps, says nothing about this one's.
    others = _sample_clips(store, recipe.generator.kind) if cost is None else []
    evidence = [record for record in stored or others if record.render_seconds > 0]
    seconds, video_bytes, basis = _rates(recipe, evidence)
    missing = len(jobs) - len(stored)
    clip = cost.clip if cost else recipe.clip
    pixels = clip.frames * clip.width * clip.height
    workers = cost.devices if cost else len(os.sched_getaffinity(0))
    clip_seconds: float | None = pixels * seconds
    if cost is not None and not evidence:
        clip_seconds, basis = cost.seconds, cost.basis
    label_rate = LABEL_SECONDS[recipe.annotator.kind] / REFERENCE_PIXELS
    return Estimate(
        clips=len(jobs),
        stored=len(stored),
        frames=len(jobs) * clip.frames,
        render_seconds=None if clip_seconds is None else missing * clip_seconds / workers,
        label_seconds=missing * pixels * label_rate,
        bytes_needed=round(missing * pixels * video_bytes + len(jobs) * pixels * _image_bytes(recipe)),
        basis=basis,
        memory_gb=cost.memory_gb if cost else None,
    )


def _rates(recipe: Recipe, evidence: Sequence[ClipRecord]) -> tuple[float, float, str]:
    """Seconds of one core and bytes of video for one pixel of one frame, and where they come from."""
    if evidence:
        pixels = sum(record.frames * record.width * record.height for record in evidence)
        seconds = sum(record.render_seconds for record in evidence) / pixels
        return seconds, sum(record.size for record in evidence) / pixels, f"{len(evidence)} clips in the store"
    rate = RENDER_SECONDS.get(recipe.generator.kind, 0.0)
    return rate / REFERENCE_PIXELS, VIDEO_BYTES_PER_PIXEL, f"{rate * 1000:.0f} ms a frame of 320x192 on one core"


def _sample_clips(store: Store, kind: str) -> list[ClipRecord]:
    """Some clips of the same generator, from other recipes."""
    keys = sorted(committed_keys(store, CLIP_STAGE, RECORD_FORM))
    records = (find_clip(store, key) for key in islice(keys, SAMPLED_CLIPS))
    return [record for record in records if record is not None and record.origin.generator == kind]


def _image_bytes(recipe: Recipe) -> float:
    """Bytes of frame images for one pixel of one frame; projections with the same stride share their images."""
    strides = {export.stride for export in (recipe.publish.yolo, recipe.publish.coco) if export is not None}
    return sum(IMAGE_BYTES_PER_PIXEL / stride for stride in strides)
