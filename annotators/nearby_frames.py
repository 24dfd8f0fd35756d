"""Means over the frames around each box, along its track."""

import numpy as np

REACH = 3
"""Standard deviations at which a window ends."""


class NearbyFrames:
    """Bell-shaped windows around boxes of tracks; frames in which a track has no box count as 0."""

    def __init__(self, frame: np.ndarray, place: np.ndarray, frames: int, deviation: float) -> None:
        """Lay the windows out.

        Args:
            frame: ``(N,)``, sorted by track, then frame.
            place: ``(N,)`` number of the track of each.
            frames: of the sequence: none before the first or after the last counts, since nothing can be seen there.
            deviation: standard deviation of the windows, frames.
        """
        reach = int(REACH * deviation)
        steps = np.arange(-reach, reach + 1)
        self._bell = np.exp(-0.5 * (steps / deviation) ** 2)
        self._frame, self._place, self._reach = frame, place, reach
        mass = np.concatenate([[0.0], np.cumsum(self._bell)])
        low = np.clip(reach - frame, 0, None)
        high = np.clip(reach + frames - frame, None, 2 * reach + 1)
        self._mass = mass[high] - mass[low]

    def mean(self, values: np.ndarray) -> np.ndarray:
        """``(N,)`` means of ``values``, one for each box."""
        rows, total = len(values), np.zeros(len(values))
        for step in range(-self._reach, self._reach + 1):
            here = np.arange(max(0, -step), min(rows, rows - step))
            apart = self._frame[here + step] - self._frame[here]
            near = (self._place[here + step] == self._place[here]) & (np.abs(apart) <= self._reach)
            here, apart = here[near], apart[near]
            total[here] += self._bell[apart + self._reach] * values[here + step]
        mean: np.ndarray = total / self._mass
        return mean
