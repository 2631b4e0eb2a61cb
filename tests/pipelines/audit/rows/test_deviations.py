"""A declared selection against what is there."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.rows.selection import Order, Repeat, Sample, Selection, sampled
from tests.pipelines.audit.cases import corpus, examined, one, small, verdicts

W = small()
POP = W.pop
RNG = np.random.default_rng(8)
COMPLETE = Selection(complete=True)
ENV = POP.environment.values[1]
IN_ENV = POP.environment.codes == 1
KEPT = {
    "complete": (np.ones(len(POP), bool), COMPLETE),
    "by reward and length": (
        (POP.reward >= 0.5) & (POP.length <= 6000),
        Selection(where=("reward >= 0.5", "length <= 6000"), complete=True),
    ),
    "by hash": (sampled(POP.trace_id, 0.7, "s"), Selection(sample=Sample(rate=0.7, by="hash", salt="s"))),
    "by chance": (RNG.random(len(POP)) < 0.7, Selection(sample=Sample(rate=0.7))),
    "an environment": (IN_ENV, Selection(where=(f"environment = {ENV}",), complete=True)),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_was_declared_holds(name: str) -> None:
    kept, declared = KEPT[name]
    found = examined(POP, corpus(POP, np.flatnonzero(kept)), declared)
    assert [f.verdict for f in found["selection"]] == ["none_found"]
    assert not {"leak", "associated_unexplained"} & {f.verdict for fs in found.values() for f in fs}


@pytest.mark.parametrize("name", [n for n in KEPT if n not in ("by chance", "an environment")])
def test_flagged_rows_missing_from_what_was_declared_are_named_and_a_leak(name: str) -> None:
    kept, declared = KEPT[name]
    gone = np.flatnonzero(kept & POP.flagged)[:12]
    found = examined(POP, corpus(POP, np.setdiff1d(np.flatnonzero(kept), gone)), declared)
    missing = one(found["selection"], "missing though declared")
    assert (missing.verdict, missing.rows) == ("leak", 12)
    assert [e.trace_key for e in missing.examples] == POP.key[gone].tolist()
    assert missing.examples[0].file is None


def test_rows_missing_without_regard_to_flags_break_the_declaration_and_no_more() -> None:
    gone = RNG.choice(len(POP), 40, replace=False)
    found = examined(POP, corpus(POP, np.setdiff1d(np.arange(len(POP)), gone)), COMPLETE)
    missing = one(found["selection"], "missing though declared")
    assert (missing.verdict, missing.rows) == ("none_found", 40)
    assert "The declaration does not hold" in missing.says


def test_rows_that_were_declared_out_are_named() -> None:
    kept = (POP.reward >= 0.5) | (POP.flagged & (RNG.random(len(POP)) < 0.8))
    found = examined(POP, corpus(POP, np.flatnonzero(kept)), Selection(where=("reward >= 0.5",)))
    surplus = one(found["selection"], "present though left out")
    assert surplus.verdict == "leak"
    assert surplus.examples[0].row is not None


def test_repeats_are_counted() -> None:
    declared = Selection(repeat=(Repeat(where=(f"environment = {ENV}",), times=3),), complete=True)
    kept = np.repeat(np.arange(len(POP)), np.where(IN_ENV, 3, 1))
    assert verdicts(examined(POP, corpus(POP, kept), declared)["selection"]) == {"none_found"}
    again = np.sort(np.concatenate([kept, np.flatnonzero(POP.flagged)]))
    found = examined(POP, corpus(POP, again), declared)
    assert one(found["selection"], "not there as often as declared").verdict == "leak"
    assert "associated_unexplained" in verdicts(found["repetition"])


def test_a_share_that_is_not_the_declared_one_is_told() -> None:
    kept = np.flatnonzero(RNG.random(len(POP)) < 0.6)
    found = examined(POP, corpus(POP, kept), Selection(sample=Sample(rate=0.7)))
    assert f"{len(kept) / len(POP):.1%}" in one(found["selection"], "share").says


@pytest.mark.parametrize(("order", "by"), [(Order(by=("length",)), POP.length), ("as_listed", np.arange(len(POP)))])
def test_an_order_that_is_not_the_declared_one_is_told(order: object, by: np.ndarray) -> None:
    declared = Selection(order=order)  # type: ignore[arg-type]
    kept = np.argsort(by, kind="stable")
    assert verdicts(examined(POP, corpus(POP, kept), declared)["selection"]) == {"none_found"}
    kept[[4, 900]] = kept[[900, 4]]
    found = examined(POP, corpus(POP, kept), declared)
    assert one(found["selection"], "order").rows > 1


def test_nothing_declared_is_not_assessed() -> None:
    assert verdicts(examined(POP, corpus(POP, np.arange(5, 500)))["selection"]) == {"not_assessed"}
