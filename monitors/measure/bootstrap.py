"""Intervals that know that rollouts of one task are alike: whole tasks are drawn again, not traces.

The cluster bootstrap with percentile intervals (Field and Welsh 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from monitors.measure.figure import Figure, Floats, Ints, absent

REPLICATES = 1_000
SEED = 20_240_607
FEWEST = 5  # tasks; fewer say nothing of how tasks differ


def numbered(names: Sequence[object]) -> Ints:
    """Names as numbers from 0, in the order in which they sort."""
    return np.unique(np.asarray([str(n) for n in names], object).astype(str), return_inverse=True)[1].astype(np.int64)


def draws(clusters: Ints, replicates: int = REPLICATES) -> Iterator[Floats]:
    """For each replicate, how often each row counts. `clusters` (n) numbers the task of each row.

    Only tasks that have a row are drawn, so that figures on a part do not depend on what lies outside it.
    """
    rng = np.random.default_rng(SEED)
    present, place = np.unique(clusters, return_inverse=True)
    count = len(present)
    for _ in range(replicates if count else 0):
        yield rng.multinomial(count, np.full(count, 1 / count)).astype(np.float64)[place]


def resampled(
    measure: Callable[[Floats | None], float | None], clusters: Ints, why: str, replicates: int = REPLICATES
) -> Figure:
    """`measure` under no weights, with the percentile interval of what it gives when tasks are drawn again.

    `why` is said where it gives nothing.
    """
    value = measure(None)
    if value is None:
        return absent(why)
    if len(np.unique(clusters)) < FEWEST:
        return Figure(value)
    again = [v for weight in draws(clusters, replicates) if (v := measure(weight)) is not None]
    if not again:
        return Figure(value)
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(value, float(low), float(high))


def weighted_share(flags: Floats) -> Callable[[Floats | None], float | None]:
    """The measure that is the weighted mean of `flags` (n)."""

    def measure(weight: Floats | None) -> float | None:
        if weight is None:
            return float(flags.mean()) if len(flags) else None
        total = float(weight.sum())
        return float((flags * weight).sum()) / total if total > 0 else None

    return measure
