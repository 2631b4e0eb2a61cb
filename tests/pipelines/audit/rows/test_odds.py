"""The odds ratio, and the margin: what a corpus would have shown."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.rows.odds import odds

ROWS = 4_000


def sample(rng: np.random.Generator, ratio: float, rate: float, flagged: float) -> tuple[np.ndarray, ...]:
    flag = (rng.random(ROWS) < flagged).astype(float)
    logit = np.log(rate / (1 - rate)) + np.log(ratio) * flag
    there = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(float)
    return there, np.full(ROWS, there.mean()), flag


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 3.0])
def test_the_interval_holds_the_true_odds_ratio(ratio: float) -> None:
    held, estimates = 0, []
    for seed in range(100):
        there, chance, flag = sample(np.random.default_rng(seed), ratio, 0.6, 0.1)
        weight = flag - flag.mean()
        found = odds(there, chance, flag, weight, float((weight**2 * chance * (1 - chance)).sum()), 0.01)
        held += found.low <= ratio <= found.high
        estimates.append(np.log(found.estimate))
    assert np.mean(estimates) == pytest.approx(np.log(ratio), abs=0.06)
    assert held >= 88


def test_a_loss_of_the_margin_is_seen_in_eight_of_ten() -> None:
    rng = np.random.default_rng(1)
    there, chance, flag = sample(rng, 1.0, 0.6, 0.05)
    weight = flag - flag.mean()
    variance = float((weight**2 * chance * (1 - chance)).sum())
    margin = odds(there, chance, flag, weight, variance, 0.01).margin
    assert margin is not None
    seen = 0
    for seed in range(200):
        there, chance, flag = sample(np.random.default_rng(100 + seed), 1 / margin, 0.6, 0.05)
        weight = flag - flag.mean()
        spread = np.sqrt((weight**2 * chance * (1 - chance)).sum())
        seen += abs(weight @ (there - chance)) / spread > 2.576
    assert 0.7 <= seen / 200 <= 0.92


def test_a_complete_corpus_would_show_a_handful() -> None:
    flag = np.zeros(20_000)
    flag[:200] = 1.0
    chance = np.full(20_000, 1 - 0.5 / 20_001)
    found = odds(np.ones(20_000), chance, flag, flag - 0.01, 0.005, 0.002)
    assert found.hidden is not None and found.hidden * 200 < 6


def test_a_few_flagged_rows_of_which_none_could_be_missed_have_no_margin() -> None:
    flag = np.zeros(1_000)
    flag[:2] = 1.0
    chance = np.full(1_000, 0.3)
    found = odds(np.zeros(1_000), chance, flag, flag - 0.002, 0.42, 0.002)
    assert found.margin is None and found.hidden is None


@pytest.mark.parametrize("there", [0.0, 1.0], ids=["none of the flagged", "all of the flagged"])
def test_extremes_stay_finite(there: float) -> None:
    rng = np.random.default_rng(2)
    rows = (rng.random(1_000) < 0.5).astype(float)
    flag = np.zeros(1_000)
    flag[:30] = 1.0
    rows[:30] = there
    weight = flag - flag.mean()
    found = odds(rows, np.full(1_000, 0.5), flag, weight, float((weight**2 * 0.25).sum()), 0.002)
    assert 0 < found.low < found.estimate < found.high < np.inf
    assert (found.estimate > 1) == (there > 0)
