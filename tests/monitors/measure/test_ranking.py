from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from monitors.measure.ranking import Ranked

# few different scores, so that ties are the rule; weights of 0 are tasks that a bootstrap did not draw
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)), max_size=40)


def columns(rows: list[tuple[bool, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(rows, float).reshape(-1, 4)
    return table[:, 0].astype(bool), table[:, 1] / 4, table[:, 2], table[:, 3].astype(np.int64)


@given(ROWS)
def test_auroc_is_the_share_of_pairs_in_the_right_order_ties_half(rows: list[tuple[bool, int, int, int]]) -> None:
    positive, score, weight, strata = columns(rows)
    won = total = 0.0
    for i, j in itertools.product(np.flatnonzero(positive), np.flatnonzero(~positive)):
        if strata[i] == strata[j]:
            pair = weight[i] * weight[j]
            won += pair * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
            total += pair
    found = Ranked(positive, score, strata).auroc(weight)
    assert found is None if total == 0 else found == pytest.approx(won / total)


@given(ROWS)
def test_weighted_figures_are_those_of_scikit_learn(rows: list[tuple[bool, int, int, int]]) -> None:
    positive, score, weight, _ = columns(rows)
    ranked = Ranked(positive, score)
    if weight[positive].sum() == 0 or weight[~positive].sum() == 0:
        assert ranked.auroc(weight) is None
        return
    assert ranked.auroc(weight) == pytest.approx(roc_auc_score(positive, score, sample_weight=weight))
    assert ranked.average_precision(weight) == pytest.approx(
        average_precision_score(positive, score, sample_weight=weight)
    )


@pytest.mark.parametrize("max_fpr", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("digits", [0, 1, 6], ids=["many ties", "ties", "no ties"])
def test_partial_auroc_is_that_of_scikit_learn(max_fpr: float, digits: int) -> None:
    rng = np.random.default_rng(digits)
    positive = rng.random(2_000) < 0.3
    score = np.round(rng.normal(size=2_000) + positive, digits)
    expected = roc_auc_score(positive, score, max_fpr=max_fpr)
    assert Ranked(positive, score).partial_auroc(max_fpr) == pytest.approx(expected)


def test_the_curve_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(300) < 0.5
    score = np.round(rng.normal(size=300) + positive, 1)
    curve = Ranked(positive, score).curve()
    assert curve is not None
    fpr, tpr, thresholds = roc_curve(positive, score, drop_intermediate=False)
    assert curve.fpr == pytest.approx(fpr)
    assert curve.tpr == pytest.approx(tpr)
    assert curve.threshold[1:] == pytest.approx(thresholds[1:])


@pytest.mark.parametrize(
    "positive", [[], [True], [False], [True, True]], ids=["nothing", "one positive", "one negative", "positives only"]
)
def test_one_class_gives_no_figure(positive: list[bool]) -> None:
    ranked = Ranked(np.array(positive, bool), np.zeros(len(positive)))
    assert ranked.auroc() is None
    assert ranked.partial_auroc() is None
    assert ranked.curve() is None


def test_one_score_for_all_is_chance() -> None:
    positive = np.array([True, False] * 10)
    ranked = Ranked(positive, np.full(20, 0.3))
    assert ranked.auroc() == 0.5
    assert ranked.partial_auroc() == pytest.approx(0.5)
    assert ranked.average_precision() == 0.5
