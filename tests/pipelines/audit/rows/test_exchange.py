"""Exchanges by row, group and task, against all of them enumerated and against draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pipelines.audit.rows.exchange import Association, ConditionalDraw, Exchange, Part, assess, nested


def moments(values: list[float], weights: list[float] | None = None) -> tuple[float, float]:
    """Variance and third central moment."""
    x, w = np.array(values), np.array(weights if weights else [1.0] * len(values))
    w = w / w.sum()
    mean = w @ x
    return float(w @ (x - mean) ** 2), float(w @ (x - mean) ** 3)


def test_the_moments_of_an_exchange_are_those_of_all_orders() -> None:
    y, w = np.array([0.3, 1.0, 0.0, 2.0, 0.5, 9.0]), np.array([1.0, 0.0, 0.0, 3.0, 0.2, 5.0])
    parent = np.array([0, 0, 0, 0, 0, 1])  # the last is alone, so that nothing can be exchanged with it
    every = [float(np.array(o) @ w[:5]) for o in itertools.permutations(y[:5])]
    part = Exchange.of(y, w, parent)
    variance, third = moments(every)
    assert part.variance == pytest.approx(variance)
    assert part.third == pytest.approx(third)
    assert part.statistic == pytest.approx(y[:5] @ w[:5] - np.mean(every))


def test_the_law_of_rows_that_are_there_is_that_of_all_subsets_weighed_by_their_odds() -> None:
    chance = np.array([0.2, 0.5, 0.9, 0.7, 0.4])
    there = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    weight = np.array([1.0, 0.0, -0.3, 0.5, 0.0])
    centred = weight - weight.mean()
    odds = chance / (1 - chance)
    subsets = list(itertools.combinations(range(5), 3))
    sums = [float(centred[list(s)].sum()) for s in subsets]
    likely = [math.prod(odds[list(s)]) for s in subsets]
    part = ConditionalDraw.of(there, chance, weight, np.zeros(5, int))
    variance, third = moments(sums, likely)
    mean = float(np.average(sums, weights=likely))
    assert part.variance == pytest.approx(variance)
    assert part.third == pytest.approx(third)
    assert part.statistic == pytest.approx(float(centred @ there) - mean)
    draws = part.draw(np.random.default_rng(1), 40_000)
    assert draws.mean() == pytest.approx(0, abs=0.02)
    assert draws.var() == pytest.approx(variance, rel=0.05)


def test_groups_larger_than_the_exact_law_takes_are_cut_and_not_lost() -> None:
    rng = np.random.default_rng(3)
    there, weight = (rng.random(200) < 0.5).astype(float), (rng.random(200) < 0.2).astype(float)
    part = ConditionalDraw.of(there, np.full(200, 0.5), weight, np.zeros(200, int))
    whole = 200 * 0.25 * (weight - weight.mean()).var()
    assert part.variance == pytest.approx(whole, rel=0.15)


def cells(rng: np.random.Generator, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    group = np.repeat(np.arange(groups), 8)
    task = group // 2
    return group, task, task % 4


def p_of(parts: list[Part], seed: int = 0) -> Association:
    return assess(parts, 0.01, np.random.default_rng(seed))


DRAWN_BY = ["row", "group", "task"]


@pytest.mark.parametrize("by", DRAWN_BY)
def test_flags_that_cluster_are_no_evidence_however_the_corpus_was_drawn(by: str) -> None:
    """Of 300 corpora drawn without regard to the flags, about 1 in 100 has a p below 0.01; by rows alone, far more."""
    rng = np.random.default_rng(5)
    group, task, stratum = cells(rng, 150)
    low = naive = 0
    for _ in range(300):
        flag = (rng.random(len(group)) < 1 / (1 + np.exp(3 - 2 * rng.standard_normal(75))[task])).astype(float)
        unit = {"row": np.arange(len(group)), "group": group, "task": task}[by]
        there = (rng.random(int(unit.max()) + 1) < 0.5)[unit].astype(float)
        chance = np.full(len(group), 0.5)
        low += p_of(nested(there - chance, flag - flag.mean(), group, task, stratum, chance)).p <= 0.01
        rows = np.arange(len(group))
        naive += p_of(nested(there - chance, flag - flag.mean(), rows, rows, stratum, chance)).p <= 0.01
    assert low <= 9  # 3 expected; 10 or more has a chance of 0.001
    assert naive > 20 or by == "row"


@pytest.mark.parametrize(
    ("rate", "flagged"),
    [(0.8, 0.02), (0.05, 0.02), (0.999, 0.01), (0.5, 0.2)],
    ids=["a sample", "a small sample", "almost complete", "many flags"],
)
def test_p_is_that_of_draws(rate: float, flagged: float) -> None:
    rng = np.random.default_rng(11)
    group, task, stratum = cells(rng, 300)
    chance = np.full(len(group), rate)
    flag = (rng.random(len(group)) < flagged).astype(float)
    there = (rng.random(len(group)) < np.where(flag > 0, rate * 0.6, rate)).astype(float)
    parts = nested(there - chance, flag - flag.mean(), group, task, stratum, chance)
    found = assess(parts, 0.004, np.random.default_rng(2))
    draws = np.sum([p.draw(np.random.default_rng(i), 6_000) for i, p in enumerate(parts)], axis=0)
    assert draws.std() == pytest.approx(math.sqrt(found.variance), rel=0.06)
    drawn = 2 * min((draws <= found.statistic + 1e-9).mean(), (draws >= found.statistic - 1e-9).mean())
    assert found.p == pytest.approx(drawn, rel=0.5, abs=0.004)


def test_the_same_seed_gives_the_same_p() -> None:
    rng = np.random.default_rng(1)
    group, task, stratum = cells(rng, 40)
    flag = (rng.random(len(group)) < 0.03).astype(float)
    there = np.where(flag > 0, 0.0, 1.0)
    there[::7] = 0.0
    chance = np.full(len(group), 0.85)
    parts = nested(there - chance, flag - 0.03, group, task, stratum, chance)
    assert p_of(parts, 4).p == p_of(parts, 4).p


def test_nothing_to_exchange_is_no_evidence() -> None:
    group = np.arange(5)
    parts = nested(np.zeros(5), np.ones(5), group, group, np.zeros(5, int))
    assert p_of(parts).p == 1.0
