"""How well the `carried` annotator tells the labels that survived a restyling from those that did not.

Procedural scenes are drawn twice, as the source and as what a model made of it: styled alone, or with objects erased,
moved, replaced or added (`made_clips/restyled.py`). The source's labels go through the whole path: store, detector,
check, curation with the default thresholds. A carried box is false where its object is not in the restyled frame, or
where the box overlaps it by less than 0.5; boxes of objects that became too small or hidden to be labelled count
neither way.

The check's constants were chosen on seeds below 1000; the seeds here are others. The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
from made_clips.restyled import FPS, KINDS_IN_ORDER, RestyledClip, make_clip

from annotators.build import build_annotator
from annotators.labelling import label_sequences, read_labels
from curators.curate import curate
from evaluators.matching import iou_matrix
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Failure, Origin, Scenario
from storage.clip_table import clips_table
from storage.clips import commit_clip
from storage.store import Store
from storage.video import write_clip

UNSEEN_SEEDS = 5000
LARGE_SIDE_PX = 20
SAME_IOU = 0.5


@dataclass
class Count:
    """Boxes of one kind of clip.

    Attributes:
        false, caught: carried boxes that are wrong, and those of them that are no labels.
        true, kept: carried boxes that are right, and those of them that are labels.
        large, large_kept: the same, of boxes whose area is that of a square of 20 pixels or more.
        surplus, hidden: objects that no label shows, and those of them that no ignore region shows either.
        added, needless: ignore regions for what the source does not explain, and those of them that show no object.
        frames, clean: frames, and those without an ignore region.
    """

    false: int = 0
    caught: int = 0
    true: int = 0
    kept: int = 0
    large: int = 0
    large_kept: int = 0
    surplus: int = 0
    hidden: int = 0
    added: int = 0
    needless: int = 0
    frames: int = 0
    clean: int = 0

    def add(self, other: "Count") -> None:
        """Add the boxes of ``other``."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="270 clips instead of 45, for the record")
    parser.add_argument("--seed", type=int, default=UNSEEN_SEEDS, help="of the first clip; 1000 or more")
    arguments = parser.parse_args()
    if arguments.seed < 1000:
        raise SystemExit(f"seed {arguments.seed}: the check's constants were chosen on seeds below 1000; give another")
    seeds = range(arguments.seed, arguments.seed + (270 if arguments.full else 45))
    counts = {kind: Count() for kind in KINDS_IN_ORDER}
    with tempfile.TemporaryDirectory(prefix="carried-benchmark-") as folder:
        judge = Judge(Store.open(Path(folder) / "store"), carried_recipe())
        for seed in seeds:
            clip = make_clip(KINDS_IN_ORDER[seed % len(KINDS_IN_ORDER)], seed)
            counts[clip.kind].add(count_boxes(clip, judge.rows(clip)))
    total = Count()
    for count in counts.values():
        total.add(count)
    print_table({**counts, "all": total})
    print(json.dumps(figures(total, len(seeds))))


def carried_recipe(**curation: float) -> Recipe:
    """A recipe that labels restyled scenes; nothing is rendered by it here."""
    return validate_recipe(
        {
            "name": "carried",
            "prompts": {"template": "a street", "axes": {}},
            "generator": {"kind": "diffusers", "preset": "wan2.1-1.3b", "mode": "video", "source": "procedural"},
            "annotator": {"kind": "carried", "device": "cpu"},
            "curation": curation,
        }
    )


class Judge:
    """Labels clips and decides on their boxes, as a run does."""

    def __init__(self, store: Store, recipe: Recipe) -> None:
        self._store = store
        self._recipe = recipe
        self._annotator = build_annotator(recipe, store)

    def rows(self, clip: RestyledClip) -> pa.Table:
        """``TRACKS`` of ``clip``, and the verdict on each row in a column more."""
        record = commit_restyled(self._store, clip)
        (answer,) = label_sequences(self._annotator, self._store, [(record,)])
        if isinstance(answer, Failure):
            raise SystemExit(f"{clip.name}: {answer.detail}")
        labels = read_labels(self._store, self._annotator, [(record,)])
        decided = curate(clips_table([record]), labels.tracks, labels.clip_scores, self._recipe)
        return labels.tracks.append_column("verdict", decided.boxes["verdict"].cast(pa.string()))


def commit_restyled(store: Store, clip: RestyledClip) -> ClipRecord:
    """The clip in the store as a renderer leaves it: with the source's labels, without truth."""
    with store.scratch("restyled") as folder:
        encoded = write_clip(folder / f"{clip.name}.mp4", clip.frames, FPS)
        record = ClipRecord(
            clip_id=clip.name, scenario=Scenario(clip.name, clip.kind), media_id=encoded.media_id,
            frames=encoded.frames, fps=encoded.fps, width=encoded.width, height=encoded.height, size=encoded.size,
            origin=Origin("restyled", "1"),
        )  # fmt: skip
        return commit_clip(store, record, encoded.path, None, source_truth=clip.source)


def count_boxes(clip: RestyledClip, rows: pa.Table) -> Count:
    """Hold the judged ``rows`` of a clip against what it shows."""
    count = Count()
    truth, judged = clip.truth.to_pylist(), rows.to_pylist()
    for frame in range(len(clip.frames)):
        shown = [row for row in truth if row["frame"] == frame]
        given = [row for row in judged if row["frame"] == frame]
        count.frames += 1
        count.clean += not any(row["verdict"] == "ignore" for row in given)
        _count_carried(count, [row for row in given if row["source"] == "carried"], shown)
        _count_surplus(count, given, shown)
    return count


def _count_carried(count: Count, carried: list[dict], shown: list[dict]) -> None:
    by_track = {row["track"]: row for row in shown}
    for row in carried:
        there = by_track.get(row["track"])
        is_label = row["verdict"] == "accept"
        if there is None or _overlaps([row], [there])[0, 0] < SAME_IOU:
            count.false += 1
            count.caught += not is_label
        elif not there["difficult"]:
            count.true += 1
            count.kept += is_label
            if row["w"] * row["h"] >= LARGE_SIDE_PX**2:
                count.large += 1
                count.large_kept += is_label


def _count_surplus(count: Count, given: list[dict], shown: list[dict]) -> None:
    """Objects that no label shows must lie in a region to ignore; regions must show objects."""
    labels = [row for row in given if row["verdict"] == "accept"]
    regions = [row for row in given if row["verdict"] == "ignore"]
    added = [row for row in regions if row["source"] != "carried"]
    objects = [row for row in shown if not row["difficult"]]
    unlabelled = ~(_overlaps(objects, labels) >= SAME_IOU).any(axis=1)
    in_region = (_overlaps(objects, regions) >= SAME_IOU).any(axis=1)
    count.surplus += int(unlabelled.sum())
    count.hidden += int((unlabelled & ~in_region).sum())
    count.added += len(added)
    count.needless += int((~(_overlaps(added, shown) >= SAME_IOU).any(axis=1)).sum())


def _overlaps(first: list[dict], second: list[dict]) -> np.ndarray:
    boxes = [np.array([[row[side] for side in "xywh"] for row in rows], np.float32) for rows in (first, second)]
    return iou_matrix(boxes[0].reshape(-1, 4), boxes[1].reshape(-1, 4))


COLUMNS = ("false", "caught", "true", "kept", "20 px", "kept", "unlabelled", "ignored", "added", "needless", "clean")
LEGEND = """\
false, true: carried boxes, and the shares that are no labels and that are labels; 20 px: true ones of that side or
more; unlabelled: objects that no label shows, and the share of them in regions to ignore; added: regions for what the
source does not explain, and the share of them that shows no object; clean: frames without a region."""


def print_table(counts: dict[str, Count]) -> None:
    print(f"{'':<13}" + "".join(f"{name:>11}" for name in COLUMNS))
    for name, one in counts.items():
        cells = (
            one.false, _share(one.caught, one.false), one.true, _share(one.kept, one.true),
            one.large, _share(one.large_kept, one.large), one.surplus, _share(one.surplus - one.hidden, one.surplus),
            one.added, _share(one.needless, one.added), _share(one.clean, one.frames),
        )  # fmt: skip
        print(f"{name:<13}" + "".join(f"{cell:>11}" for cell in cells))
    print(LEGEND)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def figures(total: Count, clips: int) -> dict[str, object]:
    return {
        "caught_share": round(total.caught / max(total.false, 1), 4),
        "kept_share": round(total.kept / max(total.true, 1), 4),
        "kept_share_20px": round(total.large_kept / max(total.large, 1), 4),
        "surplus_ignored_share": round((total.surplus - total.hidden) / max(total.surplus, 1), 4),
        "needless_share": round(total.needless / max(total.added, 1), 4),
        "clips": clips,
        "false_boxes": total.false,
        "true_boxes": total.true,
    }


if __name__ == "__main__":
    main()
