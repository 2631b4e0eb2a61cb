"""Presence and repetition, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipelines.audit.corpus.files import CORPUS_ROWS
from pipelines.audit.finding import Finding
from pipelines.audit.rows.examine import JOINED, examine
from pipelines.audit.rows.selection import Sample, Selection
from tests.pipelines.audit.cases import ALPHA, corpus, examined, small, verdicts, without_units

W = small()
POP = W.pop
RNG = np.random.default_rng(5)
DROPPED = POP.flagged & (RNG.random(len(POP)) < 0.5)
TASKS = (RNG.random(int(W.task.max()) + 1) < 0.6)[W.task]


def inclusion(kept: np.ndarray, declared: Selection | None = None) -> Finding:
    (found,) = examined(POP, corpus(POP, np.flatnonzero(kept)), declared)["inclusion"]
    return found


CLEAN = {
    "complete": np.ones(len(POP), bool),
    "random rows": RNG.random(len(POP)) < 0.5,
    "random tasks": TASKS,
    "by reward": POP.reward >= 0.5,
    "by length, and most of that": (POP.length <= 6000) & (RNG.random(len(POP)) < 0.8),
    "failures thinned": (POP.reward >= 0.5) | (RNG.random(len(POP)) < 0.3),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_was_chosen_without_alerts_shows_none(name: str) -> None:
    found = inclusion(CLEAN[name])
    assert found.verdict in ("none_found", "associated_explained")
    if name == "complete":  # where everybody is there, no odds ratio means anything
        assert (found.margin, found.estimate) == (None, None) and "nothing was left out" in found.says
    else:
        assert found.margin is not None


@pytest.mark.parametrize("name", CLEAN)
def test_half_of_the_flagged_gone_is_found_in_all_of_these(name: str) -> None:
    found = inclusion(CLEAN[name] & ~DROPPED)
    assert found.verdict == "associated_unexplained"
    assert found.estimate is not None and found.high is not None and found.high < 1
    assert found.examples[0].trace_key in POP.key[POP.flagged]


def test_twice_as_many_flagged_are_found_as_well() -> None:
    found = inclusion(RNG.random(len(POP)) < np.where(POP.flagged, 0.6, 0.3))
    assert found.verdict == "associated_unexplained"
    assert found.low is not None and found.low > 1


def test_an_explained_association_says_by_what() -> None:
    pop = replace(POP, flagged=(POP.reward < 0.5) & (RNG.random(len(POP)) < 0.2))
    (found,) = examined(pop, corpus(pop, np.flatnonzero(POP.reward >= 0.5)))["inclusion"]
    assert found.verdict == "not_identifiable"  # nobody who could be there is flagged
    pop = replace(POP, flagged=RNG.random(len(POP)) < np.where(POP.reward < 0.5, 0.2, 0.05))
    (found,) = examined(pop, corpus(pop, np.flatnonzero(POP.reward >= 0.5)))["inclusion"]
    assert (found.verdict, found.explained_by) == ("associated_explained", "reward >= 0.5")


def test_traces_of_no_task_are_taken_one_by_one() -> None:
    pop = without_units(POP)
    assert verdicts(examined(pop, corpus(pop, np.flatnonzero(~DROPPED)))["inclusion"]) == {"associated_unexplained"}
    kept = np.flatnonzero(RNG.random(len(pop)) < 0.5)
    assert verdicts(examined(pop, corpus(pop, kept))["inclusion"]) == {"none_found"}


def test_the_highest_scores_gone_are_found_by_the_score() -> None:
    pop = replace(POP, flagged=RNG.permutation(POP.flagged), score=RNG.random(len(POP)))
    kept = pop.score < np.where(RNG.random(len(pop)) < 0.3, 0.9, 2)
    (found,) = examined(pop, corpus(pop, np.flatnonzero(kept)))["inclusion"]
    assert found.verdict == "associated_unexplained" and "score" in found.says


def test_flagged_rows_repeated_are_found_and_named() -> None:
    kept = np.repeat(np.arange(len(POP)), 1 + POP.flagged)
    (found,) = examined(POP, corpus(POP, kept))["repetition"]
    assert (found.verdict, found.rows) == ("associated_unexplained", POP.flagged.sum())


@pytest.mark.parametrize("by", ["environment", "chance"])
def test_other_repeats_are_no_association(by: str) -> None:
    times = RNG.integers(1, 4, len(POP)) if by == "chance" else 1 + POP.environment.codes % 3
    (found,) = examined(POP, corpus(POP, np.repeat(np.arange(len(POP)), times)))["repetition"]
    assert found.verdict in ("none_found", "associated_explained")


def test_a_small_part_of_few_flagged_rows_cannot_tell() -> None:
    found = inclusion(RNG.random(len(POP)) < 0.02, Selection(sample=Sample(rate=0.02)))
    assert found.verdict == "not_identifiable"
    assert "could be gone unseen" in found.says


def test_nobody_flagged_cannot_be_told_from() -> None:
    pop = replace(POP, flagged=np.zeros(len(POP), bool), score=np.zeros(len(POP)))
    found = examined(pop, corpus(pop, np.arange(500)))
    assert all(
        verdicts(found[check]) == {"not_identifiable"} for check in ("inclusion", "repetition", "order", "strata")
    )


def test_rows_of_unknown_origin_are_counted() -> None:
    rows = corpus(POP, np.arange(1_000))
    ids = rows["sample_id"].to_pylist()
    ids[:100] = [f"other-{i}" for i in range(100)]
    found = examined(POP, rows.set_column(3, "sample_id", pa.array(ids)))["selection"]
    assert {f.subject: f.rows for f in found}["rows of unknown origin"] == 100


def test_a_corpus_of_something_else_is_not_identifiable_in_all() -> None:
    rows = corpus(POP, np.arange(100)).set_column(3, "sample_id", pa.array([f"x{i}" for i in range(100)]))
    found = examined(POP, rows)
    assert all(verdicts(found[check]) == {"not_identifiable"} for check, _ in JOINED)


def diluted(rows: pa.Table, times: int = 2) -> pa.Table:
    """Rows among `times` as many that are no traces."""
    foreign = pa.array([f"web-{i}" for i in range(len(rows) * times)])
    others = pa.concat_tables([rows] * times).set_column(3, "sample_id", foreign)
    both = pa.concat_tables([rows, others])
    return both.set_column(2, "position", pa.array(np.arange(len(both))))


def test_a_changed_reward_is_a_leak_among_however_many_other_rows() -> None:
    rows = diluted(corpus(POP, np.arange(len(POP)), {"reward": np.where(POP.flagged, 0.0, POP.reward)}))
    (found,) = examined(POP, rows)["reward"]
    assert (found.verdict, found.rows) == ("leak", (POP.flagged & (POP.reward != 0)).sum())


def test_a_score_as_a_column_is_a_leak_among_however_many_other_rows() -> None:
    rows = diluted(corpus(POP, np.arange(len(POP)), {"reward": POP.reward, "quality": -POP.score}))
    assert "leak" in verdicts(examined(POP, rows)["column"])


@pytest.mark.parametrize("check", ["inclusion", "repetition", "order"])
def test_what_goes_with_alerts_is_found_among_however_many_other_rows(check: str) -> None:
    kept = {
        "inclusion": np.flatnonzero(~DROPPED),
        "repetition": np.repeat(np.arange(len(POP)), 1 + POP.flagged),
        "order": np.argsort(POP.flagged, kind="stable"),
    }[check]
    (found,) = examined(POP, diluted(corpus(POP, kept)))[check]
    assert found.verdict == "associated_unexplained"


def test_among_other_rows_it_is_not_said_that_nothing_was_left_out() -> None:
    found = examined(POP, diluted(corpus(POP, np.flatnonzero(CLEAN["random rows"]))))
    assert verdicts(found["inclusion"]) == {"not_identifiable"}
    assert not {f.verdict for fs in found.values() for f in fs} & {"leak", "associated_unexplained"}


def test_no_rows_and_no_traces_are_no_fault() -> None:
    assert verdicts(examined(POP, CORPUS_ROWS.arrow().empty_table())["inclusion"]) == {"not_identifiable"}
    nobody = small(traces=8).pop
    assert examined(nobody, corpus(nobody, np.arange(8)))


def test_the_same_question_has_the_same_answer() -> None:
    rows = corpus(POP, np.flatnonzero((RNG.random(len(POP)) < 0.5) & ~DROPPED))
    assert examine(POP, rows, None, ALPHA, None, 3) == examine(POP, rows, None, ALPHA, None, 3)


def test_rows_in_another_order_of_columns_or_chunks_say_the_same() -> None:
    rows = corpus(POP, np.flatnonzero(~DROPPED), {"reward": POP.reward})
    pieces = pa.concat_tables([rows.slice(0, 700), rows.slice(700)])
    assert examine(POP, rows, None, ALPHA, None, 3) == examine(POP, pieces, None, ALPHA, None, 3)
