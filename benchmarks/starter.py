"""The starter detector on scenes that it never saw: mAP50-95 by class, condition and size, recall by visibility.

The scenes are drawn as the starter's own training scenes are (`recipes/starter.yaml`), hard ones included, with
another seed: other layouts, objects, paths, light and noise. Every fourth frame is judged. The last line is one JSON
object.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

from labels.clips import render_recipe

from annotators.weights import STARTER_PATH
from schemas.recipe import Recipe
from storage.recipes import read_recipe
from storage.store import Store
from trainers.evaluate import Evaluation, evaluate_weights
from trainers.holdout import Holdout

RECIPE = Path(__file__).parents[1] / "recipes" / "starter.yaml"
UNSEEN_SEED = 977


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="300 clips instead of 40, for the record")
    parser.add_argument("--weights", type=Path, default=STARTER_PATH, help="a .pt file; default: the starter")
    parser.add_argument("--seed", type=int, default=UNSEEN_SEED, help="of the scenes; not the recipe's own")
    arguments = parser.parse_args()
    recipe = unseen_recipe(300 if arguments.full else 40, arguments.seed)
    with tempfile.TemporaryDirectory(prefix="starter-benchmark-") as folder:
        store = Store.open(Path(folder) / "store")
        started = time.perf_counter()
        clips = render_recipe(store, recipe)
        rendered = time.perf_counter() - started
        itself = {name: name for name in recipe.class_names}
        holdout = Holdout("unseen", "truth", tuple(clips), 4, recipe.class_names, itself)
        started = time.perf_counter()
        evaluation = evaluate_weights(store, arguments.weights, holdout)
        judged = time.perf_counter() - started
    print_tables(evaluation)
    print(f"{len(clips)} clips rendered in {rendered:.0f} s; {evaluation.frames} frames judged in {judged:.0f} s")
    print(json.dumps(figures(evaluation)))


def unseen_recipe(variations: int, seed: int) -> Recipe:
    """The starter's recipe with fewer scenes and another seed."""
    recipe = read_recipe(RECIPE)
    if seed == recipe.seed:
        raise SystemExit(f"seed {seed} is the one that the starter was trained on; give another")
    prompts = recipe.prompts.model_copy(update={"variations": variations})
    return recipe.model_copy(update={"prompts": prompts, "seed": seed})


def print_tables(evaluation: Evaluation) -> None:
    report = evaluation.report
    print(f"{'':<34}{'mAP50-95':>10}{'mAP50':>8}{'objects':>9}")
    rows = [("all", report.overall)]
    rows += [(f"class {quality.name}", quality) for quality in report.classes]
    rows += [(f"{condition.axis}: {condition.quality.name}", condition.quality) for condition in evaluation.conditions]
    rows += [(f"size {quality.name}", quality) for quality in report.sizes]
    for name, quality in rows:
        print(f"{name:<34}{quality.map50_95:>10.3f}{quality.map50:>8.3f}{quality.objects:>9}")
    print(f"{'':<34}{'AR50-95':>10}{'AR50':>8}   recall at score {report.point.threshold}")
    for recall in report.visibilities:
        print(f"{'visibility ' + recall.name:<34}{recall.recall50_95:>10.3f}{recall.recall50:>8.3f}{recall.objects:>9}")
    point = report.point
    print(f"at score {point.threshold}: precision {point.precision:.3f}, recall {point.recall:.3f}, F1 {point.f1:.3f}")


def figures(evaluation: Evaluation) -> dict[str, object]:
    report = evaluation.report
    conditions: dict[str, dict[str, float | None]] = {}
    for condition in evaluation.conditions:
        conditions.setdefault(condition.axis, {})[condition.quality.name] = _rounded(condition.quality.map50_95)
    return {
        "map50_95": _rounded(report.overall.map50_95),
        "map50": _rounded(report.overall.map50),
        "by_class": {quality.name: _rounded(quality.map50_95) for quality in report.classes},
        "by_condition": conditions,
        "by_size": {quality.name: _rounded(quality.map50_95) for quality in report.sizes},
        "recall_by_visibility": {recall.name: _rounded(recall.recall50_95) for recall in report.visibilities},
        "precision": _rounded(report.point.precision),
        "recall": _rounded(report.point.recall),
        "clips": evaluation.clips,
        "frames": evaluation.frames,
        "objects": report.overall.objects,
    }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


if __name__ == "__main__":
    main()
