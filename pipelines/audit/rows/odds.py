"""How much a flag changes the odds of being there: the odds ratio, its interval, and the least that would be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.stats import poisson

Z95 = 1.959963984540054
POWER = 0.8
FEW = 10.0  # rows that chance alone would take or leave; below, counts are Poisson rather than normal
LARGEST = 60.0  # log of an odds ratio; nothing is asked beyond


@dataclass(frozen=True, slots=True)
class Odds:
    """The odds ratio of being there, flagged against not, with its 95 % interval.

    `margin` is the odds ratio (above 1, either way) that would have been seen in 8 of 10 such corpora, and `hidden` the
    share of the flagged rows that chance would have left there, which must be gone for that; None if no loss would.
    """

    estimate: float
    low: float
    high: float
    margin: float | None
    hidden: float | None


def odds(
    there: np.ndarray, chance: np.ndarray, flag: np.ndarray, weight: np.ndarray, variance: float, p: float
) -> Odds:
    """From rows (n) that are `there` or not with a `chance`; `weight` is flag less what the source columns expect.

    `variance` is that of sum(weight x there) when exchanged, `p` the level at which a test speaks.
    """
    logit = np.log(chance / (1 - chance))
    flagged = flag > 0
    # half a row each way keeps the estimate finite where all flagged rows are there, or none
    gone, kept = ((1 - there) * flagged).sum(), (there * flagged).sum()
    seen = float(weight @ there)
    nudge = 0.5 * float(kept == 0) - 0.5 * float(gone == 0)
    beta = _solve(logit, weight, seen + nudge)
    now = _expit(logit + beta * weight)
    information = float((weight**2 * now * (1 - now)).sum())
    plain = float((weight**2 * chance * (1 - chance)).sum())
    # clustered rows say less than as many single ones
    inflation = max(1.0, variance / plain) if plain > 0 else 1.0
    error = math.sqrt(inflation / max(information, 0.25))
    margin, hidden = _margin(logit[flagged], chance[flagged], weight[flagged], variance, p)
    return Odds(_exp(beta), _exp(beta - Z95 * error), _exp(beta + Z95 * error), margin, hidden)


def _solve(logit: np.ndarray, weight: np.ndarray, seen: float) -> float:
    """The log odds ratio with which sum(weight x chance) is what was seen."""
    low, high = -LARGEST / 2, LARGEST / 2
    for _ in range(60):
        middle = (low + high) / 2
        if float((weight * _expit(logit + middle * weight)).sum()) < seen:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _margin(
    logit: np.ndarray, chance: np.ndarray, weight: np.ndarray, variance: float, p: float
) -> tuple[float | None, float | None]:
    """The least loss of flagged rows that a test at level `p` sees with power 0.8."""
    expected = float((weight * chance).sum())
    if not len(logit) or expected <= 0:
        return None, None
    needed, spread = NormalDist().inv_cdf(1 - p / 2), NormalDist().inv_cdf(POWER)

    def seen(size: float) -> bool:
        after = _expit(logit - size)
        lost = float((weight * (chance - after)).sum())
        if variance < FEW:
            least = float(poisson.isf(p / 2, max(variance, 1e-12))) + 1
            return bool(poisson.sf(least - 1, variance + lost) >= POWER)
        left = float((weight**2 * after * (1 - after)).sum())
        return lost >= needed * math.sqrt(variance) + spread * math.sqrt(max(left, 0.0))

    if not seen(LARGEST):
        return None, None
    low, high = 0.0, LARGEST
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    lost = float((weight * (chance - _expit(logit - high))).sum())
    return _exp(high), lost / expected


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def _exp(x: float) -> float:
    return math.exp(min(max(x, -LARGEST), LARGEST))
