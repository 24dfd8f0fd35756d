"""Labels against truth: ours and those of the plain loop, on clips that nothing was trained or tuned on.

Half of the clips show clear conditions, half hard ones (rain, fog, snow, night, crowds, a shaking camera). The plain
loop is ``YOLO(weights).track(clip, stream=True)`` with ByteTrack, BoT-SORT and OC-SORT at five confidence thresholds,
its best setting chosen on these very clips, in its favour; because ours looks at each frame twice, its best tracker
also gets a larger input and ``augment=True``. All have the same weights. Ours comes by the product's own path, with the
confidence thresholds that a recipe has by default and the starter's rules for length and size (none), as `run`
publishes it after `calibrate` (200 clips of the starter's recipe, none of them among those that are judged), and beside
it as `run` publishes it without. What becomes a region to ignore counts as missed.

Error is 1 - F1. Tables: every setting, clear and hard apart, what each step adds, what an oracle would still leave.
The last line is one JSON object; `error_ratio_*` and `id_switch_ratio` are ours over the best plain setting's, after
`calibrate`; `uncalibrated_*` without.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from labels.ablation import ablate, at_best_threshold, oracle_bounds
from labels.calibration_check import check_calibration
from labels.clips import FRAMES, Truth, recipe_of, recipe_of_all, render_clips, truth_of
from labels.ours import OurLabels, calibrate, label_clips
from labels.plain_loop import THRESHOLDS, TRACKERS, Look, PlainLoop, PlainSetting
from labels.scoring import Errors, Identity, LabelledClip, count_errors, judge_identity, rank_precision

from annotators.build import build_annotator
from annotators.detections import Detections, detections_from_table
from annotators.labelling import DETECTION_STAGE
from annotators.weights import STARTER_PATH
from curators.calibrated import calibrate_tracks
from schemas.tables import DETECTIONS
from storage.clip_table import clips_table
from storage.commits import read_table
from storage.store import Store

NATIVE = Look("plain", 320)
LARGER = (Look("plain at 448", 448), Look("plain, augmented", 320, augment=True))
HEADS = ("F1 .5", "F1 .75", "mAP50-95", "IDF1", "HOTA", "first found", "switches")
UNCALIBRATED, CALIBRATED = "ours, as scored", "ours, calibrated"
RATIOS = ("error_ratio_iou50", "error_ratio_iou75", "id_switch_ratio", "ours_f1_iou50", "ours_f1_iou75")
LARGER_FULL = (*LARGER, Look("plain at 544", 544), Look("plain at 448, augmented", 448, augment=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="200 clips instead of 60, and more of the plain loop")
    parser.add_argument("--seed", type=int, default=None, help="of the scenes")
    parser.add_argument("--no-calibration", action="store_true", help="label without it, and leave its check out")
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="label-truth-") as folder:
        store, clips = Store.open(Path(folder) / "store"), 200 if choice.full else 60
        figures = compare(store, clips, choice.full, choice.seed, calibrated=not choice.no_calibration)
    if not choice.no_calibration:
        figures |= asdict(check_calibration(quick=not choice.full))
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def compare(store: Store, clips: int, full: bool, seed: int | None, *, calibrated: bool) -> dict[str, float]:
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
    tracks = label_clips(recipe, store, records)
    ours = {UNCALIBRATED: OurLabels(tracks, recipe, records, names)}
    print(f"ours labelled in {time.perf_counter() - clock:.0f} s", flush=True)
    if calibrated:
        clock = time.perf_counter()
        calibration = calibrate(recipe_of_all(), store)
        by_probability = calibrate_tracks(tracks, clips_table(records), calibration, recipe)
        ours[CALIBRATED] = OurLabels(by_probability, recipe, records, names)
        print(f"calibrated on {len(calibration.clips)} other clips in {time.perf_counter() - clock:.0f} s", flush=True)
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
    ours: Mapping[str, OurLabels],
    plain: list[LabelledClip],
    truths: Sequence[Truth],
    names: Sequence[str],
    conditions: Sequence[str],
) -> dict[str, float]:
    sides = {"plain": (plain, plain)} | {name: (side.labels, side.candidates) for name, side in ours.items()}
    print("\n" + " " * 26 + "".join(f"{head:>13}" for head in HEADS))
    rows = {}
    for name in ("all", "clear", "hard"):
        chosen = [place for place, condition in enumerate(conditions) if name in ("all", condition)]
        shown = [truths[place] for place in chosen]
        for side, (labels, ranked) in sides.items():
            mine = [labels[place] for place in chosen]
            errors, identity = count_errors(mine, shown), judge_identity(mine, shown)
            precision = rank_precision([ranked[place] for place in chosen], shown, names)
            cells = (*errors.f1, precision, identity.idf1, identity.hota, identity.first_found)
            shown_cells = "".join(f"{cell:>13.4f}" for cell in cells)
            print(f"{name + ', ' + side:<26}{shown_cells}{identity.switches:>13}")
            rows[name, side] = errors, identity
    for name, side in ours.items():
        published = sum(len(labels.frame) for labels in side.labels)
        print(f"{name}: {published} labels, {side.ignored} boxes more that are regions to ignore")
    best = CALIBRATED if CALIBRATED in ours else UNCALIBRATED
    figures = _ratios(rows["all", best], rows["all", "plain"])
    if best == CALIBRATED:
        uncalibrated = _ratios(rows["all", UNCALIBRATED], rows["all", "plain"])
        figures |= {f"uncalibrated_{name}": value for name, value in uncalibrated.items() if name in RATIOS}
    return figures


def _ratios(ours: tuple[Errors, Identity], plain: tuple[Errors, Identity]) -> dict[str, float]:
    (our_errors, our_identity), (plain_errors, plain_identity) = ours, plain
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
