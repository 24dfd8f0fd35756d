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
from pathlib import Path

import numpy as np

from annotators.build import build_annotator
from annotators.label_keys import group_sequences
from annotators.labelling import label_sequences, read_labels
from generators.diffusers_video.generator import DiffusersGenerator
from generators.rendering import render_into_store
from generators.scenarios import plan_scenarios
from generators.shape_reading import read_motif
from generators.shapes import HELD_OUT, Motif
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.recipes import read_recipe
from storage.store import Store
from storage.video import read_frames

RECIPE = Path(__file__).parents[1] / "recipes" / "tiny-diffusion.yaml"
UNSEEN_SEED = 4242
PARTS = ("colour", "shape", "direction")


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
        if motif != reading:
            print(f"{motif.prompt:<36} shows: {reading.prompt if reading else 'nothing'}")
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


def read_clips(recipe: Recipe, store: Store, clips: list[ClipRecord]) -> list[Motif | None]:
    """What each clip's longest track says that it shows; None where nothing was found."""
    annotator = build_annotator(recipe, store)
    sequences = group_sequences(clips)
    for _ in label_sequences(annotator, store, sequences):
        pass
    tracks = read_labels(store, annotator, sequences).tracks.to_pandas()
    readings = []
    for clip in clips:
        boxes = tracks[tracks["clip_id"] == clip.clip_id].sort_values("frame")
        longest = boxes[boxes["track"].isin(boxes["track"].value_counts().index[:1])]
        if longest.empty:
            readings.append(None)
            continue
        frames = [frame for _, frame in read_frames(media_path(store, clip))]
        seen = [frames[index] for index in longest["frame"]]
        readings.append(read_motif(longest["class_name"].iloc[0], longest[["x", "y", "w", "h"]].to_numpy(), seen))
    return readings


def motif_of(clip: ClipRecord) -> Motif:
    return Motif(**clip.scenario.attributes)


def figures(wanted: list[Motif], readings: list[Motif | None]) -> dict[str, object]:
    pairs = list(zip(wanted, readings, strict=True))
    by_part = {
        f"agreement_{part}": round(float(np.mean([getattr(m, part) == getattr(r, part, None) for m, r in pairs])), 4)
        for part in PARTS
    }
    shuffled = np.mean([[motif == reading for motif in wanted] for reading in readings])
    chance = np.mean([[one == other for one in wanted] for other in wanted])
    return {
        "agreement": round(float(np.mean([motif == reading for motif, reading in pairs])), 4),
        "agreement_shuffled": round(float(shuffled), 4),
        "chance": round(float(chance), 4),
        "prompts": len(wanted),
        **by_part,
    }


if __name__ == "__main__":
    main()
