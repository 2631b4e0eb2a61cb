from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.rows.filters import Filter, infer
from pipelines.audit.rows.source import Source, source
from tests.pipelines.audit.cases import small


def found(there: np.ndarray, src: Source) -> list[str]:
    return [str(f) for f in infer(src, there, np.ones(len(there), dtype=bool))]


@pytest.fixture(scope="module")
def src() -> Source:
    return source(small().pop)


def test_a_bound_beyond_which_nothing_is_kept_is_a_filter(src: Source) -> None:
    w = small()
    assert found(w.pop.length <= 6000, src) == ["length <= 6000"]
    assert found(w.pop.reward >= 0.5, src) == ["reward >= 0.5"]
    assert found(src.numeric["group_spread"] > 0, src)[0].startswith("group_spread >= 0.")


def test_several_filters_are_told_apart_though_half_of_the_rest_is_missing(src: Source) -> None:
    w = small()
    there = (w.pop.length <= 6000) & (w.pop.reward >= 0.5) & (np.random.default_rng(1).random(len(w.pop)) < 0.5)
    names = {name.split()[0] for name in found(there, src)}
    assert names == {"reward", "length"}


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9, 1.0])
def test_chance_is_no_filter(src: Source, rate: float) -> None:
    for seed in range(20):
        assert found(np.random.default_rng(seed).random(2_000) < rate, src) == []


def test_flagged_rows_that_are_missing_are_no_filter(src: Source) -> None:
    assert found(~small().pop.flagged, src) == []


def test_unknown_values_may_be_what_is_left_out() -> None:
    column = np.where(np.arange(2_000) % 3 == 0, np.nan, 1.0)
    only = Filter("reward", None, None, True)
    assert only.out(column).sum() == 667
    assert str(only) == "reward is not null"
