"""Leaks planted on purpose: a probe must find each, and must find none where there is none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from monitors.measure.leakage import Clues, Probe, opening_words, probes
from monitors.measure.one_regex import one_regex_ceiling
from monitors.measure.operating import halves

N = 300
RNG = np.random.default_rng(5)
POSITIVE = RNG.random(N) < 0.4
CLUSTERS = np.arange(N) // 3
WORDS = np.array("river stone cloud table window garden letter winter paper bridge".split())


def prose(length: int = 40) -> list[str]:
    rng = np.random.default_rng(9)
    return [" ".join(rng.choice(WORDS, length)) for _ in range(N)]


def innocent() -> Clues:
    rng = np.random.default_rng(2)
    names = [["a", "b", "c"][i] for i in rng.integers(0, 3, N)]
    return Clues(rng.normal(1_000, 100, (N, 2)), names, names[::-1], [*names[1:], "a"], prose(), prose()[::-1])


def told(clues: Clues) -> dict[str, Probe]:
    return {p.clue: p for p in probes(clues, POSITIVE, CLUSTERS, replicates=100)}


def mostly(yes: str, no: str) -> list[str]:
    """`yes` for nine in ten positives and one in ten negatives."""
    rng = np.random.default_rng(3)
    return [yes if (rng.random() < 0.9) == p else no for p in POSITIVE]


# the shortest and the longest are negatives, so that no straight line tells them apart
MIDDLING = np.where(POSITIVE, 1_000, np.where(RNG.random(N) < 0.5, 200, 5_000))[:, None] + RNG.random((N, 2))


@cache
def planted() -> dict[str, Probe]:
    """What is found where every clue leaks."""
    prompts = [f"{a} {b}" for a, b in zip(prose(), mostly("leak", "dry"), strict=True)]
    opening = mostly("let me cheat", "let me think")
    return told(Clues(MIDDLING, mostly("x", "y"), mostly("p", "q"), mostly("v", "w"), prompts, opening))


@pytest.mark.parametrize(
    "clue", ["length", "source", "environment", "model", "prompt", "prompt + environment", "first words"]
)
def test_a_planted_leak_is_found(clue: str) -> None:
    found = planted()[clue]
    assert found.verdict == "leaks"
    assert found.auroc.value is not None
    assert found.auroc.value > 0.8


def test_nothing_is_found_where_nothing_leaks() -> None:
    assert {p.verdict for p in told(innocent()).values()} <= {"tells nothing", "tells a little"}


def test_what_never_varies_is_no_clue() -> None:
    found = told(replace(innocent(), source=["one"] * N))["source"]
    assert str(found.auroc) == "not measurable: it is the same in every trace"
    assert found.verdict == "not measurable"


@pytest.mark.parametrize(
    ("positive", "clusters", "why"),
    [
        (np.arange(N) < 9, CLUSTERS, "9 positives, and a probe needs 10"),
        (np.arange(N) >= 0, CLUSTERS, "0 negatives, and a probe needs 10"),
        (np.arange(N) < 12, np.where(np.arange(N) < 12, 0, CLUSTERS), "the positives are of fewer than 5 tasks"),
    ],
    ids=["few positives", "one class", "few tasks"],
)
def test_small_sets_are_refused_in_words(positive: np.ndarray, clusters: np.ndarray, why: str) -> None:
    assert {p.auroc.why for p in probes(innocent(), positive, clusters, 100)} == {why}


def test_the_first_words_are_fifty() -> None:
    assert opening_words("a  b\n" * 100).split() == ["a", "b"] * 25
    assert opening_words("") == ""


def test_the_best_pattern_is_chosen_on_one_half_and_counted_on_the_other() -> None:
    texts = [f"{t} zebra crossing" if p else t for t, p in zip(prose(), POSITIVE, strict=True)]
    best, quiet = one_regex_ceiling(texts, POSITIVE, CLUSTERS)
    assert best.pattern is not None
    assert "zebra" in best.pattern or "crossing" in best.pattern
    assert best.auroc.value == quiet.auroc.value == 1.0
    judged = halves(CLUSTERS) == 1
    assert POSITIVE[judged].sum() != POSITIVE[~judged].sum()
    assert (best.tpr.n, best.fpr.n) == (POSITIVE[judged].sum(), (~POSITIVE[judged]).sum())


def test_a_word_that_is_left_out_is_a_pattern_too() -> None:
    texts = [t if p else f"honestly {t}" for t, p in zip(prose(), POSITIVE, strict=True)]
    best, _ = one_regex_ceiling(texts, POSITIVE, CLUSTERS)
    assert best.absence
    assert best.auroc.value == 1.0


def test_chance_gets_no_pattern_far() -> None:
    best, _ = one_regex_ceiling(prose(), POSITIVE, CLUSTERS)
    assert best.auroc.value == pytest.approx(0.5, abs=0.12)


def test_too_few_for_a_ceiling_are_told() -> None:
    found = one_regex_ceiling(prose(), np.arange(N) < 6, CLUSTERS)
    assert all("10 are needed" in str(c.tpr) and c.pattern is None for c in found)
