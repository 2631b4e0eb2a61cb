from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.audit.finding import Finding
from pipelines.audit.rows.population import Coded
from tests.pipelines.audit.cases import corpus, examined, small

W = small()
POP = replace(W.pop, file=Coded(np.arange(2_000) // 100, tuple(f"part-{i:02d}" for i in range(20))))
RNG = np.random.default_rng(4)
SHUFFLED = RNG.permutation(len(POP))


def order(kept: np.ndarray) -> Finding:
    (found,) = examined(POP, corpus(POP, kept))["order"]
    return found


def by(*columns: np.ndarray) -> np.ndarray:
    return SHUFFLED[np.lexsort([c[SHUFFLED] for c in columns[::-1]])]


TASKS = RNG.permutation(int(W.task.max()) + 1)[W.task].astype(float)
FILE = POP.file
CLEAN = {
    "shuffled": SHUFFLED,
    "as in the lake": np.arange(len(POP)),
    "by length": by(POP.length),
    "by reward, shuffled within": by(POP.reward),
    "by reward, then length downwards": by(POP.reward, -POP.length),
    "files shuffled, each as in the lake": np.lexsort([np.arange(len(POP)), RNG.permutation(20)[FILE.codes]]),
    "by step": by(POP.training_step),
    "tasks shuffled": by(TASKS),
    "by environment, shuffled within": by(POP.environment.codes.astype(float)),
    "by a count of tokens": by(POP.length * RNG.lognormal(0, 0.05, len(POP))),
}


@pytest.mark.parametrize("name", CLEAN)
def test_an_order_of_the_lakes_is_no_association(name: str) -> None:
    assert order(CLEAN[name]).verdict in ("none_found", "associated_explained")


def test_an_explained_order_says_by_what() -> None:
    pop = replace(POP, flagged=RNG.random(len(POP)) < np.where(POP.length > 6000, 0.2, 0.02))
    (found,) = examined(pop, corpus(pop, CLEAN["by length"]))["order"]
    assert "sorted by length" in found.says
    assert (found.verdict, found.explained_by) == ("associated_explained", "length")


LEAKS = {
    "by score": by(POP.score),
    "flagged last": by(POP.flagged.astype(float)),
    "by reward, flagged last within": by(POP.reward, POP.flagged.astype(float)),
    "flagged rather late": by(RNG.random(len(POP)) + 0.5 * POP.flagged),
    "tasks shuffled, flagged last within": by(TASKS, POP.flagged.astype(float)),
}


@pytest.mark.parametrize("name", LEAKS)
def test_an_order_by_flags_is_found_within_whatever_order(name: str) -> None:
    found = order(LEAKS[name])
    assert found.verdict == "associated_unexplained"
    assert "later" in found.says


def test_a_second_epoch_by_flags_is_found_and_told_as_such() -> None:
    found = order(np.concatenate([SHUFFLED, LEAKS["flagged last"]]))
    assert found.verdict == "associated_unexplained" and "2nd time" in found.says


def test_epochs_each_shuffled_are_no_association() -> None:
    assert order(np.concatenate([RNG.permutation(len(POP)) for _ in range(4)])).verdict == "none_found"


def test_traces_drawn_with_replacement_are_no_association() -> None:
    drawn = RNG.integers(0, len(POP), 3 * len(POP))
    assert order(drawn).verdict == "none_found"
    by_reward = RNG.choice(len(POP), 3 * len(POP), p=(0.1 + POP.reward) / (0.1 + POP.reward).sum())
    assert order(by_reward).verdict in ("none_found", "associated_explained")


def test_few_rows_have_no_order() -> None:
    assert order(np.arange(10)).verdict == "not_identifiable"
    assert order(np.flatnonzero(~POP.flagged)).verdict == "not_identifiable"
