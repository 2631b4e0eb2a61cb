"""All monitors' scores of a category as one probability: what each is worth, weighted, on top of a base rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from monitors.fusion.maps import ScoreMap, capped, score_map, tally
from monitors.measure.figure import Bools, Floats, Ints

BASE_RATE = 0.01  # of traces that show the category, unless somebody knows better
FOLDS = 5
HELD_TO_ONE = 5.0  # how much it costs a weight to leave 1, in units of log-likelihood over tasks
FEWEST = 20  # tasks of either class; with fewer, weights are not fitted
CARRIED = 20.0  # tasks that positives from elsewhere count for at most: the next way of cheating is another
DECIMALS = 9  # of a suspicion, so that every engine gives the same

Scores = Mapping[str, Floats]  # monitor -> scores (n), NaN where it did not look


@dataclass(frozen=True, slots=True)
class Part:
    """What one monitor contributes: its map and weight, and the tallies that they were made of.

    `digest` is the monitor's that was fitted.
    """

    monitor: str
    digest: str
    weight: float
    map: ScoreMap
    positive: tuple[float, ...] = field(repr=False)
    negative: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fusion:
    """The monitors of one category as one. A monitor without a part has no say."""

    category: str
    base_rate: float
    parts: tuple[Part, ...]

    def log_odds(self, scores: Scores) -> Floats:
        """Log-odds (n) at the base rate. A monitor that did not look adds nothing; NaN where none of them did."""
        worth = [part.weight * part.map(scores[part.monitor]) for part in self.parts if part.monitor in scores]
        if not worth:
            return np.full(len(next(iter(scores.values()), np.zeros(0))), np.nan)
        stacked = np.stack(worth)
        looked = ~np.isnan(stacked)
        total = np.where(looked, stacked, 0.0).sum(axis=0) + logit(self.base_rate)
        return np.where(looked.any(axis=0), total, np.nan)

    def suspicion(self, scores: Scores) -> Floats:
        """The probability (n) that a trace shows the category, were the base rate true."""
        return probability(self.log_odds(scores))


@dataclass(frozen=True, slots=True)
class Evidence:
    """n traces with scores, their answers, and the tasks (numbered) that they belong to."""

    scores: Scores
    positive: Bools
    tasks: Ints

    def taken(self, rows: Ints | Bools) -> Evidence:
        return Evidence({m: s[rows] for m, s in self.scores.items()}, self.positive[rows], self.tasks[rows])


def fit(
    category: str,
    known: Evidence,
    digests: Mapping[str, str],
    base_rate: float = BASE_RATE,
    earlier: Fusion | None = None,
    most: float = math.inf,
) -> Fusion:
    """Maps from the evidence, and weights where it has enough tasks of either class.

    Of `earlier`, positives are carried over, and weights where none can be fitted. The evidence may be ordinary traffic
    alone: then a monitor is worth the more the rarer such a score is there. Positives count for `most` tasks at most.
    """
    before = {part.monitor: part for part in earlier.parts} if earlier else {}
    parts = _parts(known, digests, before, most)
    if enough(known):
        weights = _weights(parts, known, digests, before, most)
        parts = [
            Part(p.monitor, p.digest, w, p.map, p.positive, p.negative) for p, w in zip(parts, weights, strict=True)
        ]
    return Fusion(category, base_rate, tuple(parts))


def enough(known: Evidence) -> bool:
    """Whether weights can be fitted."""
    sides = (known.tasks[known.positive], known.tasks[~known.positive])
    return all(len(np.unique(side)) >= FEWEST for side in sides)


def fold_of(tasks: Ints, positive: Bools) -> Ints:
    """A fold (n) for each trace, tasks whole; tasks with positives are dealt out first, so that each fold has some."""
    present, place = np.unique(tasks, return_inverse=True)
    has = np.bincount(place, positive, len(present)) > 0
    order = np.random.default_rng(len(present)).permutation(len(present))
    order = order[np.argsort(~has[order], kind="stable")]
    fold = np.empty(len(present), np.int64)
    fold[order] = np.arange(len(present)) % FOLDS
    return fold[place]


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def probability(log_odds: Floats) -> Floats:
    """Log-odds as probabilities, rounded; NaN stays."""
    return np.round(1 / (1 + np.exp(-log_odds)), DECIMALS)


def _parts(known: Evidence, digests: Mapping[str, str], before: Mapping[str, Part], most: float) -> list[Part]:
    found = []
    ordinary = ~known.positive
    for monitor, score in known.scores.items():
        positive = capped(tally(score[known.positive], known.tasks[known.positive]), most)
        if monitor in before:
            positive = positive + np.asarray(before[monitor].positive)
        negative = tally(score[ordinary], known.tasks[ordinary])
        if not negative.any():
            continue  # nobody knows how often it says that
        weight = before[monitor].weight if monitor in before else 1.0
        counts = (tuple(round(float(v), 6) for v in side) for side in (positive, negative))
        found.append(Part(monitor, digests[monitor], weight, score_map(positive, negative), *counts))
    return found


def _weights(
    parts: Sequence[Part], known: Evidence, digests: Mapping[str, str], before: Mapping[str, Part], most: float
) -> list[float]:
    """Non-negative weights of a logistic regression on what each monitor is worth by maps of other tasks.

    They are held to 1, what independent monitors would have, by as much as there is little evidence.
    """
    worth = np.zeros((len(known.positive), len(parts)))
    fold = fold_of(known.tasks, known.positive)
    for i in np.unique(fold):
        maps = {p.monitor: p.map for p in _parts(known.taken(fold != i), digests, before, most)}
        for column, part in enumerate(parts):
            if part.monitor in maps:
                said = maps[part.monitor](known.scores[part.monitor][fold == i])
                worth[fold == i, column] = np.where(np.isnan(said), 0.0, said)
    # every task counts once, and both classes as much
    count = np.zeros(len(known.positive))
    for side in (known.positive, ~known.positive):
        task = np.unique(known.tasks[side], return_inverse=True)[1]
        count[side] = 1 / np.bincount(task)[task]
    fewer = min(count[known.positive].sum(), count[~known.positive].sum())
    for side in (known.positive, ~known.positive):
        count[side] *= fewer / count[side].sum()
    sign = np.where(known.positive, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (worth @ weights)
        pull = -sign * count / (1 + np.exp(margin))
        cost = float((count * np.logaddexp(0, -margin)).sum() + HELD_TO_ONE * ((weights - 1) ** 2).sum())
        return cost, worth.T @ pull + 2 * HELD_TO_ONE * (weights - 1)

    found = minimize(loss, np.ones(len(parts)), jac=True, method="L-BFGS-B", bounds=[(0.0, 2.0)] * len(parts))
    return [round(float(w), 6) for w in found.x]
