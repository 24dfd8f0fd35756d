"""Labels against truth: ours and those of the plain loop, on clips that nothing was trained or tuned on.

Half of the clips show clear conditions, half hard ones (rain, fog, snow, night, crowds, a shaking camera). The plain
loop is ``YOLO(weights).track(clip, stream=True)`` with ByteTrack, BoT-SORT and OC-SORT at five confidence thresholds,
its best setting chosen on these very clips, in its favour; because ours looks at each frame twice, its best tracker
also gets a larger input and ``augment=True``. All have the same weights. Ours comes by the product's own path, with the
thresholds that a recipe has by default; what becomes a region to ignore counts as missed.

Error is 1 - F1. Tables: every setting, clear and hard apart, what each step adds, what an oracle would still leave.
The last line is one JSON object; `error_ratio_*` and `id_switch_ratio` are ours over the best plain setting's.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from labels.ablation import ablate, at_best_threshold, oracle_bounds
from labels.calibration_check import check_calibration
from labels.clips import FRAMES, Truth, recipe_of, render_clips, truth_of
from labels.ours import OurLabels
from labels.plain_loop import THRESHOLDS, TRACKERS, Look, PlainLoop, PlainSetting
from labels.scoring import Errors, LabelledClip, count_errors, judge_identity, rank_precision

from annotators.build import build_annotator
from annotators.detections import Detections, detections_from_table
from annotators.labelling import DETECTION_STAGE
from annotators.weights import STARTER_PATH
from schemas.tables import DETECTIONS
from storage.commits import read_table
from storage.store import Store

NATIVE = Look("plain", 320)
LARGER = (Look("plain at 448", 448), Look("plain, augmented", 320, augment=True))
HEADS = ("F1 .5", "F1 .75", "mAP50-95", "IDF1", "HOTA", "first found", "switches")
LARGER_FULL = (*LARGER, Look("plain at 544", 544), Look("plain at 448, augmented", 448, augment=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="200 clips instead of 60, and more of the plain loop")
    parser.add_argument("--seed", type=int, default=None, help="of the scenes")
    parser.add_argument("--no-calibration", action="store_true", help="leave the calibration check out")
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="label-truth-") as folder:
        figures = compare(Store.open(Path(folder) / "store"), 200 if choice.full else 60, choice.full, choice.seed)
    if not choice.no_calibration:
        figures |= asdict(check_calibration(quick=not choice.full))
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def compare(store: Store, clips: int, full: bool, seed: int | None) -> dict[str, float]:
    """Label the clips in every way, print the tables; the figures."""
    clock = time.perf_counter()
    rendered = render_clips(store, clips) if seed is None else render_clips(store, clips, seed)
    conditions, records = [name for name, _ in rendered], [record for _, record in rendered]
    recipe = recipe_of("hard", clips, 0)
    print(f"{clips} clips, {clips * FRAMES} frames, rendered in {time.perf_counter() - clock:.0f} s", flush=True)
    annotator = build_annotator(recipe, store)
    names = annotator.class_names
    truths = [truth_of(store, record, names) for record in records]
    clock = time.perf_counter()
    ours = OurLabels(recipe, store, records, names)
    print(f"ours labelled in {time.perf_counter() - clock:.0f} s", flush=True)
    clock = time.perf_counter()
    best, plain = _run_plain(PlainLoop(STARTER_PATH, store, records), truths, full)
    print(f"plain loops in {time.perf_counter() - clock:.0f} s; best: {best}", flush=True)
    figures = _report_sides(ours, plain, truths, names, conditions)
    stage = annotator.detection_fingerprint
    detections = [
        detections_from_table(read_table(store, DETECTION_STAGE, stage, record.media_id, DETECTIONS), names)
        for record in records
    ]
    _report_steps(detections, (records[0].width, records[0].height), truths)
    return figures


def _run_plain(loop: PlainLoop, truths: Sequence[Truth], full: bool) -> tuple[PlainSetting, list[LabelledClip]]:
    """The setting of the best F1 at IoU 0.5, and its labels; prints all settings."""
    print(f"\n{'plain loop':<44}{'F1 .5':>8}{'F1 .75':>8}")
    native = [PlainSetting(NATIVE, tracker, least) for tracker in TRACKERS for least in THRESHOLDS]
    scored = [_score(loop, setting, truths) for setting in native]
    tracker = max(scored, key=lambda pair: pair[1].f1[0])[0].tracker
    for look in LARGER_FULL if full else LARGER:
        scored += [_score(loop, PlainSetting(look, tracker, least), truths) for least in THRESHOLDS]
    best = max(scored, key=lambda pair: pair[1].f1[0])[0]
    same = [loop.check_loop(best, place) for place in (0, len(truths) - 1)]
    print(f"YOLO.track itself gives the same boxes, on {len(same)} clips: {'yes' if all(same) else 'NO'}")
    return best, loop.run(best)


def _score(loop: PlainLoop, setting: PlainSetting, truths: Sequence[Truth]) -> tuple[PlainSetting, Errors]:
    errors = count_errors(loop.run(setting), truths)
    print(f"{setting!s:<44}{errors.f1[0]:>8.4f}{errors.f1[1]:>8.4f}", flush=True)
    return setting, errors


def _report_sides(
    ours: OurLabels,
    plain: list[LabelledClip],
    truths: Sequence[Truth],
    names: Sequence[str],
    conditions: Sequence[str],
) -> dict[str, float]:
    print("\n" + " " * 20 + "".join(f"{head:>13}" for head in HEADS))
    rows = {}
    for name in ("all", "clear", "hard"):
        chosen = [place for place, condition in enumerate(conditions) if name in ("all", condition)]
        shown = [truths[place] for place in chosen]
        for side, labels, ranked in (("plain", plain, plain), ("ours", ours.labels, ours.candidates)):
            mine = [labels[place] for place in chosen]
            errors, identity = count_errors(mine, shown), judge_identity(mine, shown)
            precision = rank_precision([ranked[place] for place in chosen], shown, names)
            cells = (*errors.f1, precision, identity.idf1, identity.hota, identity.first_found)
            shown_cells = "".join(f"{cell:>13.4f}" for cell in cells)
            print(f"{name + ', ' + side:<20}{shown_cells}{identity.switches:>13}")
            rows[name, side] = errors, identity
    published = sum(len(labels.frame) for labels in ours.labels)
    print(f"ours: {published} labels, {ours.ignored} boxes more that are regions to ignore")
    (plain_errors, plain_identity), (our_errors, our_identity) = rows["all", "plain"], rows["all", "ours"]
    return {
        "error_ratio_iou50": (1 - our_errors.f1[0]) / (1 - plain_errors.f1[0]),
        "error_ratio_iou75": (1 - our_errors.f1[1]) / (1 - plain_errors.f1[1]),
        "id_switch_ratio": our_identity.switches / plain_identity.switches,
        "plain_best_f1_iou50": plain_errors.f1[0],
        "ours_f1_iou50": our_errors.f1[0],
        "plain_best_f1_iou75": plain_errors.f1[1],
        "ours_f1_iou75": our_errors.f1[1],
        "plain_idf1": plain_identity.idf1,
        "ours_idf1": our_identity.idf1,
        "plain_hota": plain_identity.hota,
        "ours_hota": our_identity.hota,
        "plain_first_found": plain_identity.first_found,
        "ours_first_found": our_identity.first_found,
    }


def _report_steps(detections: Sequence[Detections], size: tuple[int, int], truths: Sequence[Truth]) -> None:
    print(f"\n{'step, at its own best threshold':<44}{'F1 .5':>8}{'F1 .75':>8}{'IDF1':>8}{'switches':>10}")
    for name, labels in ablate(detections, size, FRAMES):
        threshold, errors = at_best_threshold(labels, truths)
        identity = judge_identity([clip.take(clip.confidence >= threshold) for clip in labels], truths)
        tracked = f"{identity.idf1:>8.4f}{identity.switches:>10}" if "linked" in name or "+ " in name else ""
        print(f"{name:<44}{errors.f1[0]:>8.4f}{errors.f1[1]:>8.4f}{tracked}", flush=True)
    print(f"\n{'bound, with detections down to the floor':<44}{'F1 .5':>8}{'F1 .75':>8}")
    for name, labels in oracle_bounds(detections, truths, size):
        errors = count_errors(labels, truths)
        print(f"{name:<44}{errors.f1[0]:>8.4f}{errors.f1[1]:>8.4f}")


if __name__ == "__main__":
    main()
