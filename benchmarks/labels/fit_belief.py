"""Fit the logistic model of ``annotators/box_belief.py`` on truth, and print its weights.

    python -m benchmarks.labels.fit_belief [--clips 60] [--store FOLDER]

The clips are the first, by clip id, of 240 that the starter's recipe draws with another seed than its own and than
the benchmark's. Each box that the refinement would judge is right or wrong at IoU 0.5; boxes on difficult objects count
neither way. Three weights are held; ``annotators/box_belief.py`` says why. Folds over clips say what the model is worth
on clips that it has not seen.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from annotators.box_belief import FIGURES
from annotators.build import build_annotator
from annotators.detections import Detections, detections_from_table
from annotators.labelling import DETECTION_STAGE, label_sequences
from evaluators.matching import match_detections
from generators.build import build_generator
from generators.rendering import render_into_store
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from schemas.tables import DETECTIONS
from storage.commits import read_table
from storage.recipes import read_recipe
from storage.store import Store

from .ablation import measured_boxes
from .clips import FRAMES, RECIPE, Truth, truth_of
from .scoring import LabelledClip, join_detections, join_truths

SEED, POOL = 515_151, 240
HELD = {"track_score": -0.6, "best_half": 2.0, "other_class_nearby": -3.0}
CAUTION = -0.15
"""Added to the fitted bias: what is steady and faint on foreign footage stays below the default `curation.accept`."""

PRIOR = 1.0
"""Weight of the normal prior on standardised weights."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--store", type=Path, help="keep clips and detections here; default: a temporary folder")
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fit-belief-") as folder:
        figures, right, clip = gather(Store.open(choice.store or Path(folder) / "store"), choice.clips)
    losses = [_loss_of_fold(figures, right, clip % 2 == fold) for fold in range(2)]
    weights, bias = fit(figures, right)
    print(
        f"{len(right)} boxes of {choice.clips} clips, {right.mean():.3f} right; log loss unseen {np.mean(losses):.4f}"
    )
    for name, weight in zip(FIGURES, weights, strict=True):
        print(f"{name:<22}{weight:>8.2f}{'  held' if name in HELD else ''}")
    print(f"{'bias':<22}{bias + CAUTION:>8.2f}")


def gather(store: Store, clips: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Figures ``(N, 6)``, whether right ``(N,)`` and place of the clip ``(N,)`` of each box that counts."""
    recipe = pool_recipe()
    generator = build_generator(recipe)
    jobs = sorted(generator.jobs(), key=lambda job: job.clip_id)[:clips]
    try:
        records = sorted(
            (answer for answer in render_into_store(generator, store, jobs) if isinstance(answer, ClipRecord)),
            key=lambda record: record.clip_id,
        )
    finally:
        generator.close()
    annotator = build_annotator(recipe, store)
    list(label_sequences(annotator, store, [(record,) for record in records]))
    parts = []
    for place, record in enumerate(records):
        stage = annotator.detection_fingerprint
        table = read_table(store, DETECTION_STAGE, stage, record.media_id, DETECTIONS)
        found = detections_from_table(table, annotator.class_names)
        figures, right = _judge(found, truth_of(store, record, annotator.class_names), (record.width, record.height))
        parts.append((figures, right, np.full(len(right), place)))
    figures, right, clip = (np.concatenate(column) for column in zip(*parts, strict=True))
    return figures, right, clip


def pool_recipe() -> Recipe:
    """The starter's recipe with other scenes, clips of 48 frames, and the labels of its detector."""
    recipe = read_recipe(RECIPE)
    data = recipe.model_dump()
    data["prompts"]["variations"] = POOL
    return Recipe.model_validate(
        data | {"seed": SEED, "clip": data["clip"] | {"frames": FRAMES}, "annotator": {"kind": "yolo"}}
    )


def fit(figures: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of :data:`FIGURES` and the bias, by penalised maximum likelihood, those in :data:`HELD` as they are."""
    held = np.array([name in HELD for name in FIGURES])
    weights = np.array([HELD.get(name, 0.0) for name in FIGURES])
    offset = figures @ weights
    free = figures[:, ~held]
    mean, spread = free.mean(axis=0), free.std(axis=0)
    inputs = np.column_stack([(free - mean) / spread, np.ones(len(free))])
    penalty = np.r_[np.full(free.shape[1], PRIOR), 0.0]

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        logit = inputs @ beta + offset
        miss = 1 / (1 + np.exp(-logit)) - right
        value = np.logaddexp(0, logit) - right * logit
        return float(value.sum() + 0.5 * (penalty * beta**2).sum()), inputs.T @ miss + penalty * beta

    beta = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    weights[~held] = beta[:-1] / spread
    return weights, float(beta[-1] - (beta[:-1] * mean / spread).sum())


def _judge(found: Detections, truth: Truth, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    boxes, figures = measured_boxes(found, size, FRAMES)
    order = figures[:, FIGURES.index("class_seen_nearby")] * 4 + figures[:, FIGURES.index("track_score")]
    labels = join_detections([LabelledClip(boxes.frame, boxes.place, boxes.class_index, boxes.corners, order)])
    matches = match_detections(labels, join_truths([truth]), (0.5,))
    counted = ~matches.ignored[:, 0]
    return figures[counted], matches.hit[counted, 0].astype(float)


def _loss_of_fold(figures: np.ndarray, right: np.ndarray, unseen: np.ndarray) -> float:
    weights, bias = fit(figures[~unseen], right[~unseen])
    logit = figures[unseen] @ weights + bias
    return float((np.logaddexp(0, logit) - right[unseen] * logit).mean())


if __name__ == "__main__":
    main()
