"""Does the bundled tiny video model do what its prompt says, as its labels tell?

Renders prompts whose combination of colour, shape and direction no training clip showed (`generators/shapes.py`),
through the diffusers backend of `recipes/tiny-diffusion.yaml`, labels the clips with that recipe's annotator, and
reads off each clip's longest track: its class, where it went, and the colour of the pixels in its boxes. A clip agrees
with a prompt when all three do. Shuffled: the mean agreement of a clip with a prompt drawn at random from the same
list; chance is what a perfect model would have there. The last line is one JSON object.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from annotators.build import build_annotator
from annotators.label_keys import group_sequences
from annotators.labelling import label_sequences, read_labels
from generators.diffusers_video.generator import DiffusersGenerator
from generators.rendering import render_into_store
from generators.scenarios import plan_scenarios
from generators.shapes import BACKGROUND, COLOURS, DIRECTIONS, HELD_OUT, Motif
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.recipes import read_recipe
from storage.store import Store
from storage.video import read_frames

RECIPE = Path(__file__).parents[1] / "recipes" / "tiny-diffusion.yaml"
UNSEEN_SEED = 4242
PARTS = ("colour", "shape", "direction")


@dataclass(frozen=True)
class Reading:
    """What the labels of a clip say that it shows; empty where nothing was found."""

    colour: str = ""
    shape: str = ""
    direction: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="16 clips of each prompt instead of 4, for the record")
    arguments = parser.parse_args()
    recipe = unseen_recipe(16 if arguments.full else 4)
    with tempfile.TemporaryDirectory(prefix="agreement-benchmark-") as folder:
        store = Store.open(Path(folder) / "store")
        started = time.perf_counter()
        clips = render_unseen(recipe, store)
        rendered = time.perf_counter() - started
        started = time.perf_counter()
        readings = read_clips(recipe, store, clips)
        labelled = time.perf_counter() - started
    wanted = [motif_of(clip) for clip in clips]
    for motif, reading in zip(wanted, readings, strict=True):
        if not agrees(motif, reading):
            print(f"{motif.prompt:<36} shows: {reading.colour} {reading.shape} {reading.direction}")
    print(f"{len(clips)} clips rendered in {rendered:.0f} s, labelled in {labelled:.0f} s")
    print(json.dumps(figures(wanted, readings)))


def unseen_recipe(repeats: int) -> Recipe:
    """The bundled recipe, asked for several clips of each prompt, with seeds of its own."""
    recipe = read_recipe(RECIPE)
    prompts = recipe.prompts.model_copy(update={"repeats": repeats})
    return recipe.model_copy(update={"prompts": prompts, "seed": UNSEEN_SEED})


def render_unseen(recipe: Recipe, store: Store) -> list[ClipRecord]:
    scenarios = [scenario for scenario in plan_scenarios(recipe) if Motif(**scenario.attributes) in HELD_OUT]
    generator = DiffusersGenerator(recipe.generator, recipe.clip, scenarios, store)
    try:
        answers = list(render_into_store(generator, store, generator.jobs()))
    finally:
        generator.close()
    clips = [answer for answer in answers if isinstance(answer, ClipRecord)]
    if len(clips) < len(answers):
        raise SystemExit(f"{len(answers) - len(clips)} of {len(answers)} clips failed: {answers}")
    return clips


def read_clips(recipe: Recipe, store: Store, clips: list[ClipRecord]) -> list[Reading]:
    annotator = build_annotator(recipe, store)
    sequences = group_sequences(clips)
    for _ in label_sequences(annotator, store, sequences):
        pass
    tracks = read_labels(store, annotator, sequences).tracks.to_pandas()
    readings = []
    for clip in clips:
        boxes = tracks[tracks["clip_id"] == clip.clip_id]
        longest = boxes["track"].value_counts().index[:1]
        frames = [frame for _, frame in read_frames(media_path(store, clip))]
        readings.append(read_track(pa.Table.from_pandas(boxes[boxes["track"].isin(longest)]), frames))
    return readings


def read_track(track: pa.Table, frames: list[np.ndarray]) -> Reading:
    """Class, direction and colour of one track; rows by frame."""
    if not len(track):
        return Reading()
    rows = track.sort_by("frame").to_pylist()
    centres = np.array([(row["x"] + row["w"] / 2, row["y"] + row["h"] / 2) for row in rows])
    way = centres[-1] - centres[0]
    direction = max(DIRECTIONS, key=lambda name: float(way @ np.array(DIRECTIONS[name])))
    return Reading(read_colour(rows, frames), rows[0]["class_name"], direction)


def read_colour(rows: list[dict], frames: list[np.ndarray]) -> str:
    """The named colour nearest to the mean of the pixels in the boxes that differ most from the background."""
    inside = []
    for row in rows:
        left, top = max(0, int(row["x"])), max(0, int(row["y"]))
        crop = frames[row["frame"]][top : int(np.ceil(row["y"] + row["h"])), left : int(np.ceil(row["x"] + row["w"]))]
        pixels = crop.reshape(-1, 3).astype(float)
        contrast = np.abs(pixels - BACKGROUND).max(1)
        inside.append(pixels[contrast >= np.median(contrast)])
    mean = np.concatenate(inside).mean(0)
    return min(COLOURS, key=lambda name: float(np.square(mean - COLOURS[name]).sum()))


def motif_of(clip: ClipRecord) -> Motif:
    return Motif(**clip.scenario.attributes)


def agrees(motif: Motif, reading: Reading) -> bool:
    return all(getattr(motif, part) == getattr(reading, part) for part in PARTS)


def figures(wanted: list[Motif], readings: list[Reading]) -> dict[str, object]:
    pairs = list(zip(wanted, readings, strict=True))
    by_part = {
        f"agreement_{part}": round(float(np.mean([getattr(m, part) == getattr(r, part) for m, r in pairs])), 4)
        for part in PARTS
    }
    shuffled = np.mean([[agrees(motif, reading) for motif in wanted] for reading in readings])
    chance = np.mean([[one == other for one in wanted] for other in wanted])
    return {
        "agreement": round(float(np.mean([agrees(m, r) for m, r in pairs])), 4),
        "agreement_shuffled": round(float(shuffled), 4),
        "chance": round(float(chance), 4),
        "prompts": len(wanted),
        **by_part,
    }


if __name__ == "__main__":
    main()
