"""Where ordinary traffic is cut, and how sure one can be of how little lies above."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.fusion.threshold import allowance, cut_above, needed, possible, share_by_task

SUSPICIONS = st.lists(st.integers(0, 50).map(lambda i: i / 100), min_size=1, max_size=60)


@given(SUSPICIONS, st.integers(0, 60))
def test_a_cut_keeps_its_promise_and_is_about_the_lowest_that_does(values: list[float], allowed: int) -> None:
    score = np.array(values)
    threshold = cut_above(score, allowed)
    assert (score >= threshold).sum() <= allowed
    below = score[score < threshold]
    if len(below) and below.max() > 0:  # to flag the next lower ones as well would be too many
        assert (score >= below.max()).sum() > allowed
    assert not np.isclose(score, threshold, atol=1e-9).any()


@given(SUSPICIONS, st.integers(0, 60))
def test_what_is_no_likelier_than_the_base_rate_is_never_flagged(values: list[float], allowed: int) -> None:
    threshold = cut_above(np.array(values), allowed, 0.1)
    assert threshold > 0.1
    assert threshold == max(threshold, cut_above(np.array(values), allowed))


@pytest.mark.parametrize("n", [1_000, 2_500])
def test_the_next_ordinary_trace_is_flagged_as_rarely_as_promised(n: int) -> None:
    """Conformal prediction's promise, over many draws of the traffic that the threshold is chosen on."""
    rng = np.random.default_rng(n)
    target, flagged, draws = 0.01, 0, 400
    for _ in range(draws):
        threshold = cut_above(rng.beta(1, 20, n), allowance(target, n))
        flagged += int((rng.beta(1, 20, 500) >= threshold).sum())
    assert 0.007 < flagged / (500 * draws) <= target


@pytest.mark.parametrize(
    ("target", "n"), [(0.001, 10_000), (0.002, 5_000), (0.01, 1_000), (0.02, 500), (0.05, 100), (0.1, 50)]
)
def test_a_rate_needs_so_many_traces_and_those_can_do_it(target: float, n: int) -> None:
    assert needed(target) == n
    assert possible(n) == target
    least = possible(n - 1)
    assert least is None or least > target


@pytest.mark.parametrize(("flags", "n"), [(0, 200), (3, 200), (200, 200)])
def test_where_each_trace_is_a_task_of_its_own_the_interval_is_wilsons(flags: int, n: int) -> None:
    found = share_by_task(np.arange(n) < flags, np.arange(n))
    p, z = flags / n, 1.959964
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    assert (found.k, found.n) == (flags, n)
    assert found.low == pytest.approx(max(0, centre - half), abs=2e-4)
    assert found.high == pytest.approx(min(1, centre + half), abs=2e-4)


def test_traces_of_one_task_are_alike_and_say_less() -> None:
    flagged = np.repeat([True, False, False, False, False, False, False, False, False, False], 50)
    apart = share_by_task(flagged, np.arange(500))
    together = share_by_task(flagged, np.repeat(np.arange(10), 50))
    assert apart.high is not None and together.high is not None and together.high > apart.high + 0.2
    assert share_by_task(np.zeros(0, bool), np.zeros(0, np.int64)).value is None
