"""What a score is worth: maps rise, heed how rare a score is, and trust no monitor further than it was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitors.fusion.maps import BINS, LEAST_SLOPE, MOST, ScoreMap, capped, risen, score_map, tally

TALLIES = arrays(np.float64, BINS, elements=st.floats(0, 1e4))
NOTHING = np.zeros(BINS)


def counts(**by_bin: float) -> np.ndarray:
    found = np.zeros(BINS)
    for name, n in by_bin.items():
        found[int(name[1:])] = n
    return found


@given(TALLIES, TALLIES)
def test_a_map_rises_and_keeps_its_bounds(positive: np.ndarray, negative: np.ndarray) -> None:
    made = score_map(positive, negative)
    steps = np.diff(made.llr) / np.diff(made.scores)
    assert made.scores[0] == 0 and made.scores[-1] == 1
    assert all(abs(v) <= MOST for v in made.llr)
    # so that no two scores become one, but where the bound is reached
    assert all(s >= LEAST_SLOPE - 1e-3 or abs(v) >= MOST - 0.11 for s, v in zip(steps, made.llr[1:], strict=True))


def test_the_rarer_a_score_is_on_ordinary_traffic_the_more_it_is_worth() -> None:
    rare = score_map(NOTHING, counts(b0=9_990, b9=10))
    common = score_map(NOTHING, counts(b0=5_000, b9=5_000))
    at = np.array([0.0, 0.75])
    assert rare(at)[1] > common(at)[1] + 2 > 2
    assert common(at)[0] < rare(at)[0] < 0  # silence of one that always speaks says the more


def test_positives_move_the_map_away_from_what_it_would_be_without() -> None:
    ordinary = counts(b0=900, b9=100)
    catches = score_map(counts(b0=10, b9=490), ordinary)
    misses = score_map(counts(b0=450, b9=50), ordinary)
    at = np.array([0.75])
    assert catches(at)[0] == pytest.approx(np.log(0.98 / 0.1), abs=0.15)
    assert abs(misses(at)[0]) < 0.5


def test_a_map_and_its_pieces_say_the_same() -> None:
    made = score_map(counts(b5=3, b9=20), counts(b0=900, b3=50, b9=4))
    for score in np.linspace(0, 1, 101):
        [(start, _, llr, slope)] = [p for p in made.pieces() if p[0] <= score < p[1]]
        assert llr + slope * (score - start) == pytest.approx(made(np.array([score]))[0], abs=1e-9)


def test_one_that_did_not_look_stays_unknown() -> None:
    assert np.isnan(ScoreMap((0.0, 1.0), (0.0, 1.0))(np.array([np.nan]))).all()


def test_a_thousand_rollouts_of_a_task_are_one_task() -> None:
    score = np.array([0.0] + [0.9] * 1_000)
    assert tally(score, np.array([0] + [1] * 1_000)).sum() == pytest.approx(2)
    assert tally(score, np.arange(1_001)).sum() == pytest.approx(1_001)
    assert not tally(np.array([np.nan]), np.array([0])).any()


@given(arrays(np.float64, 12, elements=st.floats(-9, 9)), arrays(np.float64, 12, elements=st.floats(0.1, 9)))
def test_risen_values_never_fall_and_keep_their_mean(values: np.ndarray, weights: np.ndarray) -> None:
    found = risen(values, weights)
    assert (np.diff(found) >= -1e-9).all()
    assert (found * weights).sum() == pytest.approx((values * weights).sum(), abs=1e-6)
    if (np.diff(values) >= 0).all():
        assert found == pytest.approx(values)


def test_a_tally_is_scaled_down_and_never_up() -> None:
    assert capped(counts(b0=30, b3=10), 20).tolist() == counts(b0=15, b3=5).tolist()
    assert capped(counts(b0=3), 20).tolist() == counts(b0=3).tolist()
