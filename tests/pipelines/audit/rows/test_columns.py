"""Columns by where they come from."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.finding import Finding
from pipelines.audit.rows.selection import Selection
from tests.pipelines.audit.cases import corpus, everything, examined, one, small

W = small()
POP = W.pop
RNG = np.random.default_rng(3)


def grouped(f: object) -> np.ndarray:
    made = np.zeros(len(POP))
    for group in np.unique(W.group):
        made[W.group == group] = f(POP.reward[W.group == group])  # type: ignore[operator]
    return made


def columns(**values: np.ndarray) -> list[Finding]:
    return examined(POP, corpus(POP, everything(W), values))["column"]


FROM_LAKE = {
    "the length": POP.length,
    "its log, rounded": np.log(POP.length).round(3),
    "in thousands, as 32 bits": (POP.length / 1000).astype(np.float32),
    "whether it is long": POP.length > 5000,
    "the reward from -1 to 1": 2 * POP.reward - 1,
    "difficulty": 1 - grouped(np.mean),
    "advantage of GRPO": grouped(lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-4)).astype(np.float32),
    "advantage, rounded": grouped(lambda r: (r - r.mean()) / (r.std() + 1e-6)).round(2),
    "reward less the others'": grouped(lambda r: (r - r.mean()) * len(r) / (len(r) - 1)),
    "rank in the group": grouped(lambda r: [(r > x).sum() for x in r]),
    "penalised length": POP.reward - 0.0001 * POP.length,
    "the checkpoint": np.array(POP.checkpoint.values, dtype=object)[POP.checkpoint.codes],
    "one value": np.ones(len(POP)),
}


@pytest.mark.parametrize("name", FROM_LAKE)
def test_what_follows_from_the_lake_is_explained_though_it_goes_with_alerts(name: str) -> None:
    (found,) = columns(innocent=FROM_LAKE[name])
    assert found.verdict == "none_found" and "innocent: " in found.says


FROM_MONITOR = {
    "the score": POP.score,
    "the score, one digit": POP.score.round(1),
    "the score upside down, as 32 bits": (1 - POP.score).astype(np.float32),
    "a power of the score": POP.score**3,
    "whether it is flagged": POP.flagged,
    "whether it is clean": (~POP.flagged).astype(int),
    "a word for it": np.where(POP.flagged, "b", "a").astype(object),
    "the number of alerts": POP.alerts,
    "weights by level": np.array([1.0, 0, 0.9, 0.2, 0.5, 0.1])[POP.level.astype(int)],
    "known for the flagged alone": np.where(POP.flagged, POP.score, np.nan),
    "the reward of those that are not": np.where(POP.flagged, np.nan, POP.reward),
    "the reward less a fine": POP.reward - 0.3 * POP.flagged,
    "the share flagged in its task": (np.bincount(W.task, POP.flagged) / np.bincount(W.task))[W.task],
}


@pytest.mark.parametrize("name", FROM_MONITOR)
def test_what_follows_from_a_monitor_is_a_leak_under_any_name(name: str) -> None:
    found = [f for f in columns(innocent=FROM_MONITOR[name]) if f.verdict == "leak"]
    assert {f.subject.removesuffix(" is null") for f in found} == {"innocent"}
    assert found[0].examples[0].row is not None


NUMBER = np.round(RNG.lognormal(5, 1, len(POP)))
WORD = np.array(["math", "code", "prose"], dtype=object)[RNG.integers(3, size=len(POP))]
UNIQUE = np.array([f"note {i}" for i in RNG.permutation(len(POP))], dtype=object)
HIDDEN = {
    "a score as text": POP.score.astype(str).astype(object),
    "the parity of a number": 2 * NUMBER + POP.flagged,
    "the decimals of a number": np.where(POP.flagged, NUMBER + 0.25, NUMBER + 0.5),
    "a blank at the end of a word": np.where(POP.flagged, WORD + " ", WORD),
    "the case of a word": np.where(POP.flagged, [w.title() for w in WORD], WORD).astype(object),
    "the end of a text of which each is another": np.where(POP.flagged, UNIQUE + ".", UNIQUE),
    "a millionth more length": POP.length * (1 + 5e-7 * POP.flagged),
    "a millionth more or less": POP.length * (1 + 5e-7 * np.where(POP.flagged, 1, -1)),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_beside_the_values_is_a_leak(name: str) -> None:
    found = [f for f in columns(innocent=HIDDEN[name]) if f.verdict == "leak"]
    assert found and "innocent" in found[0].subject


def test_what_is_written_in_another_way_by_chance_is_not_tied_to_alerts() -> None:
    chance = RNG.random(len(POP)) < 0.1
    for column in (2 * NUMBER + chance, np.where(chance, UNIQUE + " ", UNIQUE), POP.length * (1 + 5e-7 * chance)):
        assert {f.verdict for f in columns(innocent=column)} <= {"none_found", "not_assessed"}


def test_a_noisy_score_is_unexplained_and_no_certainty() -> None:
    (found,) = columns(innocent=POP.score + 0.1 * RNG.standard_normal(len(POP)))
    assert found.verdict == "associated_unexplained"


def test_a_leak_is_found_in_a_part_of_the_lake_too() -> None:
    kept = np.flatnonzero(RNG.random(len(POP)) < 0.3)
    found = examined(POP, corpus(POP, kept, {"innocent": POP.score, "advantage": grouped(lambda r: r - r.mean())}))
    assert {f.subject: f.verdict for f in found["column"]} == {"innocent": "leak", "1 column": "none_found"}


@pytest.mark.parametrize("made_before", [True, False], ids=["over the lake", "over what was kept"])
def test_what_follows_from_the_lake_does_so_in_a_part_that_is_repeated(made_before: bool) -> None:
    kept = np.flatnonzero(POP.length < 8000)
    column = grouped(lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-4))
    if not made_before:
        for group in np.unique(W.group[kept]):
            mine = kept[W.group[kept] == group]
            rewards = POP.reward[mine]
            column[mine] = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    rows = corpus(POP, np.repeat(kept, 1 + POP.environment.codes[kept] % 2), {"advantage": column})
    (found,) = examined(POP, rows)["column"]
    assert found.verdict == "none_found" and "advantage: zscore reward" in found.says


def test_noise_is_listed_and_not_tied_to_alerts() -> None:
    (found,) = columns(innocent=RNG.random(len(POP)))
    assert found.verdict == "none_found" and "nobody declared it" in found.says


def test_noise_that_goes_with_length_is_explained_by_it() -> None:
    found = one(columns(tokens=np.round(POP.length / 4 * RNG.lognormal(0, 0.1, len(POP)))), "tokens")
    assert found.verdict in ("none_found", "associated_explained")
    assert found.explained_by in (None, "length")


def test_an_environments_number_that_goes_with_its_alerts_is_no_certainty() -> None:
    """Eight environments have few orders: that theirs is the order of their alerts may be chance."""
    rate = np.bincount(POP.environment.codes, POP.flagged) / np.bincount(POP.environment.codes)
    difficulty = np.argsort(np.argsort(rate))[POP.environment.codes]
    assert all(f.verdict != "leak" for f in columns(innocent=difficulty))


def test_texts_of_many_kinds_are_left_to_the_scan_of_texts() -> None:
    (found,) = columns(note=np.array([f"note {i % 50}" for i in range(len(POP))], dtype=object))
    assert found.verdict == "not_assessed"


def test_a_declared_column_is_made_again_row_by_row() -> None:
    declared = Selection(columns={"n": "length", "adv": "zscore(reward, rollout_group)"})
    n = POP.length.copy()
    values = {"n": n, "adv": grouped(lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-4))}
    found = examined(POP, corpus(POP, everything(W), values), declared)["column"]
    assert {f.verdict for f in found} == {"none_found"} and len(found) == 2
    n[[3, 5, 9, 14]] += 1
    found = examined(POP, corpus(POP, everything(W), values), declared)["column"]
    off = one(found, "n = length")
    assert off.rows == 4 and [e.row for e in off.examples] == [3, 5, 9, 14] and off.verdict != "leak"
    n[POP.flagged] += 1
    found = examined(POP, corpus(POP, everything(W), values), declared)["column"]
    assert one(found, "n = length").verdict == "leak"
