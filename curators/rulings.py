"""Rulings on many rows at once: the first rule that applies to a row decides on it."""

import numpy as np
import pyarrow as pa

from schemas.tables import NAME


class Rulings:
    """Verdicts on ``count`` rows, filled in rule by rule; a row that was ruled on is closed.

    Args:
        count: rows.
        default: verdict of rows that no rule touches.
    """

    def __init__(self, count: int, default: str) -> None:
        self._verdicts = [default]
        self._rules = [""]
        self._verdict = np.zeros(count, np.int32)
        self._rule = np.zeros(count, np.int32)
        self._value = np.full(count, np.nan, np.float32)
        self._threshold = np.full(count, np.nan, np.float32)

    @property
    def undecided(self) -> np.ndarray:
        """bool (count,): rows that no rule has touched."""
        open_rows: np.ndarray = self._rule == 0
        return open_rows

    def rule(self, name: str, verdict: str, applies: np.ndarray, value: np.ndarray | float, threshold: float) -> None:
        """Rule on every open row where ``applies`` holds; ``value`` is what the rule saw there.

        NaN stands for a value or threshold that the rule does not have.
        """
        chosen = applies & (self._rule == 0)
        self._verdict[chosen] = _place(self._verdicts, verdict)
        self._rule[chosen] = _place(self._rules, name)
        self._value[chosen] = np.broadcast_to(np.asarray(value, np.float32), chosen.shape)[chosen]
        self._threshold[chosen] = threshold

    def columns(self) -> dict[str, pa.Array]:
        """Columns verdict, rule, value and threshold; the last two are null where a rule has none."""
        return {
            "verdict": pa.DictionaryArray.from_arrays(pa.array(self._verdict), self._verdicts).cast(NAME),
            "rule": pa.DictionaryArray.from_arrays(pa.array(self._rule), self._rules).cast(NAME),
            "value": pa.array(self._value, mask=np.isnan(self._value)),
            "threshold": pa.array(self._threshold, mask=np.isnan(self._threshold)),
        }


def _place(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def to_floats(column: pa.ChunkedArray) -> np.ndarray:
    """A column as float32, nulls as NaN: stored in float32, 0.7 must not fall below a threshold of 0.7."""
    return np.asarray(column.cast(pa.float32()).to_numpy(), np.float32)
