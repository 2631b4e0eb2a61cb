"""The simulations of the firewall, in short, so that what was published stays true."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.firewall.__main__ import ALARMS, look, main, wilson
from benchmarks.firewall.corpora import CLEAN, LEAKS, clean
from benchmarks.firewall.world import world

HARD = "half of flagged dropped before a 5 % sample"  # is not there to be found, most times


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in LEAKS if n != HARD])
def test_a_planted_leak_is_found(name: str) -> None:
    found = [look((name, 30_000 + seed)) for seed in range(2)]
    assert all(t.verdict in ALARMS for t in found)


@pytest.mark.slow
def test_a_loss_too_small_to_see_is_not_claimed_to_be_none() -> None:
    found = look((HARD, 30_000))
    assert found.margin is None or found.margin > 2


@pytest.mark.slow
def test_clean_corpora_raise_no_alarm() -> None:
    found = [look(("", seed)) for seed in range(30_000, 30_000 + 2 * len(CLEAN))]
    assert {t.name for t in found} == set(CLEAN)
    assert [t for t in found if t.verdict in ALARMS] == []


def test_a_world_is_the_same_for_the_same_seed() -> None:
    one, other = world(1, 1_000, 0.05).pop, world(1, 1_000, 0.05).pop
    assert (one.score == other.score).all() and (one.length == other.length).all()
    assert not (one.score == world(2, 1_000, 0.05).pop.score).all()


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.2])
def test_alerts_cluster_and_correlate_as_in_life(rate: float) -> None:
    w = world(3, 20_000, rate)
    assert w.pop.flagged.mean() == pytest.approx(rate, rel=0.3)
    by_task = np.bincount(w.task, w.pop.flagged) / np.bincount(w.task)
    chance = rate * (1 - rate) * (1 / np.bincount(w.task)).mean()
    assert by_task.var() > 1.2 * chance
    assert np.corrcoef(w.pop.flagged, w.pop.reward)[0, 1] > 0
    assert np.corrcoef(w.pop.flagged, np.log(w.pop.length))[0, 1] > 0


def test_clean_corpora_are_of_all_kinds() -> None:
    made = [clean(seed) for seed in range(24)]
    assert {m.name for m in made} == set(CLEAN)
    assert {m.declared is None for m in made} == {True, False}


def test_wilson_is_wilson() -> None:
    assert wilson(0, 1_000) == pytest.approx((0, 0.00383), abs=1e-4)
    assert wilson(200, 200) == pytest.approx((0.9812, 1), abs=1e-4)


def test_the_command_tells_a_table_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--leaks", "--only", "reasoning trains", "--seeds", "1", "--from", "30000"]
    main(arguments)
    assert "1/1" in capsys.readouterr().out
    main([*arguments, "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == "leak"
