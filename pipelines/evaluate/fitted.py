"""Monitors that are fitted: scored on folds that they never saw, in distribution and with whole sources left out.

The gap between the two is the figure that matters: it says what of the score was learnt of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitors.classifier.fitting import Classifier
from monitors.fittable import Fittable, Labelled
from monitors.measure.baseline import TfidfBaseline
from monitors.measure.bootstrap import numbered, resampled
from monitors.measure.figure import Bools, Floats, Ints, absent
from monitors.measure.leakage import folds as task_folds
from monitors.measure.leakage import unfit
from monitors.measure.operating import NEEDED, cuts_for, operating_point
from monitors.measure.ranking import Ranked
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Book, categories_of, heard
from pipelines.evaluate.measure import SLICE_REPLICATES, headline, missing, ranked_figure, rates
from pipelines.evaluate.report import FittedResult, Slice

IN_DISTRIBUTION = "in distribution: tasks kept apart"
FITTED: Mapping[str, Fittable] = {"tfidf": TfidfBaseline(), "classifier": Classifier()}


@dataclass(frozen=True, slots=True)
class Shown:
    """The labelled traces that a fold may learn from or be asked about: rows of the corpus and their steps."""

    rows: Ints
    steps: pa.ListArray


def fitted_results(
    name: str,
    fittable: Fittable,
    corpus: Corpus,
    shown: Shown,
    category: str,
    leave_out: str,
    nightly: int,
    replicates: int,
) -> tuple[FittedResult, ...]:
    """Both ways of one fittable on one category."""
    known, positive = corpus.answers(category)
    inside = np.flatnonzero(known[shown.rows])
    rows = shown.rows[inside]
    truth, clusters = positive[rows], corpus.clusters[rows]
    left_out = f"leave one {leave_out} out"
    why = unfit(truth, clusters)
    if why:
        counts = (int(truth.sum()), int((~truth).sum()), 0)
        none = absent(why)
        return tuple(
            FittedResult(name, category, way, *counts, none, none, (), (), ()) for way in (IN_DISTRIBUTION, left_out)
        )
    steps = shown.steps.take(pa.array(inside))
    values = [corpus.groups[leave_out][i] for i in rows]
    fold = task_folds(truth, clusters)
    loop = _Loop(name, fittable, category, steps, truth, clusters, nightly, replicates)
    return (
        loop.result(IN_DISTRIBUTION, fold, [f"fold {i + 1}" for i in fold]),
        loop.result(left_out, numbered(values), values),
    )


@dataclass(frozen=True, slots=True)
class _Loop:
    """Fit without each fold in turn, and measure on all folds together."""

    name: str
    fittable: Fittable
    category: str
    steps: pa.ListArray
    positive: Bools
    clusters: Ints
    nightly: int
    replicates: int

    def result(self, way: str, fold: Ints, names: list[str]) -> FittedResult:
        remarks: list[str] = []
        score = np.full(len(fold), np.nan)
        for held_out in np.unique(fold):
            asked = np.flatnonzero(fold == held_out)
            label = names[int(asked[0])]
            learnt = np.flatnonzero(fold != held_out)
            if len(np.unique(self.positive[learnt])) < 2:
                remarks.append(f"{label}: not scored, since without it one class is missing")
                continue
            try:
                score[asked] = self._scores(learnt, asked)
            except ValueError as error:
                remarks.append(f"{label}: not scored, since nothing could be fitted without it: {error}")
        seen = ~np.isnan(score)
        positive, clusters, value = self.positive[seen], self.clusters[seen], score[seen]
        points = tuple(
            operating_point(t, value, positive, clusters, None, self.nightly, self.replicates) for t in NEEDED
        )
        at = headline(points)
        why = missing(positive)
        return FittedResult(
            self.name,
            self.category,
            way,
            int(positive.sum()),
            int((~positive).sum()),
            int((~seen).sum()),
            ranked_figure(positive, value, clusters, self.replicates),
            resampled(Ranked(positive, value, fold[seen]).auroc, clusters, why, self.replicates),
            points,
            self._folds(way, fold, names, score, at),
            tuple(remarks),
        )

    def _scores(self, learnt: Ints, asked: Ints) -> Floats:
        known = Labelled(
            self.steps.take(pa.array(learnt)),
            self.category,
            self.positive[learnt].tolist(),
            [str(c) for c in self.clusters[learnt]],
        )
        monitor = self.fittable.fit(known)
        book = Book(monitor.spec, categories_of(monitor.spec), "low")
        book.add(np.arange(len(asked)), heard(monitor.judge(self.steps.take(pa.array(asked)))))
        return book.closed(len(asked)).score[self.category]

    def _folds(self, way: str, fold: Ints, names: list[str], score: Floats, at: float) -> tuple[Slice, ...]:
        """Each fold by itself; thresholds are those of all folds together."""
        seen = ~np.isnan(score)
        cuts, _, count = cuts_for(at, score[seen], self.positive[seen], self.clusters[seen], None)
        flagged: Bools | None = None
        if count >= NEEDED[at] and not np.isnan(cuts).any():
            flagged = np.zeros(len(score), bool)
            flagged[seen] = score[seen] > cuts
        found = []
        for held_out in np.unique(fold):
            inside = (fold == held_out) & seen
            positive = self.positive[inside]
            auroc = ranked_figure(positive, score[inside], self.clusters[inside], SLICE_REPLICATES)
            tpr, fpr = rates(flagged, self.positive, inside)
            unseen = int(((fold == held_out) & ~seen).sum())
            name = names[int(np.flatnonzero(fold == held_out)[0])]
            counts = (int(positive.sum()), int((~positive).sum()), unseen)
            found.append(Slice(way, name, *counts, at, auroc, tpr, fpr))
        return tuple(found)
