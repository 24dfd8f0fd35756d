"""Labels on generated clips that nobody here made, against what these clips are known to show.

A folder of videos with a `truth.json` that says what each shows in every frame, as `{"cat.mp4": {"cat": 1}}`. Ours
comes by the product's own path with a recipe's default thresholds and every class of the detector. The plain loop,
``YOLO(weights).track(clip, stream=True)``, gets its best tracker and threshold, chosen on these very clips in its
favour.

A published box is right when its class is shown and it is not one more than there are; a frame is found when all that
it shows is labelled. Where a frame shows something that is believed by half, ours marks a region to ignore and leaves
the frame out of exports: `labelled_or_dropped_share` counts those frames in. The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from labels.plain_loop import THRESHOLDS, TRACKERS, Look, PlainLoop, PlainSetting

from annotators.build import build_annotator
from annotators.label_keys import group_sequences
from annotators.labelling import label_sequences
from annotators.weights import resolve_weights
from generators.build import build_generator
from generators.rendering import render_into_store
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord
from storage.store import Store

SHARED = Path(__file__).parents[2] / "shared"
FrameLabels = Sequence[str]
"""Class names of the boxes in one frame."""


@dataclass(frozen=True)
class Shares:
    """How labels keep to what is shown.

    Attributes:
        right: of the boxes, those that are right; 1 where there are none.
        found: of the frames, those in which everything shown is labelled.
        accounted: of the frames, those found or left out of exports.
        boxes: how many.
    """

    right: float
    found: float
    accounted: float
    boxes: int

    @property
    def balance(self) -> float:
        """Harmonic mean of right and found, by which the plain loop's best setting is chosen."""
        return 2 * self.right * self.found / (self.right + self.found) if self.found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="as without: there are only these clips")
    parser.add_argument("--folder", type=Path, default=SHARED / "footage" / "cogvideox", help="videos and truth.json")
    parser.add_argument(
        "--weights", type=Path, default=SHARED / "weights" / "yolo26n_int8_openvino_model", help="as in a recipe"
    )
    choice = parser.parse_args()
    if not choice.folder.is_dir() or not choice.weights.exists():
        print(f"{choice.folder} or {choice.weights} is not here; give --folder and --weights")
        print(json.dumps({}))
        return
    shown = json.loads((choice.folder / "truth.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="generated-footage-") as folder:
        store = Store.open(Path(folder) / "store")
        recipe = recipe_of(choice.folder, choice.weights)
        clips = cut_clips(recipe, store, shown)
        ours = judge(our_labels(recipe, store, clips), shown)
        setting, plain = best_plain(store, recipe.annotator.weights, clips, shown)
    print(f"{'':<44}{'right':>8}{'found':>8}{'or dropped':>12}{'boxes':>8}")
    for name, shares in (("ours, default thresholds", ours), (f"plain loop, its best: {setting}", plain)):
        print(f"{name:<44}{shares.right:>8.3f}{shares.found:>8.3f}{shares.accounted:>12.3f}{shares.boxes:>8}")
    figures = {
        "right_share": ours.right,
        "found_share": ours.found,
        "labelled_or_dropped_share": ours.accounted,
        "plain_right_share": plain.right,
        "plain_found_share": plain.found,
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()} | {"clips": len(clips)}))


def recipe_of(folder: Path, weights: Path) -> Recipe:
    """The whole of each video in one clip, every class of the detector, and defaults for the rest."""
    return validate_recipe(
        {
            "name": "generated-footage",
            "generator": {"kind": "footage", "path": str(folder.resolve())},
            "clip": {"frames": 4999},
            "annotator": {"kind": "yolo", "weights": str(weights.resolve())},
        },
        where="generated_footage",
    )


def cut_clips(recipe: Recipe, store: Store, shown: Mapping[str, Mapping[str, int]]) -> list[ClipRecord]:
    generator = build_generator(recipe)
    answers = list(render_into_store(generator, store, generator.jobs()))
    generator.close()
    clips = [answer for answer in answers if isinstance(answer, ClipRecord) and source_of(answer) in shown]
    lost = set(shown) - {source_of(clip) for clip in clips}
    if lost:
        raise SystemExit(f"no clip came of {', '.join(sorted(lost))}")
    return clips


def source_of(clip: ClipRecord) -> str:
    """File name of the video."""
    return clip.segment.name if clip.segment else ""


def our_labels(
    recipe: Recipe, store: Store, clips: Sequence[ClipRecord]
) -> Iterable[tuple[str, list[FrameLabels], set[int]]]:
    """(video, class names by frame, frames left out of exports) of the version that the recipe would publish."""
    from flows.publishing import curated_rows
    from flows.residents import release

    sequences = group_sequences(clips)
    annotator = build_annotator(recipe, store)
    failures = [answer for answer in label_sequences(annotator, store, sequences) if not isinstance(answer, str)]
    if failures:
        raise SystemExit(f"{failures[0].clip_id}: {failures[0].detail}")
    rows, _ = curated_rows(recipe, store, [[clip.clip_id for clip in sequence] for sequence in sequences])
    release("annotator")
    names = {clip.clip_id: source_of(clip) for clip in clips}
    frames: dict[str, list[FrameLabels]] = {name: [] for name in names.values()}
    dropped: dict[str, set[int]] = {name: set() for name in names.values()}
    for row in rows.frames.sort_by([("clip_id", "ascending"), ("frame", "ascending")]).to_pylist():
        video = names[row["clip_id"]]
        frames[video].append([one["class_name"] for one in row["objects"] if one["verdict"] == "accept"])
        if row["use"] == "ignore":
            dropped[video].add(row["frame"])
    return [(video, frames[video], dropped[video]) for video in frames]


def best_plain(
    store: Store, weights: str, clips: Sequence[ClipRecord], shown: Mapping[str, Mapping[str, int]]
) -> tuple[PlainSetting, Shares]:
    """The plain loop's best setting on these clips, and its shares."""
    from annotators.detector import Detector

    resolved = resolve_weights(weights, store)
    detector = Detector(resolved, score_floor=0.5)
    size = detector.image_size if isinstance(detector.image_size, int) else max(detector.image_size)
    loop = PlainLoop(resolved.path, store, clips)
    judged = []
    for tracker in TRACKERS:
        for threshold in THRESHOLDS:
            setting = PlainSetting(Look("native", size), tracker, threshold)
            labels = [
                (source_of(clip), names_by_frame(found, detector.class_names, clip.frames), set[int]())
                for clip, found in zip(clips, loop.run(setting), strict=True)
            ]
            judged.append((setting, judge(labels, shown)))
    return max(judged, key=lambda pair: pair[1].balance)


def names_by_frame(found, class_names: Sequence[str], frames: int) -> list[FrameLabels]:
    names: list[list[str]] = [[] for _ in range(frames)]
    for frame, index in zip(found.frame.tolist(), found.class_index.tolist(), strict=True):
        names[frame].append(class_names[index])
    return names


def judge(labels: Iterable[tuple[str, list[FrameLabels], set[int]]], shown: Mapping[str, Mapping[str, int]]) -> Shares:
    """Hold labels against what the videos show in every frame."""
    right = boxes = found = accounted = frames = 0
    for video, by_frame, dropped in labels:
        wanted = Counter(shown[video])
        for frame, names in enumerate(by_frame):
            counted = Counter(names)
            right += (counted & wanted).total()
            boxes += counted.total()
            is_found = counted & wanted == wanted
            found += is_found
            accounted += is_found or frame in dropped
            frames += 1
    return Shares(right / boxes if boxes else 1.0, found / frames, accounted / frames, boxes)


if __name__ == "__main__":
    main()
