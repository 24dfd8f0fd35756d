"""Pieces of tracks that show one thing at the same time, made one.

A detector unsure of a box reports several on one thing that overlap too little for suppression: the whole person and
the person above the fence. Followed from frame to frame they are two pieces side by side, and where the better one ends
the other goes on. Neither a linker nor a stitching across holes can join them, since both are seen at once for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from annotators.box_pairs import same_frame_pairs
from annotators.boxes import pair_iou
from annotators.nearby_frames import NearbyFrames
from annotators.rival_detections import MergedDetections

SAME_CLASS_OVERLAP = 0.4
"""Mean overlap, over the frames that two pieces of one class share, from which on they show one thing. On streets of
known truth seven pairs in eight do from here on, and fewer than three in four below."""

OTHER_CLASS_OVERLAP = 0.6
"""As above, for pieces of different classes: a cyclist is no bicycle."""

SAME_CLASS_LIKENESS = 0.8
"""Cosine of the votes on their classes from which on two pieces are of one class."""

NEARBY_DEVIATION = 3.0
"""Standard deviation, frames, of the window that tells which of two pieces is the better seen one for now."""


def join_parallels(merged: MergedDetections, piece: np.ndarray, frames: int) -> tuple[MergedDetections, np.ndarray]:
    """Join the pieces of ``piece`` that run side by side on one thing.

    Pairs are joined by falling overlap, and a joined piece counts with the mean over all frames that its parts share
    with others (average linkage), so that two things do not become one by way of a third box between them.

    Args:
        merged: detections and the votes on their classes.
        piece: ``(N,)`` of ``merged.kept``; no piece has two detections in a frame.
        frames: number of frames.

    Returns:
        The detections that are left, and their pieces, from 0 without holes. Of several in a frame that one is left
        whose piece is seen best around it; the others keep their votes.
    """
    if not len(piece):
        return merged, piece
    piece = np.unique(piece, return_inverse=True)[1]
    group = _Groups(merged, piece).joined()[piece]
    winner = _winners(merged, piece, group, frames)
    left, kept = _keep(merged, winner)
    return left, np.unique(group[kept], return_inverse=True)[1]


@dataclass(frozen=True)
class _Meeting:
    """Frames that two pieces share, and the sum of their overlaps there."""

    frames: int
    overlap: float

    def with_(self, other: "_Meeting | None") -> "_Meeting":
        return self if other is None else _Meeting(self.frames + other.frames, self.overlap + other.overlap)


class _Groups:
    """Pieces, joined step by step; a group bears the number of one of its pieces."""

    def __init__(self, merged: MergedDetections, piece: np.ndarray) -> None:
        pieces = int(piece.max()) + 1
        self._votes = np.zeros((pieces, int(merged.vote_class.max()) + 1))
        np.add.at(self._votes, (piece[merged.vote_row], merged.vote_class), merged.vote_score)
        self._meetings: list[dict[int, _Meeting]] = [{} for _ in range(pieces)]
        for one, other, meeting in _meetings(merged, piece):
            self._meetings[one][other] = self._meetings[other][one] = meeting

    def joined(self) -> np.ndarray:
        """``(P,)`` group of each piece."""
        into = np.arange(len(self._meetings))
        pairs = ((one, other) for one, met in enumerate(self._meetings) for other in met if one < other)
        waiting = [(-worth, *pair) for pair in pairs if (worth := self._worth(*pair)) > 0]
        heapify(waiting)
        while waiting:
            worth, one, other = heappop(waiting)
            # What has changed since it was put here is here again with its new worth.
            if other in self._meetings[one] and self._worth(one, other) == -worth:
                into[other] = one
                for third in self._absorb(one, other):
                    pair = min(one, third), max(one, third)
                    if (changed := self._worth(*pair)) > 0:
                        heappush(waiting, (-changed, *pair))
        while not np.array_equal(into, into[into]):
            into = into[into]
        return into

    def _worth(self, one: int, other: int) -> float:
        """Mean overlap of two groups; 0 where it is too little for one thing."""
        meeting = self._meetings[one][other]
        mean = meeting.overlap / meeting.frames
        if mean < SAME_CLASS_OVERLAP:
            return 0.0
        a, b = self._votes[one], self._votes[other]
        alike = a @ b >= SAME_CLASS_LIKENESS * np.sqrt((a @ a) * (b @ b))
        return mean if alike or mean >= OTHER_CLASS_OVERLAP else 0.0

    def _absorb(self, one: int, other: int) -> list[int]:
        """Make ``other`` part of ``one``; the groups that ``one`` meets then."""
        self._votes[one] += self._votes[other]
        for third, meeting in self._meetings[other].items():
            del self._meetings[third][other]
            if third != one:
                together = meeting.with_(self._meetings[one].get(third))
                self._meetings[one][third] = self._meetings[third][one] = together
        self._meetings[other] = {}
        return list(self._meetings[one])


def _meetings(merged: MergedDetections, piece: np.ndarray) -> Iterator[tuple[int, int, _Meeting]]:
    """All pairs of pieces that are seen in one frame, the lower number first."""
    kept = merged.kept
    a, b = same_frame_pairs(kept.frame, kept.frame)
    a, b = a[a < b], b[a < b]
    low, high = np.minimum(piece[a], piece[b]), np.maximum(piece[a], piece[b])
    pieces = int(piece.max()) + 1
    pairs, pair = np.unique(low * pieces + high, return_inverse=True)
    shared = np.bincount(pair)
    overlap = np.bincount(pair, pair_iou(kept.corners[a], kept.corners[b]))
    for key, frames, total in zip(pairs.tolist(), shared.tolist(), overlap.tolist(), strict=True):
        yield *divmod(key, pieces), _Meeting(frames, total)


def _winners(merged: MergedDetections, piece: np.ndarray, group: np.ndarray, frames: int) -> np.ndarray:
    """``(N,)`` for each detection the row of that which stands for it: itself where it is the best of its group."""
    kept = merged.kept
    order = np.lexsort((kept.frame, piece))
    seen = np.zeros(len(kept))
    seen[order] = NearbyFrames(kept.frame[order], piece[order], frames, NEARBY_DEVIATION).mean(kept.score[order])
    order = np.lexsort((-seen, group, kept.frame))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(kept.frame[order]) != 0) | (np.diff(group[order]) != 0)
    winner = np.empty(len(order), np.int64)
    winner[order] = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    return winner


def _keep(merged: MergedDetections, winner: np.ndarray) -> tuple[MergedDetections, np.ndarray]:
    """The winners with all votes of those that they stand for, and the mask of them."""
    kept = winner == np.arange(len(winner))
    row = (np.cumsum(kept) - 1)[winner[merged.vote_row]]
    order = np.lexsort((-merged.vote_score, merged.vote_class, row))
    row, name, score = row[order], merged.vote_class[order], merged.vote_score[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(name) != 0)
    return MergedDetections(merged.kept.rows(kept), row[first], name[first], score[first]), kept
