"""Verdicts on boxes: a label, an ignore region, or nothing."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curators.rulings import Rulings, to_floats
from schemas.recipe import Recipe
from schemas.row_order import encode_names, group_rows
from schemas.tables import ACCEPT, IGNORE, NOTHING


def judge_boxes(tracks: pa.Table, sequences: np.ndarray, recipe: Recipe) -> dict[str, pa.Array]:
    """Columns verdict, rule, value and threshold for each row of ``tracks``.

    Rules, the first that applies decides:

    1. ``class``: the recipe does not publish the track's class: nothing.
    2. ``carried``: a box carried from a source with which the detector agrees by less than ``accept``: an ignore
       region, and never nothing: what was there before the restyling may still be.
    3. ``confidence``: below ``ignore``: nothing; below ``accept``: an ignore region.
    4. ``unexplained``: beside carried boxes, whatever the source does not explain: an ignore region.
    5. ``track_length``: the track was seen in fewer than ``min_track_frames`` frames: an ignore region.
    6. ``box_side``: the shorter side is below ``min_box_side`` pixels: an ignore region.

    Args:
        tracks: ``TRACKS`` with ``clip_id`` in front.
        sequences: a whole number for each row, equal for clips that share track ids.
        recipe: its classes and thresholds.
    """
    options = recipe.curation
    confidence = to_floats(tracks["confidence"])
    side = np.minimum(to_floats(tracks["w"]), to_floats(tracks["h"]))
    seen = seen_frames(tracks, sequences)
    carried = pc.equal(tracks["source"].cast(pa.string()), "carried").to_numpy(zero_copy_only=False)
    unexplained = ~carried if recipe.annotator.kind == "carried" else np.zeros(len(tracks), bool)
    rulings = Rulings(len(tracks), ACCEPT)
    rulings.rule("class", NOTHING, ~_wanted(tracks["class_name"], recipe), np.nan, np.nan)
    rulings.rule("carried", IGNORE, carried & ~(confidence >= options.accept), confidence, options.accept)
    rulings.rule("confidence", NOTHING, ~(confidence >= options.ignore), confidence, options.ignore)
    rulings.rule("confidence", IGNORE, confidence < options.accept, confidence, options.accept)
    rulings.rule("unexplained", IGNORE, unexplained, confidence, np.nan)
    rulings.rule("track_length", IGNORE, seen < options.min_track_frames, seen, options.min_track_frames)
    rulings.rule("box_side", IGNORE, side < options.min_box_side, side, options.min_box_side)
    return rulings.columns()


def seen_frames(tracks: pa.Table, sequences: np.ndarray) -> np.ndarray:
    """For each row, in how many frames its track was seen (and not filled in), over the whole sequence."""
    filled = pc.equal(tracks["source"].cast(pa.string()), "interpolated").to_numpy(zero_copy_only=False)
    track = group_rows(sequences, tracks["track"].to_numpy())
    seen: np.ndarray = np.bincount(track, weights=~filled)[track] if len(tracks) else np.empty(0)
    return seen


def _wanted(class_names: pa.ChunkedArray, recipe: Recipe) -> np.ndarray:
    names, codes = encode_names(class_names)
    published = np.array([recipe.published_class(name) is not None for name in names.to_pylist()], dtype=bool)
    return published[codes] if len(codes) else np.empty(0, dtype=bool)
