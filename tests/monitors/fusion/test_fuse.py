"""Monitors as one: the fused score is a probability, better than each, and no noisy monitor drowns the others."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.fusion.fuse import FEWEST, Evidence, Fusion, Part, enough, fit, fold_of, probability
from monitors.fusion.maps import ScoreMap
from monitors.measure.calibration import calibration
from monitors.measure.ranking import Ranked

LINE = ScoreMap((0.0, 1.0), (-1.0, 3.0))


def part(monitor: str, weight: float = 1.0) -> Part:
    return Part(monitor, "d", weight, LINE, (), ())


def world(n: int, share: float, seed: int, **strength: float) -> Evidence:
    """Traces of one task each; a monitor of strength s scores positives by s standard deviations higher."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < share
    scores = {}
    for monitor, strong in strength.items():
        raw = 1 / (1 + np.exp(-(rng.normal(size=n) + strong * positive - 2)))
        scores[monitor] = np.where(raw < 0.15, 0.0, raw)
    return Evidence(scores, positive, np.arange(n))


def digests(known: Evidence) -> dict[str, str]:
    return dict.fromkeys(known.scores, "d")


def test_who_did_not_look_adds_nothing_and_nobody_is_unknown() -> None:
    fusion = Fusion("test_gaming", 0.01, (part("a"), part("b")))
    both = {"a": np.array([1.0, 1.0, np.nan]), "b": np.array([1.0, np.nan, np.nan])}
    found = fusion.suspicion(both)
    odds = 0.01 / 0.99
    assert found[0] == pytest.approx(odds * np.exp(6) / (1 + odds * np.exp(6)))
    assert found[1] == pytest.approx(odds * np.exp(3) / (1 + odds * np.exp(3)))
    assert np.isnan(found[2])


def test_a_monitor_without_a_map_has_no_say() -> None:
    fusion = Fusion("test_gaming", 0.01, (part("a"),))
    said = {"a": np.array([0.5, np.nan]), "stranger": np.array([1.0, 1.0])}
    assert fusion.suspicion(said)[0] == fusion.suspicion({"a": np.array([0.5])})[0]
    assert np.isnan(fusion.suspicion(said)[1])
    assert np.isnan(Fusion("test_gaming", 0.01, ()).suspicion(said)).all()


def test_the_fused_score_ranks_better_than_each_and_is_a_probability() -> None:
    known, fresh = (world(6_000, 0.2, seed, a=1.5, b=1.5, c=0.0) for seed in (1, 2))
    fusion = fit("test_gaming", known, digests(known), base_rate=0.2)
    found = fusion.suspicion(fresh.scores)
    alone = [Ranked(fresh.positive, s).auroc() for s in fresh.scores.values()]
    together = Ranked(fresh.positive, found).auroc()
    assert together is not None and together > max(a for a in alone if a is not None) + 0.03
    error = calibration(found, fresh.positive).error
    assert error is not None and error < 0.03


def test_at_another_base_rate_the_same_ranks_mean_other_probabilities() -> None:
    known = world(6_000, 0.5, 3, a=2.0)
    fusion = fit("test_gaming", known, digests(known), base_rate=0.02)
    rare = world(60_000, 0.02, 4, a=2.0)
    found = fusion.suspicion(rare.scores)
    assert found.mean() == pytest.approx(0.02, abs=0.005)


def test_a_monitor_that_repeats_another_is_not_counted_twice() -> None:
    known = world(6_000, 0.3, 5, a=2.0)
    double = Evidence({**known.scores, "echo": known.scores["a"]}, known.positive, known.tasks)
    [first, second] = fit("test_gaming", double, digests(double)).parts
    assert first.weight + second.weight < 1.3


def test_without_labels_a_monitor_that_always_cries_moves_little() -> None:
    rng = np.random.default_rng(6)
    n = 5_000
    quiet = np.where(rng.random(n) < 0.005, 0.8, 0.0)
    noisy = np.where(rng.random(n) < 0.5, 0.8, 0.0)
    known = Evidence({"quiet": quiet, "noisy": noisy}, np.zeros(n, bool), np.arange(n))
    fusion = fit("test_gaming", known, digests(known))
    worth = {p.monitor: float(p.weight * p.map(np.array([0.8]))[0]) for p in fusion.parts}
    assert worth["quiet"] > worth["noisy"] + 2.5 and worth["noisy"] < 1
    assert not enough(known) and all(p.weight == 1 for p in fusion.parts)


def test_what_was_known_of_positives_is_carried_over_and_weights_with_it() -> None:
    labelled = world(4_000, 0.3, 7, a=2.5, b=0.0)
    before = fit("test_gaming", labelled, digests(labelled))
    ordinary = world(4_000, 0.0, 8, a=2.5, b=0.0)
    after = fit("test_gaming", ordinary, digests(ordinary), earlier=before)
    assert [p.weight for p in after.parts] == [p.weight for p in before.parts]
    assert [p.positive for p in after.parts] == [p.positive for p in before.parts]
    at = np.array([0.65])
    assert after.parts[0].map(at)[0] == pytest.approx(before.parts[0].map(at)[0], abs=0.6)


def test_folds_keep_tasks_whole_and_spread_the_positives() -> None:
    tasks = np.repeat(np.arange(200), 3)
    positive = tasks < 25
    fold = fold_of(tasks, positive)
    assert all(len(set(fold[tasks == t])) == 1 for t in range(200))
    assert {int((fold[positive] == f).sum()) for f in range(5)} == {15}
    assert (fold == fold_of(tasks, positive)).all()


def test_a_few_tasks_fit_no_weights() -> None:
    known = world(400, 0.5, 9, a=2.0, b=2.0)
    few = Evidence(known.scores, known.positive, np.arange(400) % (FEWEST - 1))
    assert all(p.weight == 1 for p in fit("test_gaming", few, digests(few)).parts)


def test_a_probability_is_rounded_the_same_for_all() -> None:
    assert probability(np.array([0.0, 1e-12])).tolist() == [0.5, 0.5]
