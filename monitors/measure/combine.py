"""One score of several monitors'. A baseline, for want of one that was calibrated on labelled traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from monitors.measure.figure import Floats

Combination = Callable[[Sequence[Floats]], Floats]


def noisy_or(scores: Sequence[Floats]) -> Floats:
    """The chance that at least one is right, were they independent. NaN is a monitor that did not look.

    >>> noisy_or([np.array([0.5, 0.5]), np.array([0.5, np.nan])])
    array([0.75, 0.5 ])
    """
    stacked = np.stack(scores)
    missed = np.prod(np.where(np.isnan(stacked), 1.0, 1 - np.clip(stacked, 0, 1)), axis=0)
    return np.where(np.isnan(stacked).all(axis=0), np.nan, 1 - missed)


def highest(scores: Sequence[Floats]) -> Floats:
    """The highest score of those that looked."""
    return np.fmax.reduce(np.stack(scores), axis=0)


COMBINATIONS: dict[str, Combination] = {"combined.noisy_or": noisy_or, "combined.max": highest}
