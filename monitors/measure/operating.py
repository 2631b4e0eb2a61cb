"""What a monitor does at a threshold people can live with: chosen on ordinary traffic, reported on other traces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitors.measure.bootstrap import REPLICATES, resampled, weighted_share
from monitors.measure.figure import Bools, Figure, Floats, Ints, absent, share

# false-positive rates, and the ordinary traces below which a threshold for one is refused: ten false alarms make it
NEEDED = {0.001: 10_000, 0.01: 1_000, 0.05: 100}
BASE_RATES = (0.01, 0.001, 0.0001)
SEPARATE = "ordinary traffic of its own"
HALVES = "the other half of the negatives, split by task"

REFUSED = absent("refused")


@dataclass(frozen=True, slots=True)
class BaseRate:
    """Where `rate` of all traces are positive: the share of alerts that are right, and false cases a night."""

    rate: float
    ppv: Figure
    false_cases: Figure


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What is caught where `target` of ordinary traces may be flagged: those that score above the cuts.

    `refused` says why there is no such point. `tpr` and `fpr` have Wilson's intervals, `tpr_by_task` that of a
    bootstrap over tasks. `g_mean_squared` is TPR x TNR.
    """

    target: float
    chosen_on: str
    ordinary: int
    refused: str | None
    cuts: tuple[float, ...] = ()
    tpr: Figure = REFUSED
    tpr_by_task: Figure = REFUSED
    fpr: Figure = REFUSED
    g_mean_squared: Figure = REFUSED
    base_rates: tuple[BaseRate, ...] = ()


def cut(ordinary: Floats, target: float) -> float:
    """The lowest score above which at most `target` of ordinary traces lie; what equals it is not flagged.

    >>> cut(np.array([0.0, 0.0, 0.0, 0.7]), 0.25)
    0.0
    """
    allowed = math.floor(target * len(ordinary) + 1e-9)
    return float(np.sort(ordinary)[::-1][min(allowed, len(ordinary) - 1)])


def cuts_for(
    target: float, score: Floats, positive: Bools, clusters: Ints, ordinary: Floats | None
) -> tuple[Floats, str, int]:
    """The cut for each trace (n), what it was chosen on, and how many ordinary traces that were in all.

    With `ordinary` (scores of separate traffic) it is one cut. Without, tasks are split in two, and each half is cut
    where the negatives of the other say.
    """
    if ordinary is not None:
        where = cut(ordinary, target) if len(ordinary) else np.nan
        return np.full(len(score), where), SEPARATE, len(ordinary)
    side_of = halves(clusters)
    cuts = np.full(len(score), np.nan)
    for side in (0, 1):
        others = score[~positive & (side_of != side)]
        if len(others):
            cuts[side_of == side] = cut(others, target)
    return cuts, HALVES, int((~positive).sum())


def operating_point(
    target: float,
    score: Floats,
    positive: Bools,
    clusters: Ints,
    ordinary: Floats | None,
    nightly: int,
    replicates: int = REPLICATES,
) -> OperatingPoint:
    """The operating point of scores (n) with labels (n) and tasks (n), or the words for why it is refused."""
    cuts, chosen_on, count = cuts_for(target, score, positive, clusters, ordinary)
    if count < NEEDED[target]:
        why = f"{count:,} ordinary traces, and {percent(target)} needs {NEEDED[target]:,}"
        return OperatingPoint(target, chosen_on, count, why)
    if np.isnan(cuts).any():
        why = "the negatives are of too few tasks to be split"
        return OperatingPoint(target, chosen_on, count, why)
    flagged = score > cuts
    tpr = share(int(flagged[positive].sum()), int(positive.sum()), "positives")
    fpr = share(int(flagged[~positive].sum()), int((~positive).sum()), "negatives")
    by_task = resampled(
        weighted_share(flagged[positive].astype(np.float64)), clusters[positive], "no positives", replicates
    )
    rates = tuple(BaseRate(rate, _ppv(rate, tpr, fpr), _false_cases(rate, fpr, nightly)) for rate in BASE_RATES)
    values = tuple(float(v) for v in np.unique(cuts))
    return OperatingPoint(target, chosen_on, count, None, values, tpr, by_task, fpr, _g_mean(tpr, fpr), rates)


def percent(share_: float) -> str:
    """A share in per cent, as short as it goes.

    >>> percent(0.001)
    '0.1 %'
    """
    return f"{share_ * 100:g} %"


def halves(clusters: Ints) -> Ints:
    """0 or 1 for each task, by chance that is always the same."""
    present, place = np.unique(clusters, return_inverse=True)
    sides = np.arange(len(present)) % 2
    np.random.default_rng(len(present)).shuffle(sides)
    return sides[place].astype(np.int64)


def _g_mean(tpr: Figure, fpr: Figure) -> Figure:
    if tpr.value is None or fpr.value is None:
        return absent(tpr.why or fpr.why or "")
    return Figure(tpr.value * (1 - fpr.value))


def _ppv(rate: float, tpr: Figure, fpr: Figure) -> Figure:
    """The positive predictive value, its bounds from the worse and the better ends of both intervals."""
    pairs = ((tpr.value, fpr.value), (tpr.low, fpr.high), (tpr.high, fpr.low))
    value, low, high = (_one_ppv(rate, t, f) for t, f in pairs)
    return absent(tpr.why or fpr.why or "nothing is flagged") if value is None else Figure(value, low, high)


def _one_ppv(rate: float, tpr: float | None, fpr: float | None) -> float | None:
    if tpr is None or fpr is None:
        return None
    right, wrong = rate * tpr, (1 - rate) * fpr
    return right / (right + wrong) if right + wrong > 0 else None


def _false_cases(rate: float, fpr: Figure, nightly: int) -> Figure:
    if fpr.value is None or fpr.low is None or fpr.high is None:
        return absent(fpr.why or "")
    ordinary = nightly * (1 - rate)
    return Figure(fpr.value * ordinary, fpr.low * ordinary, fpr.high * ordinary)
