"""Randomisation tests of one residual against another, by rows within groups, groups within tasks, and tasks.

A corpus may have been drawn by row, by rollout group or by task, and alerts cluster by task: a test that mixes rows of
all tasks takes a task's own rate for evidence. So the sum of products is taken apart into what happens between rows of
a group, between groups of a task, and between tasks of a stratum; each part is compared with what exchanging its units
within their parent would give. Each is right however the units above were drawn, and together they lose little where
rows were drawn one by one.

The sum of residual products is the generalised covariance measure (Shah & Peters 2020, "The hardness of conditional
independence testing"): an error in one of the two fits does no harm while the other is right. Where the outcome is
whether a row is there at all, rows of a group are exchanged with the odds that the source columns give them, given how
many of the group are there (conditional permutation, Berrett, Wang, Barber & Samworth 2020).

The first three moments of the exchange are exact. Where Bernstein's inequality, with these, already says yes, nothing
need be drawn; where the Pearson type III law that has these moments (Mielke & Berry 2007, "Permutation Methods")
clearly says no, neither; in between, exchanges are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma, norm

MOST_DRAWS, CHUNK = 40_000, 500
DRAWS = 20  # over the level asked for
ENOUGH = 25  # draws beyond the observed one after which the p-value is known well enough (Besag & Clifford 1991)
NEAR = 20.0  # exchanges are drawn only if p is less than so many times the level asked for
HEAVY = 0.1  # kurtosis above which three moments do not say enough; below, p of 1 in 1,000 is right to a quarter
ODDS_CHUNK = 32  # rows of a group whose conditional law is computed exactly; larger groups are cut


@dataclass(frozen=True, slots=True)
class Association:
    """The sum of products (centred, of variance `variance` under exchange), and its two-sided p.

    `plain` is the variance that it would have if every level counted alike.
    """

    statistic: float
    variance: float
    p: float
    plain: float

    @property
    def z(self) -> float:
        return self.statistic / math.sqrt(self.variance) if self.variance > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """Units (n) exchanged within their parents: T = sum of outcome x weight, both centred by parent."""

    outcome: np.ndarray
    weight: np.ndarray
    parent: np.ndarray
    statistic: float
    variance: float
    third: float
    fourth: float  # about its excess
    step: float
    scale: float  # by which the outcome was divided

    @classmethod
    def of(cls, outcome: np.ndarray, weight: np.ndarray, parent: np.ndarray, scale: float = 1.0) -> Exchange:
        order = np.argsort(parent, kind="stable")
        y, w, p = outcome[order] / scale, weight[order], _dense(parent[order])
        size = np.bincount(p)
        y = y - (np.bincount(p, y) / size)[p]
        w = w - (np.bincount(p, w) / size)[p]
        yy, ww = np.bincount(p, y * y), np.bincount(p, w * w)
        live = (size > 1) & (yy > 1e-18) & (ww > 1e-18)
        kept = live[p]
        y, w, p = y[kept], w[kept], _dense(p[kept])
        n = size[live].astype(float)
        variance = float((yy[live] * ww[live] / (n - 1)).sum())
        cubes = np.bincount(p, y**3) * np.bincount(p, w**3) if len(y) else np.zeros(0)
        third = float((cubes * n / ((n - 1) * np.maximum(n - 2, 1)))[n > 2].sum())
        fourth = float((np.bincount(p, y**4) * np.bincount(p, w**4) / n).sum()) if len(y) else 0.0
        step = float(np.abs(y).max() * np.abs(w).max()) if len(y) else 0.0
        return cls(y, w, p, float(y @ w), variance, third, fourth, step, scale)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        if not len(self.outcome):
            return np.zeros(count)
        shuffled = np.argsort(self.parent + generator.random((count, len(self.parent))), axis=1)
        return self.outcome[shuffled] @ self.weight


@dataclass(frozen=True, slots=True)
class ConditionalDraw:
    """Rows that are there or not (n), within groups of which `k` are there: each subset as likely as its odds make it.

    Arrays are groups x rows, padded with rows that are never there.
    """

    chance: np.ndarray  # groups x rows x (still to come + 1): that a row is there, given how many are still to come
    weight: np.ndarray
    kept: np.ndarray
    mean: float
    statistic: float
    variance: float
    third: float
    fourth: float  # about its excess
    step: float
    scale: float

    @classmethod
    def of(cls, there: np.ndarray, chance: np.ndarray, weight: np.ndarray, group: np.ndarray) -> ConditionalDraw:
        order = np.argsort(group, kind="stable")
        y, e, w, g = there[order], chance[order], weight[order], _dense(group[order])
        within = np.arange(len(g)) - np.searchsorted(g, g)
        g = _dense(g * (len(g) // ODDS_CHUNK + 2) + within // ODDS_CHUNK)
        size, k = np.bincount(g), np.bincount(g, y)
        w = w - (np.bincount(g, w) / size)[g]
        live = (k > 0) & (k < size) & (np.bincount(g, w * w) > 1e-18)
        kept = live[g]
        y, e, w, g = y[kept], e[kept], w[kept], _dense(g[kept])
        groups, width = (int(g[-1]) + 1, int(size[live].max())) if len(g) else (0, 0)
        within = np.arange(len(g)) - np.searchsorted(g, g)
        odds, weights, rows = np.zeros((groups, width)), np.zeros((groups, width)), np.zeros((groups, width))
        logit = np.log(e / (1 - e))
        logit = logit - (np.bincount(g, logit) / np.maximum(np.bincount(g), 1))[g]
        odds[g, within], weights[g, within], rows[g, within] = np.exp(logit), w, y
        due = k[live].astype(np.int64)
        chances = _chances(odds)
        mean, variance, third = _moments(chances, weights, due)
        statistic = float((weights * rows).sum()) - mean
        step = float(np.abs(w).max()) if len(w) else 0.0
        return cls(chances, weights, due, mean, statistic, variance, third, variance * step**2, step, 1.0)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        groups, width = self.weight.shape
        due = np.broadcast_to(self.kept[:, None], (groups, count)).copy()
        total = np.zeros(count)
        for row in range(width):
            here = generator.random((groups, count)) < np.take_along_axis(self.chance[:, row], due, axis=1)
            total += self.weight[:, row] @ here
            due -= here
        return total - self.mean


def _chances(odds: np.ndarray) -> np.ndarray:
    """That row j is there, given that r of rows j, j+1, ... are; by elementary symmetric functions of the odds."""
    groups, width = odds.shape
    chance = np.zeros((groups, width, width + 1))
    later = np.zeros((groups, width + 1))
    later[:, 0] = 1.0
    for row in range(width - 1, -1, -1):
        mine = np.zeros_like(later)
        mine[:, 1:] = odds[:, row, None] * later[:, :-1]
        total = mine + later
        chance[:, row] = np.divide(mine, total, out=np.zeros_like(mine), where=total > 0)
        later = total
    return chance


def _moments(chance: np.ndarray, weight: np.ndarray, due: np.ndarray) -> tuple[float, float, float]:
    """Mean, variance and third central moment of the sum of weights of the rows that are there, over all groups."""
    groups, width = weight.shape
    state = np.zeros((4, groups, width + 1))  # the moments about 0, from the zeroth, by how many are still to come
    state[0, np.arange(groups), due] = 1.0
    for row in range(width):
        come = state * chance[:, row]
        stay = state - come
        w, (m0, m1, m2, m3) = weight[:, row, None], come
        come = np.stack([m0, m1 + w * m0, m2 + w * (2 * m1 + w * m0), m3 + w * (3 * m2 + w * (3 * m1 + w * m0))])
        stay[:, :, :-1] += come[:, :, 1:]
        state = stay
    _, first, second, third = state.sum(axis=2)
    central = third - 3 * first * second + 2 * first**3
    return float(first.sum()), float(np.maximum(second - first**2, 0.0).sum()), float(central.sum())


Part = Exchange | ConditionalDraw  # one level of the sum, centred, with its moments under exchange


def nested(
    outcome: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    task: np.ndarray,
    stratum: np.ndarray,
    chance: np.ndarray | None = None,
    inner: np.ndarray | None = None,
) -> list[Part]:
    """The parts of the sum of `outcome` x `weight` (n each): rows in groups, groups in tasks, tasks in strata.

    Groups lie within tasks and tasks within strata. `outcome` is a residual; with `chance` it is that of rows that are
    there or not, whose chances they are; without, `inner` may be a residual that is better between rows of a group. A
    level at which outcomes are far apart by themselves counts for less, so that tasks that were drawn whole do not
    drown what differs within them.
    """
    parts: list[Part] = []
    if chance is None:
        rows = outcome if inner is None else inner
        parts.append(Exchange.of(rows, weight, group, _noise(rows, np.ones(len(rows)), group) or 1.0))
        noise = 0.0
    else:
        noise = math.sqrt(float((chance * (1 - chance)).mean())) if len(chance) else 0.0
        parts.append(ConditionalDraw.of((outcome + chance).round(), chance, weight, group))
    for child, parent in ((group, task), (task, stratum)):
        first, code = _firsts(child)
        size = np.bincount(code)
        mean = np.bincount(code, outcome) / size
        own = _noise(mean, size, parent[first])
        scale = max(1.0, own / noise) if noise else own or 1.0
        parts.append(Exchange.of(mean, np.bincount(code, weight), parent[first], scale))
    return parts


def _noise(mean: np.ndarray, size: np.ndarray, parent: np.ndarray) -> float:
    """How far means of so many rows lie apart within their parents, times the root of that number.

    For rows that were drawn one by one that is the same at every level, for tasks that were drawn whole it is more.
    """
    _, code = np.unique(parent, return_inverse=True)
    total = np.bincount(code, size)
    off = mean - (np.bincount(code, mean * size) / total)[code]
    free = len(mean) - len(total)
    spread = float((size * off**2).sum()) / free if free > 0 else 0.0
    return math.sqrt(spread) if spread > 1e-18 else 0.0


def assess(parts: Sequence[Part], level: float, generator: np.random.Generator | None) -> Association:
    """All parts together. `level` is the p from which somebody would speak of an association.

    Without a generator nothing is drawn, and p is that of the moments.
    """
    statistic, variance = sum(p.statistic for p in parts), sum(p.variance for p in parts)
    if variance <= 1e-18:
        return Association(statistic, 0.0, 1.0, 0.0)
    plain = sum(p.variance * p.scale**2 for p in parts)
    step, size = max(p.step for p in parts), abs(statistic)
    bound = 2 * math.exp(-(size**2) / (2 * (variance + step * size / 3)))
    p = _pearson(statistic, variance, sum(p.third for p in parts))
    if bound <= level:
        return Association(statistic, variance, bound, plain)
    if generator is None or p > level * NEAR or sum(part.fourth for part in parts) < HEAVY * variance**2:
        return Association(statistic, variance, p, plain)
    live = [part for part in parts if part.variance > 0]
    below = above = drawn = 0
    slack, most = 1e-9 * math.sqrt(variance), min(MOST_DRAWS, DRAWS / level)
    while drawn < most and min(below, above) < ENOUGH:
        draws = np.sum([part.draw(generator, CHUNK) for part in live], axis=0)
        below += int((draws <= statistic + slack).sum())
        above += int((draws >= statistic - slack).sum())
        drawn += CHUNK
    return Association(statistic, variance, min(1.0, 2 * (min(below, above) + 1) / (drawn + 1)), plain)


def _pearson(statistic: float, variance: float, third: float) -> float:
    """Two-sided p of a centred statistic with these moments, by the gamma law (the normal law, if it is not skewed)."""
    z, skew = statistic / math.sqrt(variance), third / variance**1.5
    if abs(skew) < 1e-3:
        return float(min(1.0, 2 * norm.sf(abs(z))))
    shape, flipped = 4 / skew**2, math.copysign(1.0, skew) * z
    x = shape + flipped * math.sqrt(shape)
    return float(min(1.0, 2 * min(gamma.sf(x, shape), gamma.cdf(x, shape))))


def _dense(codes: np.ndarray) -> np.ndarray:
    """Sorted codes as 0, 1, 2, ..."""
    if not len(codes):
        return codes
    return np.concatenate([[0], np.cumsum(codes[1:] != codes[:-1])])


def _firsts(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, first, code = np.unique(codes, return_index=True, return_inverse=True)
    return first, code
