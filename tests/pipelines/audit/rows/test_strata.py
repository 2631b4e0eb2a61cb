from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipelines.audit.finding import Finding
from pipelines.audit.rows.population import Coded
from pipelines.audit.rows.selection import Selection
from tests.pipelines.audit.cases import corpus, examined, small

W = small(traces=4_000)
POP = W.pop
CODE = POP.environment.codes
RATE = np.bincount(CODE, POP.flagged) / np.bincount(CODE)
WORST, BEST = int(RATE.argmax()), int(RATE.argmin())


def strata(kept: np.ndarray, declared: Selection | None = None) -> dict[str, Finding]:
    return {f.subject: f for f in examined(POP, corpus(POP, np.flatnonzero(kept)), declared)["strata"]}


def test_the_worst_environment_missing_whole_is_unexplained() -> None:
    found = strata(CODE != WORST)[POP.environment.values[WORST]]
    assert (found.verdict, found.channel, found.rows) == ("associated_unexplained", "L8", (CODE == WORST).sum())
    assert found.examples[0].file is None


def test_the_best_environment_missing_is_told_and_no_more() -> None:
    assert strata(CODE != BEST)[POP.environment.values[BEST]].verdict == "none_found"


STEP = POP.checkpoint.codes
BY_STEP = np.bincount(STEP, POP.flagged) / np.bincount(STEP)


def test_the_worst_checkpoint_missing_is_unexplained_though_its_number_is_a_bound() -> None:
    worst = int(BY_STEP.argmax())
    assert POP.checkpoint.values[worst] == "step-04000"  # alerts grow with training
    assert strata(np.not_equal(STEP, worst))["step-04000"].verdict == "associated_unexplained"


def test_a_corpus_of_the_newest_checkpoint_lacks_the_others_for_a_reason() -> None:
    found = strata(POP.training_step == 4000)
    assert all("unexplained" not in f.verdict for f in found.values())


def test_the_worst_of_three_is_too_often_the_worst_by_chance() -> None:
    three = Coded(CODE % 3, ("a", "b", "c"))
    rate = np.bincount(three.codes, POP.flagged) / np.bincount(three.codes)
    worst = int(rate.argmax())
    pop = replace(POP, environment=three)
    found = examined(pop, corpus(pop, np.flatnonzero(three.codes != worst)))["strata"]
    assert {f.subject: f.verdict for f in found}[three.values[worst]] == "not_identifiable"


def test_a_declaration_accounts_for_a_missing_environment() -> None:
    name = POP.environment.values[WORST]
    found = strata(CODE != WORST, Selection(where=(f"environment != {name}",), complete=True))[name]
    assert found.verdict == "associated_explained"
    assert name in (found.explained_by or "")


def test_a_filter_that_leaves_nothing_of_an_environment_accounts_for_it() -> None:
    length = np.where(CODE == WORST, POP.chars["prompt"] + 1e6, POP.chars["prompt"])
    pop = replace(POP, chars={**POP.chars, "prompt": length})
    rows = corpus(pop, np.flatnonzero(pop.length < 5e5))
    (found,) = [f for f in examined(pop, rows)["strata"] if f.subject == POP.environment.values[WORST]]
    assert found.verdict == "associated_explained"
    assert "length" in (found.explained_by or "") or "prompt_chars" in (found.explained_by or "")


def test_environments_in_step_with_their_alerts_are_unexplained() -> None:
    rank = np.argsort(np.argsort(RATE))
    kept = np.random.default_rng(1).random(len(POP)) < (1 - rank / 8)[CODE]
    assert strata(kept)["environments"].verdict == "associated_unexplained"
    assert strata(np.random.default_rng(1).random(len(POP)) < 0.5)["environments"].verdict == "none_found"


def test_one_environment_has_nothing_to_compare() -> None:
    alone = Coded(np.zeros(len(POP), int), ("e",))
    pop = replace(POP, environment=alone, checkpoint=alone)
    (found,) = examined(pop, corpus(pop, np.arange(len(POP))))["strata"]
    assert found.verdict == "not_identifiable"
