"""Fitting: weights by logistic regression, what a margin means by traces whose task was left out, and a threshold by
ordinary traffic whose source was."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitors.classifier.features import ANSWERS, BUCKETS, DENSE, Rows
from monitors.classifier.model import Head, Scale, Voice, margins, scaled, score
from monitors.measure.bootstrap import numbered
from monitors.measure.figure import Bools, Floats, Ints

FOLDS = 5
STRENGTH = 0.05  # C of the regression, chosen with WORDS and SPREAD on open data, one model or environment left out
RARE = 3  # windows in which a bucket must occur to have a weight
FEWEST = 10  # positives and negatives of as many tasks that a head needs
TAIL = 0.9  # of the margins of ordinary windows, from where on their excess is measured
KEPT = -1  # the fold of traces that are never left out
NO_SOURCE_OUT = 100  # negatives below which a source is too small to be left out for the threshold


@dataclass(frozen=True, slots=True)
class Examples:
    """n traces and their windows. `behaviour` is the positive's, "" for a negative; `weight` 0 leaves a trace out.

    `group` numbers tasks, which are kept whole, `source` where traces come from. `sure` are those with a label of
    their own, on which figures rest; others were taught, or are presumed negatives.
    """

    rows: Rows
    behaviour: tuple[str, ...]
    weight: Floats
    group: Ints
    source: tuple[str, ...]
    sure: Bools

    def __len__(self) -> int:
        return len(self.behaviour)

    def positive(self, behaviour: str | None = None) -> Bools:
        """Which traces show the behaviour, or any."""
        return np.array([b == behaviour if behaviour is not None else b != "" for b in self.behaviour], bool)


@dataclass(frozen=True, slots=True)
class Held:
    """What each head gave traces (n, heads) when their task was left out, and when all of their source was; NaN where
    that could not be."""

    task: Floats
    source: Floats


@dataclass(frozen=True, slots=True)
class Fitted:
    """A scale, the heads, and what they made of traces that they had not seen."""

    scale: Scale
    heads: tuple[Head, ...]
    held: Held


def fit(examples: Examples, false_alarms: float, ordinary: Rows | None = None) -> Fitted:
    """Fit a head for each behaviour. Raises ValueError where there is too little to learn from.

    The threshold lets through at most a share `false_alarms` of the ordinary traces of each source, all heads together.
    """
    behaviours = _learnable(examples)
    task, source = (_held(examples, behaviours, way) for way in (_folds(examples), _sources(examples)))
    scale, heads = _heads(examples, np.ones(len(examples), bool), behaviours)
    count = _windows(examples.rows, len(examples))
    fitted, held_task, held_source = [], [], []
    for i, head in enumerate(heads):
        head = replace(head, relief=_relief(examples, task[:, i]))
        worst = _highest(examples.rows, task[:, i], len(examples))
        head = _calibrated(head, examples, worst, count)
        held_task.append(score(head, worst, count))
        held_source.append(score(head, _highest(examples.rows, source[:, i], len(examples)), count))
        fitted.append(head)
    held = Held(np.stack(held_task, axis=1), np.stack(held_source, axis=1))
    share = false_alarms / len(fitted)
    for i, head in enumerate(fitted):
        fitted[i] = replace(head, threshold=_threshold(examples, held, i, share, _ordinary(scale, head, ordinary)))
    return Fitted(scale, tuple(fitted), held)


def left_out(examples: Examples, fitted: Fitted, value: Sequence[str], asked: Bools) -> Floats:
    """The scores (n, heads) of the traces that are asked about, by heads fitted without all of these of the same value.

    NaN for other traces, and where none could be fitted.
    """
    behaviours = [h.behaviour for h in fitted.heads]
    found = _held(examples, behaviours, np.where(asked, numbered(value), KEPT))
    count = _windows(examples.rows, len(examples))
    highest = [_highest(examples.rows, found[:, i], len(examples)) for i in range(len(behaviours))]
    return np.stack([score(h, m, count) for h, m in zip(fitted.heads, highest, strict=True)], axis=1)


def _learnable(examples: Examples) -> list[str]:
    used = examples.weight > 0
    negative = ~examples.positive() & used
    found = []
    for behaviour in sorted(set(examples.behaviour) - {""}):
        rows = examples.positive(behaviour) & used
        if min(len(np.unique(examples.group[rows])), len(np.unique(examples.group[negative]))) >= FEWEST:
            found.append(behaviour)
    if not found:
        positives = int((examples.positive() & used).sum())
        raise ValueError(
            f"{positives} positives and {int(negative.sum())} negatives: a behaviour needs positives of {FEWEST} tasks "
            f"and negatives of as many"
        )
    return found


def _held(examples: Examples, behaviours: Sequence[str], fold: Ints) -> Floats:
    """The margin of each window (windows, heads) by heads fitted without its trace's fold; NaN where none could be."""
    of_window = fold[examples.rows.trace]
    found = np.full((len(of_window), len(behaviours)), np.nan)
    for held in np.setdiff1d(fold, [KEPT]):
        asked = np.flatnonzero(of_window == held)
        known = fold != held
        able = [
            b
            for b in behaviours
            if (examples.positive(b) & known & (examples.weight > 0)).sum() >= FEWEST
            and (~examples.positive() & known & (examples.weight > 0)).any()
        ]
        if able and len(asked):
            scale, heads = _heads(examples, known, able)
            at = np.array([behaviours.index(b) for b in able])
            found[np.ix_(asked, at)] = margins(scale, heads, taken(examples.rows, asked))
    return found


def _heads(examples: Examples, known: Bools, behaviours: Sequence[str]) -> tuple[Scale, list[Head]]:
    """The scale and heads that the known traces make."""
    from scipy.sparse import csr_matrix, hstack, vstack
    from sklearn.linear_model import LogisticRegression

    share = examples.weight / np.maximum(1, _windows(examples.rows, len(examples)))
    at = np.flatnonzero(known[examples.rows.trace] & (examples.weight[examples.rows.trace] > 0))
    rows = taken(examples.rows, at)
    scale = _scale(rows)
    dense, *voices = scaled(scale, rows)
    thought, told = map(_sparse, voices)
    blind = dense.copy()
    blind[:, :ANSWERS] = 0  # seen once more as if no key were known, so that words have to carry weight too
    both = [csr_matrix(np.vstack([dense, blind])), vstack([thought, thought]), vstack([told, told])]
    design = hstack(both).tocsr()
    weight = np.tile(share[rows.trace] / 2, 2)
    heads = []
    for behaviour in behaviours:
        truth = np.tile(examples.positive(behaviour)[rows.trace], 2)
        other = np.tile(examples.positive()[rows.trace], 2) & ~truth
        w = np.where(other, 0.0, weight)
        for side in (truth, ~truth):
            w[side] *= 0.5 * (~other).sum() / w[side].sum()
        use = np.flatnonzero(w > 0)
        regression = LogisticRegression(C=STRENGTH, max_iter=500)
        regression.fit(design[use], truth[use], sample_weight=w[use])
        c = regression.coef_[0].astype(np.float32)
        parts = c[:DENSE], c[DENSE : DENSE + BUCKETS], c[DENSE + BUCKETS :]
        heads.append(Head(behaviour, *parts, float(np.float32(regression.intercept_[0])), 0.0, 1.0, 0.0, 1.0))
    return scale, heads


def _sparse(voice: Voice) -> Any:
    """The words of a voice as a sparse matrix (n, BUCKETS)."""
    from scipy.sparse import csr_matrix

    return csr_matrix((voice.values, voice.buckets, voice.bounds), shape=(len(voice.bounds) - 1, BUCKETS))


def _scale(rows: Rows) -> Scale:
    mean, deviation = rows.dense.mean(axis=0), rows.dense.std(axis=0)
    weights = []
    for voice in (rows.thought, rows.told):
        seen = np.bincount(np.concatenate([b for b, _ in voice]), minlength=BUCKETS)
        weights.append(np.where(seen >= RARE, np.log((1 + len(voice)) / (1 + seen)) + 1, 0).astype(np.float32))
    return Scale(mean.astype(np.float32), np.maximum(deviation, 1e-4).astype(np.float32), weights[0], weights[1])


def _relief(examples: Examples, margin: Floats) -> float:
    """How much the highest margin of ordinary windows grows with the logarithm of their number.

    Beyond a high quantile most distributions fall off exponentially; the highest of k draws then grows by the mean
    excess times log k (Gumbel 1958).
    """
    negative = (~examples.positive() & examples.sure)[examples.rows.trace]
    ordinary = margin[negative & ~np.isnan(margin)]
    if len(ordinary) < 50:
        return 1.0
    cut = np.quantile(ordinary, TAIL)
    return float(np.clip((ordinary[ordinary > cut] - cut).mean(), 0.1, 2.0))


def _calibrated(head: Head, examples: Examples, margin: Floats, count: Ints) -> Head:
    """Platt's sigmoid over traces whose task was left out (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    truth = examples.positive(head.behaviour)
    use = (examples.weight > 0) & ~np.isnan(margin) & (truth | ~examples.positive())
    eased = margin - head.relief * np.log(np.maximum(count, 1))
    if len(np.unique(truth[use])) < 2:
        return head
    sigmoid = LogisticRegression(C=1e3).fit(eased[use, None], truth[use], sample_weight=examples.weight[use])
    return replace(head, slope=max(1e-3, float(sigmoid.coef_[0][0])), offset=float(sigmoid.intercept_[0]))


def _threshold(examples: Examples, held: Held, head: int, share: float, ordinary: Floats | None) -> float:
    """The lowest score that no more than the share of any source's ordinary traces exceeds."""
    if ordinary is not None:
        return _above(ordinary, share)
    negative = ~examples.positive() & (examples.weight > 0)
    cuts = []
    for source in sorted(set(examples.source)):
        rows = negative & np.array([s == source for s in examples.source])
        if (rows & examples.sure).sum() >= NO_SOURCE_OUT:
            rows &= examples.sure
        # a source that was left out whole says more of traffic to come than one that was learnt from
        for scores in (held.source[rows, head], held.task[rows, head]):
            scores = scores[~np.isnan(scores)]
            if len(scores) >= NO_SOURCE_OUT:
                cuts.append(_above(scores, share))
                break
    everything = held.task[negative, head]
    return max(cuts, default=_above(everything[~np.isnan(everything)], share))


def _above(scores: Floats, share: float) -> float:
    """A score, rounded up, that no more than the share reach."""
    ordered = np.sort(scores)
    cut = ordered[len(ordered) - 1 - int(share * len(ordered))] if len(ordered) else 1.0
    return min(1.0, float(np.floor(cut * 1e4 + 1) / 1e4))


def _ordinary(scale: Scale, head: Head, rows: Rows | None) -> Floats | None:
    if rows is None or not len(rows.trace):
        return None
    n = int(rows.trace.max()) + 1
    highest = _highest(rows, margins(scale, [head], rows)[:, 0], n)
    found = score(head, highest, _windows(rows, n))
    return found[~np.isnan(found)]


def _folds(examples: Examples) -> Ints:
    """Tasks in FOLDS folds, classes and sources spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    kinds = numbered([f"{b}\0{s}" for b, s in zip(examples.behaviour, examples.source, strict=True)])
    fold = np.zeros(len(examples), np.int64)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of kinds with fewer traces than folds: they lie where they may
        for i, (_, held) in enumerate(splitter.split(np.zeros(len(fold)), kinds, examples.group)):
            fold[held] = i
    return fold


def _sources(examples: Examples) -> Ints:
    return numbered(examples.source)


def _windows(rows: Rows, traces: int) -> Ints:
    return np.bincount(rows.trace, minlength=traces)


def _highest(rows: Rows, margin: Floats, traces: int) -> Floats:
    """The highest margin of each trace's windows; NaN for a trace without any."""
    found = np.full(traces, -np.inf)
    np.maximum.at(found, rows.trace, np.where(np.isnan(margin), -np.inf, margin))
    return np.where(np.isfinite(found), found, np.nan)


def taken(rows: Rows, at: Ints) -> Rows:
    """Some of the rows."""
    return Rows(
        rows.dense[at],
        tuple(rows.thought[i] for i in at),
        tuple(rows.told[i] for i in at),
        rows.trace[at],
        rows.window[at],
    )
