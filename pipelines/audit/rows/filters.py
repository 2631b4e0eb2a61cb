"""Filters that nobody declared but that are plain to see: bounds on a column of the lake, and nothing kept beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.audit.rows.source import Source

LEAST_OUT = 5  # rows beyond a bound, or it is the end of the data rather than a filter
LEAST_TASKS = 3
SURPRISE = 20.0  # minus the log of the chance that none of them was drawn: 2 in a thousand million
COMPLETE = 0.999  # share kept within the bounds above which a corpus is taken for complete there


@dataclass(frozen=True, slots=True)
class Filter:
    """`column` is kept from `low` and up to `high` (inclusive; None: open), or only where it is known."""

    column: str
    low: float | None
    high: float | None
    known_only: bool

    def __str__(self) -> str:
        parts = ["is not null"] if self.known_only else []
        parts += [f"{op} {v:g}" for op, v in ((">=", self.low), ("<=", self.high)) if v is not None]
        return f"{self.column} {' and '.join(parts)}"

    def out(self, values: np.ndarray) -> np.ndarray:
        """Which rows (n) it leaves out."""
        unknown = np.isnan(values)
        beyond = np.zeros(len(values), dtype=bool)
        if self.low is not None:
            beyond |= values < self.low
        if self.high is not None:
            beyond |= values > self.high
        return (beyond & ~unknown) | (unknown & self.known_only)


def infer(source: Source, there: np.ndarray, at_risk: np.ndarray) -> list[Filter]:
    """Filters by which rows at risk (n booleans) are not `there`, the one that explains most first.

    A bound counts if, at the rate at which tasks within it are there, that all beyond it are missing is no chance.
    """
    found: list[Filter] = []
    left = at_risk.copy()
    while True:
        best: tuple[int, Filter, np.ndarray] | None = None
        for name, values in source.numeric.items():
            if name in ("place", "group_place"):
                continue
            for candidate in _bounds(name, values, there, left):
                out = candidate.out(values) & left
                count = int(out.sum())
                if (best is None or count > best[0]) and _surprising(source, there, left, out):
                    best = (count, candidate, out)
        if best is None:
            return found
        found.append(best[1])
        left &= ~best[2]


def _bounds(name: str, values: np.ndarray, there: np.ndarray, left: np.ndarray) -> list[Filter]:
    kept = values[there & left]
    known = kept[~np.isnan(kept)]
    filters = []
    if not len(known):
        return []
    beyond = values[left]
    low, high = float(known.min()), float(known.max())
    if (beyond < low).any():
        filters.append(Filter(name, _roundest(float(beyond[beyond < low].max()), low), None, False))
    if (beyond > high).any():
        filters.append(Filter(name, None, -_roundest(-float(beyond[beyond > high].min()), -high), False))
    if len(known) == len(kept) and np.isnan(beyond).any():
        filters.append(Filter(name, None, None, True))
    return filters


def _roundest(out: float, kept: float) -> float:
    """The bound with the fewest digits that is above `out` and not above `kept`.

    >>> _roundest(0.42, 0.55)
    0.5
    """
    for digits in range(-12, 13):
        step = 10.0**-digits
        bound = round(np.floor(kept / step) * step, max(digits, 0))
        if out < bound <= kept:
            return float(bound)
    return kept


def _surprising(source: Source, there: np.ndarray, left: np.ndarray, out: np.ndarray) -> bool:
    inside = left & ~out
    if out.sum() < LEAST_OUT or not inside.any():
        return False
    tasks = len(np.unique(source.task[out]))
    rate = min(float(there[inside].mean()), COMPLETE)
    return tasks >= LEAST_TASKS and -tasks * np.log1p(-rate) > SURPRISE
