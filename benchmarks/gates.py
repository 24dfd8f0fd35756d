"""What each gate of curation passes and refuses: clips that are good, and the same clips broken on purpose.

Every example is encoded as a real video, decoded, scored and judged by the code of the product; those that are about
objects are labelled by the bundled detector first. Each gate is tried alone, at the limit that is printed: the default
one, or a plausible one where the default leaves the gate open. The limits were chosen on other seeds. Quality is the
figure that clips are ranked by: the last table says whether a good clip ranks above all that was made of it. The last
line is one JSON object.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
from made_clips.broken import BREAKS, Frames, cut_to, drop_object, swap_object, turn_colours

from annotators.build import build_annotator
from annotators.clip_scores import score_clip
from annotators.frame_scores import score_frames
from annotators.labelling import label_sequences, read_labels
from annotators.quality import rate_quality
from curators.clip_verdicts import GATES, Gate, judge_clips
from generators.procedural.render import render_scene
from generators.procedural.scene import SceneRequest
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Failure, Origin, Scenario
from schemas.tables import REJECTED, TRACKS
from storage.clip_table import clips_table
from storage.clips import commit_clip, media_path
from storage.store import Store
from storage.video import write_clip

FIRST_SEED = 8000
FPS = 12.0
SCENES: tuple[tuple[str, Mapping[str, int], str, str, str], ...] = (
    ("small dog", {"dog": 1}, "clear", "day", "static"),
    ("car by day", {"car": 1}, "clear", "day", "static"),
    ("bus, panning", {"bus": 1}, "clear", "day", "panning"),
    ("walker in fog", {"person": 1}, "fog", "day", "static"),
    ("truck at dusk", {"truck": 1}, "clear", "dusk", "shaking"),
    ("cars in snow", {"car": 2}, "snow", "day", "panning"),
    ("bicycle in rain", {"bicycle": 1}, "rain", "dusk", "static"),
    ("car at night", {"car": 1, "person": 1}, "clear", "night", "panning"),
)
# Where a default leaves a gate open, the limit that it is tried at.
LIMITS = {
    "min_moving": 0.1, "max_drift": 0.25, "max_box_flicker": 0.2, "max_class_flicker": 0.35, "min_agreement": 0.6,
    "max_surplus": 0,
}  # fmt: skip
OPEN = {
    "max_black": 1, "max_frozen": 1, "min_contrast": 0, "max_clipped": 1, "max_blur": 1, "max_flicker": 1e9,
    "max_cuts": None,
}  # fmt: skip
FROM_LABELS = ("drift", "box_flicker", "class_flicker", "size_jitter", "agreement")
OTHER = "other_prompt"
REFUSED_BY = {
    "black": ("black",), "frozen": ("frozen",), "contrast": ("grey", "black"), "clipped": ("overexposed", "black"),
    "blur": ("blurred",), "flicker": ("flickering",), "cuts": ("cut",), "motion": ("frozen", "frozen_under_grain"),
    "drift": ("recoloured",), "box_flicker": ("dropped",), "class_flicker": ("swapped",),
    "agreement": (OTHER, "black", "frozen"), "surplus": (OTHER,),
}  # fmt: skip
"""Gate -> ways of breaking a clip that it must refuse."""


@dataclass(frozen=True)
class Clip:
    """A good clip, and where its largest object is: frame index -> x, y, width, height."""

    name: str
    objects: Mapping[str, int]
    frames: Frames
    boxes: Mapping[int, np.ndarray]


@dataclass(frozen=True)
class Example:
    """One clip and how it was broken; empty for a good one."""

    record: ClipRecord
    source: str
    broken: str
    labelled: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="five seeds of each scene instead of one, for the record")
    seeds = 5 if parser.parse_args().full else 1
    with tempfile.TemporaryDirectory(prefix="gates-benchmark-") as folder:
        store = Store.open(Path(folder) / "store")
        clips = [clip for seed in range(seeds) for clip in render_clips(FIRST_SEED + 100 * seed)]
        examples, scores = score_examples(store, clips)
    right = sum(report_gate(gate, examples, scores) for gate in GATES)
    judged = sum(len(choose_examples(gate, examples)) for gate in GATES)
    best = report_ranking(examples, scores)
    figures = {
        "gates": len(GATES), "right_verdicts": right, "examples": judged, "share": round(right / judged, 4),
        "good_ranked_first": round(best / len(clips), 4), "clips": len(clips),
    }  # fmt: skip
    print(json.dumps(figures))


def render_clips(seed: int, scenes: Sequence[tuple] = SCENES, frames: int = 24) -> list[Clip]:
    """Good clips of ``scenes``."""
    clips = []
    for place, (name, objects, weather, light, camera) in enumerate(scenes):
        attributes = {"weather": weather, "light": light, "camera": camera}
        for attempt in range(20):
            request = SceneRequest(attributes, objects, seed + place + 1000 * attempt, frames, FPS, 320, 192)
            drawn = list(render_scene(request))
            boxes = {
                index: frame.objects.box[frame.objects.box[:, 2:].prod(axis=1).argmax()]
                for index, frame in enumerate(drawn)
                if len(frame.objects)
            }
            if is_moving(boxes, frames):
                clips.append(Clip(f"{name} {request.seed}", objects, [frame.image for frame in drawn], boxes))
                break
    return clips


def is_moving(boxes: Mapping[int, np.ndarray], frames: int) -> bool:
    """Whether the largest object is there throughout and moves, by the truth: a parked one makes a still."""
    centres = np.array([box[:2] + box[2:] / 2 for box in boxes.values()])
    return len(boxes) == frames and float(np.ptp(centres, axis=0).max()) >= 6


def score_examples(store: Store, clips: Sequence[Clip]) -> tuple[list[Example], pa.Table]:
    """All examples made of ``clips``, and ``CLIP_SCORES`` of each, in their order."""
    recipe = gate_recipe()
    examples = list(commit_examples(store, clips))
    annotator = build_annotator(recipe, store)
    sequences = [[example.record] for example in examples if example.labelled]
    failures = [answer for answer in label_sequences(annotator, store, sequences) if isinstance(answer, Failure)]
    if failures:
        raise SystemExit(f"{len(failures)} clips could not be labelled: {failures[0]}")
    labels = read_labels(store, annotator, sequences)
    by_clip = {row["clip_id"]: place for place, row in enumerate(labels.clip_scores.select(["clip_id"]).to_pylist())}
    rows = []
    for example in examples:
        place = by_clip.get(example.record.clip_id)
        rows.append(labels.clip_scores.slice(place, 1) if place is not None else score_pixels(store, example.record))
    return examples, pa.concat_tables(rows)


def score_pixels(store: Store, record: ClipRecord) -> pa.Table:
    """``CLIP_SCORES`` of a clip without labels."""
    without_promise = replace(record, scenario=replace(record.scenario, objects={}))
    return score_clip(without_promise, score_frames(media_path(store, record), record.frames), TRACKS.empty_table())


def commit_examples(store: Store, clips: Sequence[Clip]) -> Iterator[Example]:
    """Each good clip, and what can be made of it."""
    for place, clip in enumerate(clips):
        other = clips[(place + 1) % len(clips)]
        strangers = [c for c in [*clips[place + 1 :], *clips] if not set(c.objects) & set(clip.objects)]
        double = min(strangers, key=lambda stranger: misfit(clip.boxes, stranger.boxes))
        good = commit(store, f"{place}-good", clip.objects, clip.frames)
        yield Example(good, clip.name, "", True)
        for way, breaking in BREAKS.items():
            record = commit(store, f"{place}-{way}", clip.objects, breaking(clip.frames, place))
            yield Example(record, clip.name, way, way in REFUSED_BY["agreement"])
        yield Example(commit(store, f"{place}-cut", {}, cut_to(clip.frames, other.frames)), clip.name, "cut", False)
        for way, frames in {
            "recoloured": turn_colours(clip.frames, clip.boxes),
            "dropped": drop_object(clip.frames, clip.boxes),
            "swapped": swap_object(clip.frames, clip.boxes, double.frames, double.boxes),
        }.items():
            yield Example(commit(store, f"{place}-{way}", clip.objects, frames), clip.name, way, True)
        yield Example(commit(store, f"{place}-{OTHER}", strangers[0].objects, clip.frames), clip.name, OTHER, True)


def misfit(boxes: Mapping[int, np.ndarray], others: Mapping[int, np.ndarray]) -> float:
    """How much an object must be stretched to fit into the box of another, over the frames that show both."""
    both = sorted(set(boxes) & set(others))
    ratios = [np.log(boxes[frame][2:] / others[frame][2:]) for frame in both]
    return float(np.mean(np.abs(ratios))) if both else np.inf


def commit(store: Store, clip_id: str, objects: Mapping[str, int], frames: Frames) -> ClipRecord:
    """Encode ``frames`` as a clip that promises ``objects``."""
    with store.scratch("gates") as folder:
        encoded = write_clip(folder / "clip.mp4", frames, FPS)
        record = ClipRecord(
            clip_id, Scenario(clip_id, "", objects=objects), encoded.media_id, encoded.frames, encoded.fps,
            encoded.width, encoded.height, encoded.size, Origin("procedural", "benchmark"),
        )  # fmt: skip
        return commit_clip(store, record, encoded.path, None)


def gate_recipe(gate: Gate | None = None) -> Recipe:
    """A recipe of the bundled detector with ``gate`` at its limit and every other gate open."""
    limits = dict(OPEN)
    if gate is not None:
        limits.pop(gate.option, None)
        limits |= {option: limit for option, limit in LIMITS.items() if option == gate.option}
    return validate_recipe(
        {
            "name": "gates",
            "generator": {"kind": "footage", "path": "."}, "annotator": {"kind": "yolo", "weights": "starter"},
            "classes": ["person", "bicycle", "car", "bus", "truck", "dog"], "curation": limits,
        }
    )  # fmt: skip


def choose_examples(gate: Gate, examples: Sequence[Example]) -> list[int]:
    """Which examples a gate is tried on: every good clip, and those broken in a way that it must refuse."""
    return [
        place for place, example in enumerate(examples) if example.broken in REFUSED_BY[gate.rule] or not example.broken
    ]


def judge(gate: Gate, examples: Sequence[Example], scores: pa.Table) -> tuple[list[bool], list[float | None]]:
    """For each example whether ``gate`` alone refuses it, and the value that it saw there."""
    clips = clips_table([example.record for example in examples])
    decided = judge_clips(clips, scores, gate_recipe(gate)).columns()
    refused = [verdict == REJECTED for verdict in decided["verdict"].to_pylist()]
    if gate.score == "surplus_of_recipe":
        counts = scores["surplus_by_class"].to_pylist()
        return refused, [None if classes is None else float(sum(dict(classes).values())) for classes in counts]
    return refused, scores[gate.score].to_pylist()


def report_gate(gate: Gate, examples: Sequence[Example], scores: pa.Table) -> int:
    """Print the table of ``gate``; the number of examples that it judged as it must."""
    places = choose_examples(gate, examples)
    refused, values = judge(gate, examples, scores)
    limit = getattr(gate_recipe(gate).curation, gate.option)
    print(f"\n{gate.rule}: {gate.option} {limit:g}{'' if gate.option not in LIMITS else ' (open by default)'}")
    right = 0
    for place in places:
        example = examples[place]
        as_it_must = refused[place] == bool(example.broken)
        right += as_it_must
        value = "-" if values[place] is None else f"{values[place]:.4f}"
        verdict = "refused" if refused[place] else "passed"
        wrong = "" if as_it_must else "  WRONG"
        print(f"  {example.source:<22}{example.broken or 'good':<20}{value:>9}  {verdict:<8}{wrong}")
    print(f"  {right} of {len(places)} as they must be")
    return right


def report_ranking(examples: Sequence[Example], scores: pa.Table) -> int:
    """Print each clip's quality beside that of what was made of it; the number of clips that rank first.

    Where the rival has no labels, neither side's labels count.
    """
    rows = scores.to_pylist()
    sources = list(dict.fromkeys(example.source for example in examples))
    print(f"\n{'quality, the rank':<24}{'good':>11}{'least margin':>14}")
    first = 0
    for source in sources:
        own = [(example, row) for example, row in zip(examples, rows, strict=True) if example.source == source]
        [good] = [row for example, row in own if not example.broken]
        by_pixels = rate_quality(good | dict.fromkeys(FROM_LABELS))
        margins = {
            example.broken: (good["quality"] if example.labelled else by_pixels) - row["quality"]
            for example, row in own
            if example.broken
        }
        rival = min(margins, key=lambda way: margins[way])
        first += margins[rival] > 0
        verdict = "" if margins[rival] > 0 else "  WRONG"
        print(f"  {source:<22}{good['quality']:>11.3f}{margins[rival]:>14.3f} {rival}{verdict}")
    return first


if __name__ == "__main__":
    main()
