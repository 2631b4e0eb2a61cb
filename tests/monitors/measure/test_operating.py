from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.measure.operating import HALVES, NEEDED, SEPARATE, cut, halves, operating_point


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.3, 1.0]))
def test_a_cut_is_the_lowest_that_flags_no_more_than_the_target(scores: list[int], target: float) -> None:
    ordinary = np.array(scores, float)
    chosen = cut(ordinary, target)
    assert (ordinary > chosen).mean() <= target + 1e-9
    lower = [c for c in {*scores, -1} if c < chosen and (ordinary > c).mean() <= target]
    assert not lower or target == 1.0


def test_ties_are_never_flagged_in_part() -> None:
    ordinary = np.array([0.9] * 30 + [0.1] * 970)
    assert cut(ordinary, 0.01) == 0.9
    assert cut(ordinary, 0.05) == 0.1


def cases(positives: int, negatives: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of 0 to 1 spread evenly over negatives, and over positives from one half up."""
    score = np.concatenate([np.linspace(0.5, 1, positives), np.linspace(0, 1, negatives)])
    positive = np.arange(positives + negatives) < positives
    return score, positive, np.arange(positives + negatives)


REFUSALS = [
    (0.001, 9_999, "9,999 ordinary traces, and 0.1 % needs 10,000"),
    (0.001, 10_000, None),
    (0.01, 999, "999 ordinary traces, and 1 % needs 1,000"),
    (0.01, 1_000, None),
    (0.05, 99, "99 ordinary traces, and 5 % needs 100"),
    (0.05, 100, None),
    (0.05, 0, "0 ordinary traces, and 5 % needs 100"),
]


@pytest.mark.parametrize(("target", "count", "refused"), REFUSALS, ids=[f"{t:g} of {n}" for t, n, _ in REFUSALS])
@pytest.mark.parametrize("separate", [True, False], ids=["separate traffic", "halves"])
def test_a_threshold_is_refused_on_too_few_ordinary_traces(
    target: float, count: int, refused: str | None, separate: bool
) -> None:
    score, positive, clusters = cases(50, 20 if separate else count)
    ordinary = np.linspace(0, 1, count) if separate else None
    point = operating_point(target, score, positive, clusters, ordinary, 1_000, replicates=100)
    assert point.refused == refused
    assert point.ordinary == count
    assert point.chosen_on == (SEPARATE if separate else HALVES)
    assert (point.tpr.value is None) == (refused is not None)


def test_separate_traffic_alone_sets_the_threshold() -> None:
    score, positive, clusters = cases(100, 1_000)
    ordinary = np.linspace(0, 0.5, 1_001)  # quieter than the measured negatives
    point = operating_point(0.01, score, positive, clusters, ordinary, 1_000, replicates=100)
    (where,) = point.cuts
    assert where == pytest.approx(0.495)
    assert (point.tpr.k, point.tpr.n) == (100, 100)
    assert point.fpr.k == int((np.linspace(0, 1, 1_000) > where).sum())


def test_half_of_the_negatives_sets_the_threshold_of_the_other() -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(3_000) < 1_000
    score = rng.random(3_000) + positive * 0.5
    clusters = np.arange(3_000) // 3
    point = operating_point(0.01, score, positive, clusters, None, 1_000, replicates=100)
    side = halves(clusters)
    expected = {cut(score[~positive & (side == s)], 0.01) for s in (0, 1)}
    assert set(point.cuts) == expected
    flagged = sum(
        int((score > cut(score[~positive & (side != s)], 0.01))[~positive & (side == s)].sum()) for s in (0, 1)
    )
    assert point.fpr.k == flagged
    assert point.fpr.value == pytest.approx(0.01, abs=0.008)


def test_tasks_are_whole_in_a_half() -> None:
    clusters = np.random.default_rng(0).integers(0, 40, 500)
    side = halves(clusters)
    assert all(len(set(side[clusters == c])) == 1 for c in range(40))
    assert {int((np.unique(clusters[side == s])).size) for s in (0, 1)} == {20}


def test_what_a_night_brings_is_counted_from_both_rates() -> None:
    score, positive, clusters = cases(200, 1_000)
    point = operating_point(0.05, score, positive, clusters, np.linspace(0, 1, 1_000), 100_000, replicates=100)
    assert point.tpr.value is not None
    assert point.fpr.value is not None
    one = next(b for b in point.base_rates if b.rate == 0.01)
    right, wrong = 0.01 * point.tpr.value, 0.99 * point.fpr.value
    assert one.ppv.value == pytest.approx(right / (right + wrong))
    assert (one.ppv.low or 1) < right / (right + wrong) < (one.ppv.high or 0)
    assert one.false_cases.value == pytest.approx(99_000 * point.fpr.value)
    assert point.g_mean_squared.value == pytest.approx(point.tpr.value * (1 - point.fpr.value))


@pytest.mark.parametrize(
    ("positives", "negatives", "tpr", "fpr"),
    [(0, 200, "no positives", None), (200, 0, None, "no negatives")],
    ids=["no positives", "no negatives"],
)
def test_one_class_is_told_in_words(positives: int, negatives: int, tpr: str | None, fpr: str | None) -> None:
    score, positive, clusters = cases(positives, negatives)
    point = operating_point(0.05, score, positive, clusters, np.linspace(0, 1, 1_000), 1_000, replicates=100)
    assert point.refused is None
    assert point.tpr.why == tpr
    assert point.fpr.why == fpr
    assert point.g_mean_squared.why == (tpr or fpr)
    assert all(b.ppv.why == (tpr or fpr) for b in point.base_rates)


def test_nothing_flagged_has_no_predictive_value() -> None:
    score, positive, clusters = cases(100, 200)
    point = operating_point(0.05, score * 0, positive, clusters, np.zeros(1_000), 1_000, replicates=100)
    assert point.tpr.k == point.fpr.k == 0
    assert {b.ppv.why for b in point.base_rates} == {"nothing is flagged"}


def test_the_needs_are_those_of_the_design() -> None:
    assert (NEEDED[0.001], NEEDED[0.01]) == (10_000, 1_000)
