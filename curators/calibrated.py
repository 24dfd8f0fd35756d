"""Confidence as a probability: stored scores through a measured curve, before anything is decided on them.

What the store holds stays as it was labelled; a new calibration costs no inference, as a new threshold does not.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.calibration import MAX_AXIS_VALUES, Calibration, ConfidenceCurve, Floats
from schemas.recipe import Recipe


def calibrate_tracks(tracks: pa.Table, clips: pa.Table, calibration: Calibration, recipe: Recipe) -> pa.Table:
    """``tracks`` with ``confidence`` as the probability that a box is right.

    Args:
        tracks: ``TRACKS`` with ``clip_id`` in front.
        clips: ``CLIPS``, with the clip of every track.
        calibration: of exactly these clips' generator and of this annotator.
        recipe: names the published class of each detected one; classes that are not published get the shared curve.
    """
    return _with_confidence(tracks, _apply(calibration.curve, tracks, clips, recipe))


def calibrate_unseen_tracks(tracks: pa.Table, clips: pa.Table, calibration: Calibration, recipe: Recipe) -> pa.Table:
    """As :func:`calibrate_tracks`, for the clips that the calibration was made on: each by the curve that has not
    seen it.
    """
    clip_ids = tracks["clip_id"].cast(pa.string()).combine_chunks()
    place = pc.index_in(clip_ids, value_set=pa.array(calibration.clips, pa.string())).to_numpy(zero_copy_only=False)
    folds = len(calibration.fold_curves)
    confidence = np.empty(len(tracks), np.float64)
    for fold, curve in enumerate(calibration.fold_curves):
        rows = np.flatnonzero(place % folds == fold)
        confidence[rows] = _apply(curve, tracks.take(pa.array(rows)), clips, recipe)
    return _with_confidence(tracks, confidence)


def unmeasured_conditions(clips: pa.Table, calibration: Calibration) -> list[str]:
    """``"weather: hail"`` for each condition of ``clips`` that no clip of the calibration had, sorted."""
    measured = {(term.axis, term.value) for term in calibration.curve.conditions}
    found = {pair for attributes in clips["attributes"].to_pylist() for pair in attributes}
    values: dict[str, int] = {}
    for axis, _ in found:
        values[axis] = values.get(axis, 0) + 1
    return sorted(
        f"{axis}: {value}" for axis, value in found if (axis, value) not in measured and values[axis] <= MAX_AXIS_VALUES
    )


def _apply(curve: ConfidenceCurve, tracks: pa.Table, clips: pa.Table, recipe: Recipe) -> Floats:
    if not len(tracks):
        return np.zeros(0)
    names = pc.dictionary_encode(tracks["class_name"].cast(pa.string()).combine_chunks())
    published = [recipe.published_class(name) or "" for name in names.dictionary.to_pylist()]
    offsets = np.array([curve.condition_offset(_mapping(one)) for one in clips["attributes"].to_pylist()])
    clip_ids = tracks["clip_id"].cast(pa.string()).combine_chunks()
    at = pc.index_in(clip_ids, value_set=clips["clip_id"].combine_chunks()).to_numpy()
    terms = curve.class_terms(published)[names.indices.to_numpy()]
    return curve.probabilities(tracks["confidence"].to_numpy(), terms, offsets[at])


def _mapping(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    return dict(pairs)


def _with_confidence(tracks: pa.Table, confidence: Floats) -> pa.Table:
    at = tracks.schema.get_field_index("confidence")
    field = tracks.schema.field(at)
    return tracks.set_column(at, field, pa.array(confidence.astype(np.float32), field.type))
