"""How far a detector agrees with boxes carried from a source, from what it saw of each over time."""

import numpy as np

from annotators.carried_evidence import CarriedBoxes, Sightings

VERSION = 1

REACH = 3
"""Frames on each side that have a say on a box: what a detector overlooks, it finds again within a few frames."""

FADING = 0.6
"""Say of a frame relative to that of the frame before it, going away from the box."""

HALF_BELIEVED = 0.03
"""Evidence at which a box is as likely there as not. A detector that sees nothing at a place reports nothing there,
not even at a score of 0.03: chosen, as the limits below, on restyled clips with known truth, of other seeds than those
that benchmarks/carried_labels.py judges."""

FITTING_IOU = (0.45, 0.6)
"""Overlap from which on a sighting speaks for a box, and from which on it does so in full. A box that is wrong overlaps
its object by less than 0.5; a detector's box of a right one by more, give or take."""

NAMED_SHARE = (0.3, 0.7)
"""Share of the class in what the detector calls the object, from which on a box counts, and counts in full."""


def measure_agreement(boxes: CarriedBoxes, sightings: Sightings) -> np.ndarray:
    """``(N,)`` float32, 0 to 1: how sure it is that each box is right.

    The product of three: that there is something, now; that it is where the box says; that it is of its class.

    There is something when the detector saw it on both sides: in this frame and those before, and in this frame and
    those after. A frame in which it overlooked an object between two in which it did not is thereby believed; nothing
    is once an object has gone, or before it comes. Place and class are judged over all frames in reach together: an
    object that is displaced or has become another is so for longer than a detector errs by chance.

    Small, dark and hidden objects of which the detector says nothing get 0, as erased ones do: nobody can tell them
    apart.
    """
    fit = _ramp(sightings.iou, FITTING_IOU)
    evidence = sightings.support * fit
    places = [_places(boxes, step) for step in range(-REACH, REACH + 1)]
    past, future = places[: REACH + 1][::-1], places[REACH:]
    there = np.minimum(_faded_mean(evidence, past), _faded_mean(evidence, future))
    around = [*past[1:], *future]
    says = [*range(1, REACH + 1), *range(REACH + 1)]
    support = _faded_sum(sightings.support, around, says)
    iou = _faded_sum(sightings.support * sightings.iou, around, says) / _positive(support)
    named = support / _positive(_faded_sum(np.maximum(sightings.support, sightings.doubt), around, says))
    believed = there / (there + HALF_BELIEVED)
    agreement: np.ndarray = (believed * _ramp(iou, FITTING_IOU) * _ramp(named, NAMED_SHARE)).astype(np.float32)
    return agreement


def _places(boxes: CarriedBoxes, step: int) -> np.ndarray:
    """``(N,)`` row of the same track ``step`` frames later; -1 where it has no box."""
    keys = boxes.track.astype(np.int64) << 32 | boxes.frame.astype(np.int64)
    order = np.argsort(keys)
    wanted = keys + step
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    found = order[at] if len(keys) else at
    places: np.ndarray = np.where(keys[found] == wanted, found, -1)
    return places


def _faded_mean(values: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    """Mean of ``values`` at ``places``, nearest frames first, each with less say than the one before."""
    says = list(range(len(places)))
    mean: np.ndarray = _faded_sum(values, places, says) / _positive(_faded_sum(np.ones(len(values)), places, says))
    return mean


def _faded_sum(values: np.ndarray, places: list[np.ndarray], distances: list[int]) -> np.ndarray:
    total = np.zeros(len(values))
    for place, distance in zip(places, distances, strict=True):
        total += np.where(place >= 0, FADING**distance * values[place], 0)
    return total


def _ramp(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """0 below the first of ``limits``, 1 above the second, straight between."""
    low, high = limits
    ramp: np.ndarray = np.clip((values - low) / (high - low), 0, 1)
    return ramp


def _positive(values: np.ndarray) -> np.ndarray:
    positive: np.ndarray = np.maximum(values, 1e-9)
    return positive
