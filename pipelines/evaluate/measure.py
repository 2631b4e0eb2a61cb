"""All figures of one monitor on one category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monitors.measure.bootstrap import REPLICATES, numbered, resampled
from monitors.measure.calibration import calibration
from monitors.measure.figure import Bools, Figure, Floats, Ints, absent, share
from monitors.measure.leakage import Probe
from monitors.measure.operating import NEEDED, OperatingPoint, cuts_for, operating_point
from monitors.measure.ranking import MAX_FPR, Curve, Ranked
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Judged
from pipelines.evaluate.report import BehaviourResult, Lift, Measured, Point, Ranking, Slice, VariantResult
from schemas.behaviours import BEHAVIOURS

MOST_VALUES = 30  # of a column, those with the most traces
FEWEST_POSITIVES = 20  # of a behaviour; fewer are told as counts of alerts alone
ROC_POINTS = 400
SLICE_REPLICATES = 200
LIFTED_OVER = "prompt + environment"


@dataclass(frozen=True, slots=True)
class Question:
    """A monitor's scores on one category, at the traces with an answer that it could look at: m rows of the corpus.

    `ordinary` are its scores of separate ordinary traffic.
    """

    corpus: Corpus
    judged: Judged
    category: str
    rows: Ints
    positive: Bools
    score: Floats
    ordinary: Floats | None
    nightly: int
    replicates: int = REPLICATES

    @property
    def clusters(self) -> Ints:
        return self.corpus.clusters[self.rows]


def measured(
    corpus: Corpus,
    judged: Judged,
    changed: Mapping[str, tuple[str, Judged]],
    category: str,
    ordinary: Floats | None,
    probe: tuple[Ints, Probe] | None,
    nightly: int,
    replicates: int,
) -> Measured:
    """Every figure, or the words for why there is none. `changed`: variant -> its meaning and what was said of it.

    `probe` is the one that lift is taken over, with its rows.
    """
    known, positive = corpus.answers(category)
    assessed = judged.looked(category)
    rows = np.flatnonzero(known & assessed)
    unseen = known & ~assessed
    counts = (int((known & positive).sum()), int((known & ~positive).sum()))
    lost = (int((unseen & positive).sum()), int((unseen & ~positive).sum()))
    why = None
    if category not in judged.categories:
        why = f"{judged.monitor} looks for no {category}"
    elif not sum(counts):
        why = "no trace has a label for it"
    elif not len(rows):
        why = "no labelled trace could be looked at"
    if why:
        return Measured(category, judged.monitor, *counts, *lost, why)
    question = Question(
        corpus, judged, category, rows, positive[rows], judged.score[category][rows], ordinary, nightly, replicates
    )
    points = tuple(
        operating_point(t, question.score, question.positive, question.clusters, ordinary, nightly, replicates)
        for t in NEEDED
    )
    at = headline(points)
    return Measured(
        category,
        judged.monitor,
        *counts,
        *lost,
        None,
        _ranking(question),
        points,
        calibration(question.score, question.positive),
        _lift(question, probe),
        slices(question, at),
        tuple(_variant(question, at, name, *pair) for name, pair in changed.items()),
        _behaviours(question, at),
        roc_points(Ranked(question.positive, question.score).curve()),
    )


def headline(points: tuple[OperatingPoint, ...]) -> float:
    """The target whose cut slices and variants share: 1 %, or 5 % where that is refused."""
    return next((p.target for p in points if p.target >= 0.01 and p.refused is None), 0.05)


def ranked_figure(positive: Bools, score: Floats, clusters: Ints, replicates: int) -> Figure:
    """AUROC with its interval by tasks, or which class is missing."""
    return resampled(Ranked(positive, score).auroc, clusters, missing(positive), replicates)


def missing(positive: Bools) -> str:
    """Which class is not there."""
    return "no traces" if not len(positive) else "no positives" if not positive.any() else "no negatives"


def flagged_by(question: Question, target: float) -> Bools | None:
    """Which of the m rows lie above the cut for a target; None where it is refused."""
    cuts, _, count = cuts_for(target, question.score, question.positive, question.clusters, question.ordinary)
    return None if count < NEEDED[target] or np.isnan(cuts).any() else question.score > cuts


def rates(flagged: Bools | None, positive: Bools, inside: Bools) -> tuple[Figure, Figure]:
    """TPR and FPR on some of the rows."""
    if flagged is None:
        refused = absent("too few ordinary traces to choose a threshold")
        return refused, refused
    true, false = positive & inside, ~positive & inside
    return (
        share(int(flagged[true].sum()), int(true.sum()), "positives"),
        share(int(flagged[false].sum()), int(false.sum()), "negatives"),
    )


def slices(question: Question, at: float) -> tuple[Slice, ...]:
    """Figures by source, environment, model, length of reasoning and whatever else was asked for."""
    flagged = flagged_by(question, at)
    known, _ = question.corpus.answers(question.category)
    unseen = known & ~question.judged.looked(question.category)
    found = []
    for by, values in question.corpus.groups.items():
        column = np.asarray(values, object)
        mine = column[question.rows]
        counts = Counter(column[known].tolist())  # what could not be looked at is a part, too
        for value, _ in sorted(counts.items(), key=lambda i: (-i[1], i[0]))[:MOST_VALUES]:
            inside = mine == value
            positive = question.positive[inside]
            few = min(question.replicates, SLICE_REPLICATES)
            auroc = ranked_figure(positive, question.score[inside], question.clusters[inside], few)
            unread = int((unseen & (column == value)).sum())
            tpr, fpr = rates(flagged, question.positive, inside)
            found.append(Slice(by, value, int(positive.sum()), int((~positive).sum()), unread, at, auroc, tpr, fpr))
    return tuple(found)


def roc_points(curve: Curve | None) -> tuple[Point, ...]:
    """At most ROC_POINTS points of the curve, dense where few negatives are flagged."""
    if curve is None:
        return ()
    steps = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, ROC_POINTS)])
    keep = np.unique(np.searchsorted(curve.fpr, steps, "right") - 1)
    return tuple(Point(float(curve.fpr[i]), float(curve.tpr[i])) for i in keep)


def _ranking(question: Question) -> Ranking:
    ranked = Ranked(question.positive, question.score)
    why, clusters = missing(question.positive), question.clusters
    folds = question.judged.fold
    fold = None if folds is None else folds[question.category][question.rows]
    environments = [question.corpus.groups["environment"][i] for i in question.rows]
    strata = numbered(environments if fold is None else list(zip(environments, fold.tolist(), strict=True)))
    within = Ranked(question.positive, question.score, strata)
    return Ranking(
        resampled(Ranked(question.positive, question.score, fold).auroc, clusters, why, question.replicates),
        resampled(lambda w: ranked.partial_auroc(MAX_FPR, w), clusters, why, question.replicates),
        resampled(ranked.average_precision, clusters, why, question.replicates),
        resampled(within.auroc, clusters, "no environment has both classes", question.replicates),
    )


def _lift(question: Question, probe: tuple[Ints, Probe] | None) -> Lift | None:
    """The monitor beside the probe, on the same traces, both within the probe's folds."""
    if probe is None:
        return None
    probed, result = probe
    if result.scores is None or result.fold is None:
        return Lift(LIFTED_OVER, result.auroc, result.auroc, absent(result.auroc.why or "the probe gave no figure"))
    place = {int(row): i for i, row in enumerate(probed)}
    both = np.array([i for i, row in enumerate(question.rows) if int(row) in place], np.int64)
    at = np.array([place[int(question.rows[i])] for i in both], np.int64)
    positive, clusters, fold = question.positive[both], question.clusters[both], result.fold[at]
    plain, ours = Ranked(positive, result.scores[at], fold), Ranked(positive, question.score[both], fold)

    def gained(weight: Floats | None) -> float | None:
        mine, theirs = ours.auroc(weight), plain.auroc(weight)
        return None if mine is None or theirs is None else mine - theirs

    why, n = missing(positive), question.replicates
    return Lift(
        LIFTED_OVER,
        resampled(plain.auroc, clusters, why, n),
        resampled(ours.auroc, clusters, why, n),
        resampled(gained, clusters, why, n),
    )


def _variant(question: Question, at: float, name: str, meaning: str, changed: Judged) -> VariantResult:
    """What is left where the traces were changed: the cut stays where whole traces put it."""
    score = changed.score[question.category][question.rows]
    seen = ~np.isnan(score)
    positive, clusters = question.positive[seen], question.clusters[seen]
    cuts, _, count = cuts_for(at, question.score, question.positive, question.clusters, question.ordinary)
    refused = count < NEEDED[at] or bool(np.isnan(cuts).any())
    every = np.ones(len(positive), bool)
    tpr, fpr = rates(None if refused else score[seen] > cuts[seen], positive, every)
    unchanged, _ = rates(None if refused else question.score[seen] > cuts[seen], positive, every)
    few = min(question.replicates, SLICE_REPLICATES)
    return VariantResult(
        name,
        meaning,
        int(positive.sum()),
        int((~positive).sum()),
        int((~seen).sum()),
        at,
        ranked_figure(positive, score[seen], clusters, few),
        ranked_figure(positive, question.score[seen], clusters, few),
        tpr,
        unchanged,
        fpr,
    )


def _behaviours(question: Question, at: float) -> tuple[BehaviourResult, ...]:
    """By behaviour, for each that a label or an alert names."""
    flagged = flagged_by(question, at)
    labelled = [question.corpus.truth[int(i)].behaviours for i in question.rows]
    if not any(True in told.values() for told in labelled):  # labels that name none cannot say which alert is right
        return ()
    alerted = question.judged.alerted[question.category][question.rows]
    found = []
    for behaviour in BEHAVIOURS.values():
        if behaviour.category != question.category:
            continue
        shows = np.array([t.get(behaviour.id) is True for t in labelled], bool)
        denied = np.array([t.get(behaviour.id) is False for t in labelled], bool)
        rows = question.judged.behaviours.get(behaviour.id, frozenset())
        named = np.array([int(i) in rows for i in question.rows], bool)
        n = int(shows.sum())
        right, wrong = int((named & shows).sum()), int((named & denied).sum())
        if not n and not right + wrong:
            continue
        few = absent(f"{n} positives, and {FEWEST_POSITIVES} are needed")
        enough = n >= FEWEST_POSITIVES
        inside = shows | (~question.positive & denied)
        found.append(
            BehaviourResult(
                behaviour.id,
                n,
                ranked_figure(shows[inside], question.score[inside], question.clusters[inside], SLICE_REPLICATES)
                if enough
                else few,
                rates(flagged, shows, shows)[0] if enough else few,
                share(right, n, "positives") if enough else few,
                share(int((alerted & shows).sum()), n, "positives") if enough else few,
                share(right, right + wrong, "alerts on traces of which it is known"),
            )
        )
    return tuple(found)
