"""All monitors as one: fused by what labelled traces of other tasks teach, so that no trace vouches for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitors.fusion.fuse import BASE_RATE, Evidence, Fusion, fit, fold_of, probability
from monitors.measure.figure import Floats, Ints
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Judged
from schemas.behaviours import CATEGORIES

FUSED = "fused"


@dataclass(frozen=True, slots=True)
class Folds:
    """The fold (n) of each trace of a corpus by category, and for each fold what the others teach."""

    fold: Mapping[str, Ints]
    fusions: Mapping[str, Mapping[int, Fusion]]

    def over(self, judged: Sequence[Judged]) -> Judged:
        """Monitors' words on the corpus, or on its traces changed, as one."""
        found = {}
        for category, fold in self.fold.items():
            log_odds = np.full(len(fold), np.nan)
            scores = scores_of(judged, category)
            for i, fusion in self.fusions[category].items():
                inside = fold == i
                log_odds[inside] = fusion.log_odds({m: s[inside] for m, s in scores.items()})
            found[category] = probability(log_odds)
        return replace(_together(judged, found), fold=self.fold)

    def elsewhere(self, judged: Sequence[Judged]) -> Judged:
        """Their words on traces that no fold was fitted on, as one: the mean of all folds."""
        found = {}
        for category, fusions in self.fusions.items():
            scores = scores_of(judged, category)
            found[category] = probability(np.mean([f.log_odds(scores) for f in fusions.values()], axis=0))
        return _together(judged, found)


def folds(judged: Sequence[Judged], corpus: Corpus) -> Folds | None:
    """What to fuse monitors by, tasks kept apart; None where there is but one of them.

    The base rate is that of all labelled traces, so that calibration errors can be read, and the same in each fold.
    """
    if len(judged) < 2:
        return None
    fold_by: dict[str, Ints] = {}
    fusions: dict[str, dict[int, Fusion]] = {}
    digests = {j.monitor: j.digest for j in judged}
    for category in CATEGORIES:
        known, positive = corpus.answers(category)
        fold = fold_by[category] = fold_of(corpus.clusters, positive)
        evidence = Evidence(scores_of(judged, category), positive, corpus.clusters)
        fusions[category] = {}
        base_rate = min(float(positive[known].mean()), 0.99) if positive.any() else BASE_RATE
        for i in np.unique(fold):
            learnt = known & (fold != i)
            fusions[category][int(i)] = fit(category, evidence.taken(learnt), digests, base_rate)
    return Folds(fold_by, fusions)


def scores_of(judged: Sequence[Judged], category: str) -> dict[str, Floats]:
    """The scores (n) of the monitors that look for the category."""
    return {j.monitor: j.score[category] for j in judged if category in j.categories}


def _together(judged: Sequence[Judged], score: Mapping[str, Floats]) -> Judged:
    alerted = {c: np.logical_or.reduce([j.alerted[c] for j in judged]) for c in CATEGORIES}
    behaviours = {
        b: frozenset().union(*(j.behaviours.get(b, frozenset()) for j in judged))
        for b in sorted({b for j in judged for b in j.behaviours})
    }
    categories = tuple(c for c in CATEGORIES if any(c in j.categories for j in judged))
    unseen = int(np.logical_and.reduce([~j.assessed for j in judged]).sum())
    return Judged(FUSED, "", "", categories, dict(score), alerted, behaviours, {"by none": unseen} if unseen else {})
