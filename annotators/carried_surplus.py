"""What a detector tracks and the boxes carried from a source do not explain: things that the restyling brought in."""

import numpy as np

from annotators.carried_evidence import CarriedBoxes, iou_of_all

SAME_PLACE_IOU = 0.5
"""A thing seen that overlaps a box of its class by this much is covered by it, be the box a label or a region."""

BELIEVED = 0.5
"""Agreement from which on a box explains what is seen in its place, under whatever name."""

LOOSE_IOU = 0.4
"""Overlap from which on a believed box explains a thing of its class: the box is exact, the detector's need not be."""


def find_surplus(seen: CarriedBoxes, boxes: CarriedBoxes, agreement: np.ndarray) -> np.ndarray:
    """``(S,)`` mask of the rows of ``seen`` that no carried box explains.

    A thing in the place of a box of another class that is not believed is surplus: a region for that class would leave
    it unlabelled where its own class is looked for.

    Args:
        seen: tracked detections, sorted by frame.
        boxes: carried, sorted by frame.
        agreement: ``(N,)`` of ``boxes``, 0 to 1.
    """
    surplus = np.ones(len(seen), bool)
    begins = np.searchsorted(boxes.frame, seen.frame, side="left")
    ends = np.searchsorted(boxes.frame, seen.frame, side="right")
    for rows in np.split(np.arange(len(seen)), np.flatnonzero(np.diff(seen.frame)) + 1):
        if not len(rows):
            continue
        near = slice(begins[rows[0]], ends[rows[0]])
        overlap = iou_of_all(seen.corners[rows], boxes.corners[near])
        alike = seen.class_index[rows][:, None] == boxes.class_index[near][None]
        believed = agreement[near][None] >= BELIEVED
        explained = (overlap >= SAME_PLACE_IOU) & (alike | believed) | (overlap >= LOOSE_IOU) & alike & believed
        surplus[rows] = ~explained.any(axis=1)
    return surplus
