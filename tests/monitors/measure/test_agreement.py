from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from monitors.measure.agreement import agreement, crossed, kappa, standard_error

# the example of Fleiss, Cohen and Everitt (1969): two clinicians, three diagnoses, 200 patients
PUBLISHED = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]], float)
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=50)


def test_the_published_example_is_met() -> None:
    found = standard_error(PUBLISHED)
    assert kappa(PUBLISHED) == pytest.approx(0.429, abs=5e-4)
    assert found is not None
    assert found**2 == pytest.approx(0.002885, abs=5e-6)


@given(PAIRS)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    found = kappa(crossed(first, second, 3))
    if found is None:
        assert len({*first, *second}) == 1
        return
    assert found == pytest.approx(cohen_kappa_score(first, second))


def test_both_intervals_agree_on_many_items() -> None:
    rng = np.random.default_rng(0)
    first = (rng.random(2_000) < 0.3).astype(np.int64)
    second = np.where(rng.random(2_000) < 0.85, first, 1 - first)
    found = agreement(first, second, np.arange(2_000), replicates=400)
    assert found.kappa.low == pytest.approx(found.kappa_by_trace.low, abs=0.02)
    assert found.kappa.high == pytest.approx(found.kappa_by_trace.high, abs=0.02)
    assert found.agreed.value == pytest.approx(0.85, abs=0.03)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([], [], "not measurable: no items that both labelled"),
        ([1, 1, 1], [1, 1, 1], "one and the same answer"),
    ],
    ids=["nothing in common", "one class"],
)
def test_what_cannot_be_measured_is_said(first: list[int], second: list[int], words: str) -> None:
    found = agreement(np.array(first, np.int64), np.array(second, np.int64), np.arange(len(first)))
    assert words in str(found.kappa)
    assert words in str(found.kappa_by_trace)
