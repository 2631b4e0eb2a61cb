"""How well scores rank traces: AUROC, partial AUROC, average precision, and the curve itself.

Everything takes weights, so that a bootstrap over tasks need not copy a row; and equal scores share their rank, since
rules give few different scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.measure.figure import Bools, Floats, Ints

MAX_FPR = 0.05  # up to which the partial AUROC looks: beyond it nobody would be woken


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of the ROC curve from (0, 0) to (1, 1); a trace counts as flagged where its score is >= threshold."""

    fpr: Floats
    tpr: Floats
    threshold: Floats


class Ranked:
    """Scores (n) sorted once, to be measured under many weights.

    With `strata` (n), only traces of the same stratum are compared in `auroc`: within environments, or within the folds
    of a cross-validation, whose scores do not compare.
    """

    def __init__(self, positive: Bools, score: Floats, strata: Ints | None = None) -> None:
        strata = np.zeros(len(score), np.int64) if strata is None else strata
        self._order = np.lexsort((score, strata))
        ordered, layer = score[self._order], strata[self._order]
        fresh = np.ones(len(score), bool)
        fresh[1:] = (ordered[1:] != ordered[:-1]) | (layer[1:] != layer[:-1])
        self._starts = np.flatnonzero(fresh)  # of each run of equal scores
        self._layer = layer[self._starts]
        first = np.append(True, self._layer[1:] != self._layer[:-1]) if len(score) else np.zeros(0, bool)
        self._layers = np.flatnonzero(first)
        self._scores = ordered[self._starts]
        self._positive = positive[self._order]

    def auroc(self, weight: Floats | None = None) -> float | None:
        """The chance that a positive scores above a negative, ties half; None where there is no pair."""
        pos, neg = self._runs(weight)
        if not len(pos):
            return None
        below = np.cumsum(neg) - neg
        of_layer = np.repeat(np.arange(len(self._layers)), np.diff(np.append(self._layers, len(pos))))
        below -= below[self._layers][of_layer]
        pairs = np.add.reduceat(pos, self._layers) * np.add.reduceat(neg, self._layers)
        total = float(pairs.sum())
        return float((pos * (below + neg / 2)).sum()) / total if total > 0 else None

    def average_precision(self, weight: Floats | None = None) -> float | None:
        """Precision averaged over the positives, from the highest score down; None without positives."""
        pos, neg = (runs[::-1] for runs in self._runs(weight))
        true, flagged = np.cumsum(pos), np.cumsum(pos + neg)
        if not len(pos) or true[-1] <= 0:
            return None
        return float((pos * true / np.maximum(flagged, 1e-300)).sum() / true[-1])

    def partial_auroc(self, max_fpr: float = MAX_FPR, weight: Floats | None = None) -> float | None:
        """AUROC up to `max_fpr`, scaled so that chance is 0.5 and perfection 1 (McClish 1989)."""
        curve = self.curve(weight)
        if curve is None:
            return None
        stop = int(np.searchsorted(curve.fpr, max_fpr, "right"))
        x = np.append(curve.fpr[:stop], max_fpr)
        y = np.append(curve.tpr[:stop], np.interp(max_fpr, curve.fpr, curve.tpr))
        if curve.fpr[stop - 1] == max_fpr:
            y[-1] = curve.tpr[stop - 1]
        lowest = 0.5 * max_fpr * max_fpr
        return float(0.5 * (1 + (np.trapezoid(y, x) - lowest) / (max_fpr - lowest)))

    def curve(self, weight: Floats | None = None) -> Curve | None:
        """The ROC curve; None where one class is missing. Strata are not heeded."""
        pos, neg = self._runs(weight)
        if not len(pos) or pos.sum() <= 0 or neg.sum() <= 0:
            return None
        order = np.argsort(-self._scores, kind="stable")
        true, false = np.cumsum(pos[order]), np.cumsum(neg[order])
        thresholds = np.append(np.inf, self._scores[order])
        return Curve(np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1]), thresholds)

    def _runs(self, weight: Floats | None) -> tuple[Floats, Floats]:
        """The weight of positives and of negatives at each run of equal scores, from the lowest up."""
        if not len(self._order):
            return np.zeros(0), np.zeros(0)
        w = np.ones(len(self._order)) if weight is None else weight[self._order]
        pos = np.add.reduceat(np.where(self._positive, w, 0.0), self._starts)
        return pos, np.add.reduceat(np.where(self._positive, 0.0, w), self._starts)
