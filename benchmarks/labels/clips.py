"""The unseen clips that labels are judged on, clear and hard conditions apart, and their truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotators.boxes import sizes_to_corners
from generators.build import build_generator
from generators.procedural_clips import ProceduralGenerator
from generators.rendering import render_into_store
from schemas.recipe import Recipe
from schemas.records import ClipJob, ClipRecord
from storage.clips import read_truth
from storage.recipes import read_recipe
from storage.store import Store

RECIPE = Path(__file__).parents[2] / "recipes" / "starter.yaml"
UNSEEN_SEED = 31_847
"""Of no recipe, no training and no fit."""

CALIBRATION_SEED = 60_617
"""Of clips to calibrate on, unseen too."""

FRAMES = 48
CONDITIONS: dict[str, dict[str, list[str]]] = {
    "clear": {
        "weather": ["clear"],
        "light": ["day", "dusk"],
        "density": ["sparse", "normal"],
        "camera": ["static", "panning"],
    },
    "hard": {
        "weather": ["rain", "fog", "snow"],
        "light": ["day", "dusk", "night"],
        "density": ["normal", "crowded"],
        "camera": ["static", "panning", "shaking"],
    },
}
"""The axes of the starter's own recipe, parted."""


@dataclass(frozen=True)
class Truth:
    """True boxes of a clip, sorted by frame.

    Attributes:
        frame, track, class_index: ``(N,)``.
        corners: ``(N, 4)`` float32.
        difficult: ``(N,)`` bool.
    """

    frame: np.ndarray
    track: np.ndarray
    class_index: np.ndarray
    corners: np.ndarray
    difficult: np.ndarray


def render_clips(store: Store, clips: int, seed: int = UNSEEN_SEED) -> list[tuple[str, ClipRecord]]:
    """``clips`` clips of 48 frames, half of them clear: (condition, record), sorted by clip id within each."""
    made = []
    for name in CONDITIONS:
        records = render_recipe(store, recipe_of(name, clips // 2, seed))
        made += [(name, record) for record in records]
    return made


def recipe_of_all(frames: int = FRAMES) -> Recipe:
    """The starter's recipe with all its conditions, other scenes, and clips of ``frames`` frames."""
    recipe = read_recipe(RECIPE)
    clip = recipe.clip.model_copy(update={"frames": frames})
    data = recipe.model_dump(mode="json", exclude={"annotator", "curation"}) | {"clip": clip.model_dump(mode="json")}
    return Recipe.model_validate({**data, "seed": CALIBRATION_SEED})


def recipe_of(condition: str, clips: int, seed: int) -> Recipe:
    """The starter's recipe with the conditions of that name, other scenes, and clips of 48 frames."""
    recipe = read_recipe(RECIPE)
    if seed == recipe.seed:
        raise SystemExit(f"seed {seed} is the one that the starter was trained on; give another")
    data = recipe.model_dump()
    data["prompts"]["axes"] |= {
        axis: [{"value": value} for value in values] for axis, values in CONDITIONS[condition].items()
    }
    data["prompts"]["variations"] = clips
    data |= {"seed": seed, "clip": data["clip"] | {"frames": FRAMES}, "annotator": {"kind": "yolo"}}
    return Recipe.model_validate(data)


def truth_of(store: Store, record: ClipRecord, class_names: tuple[str, ...]) -> Truth:
    """The truth of a clip, its classes as indexes into ``class_names``."""
    table = read_truth(store, record.clip_id).sort_by([("frame", "ascending"), ("track", "ascending")])
    return Truth(
        frame=table["frame"].to_numpy().astype(np.int64),
        track=table["track"].to_numpy().astype(np.int64),
        class_index=np.array([class_names.index(name) for name in table["class_name"].to_pylist()], np.int64),
        corners=sizes_to_corners(np.stack([table[side].to_numpy() for side in "xywh"], axis=1)),
        difficult=table["difficult"].to_numpy(zero_copy_only=False),
    )


def render_recipe(store: Store, recipe: Recipe) -> list[ClipRecord]:
    """Every clip of ``recipe``, rendered into ``store``, by clip id; one that fails ends the benchmark."""
    return render_jobs(recipe, store, build_generator(recipe).jobs())


def render_jobs(recipe: Recipe, store: Store, jobs: Sequence[ClipJob]) -> list[ClipRecord]:
    """The clips of ``jobs``, whose scenarios need not be the recipe's own; otherwise as :func:`render_recipe`."""
    generator = ProceduralGenerator([job.scenario for job in jobs], recipe.clip)
    try:
        answers = list(render_into_store(generator, store, jobs))
    finally:
        generator.close()
    failures = [answer for answer in answers if not isinstance(answer, ClipRecord)]
    if failures:
        raise SystemExit(f"{len(failures)} clips failed, the first: {failures[0].detail}")
    return sorted(answers, key=lambda clip: clip.clip_id)
