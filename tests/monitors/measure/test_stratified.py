"""Shares of a population from a stratified sample."""

import numpy as np
import pytest

from monitors.measure.stratified import population_share, strata


def test_a_sample_of_everything_gives_the_share_itself() -> None:
    flags = np.array([True] * 3 + [False] * 7)
    got = population_share(flags, np.ones(10, bool), strata(["a"] * 10, [10] * 10), "rows")
    assert (got.value, got.k, got.n) == (0.3, 3, 10)


def test_rows_of_a_stratum_of_which_little_was_drawn_count_for_more() -> None:
    sample = strata(["rare"] * 10 + ["common"] * 10, [10] * 10 + [990] * 10)
    flags = np.array([True] * 10 + [False] * 9 + [True])
    got = population_share(flags, np.ones(20, bool), sample, "rows")
    assert got.value == pytest.approx((10 + 99) / 1000)
    assert (got.k, got.n) == (11, 20)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    population = np.concatenate([rng.random(100) < 0.7, rng.random(3900) < 0.1])
    names = np.array(["hot"] * 100 + ["cold"] * 3900)
    truth = population.mean()
    held = 0
    for _ in range(60):
        hot, cold = rng.choice(100, 40, replace=False), 100 + rng.choice(3900, 160, replace=False)
        drawn = np.concatenate([hot, cold])
        sample = strata(names[drawn].tolist(), [100] * 40 + [3900] * 160)
        got = population_share(population[drawn], np.ones(200, bool), sample, "rows")
        assert got.low is not None and got.high is not None
        held += got.low <= truth <= got.high
    assert held >= 52  # of 60: below that, 95 % would be a lie (p < 0.01)


def test_nothing_to_count_is_said() -> None:
    none = np.zeros(3, bool)
    got = population_share(none, none, strata(["a"] * 3, [9] * 3), "alerts")
    assert got.value is None and got.why == "no alerts in the sample"
