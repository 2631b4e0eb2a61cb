"""From a monitor's score to what it is worth: the log of how much likelier it is on a trace that shows the category.

Scores fall into bins. The share of ordinary tasks in each bin is counted; that of tasks which show the category is
counted too, and drawn towards what a monitor of which nothing is known would do: rank, and no more. The logarithm of
their ratio is made to rise with the score by pooling adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitors.measure.figure import Floats, Ints

# upper ends of the bins above 0; a score of 0 is a bin of its own: the monitor looked and says nothing
EDGES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 1.0)
BINS = len(EDGES) + 1
MIDDLES = (0.0, *((low + high) / 2 for low, high in zip((0.0, *EDGES), EDGES, strict=False)))
PRIOR_TASKS = 20.0  # for how many labelled tasks the prior stands
PRIOR_RANGE = 5.0  # log-likelihood ratio between the least and the highest score, by the prior
EMPTY = 0.5  # tasks added to each bin of ordinary traffic: what was never seen may still be
MOST = 5.0  # |log-likelihood ratio|: no monitor by itself outweighs odds of 150 to 1
LEAST_SLOPE = 0.1  # per unit of score, so that a map never makes two scores one


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """Knots of score (rising, from 0 to 1) and log-likelihood ratio (rising), straight lines between them.

    >>> ScoreMap((0.0, 1.0), (-1.0, 3.0))(np.array([0.0, 0.5, np.nan]))
    array([-1.,  1., nan])
    """

    scores: tuple[float, ...]
    llr: tuple[float, ...]

    def __call__(self, score: Floats) -> Floats:
        return np.where(np.isnan(score), np.nan, np.interp(score, self.scores, self.llr))

    def pieces(self) -> list[tuple[float, float, float, float]]:
        """(from score, to score, log-likelihood ratio there, its slope); the last one reaches beyond 1."""
        found = []
        for i, (score, value) in enumerate(zip(self.scores[:-1], self.llr, strict=False)):
            until, last = self.scores[i + 1], i == len(self.scores) - 2
            found.append((score, 2.0 if last else until, value, (self.llr[i + 1] - value) / (until - score)))
        return found


def tally(score: Floats, tasks: Ints) -> Floats:
    """How many tasks (n, numbered) have their score (n) in each bin (BINS); one in several bins is shared out.

    NaN is a monitor that did not look. A thousand rollouts of one task count as one.

    >>> tally(np.array([0.0, 0.0, 0.95, np.nan]), np.array([1, 2, 2, 3]))[[0, 12]]
    array([1.5, 0.5])
    """
    seen = ~np.isnan(score)
    if not seen.any():
        return np.zeros(BINS)
    place = np.where(score[seen] <= 0, 0, np.searchsorted(EDGES, score[seen]) + 1)
    task = np.unique(tasks[seen], return_inverse=True)[1]
    return np.bincount(place, 1 / np.bincount(task)[task], BINS).astype(np.float64)


def score_map(positive: Floats, negative: Floats) -> ScoreMap:
    """The map that tallies (BINS) of tasks with the category and of ordinary tasks make; `positive` may be all zero."""
    ordinary = negative + EMPTY
    ordinary = ordinary / ordinary.sum()
    expected = ordinary * np.exp(PRIOR_RANGE * np.arange(BINS) / (BINS - 1))
    known = positive + PRIOR_TASKS * expected / expected.sum()
    ratio = np.clip(np.log(known / known.sum() / ordinary), -MOST, MOST)
    certainty = 1 / (1 / known + 1 / (negative + EMPTY))
    slope = LEAST_SLOPE * np.asarray(MIDDLES)
    rising = np.clip(risen(ratio - slope, certainty) + slope, -MOST, MOST)
    ends = (*MIDDLES, 1.0), (*rising, min(MOST, rising[-1] + LEAST_SLOPE * (1 - MIDDLES[-1])))
    return ScoreMap(*(tuple(round(float(v), 6) for v in end) for end in ends))


def risen(values: Floats, weights: Floats) -> Floats:
    """The nearest values, by weighted squares, that nowhere fall.

    >>> risen(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 1.0]))
    array([1. , 2.5, 2.5])
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many values
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (low, a, m), (high, b, n) = blocks[-2:]
            blocks[-2:] = [((low * a + high * b) / (a + b), a + b, m + n)]
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])


def capped(counts: Floats | Sequence[float], most: float) -> Floats:
    """A tally scaled down to `most` tasks where it holds more."""
    found = np.asarray(counts, np.float64)
    total = float(found.sum())
    return found * (most / total) if total > most else found
