"""Intervals, calibration and combination."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from monitors.measure.bootstrap import draws, numbered, resampled, weighted_share
from monitors.measure.calibration import calibration
from monitors.measure.figure import absent, share


@pytest.mark.parametrize(("k", "n"), [(3, 200), (0, 30), (30, 30), (5, 10), (1, 1), (1, 10_000)])
def test_shares_have_wilsons_interval(k: int, n: int) -> None:
    found = share(k, n)
    expected = binomtest(k, n).proportion_ci(0.95, "wilson")
    assert found.low == pytest.approx(expected.low)
    assert found.high == pytest.approx(expected.high)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_share_lies_in_its_interval(k: int, more: int) -> None:
    found = share(k, k + more)
    if k + more == 0:
        assert str(found) == "not measurable: no traces"
        return
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_bootstrap_draws_whole_tasks() -> None:
    clusters = np.array([0, 0, 7, 9, 9, 9])  # tasks without a row here are not drawn
    for weight in draws(clusters, 50):
        assert all(len(set(weight[clusters == c])) == 1 for c in (0, 7, 9))
        assert weight[[0, 2, 3]].sum() == 3


def test_alike_rollouts_widen_the_interval() -> None:
    flags = np.repeat(np.random.default_rng(0).random(40) < 0.5, 25).astype(float)
    alone = resampled(weighted_share(flags), np.arange(1_000), "", 400)
    by_task = resampled(weighted_share(flags), np.repeat(np.arange(40), 25), "", 400)
    assert alone.value == by_task.value
    assert (by_task.high or 0) - (by_task.low or 0) > 3 * ((alone.high or 0) - (alone.low or 0))


def test_the_same_data_give_the_same_interval() -> None:
    flags = np.arange(100) % 3 == 0.0
    first, second = (resampled(weighted_share(flags.astype(float)), np.arange(100), "", 100) for _ in range(2))
    assert first == second


def test_few_tasks_give_a_value_and_no_interval() -> None:
    found = resampled(weighted_share(np.array([1.0, 0.0])), np.array([0, 1]), "nothing")
    assert (found.value, found.low) == (0.5, None)
    assert resampled(lambda _: None, np.zeros(0, np.int64), "nothing") == absent("nothing")


def test_names_are_numbered_from_nought() -> None:
    assert numbered(["b", "a", "b"]).tolist() == [1, 0, 1]
    assert numbered([]).tolist() == []


def test_scores_that_mean_what_they_say_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(40_000)
    found = calibration(score, rng.random(40_000) < score)
    assert found.error == pytest.approx(0, abs=0.01)
    assert len(found.bins) == 10
    boastful = calibration(np.full(1_000, 0.95), np.arange(1_000) < 100)
    assert boastful.error == pytest.approx(0.85)
    assert boastful.brier == pytest.approx(0.1 * 0.05**2 + 0.9 * 0.95**2)


def test_the_ends_of_the_scale_have_bins() -> None:
    found = calibration(np.array([0.0, 1.0]), np.array([False, True]))
    assert [(b.low, b.high) for b in found.bins] == [(0.0, 0.1), (0.9, 1.0)]
    assert found.error == 0.0
    assert calibration(np.zeros(0), np.zeros(0, bool)).error is None
