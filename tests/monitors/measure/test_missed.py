"""What the cheap monitors missed: an estimate whose interval holds the truth, or a bound that is called one."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.measure.missed import CONFIRMED, CORRECTED, UPPER_BOUND, Drawn, missed


def test_an_uncorrected_count_is_an_upper_bound_and_has_no_value() -> None:
    found = missed(Drawn(10_000, 200, 6))
    assert found is not None and (found.value, found.low, found.how) == (None, 0.0, UPPER_BOUND)
    assert 300 < found.high < 700


def test_nothing_drawn_is_no_estimate() -> None:
    assert missed(Drawn(10_000, 0, 0)) is None


def test_a_judge_that_errs_as_often_as_it_hits_shows_nothing() -> None:
    found = missed(Drawn(10_000, 1_000, 20), (20, 1_000))
    assert found is not None and (found.value, found.low, found.how) == (0.0, 0.0, CORRECTED)


def test_what_people_read_goes_before_the_correction() -> None:
    found = missed(Drawn(10_000, 200, 6, confirmed=2, denied=1), (20, 1_000))
    assert found is not None and found.how == CONFIRMED
    assert found.value == pytest.approx(200.0)  # two in three of 3 %
    assert found.low < 100 and found.high > 250


def test_all_read_and_denied_is_nothing_found_yet_not_nothing_there() -> None:
    found = missed(Drawn(10_000, 200, 3, confirmed=0, denied=3))
    assert found is not None and (found.value, found.low) == (0.0, 0.0) and 0 < found.high < 300


@pytest.mark.parametrize("true_share", [0.0, 0.005, 0.03])
@pytest.mark.parametrize("false_share", [0.01, 0.05])
def test_the_corrected_interval_holds_the_truth_in_95_of_100_cases(true_share: float, false_share: float) -> None:
    chance = np.random.default_rng(11)
    n, labelled, unflagged, held = 600, 800, 50_000, 0
    for _ in range(500):
        hits = chance.binomial(n, true_share + (1 - true_share) * false_share)
        found = missed(Drawn(unflagged, n, int(hits)), (int(chance.binomial(labelled, false_share)), labelled))
        assert found is not None
        held += found.low <= true_share * unflagged <= found.high
    assert held >= 0.95 * 500


@pytest.mark.parametrize("share_read", [1.0, 0.5])
def test_the_confirmed_interval_holds_the_truth_though_not_all_hits_were_read(share_read: float) -> None:
    chance = np.random.default_rng(12)
    n, unflagged, true_share, false_share, held = 600, 50_000, 0.02, 0.03, 0
    for _ in range(500):
        true, false = chance.binomial(n, true_share), chance.binomial(n, false_share)
        yes, no = chance.binomial(true, share_read), chance.binomial(false, share_read)
        found = missed(Drawn(unflagged, n, int(true + false), int(yes), int(no)))
        assert found is not None
        held += found.low <= true_share * unflagged <= found.high
    assert held >= 0.94 * 500
