"""Whether a score of 0.7 means seven in ten: reliability by bins, and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.measure.figure import Bools, Figure, Floats, share

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Traces whose score lies in [low, high), the last bin closed: their mean score, and how many are positive."""

    low: float
    high: float
    mean_score: float
    positive: Figure


@dataclass(frozen=True, slots=True)
class Calibration:
    """The expected calibration error over bins of equal width, and the Brier score.

    Both hold at the base rate of the labelled set, and at no other.
    """

    error: float | None
    brier: float | None
    bins: tuple[Bin, ...]


def calibration(score: Floats, positive: Bools) -> Calibration:
    """The calibration of scores in 0..1 (n); empty bins are left out."""
    if not len(score):
        return Calibration(None, None, ())
    place = np.clip((score * BINS).astype(np.int64), 0, BINS - 1)
    bins = []
    error = 0.0
    for i in np.unique(place):
        inside = place == i
        found = share(int(positive[inside].sum()), int(inside.sum()))
        mean = float(score[inside].mean())
        error += float(inside.mean()) * abs(mean - (found.value or 0.0))
        bins.append(Bin(float(i / BINS), float((i + 1) / BINS), mean, found))
    return Calibration(error, float(((score - positive) ** 2).mean()), tuple(bins))
