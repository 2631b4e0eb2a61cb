"""Nothing passes quietly, and no permission outlives its use."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.export.declassify import LONGEST, check, passes, unneeded
from pipelines.export.settings import Declassification
from pipelines.export.where import parse_where

TODAY = dt.date(2026, 5, 1)
SOON = TODAY + dt.timedelta(days=30)


def given(flow: str, expires: dt.date = SOON) -> Declassification:
    return Declassification(flow=flow, owner="ann", reason="a study of it", expires=expires)


def said(
    flows: list[Declassification],
    where: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    today: dt.date | None = TODAY,
    renamed: dict[str, str] | None = None,
) -> list[str]:
    return [str(f) for f in check(flows, today, parse_where(where), columns, renamed)]


NEEDS = [
    ((), ("metadata.alert_score",), {}, "column:metadata.alert_score"),
    ((), ("metadata.label",), {}, "column:metadata.label"),
    (("environment != web",), (), {}, "environment:web"),
    (("environment in (web)",), (), {}, "environment:web"),
    (("checkpoint != c-7",), (), {}, "checkpoint:c-7"),
    (("checkpoint in ('c-8')",), (), {}, "checkpoint:c-8"),
    (("training_step != 1000",), (), {}, "training_step:1000"),
    (("training_step in (2000)",), (), {}, "training_step:2000"),
    ((), (), {"reward": "suspicion"}, "column:suspicion"),
]


@pytest.mark.parametrize(("where", "columns", "renamed", "flow"), NEEDS, ids=[n[-1] for n in NEEDS])
def test_what_may_be_a_monitors_word_needs_exactly_its_own_declassification(
    where: tuple[str, ...], columns: tuple[str, ...], renamed: dict[str, str], flow: str
) -> None:
    (refused,) = said([], where, columns, renamed=renamed)
    assert refused.startswith(f"declassify: {flow} is ")
    assert refused.endswith(f"or declassify {flow}.")
    assert said([given(flow)], where, columns, renamed=renamed) == []
    other = said([given(flow + "s")], where, columns, renamed=renamed)
    assert len(other) == 2
    assert "nothing in this export needs it" in other[1]


@pytest.mark.parametrize(
    ("where", "columns"),
    [
        (("environment = web", "reward >= 0.5", "model != 'm-1'", "environment is not null"), ()),
        (("checkpoint = c-7", "training_step >= 1000", "training_step < 2000", "checkpoint is not null"), ()),
        ((), ("metadata.difficulty", "success", "rollout_group")),
    ],
    ids=["conditions", "of training", "columns"],
)
def test_what_was_there_before_any_monitor_needs_none(where: tuple[str, ...], columns: tuple[str, ...]) -> None:
    assert said([], where, columns) == []


def test_an_environments_own_score_may_be_the_reward() -> None:
    assert said([], renamed={"reward": "score", "reasoning": "cot"}) == []
    assert len(said([], renamed={"reward": "alert_score", "environment": "score"})) == 2


def test_each_environment_of_a_list_needs_its_own() -> None:
    where = ("environment in (web, swe, math)",)
    assert [s.split()[1] for s in said([given("environment:swe")], where)] == ["environment:math", "environment:web"]


@pytest.mark.parametrize(
    ("declassified", "says"),
    [
        (given("environment:web", TODAY - dt.timedelta(days=1)), "expired on 2026-04-30"),
        (given("environment:web", TODAY + dt.timedelta(days=LONGEST + 1)), "more than 366 days ahead"),
    ],
    ids=["expired yesterday", "expires in more than a year"],
)
def test_its_time_is_short_and_runs_out(declassified: Declassification, says: str) -> None:
    where = ("environment != web",)
    (fault,) = said([declassified], where)
    assert says in fault
    assert said([declassified], where, today=None) == []


@pytest.mark.parametrize("days", [0, LONGEST], ids=["today", "in a year"])
def test_the_first_and_the_last_day_count(days: int) -> None:
    assert said([given("environment:web", TODAY + dt.timedelta(days=days))], ("environment != web",)) == []


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        ("everything", "is no flow that can be declassified"),
        ("rows:all", "is no flow that can be declassified"),
        ("column:", "does not say of what"),
        ("column:metadata.", "does not say of what"),
        ("column:metadata.*", "would let everything through"),
        ("canary:*", "would let everything through"),
        ("column:metadata.difficulty", "nothing in this export needs it"),
        ("environment:web", "nothing in this export needs it"),
    ],
)
def test_what_is_no_exact_flow_or_has_no_use_is_refused(flow: str, says: str) -> None:
    assert says in said([given(flow)])[0]


def test_the_same_flow_twice_is_one_too_many() -> None:
    assert "is there twice" in said([given("canary:x"), given("canary:x")])[0]


def test_all_faults_are_told_at_once() -> None:
    old = given("environment:web", TODAY - dt.timedelta(days=9))
    assert len(said([old, given("nothing")], ("environment != 'swe'",), ("metadata.flagged",))) == 5


@pytest.mark.parametrize("missing", ["owner", "reason", "expires", "flow"])
def test_none_is_made_without_owner_reason_expiry_and_flow(missing: str) -> None:
    whole: dict[str, Any] = {"flow": "canary:x", "owner": "ann", "reason": "a study", "expires": "2026-06-01"}
    assert Declassification.model_validate(whole)
    for values in (
        {k: v for k, v in whole.items() if k != missing},
        whole | {missing: " "},
    ):
        with pytest.raises(ValidationError):
            Declassification.model_validate(values)


def test_a_text_in_a_trace_passes_only_as_itself_and_must_be_there() -> None:
    flows = [given("canary:C-1"), given("id:TG08.lookup-table")]
    assert passes(flows, "canary", "C-1")
    assert not passes(flows, "canary", "c-1")
    assert not passes(flows, "id", "C-1")
    assert unneeded(flows, [("canary", "C-1"), ("id", "TG08.lookup-table")]) == []
    assert [str(f).split()[1] for f in unneeded(flows, [("canary", "C-1")])] == ["id:TG08.lookup-table"]
