"""The same policy chooses the same calls, within the budget: the audit's share first, then the most suspicious."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from monitors.judge.settings import AskSettings
from pipelines.judge.policy import Chosen, Source, audit_place, choose
from pipelines.judge.settings import JudgeSettings
from schemas.ledger import UNITS
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS
from schemas.trace import TRACES

ASK = AskSettings("m", "http://here/v1")
SOURCE = Source.of([("f", "ingest", "u-ingest"), ("f", "rules", "u-rules")])


def settings(**more: Any) -> JudgeSettings:
    escalate = {"score": (0.5, 0.9), "behaviours": ("HO15",), "audit_share": 0.0, **more.pop("escalate", {})}
    return JudgeSettings.model_validate({"model": "m", "escalate": escalate, **more})


def row(i: int, score: float | None = 0.0, behaviour: str | None = None, **more: Any) -> dict[str, Any]:
    chars = {f"{c}_chars": 0 for c in ("prompt", "reasoning", "action", "observation", "output", "memory")}
    return {"key": f"k{i:04d}", "score": score, "behaviour": behaviour, **chars, "reasoning_chars": 3_000, **more}


def store(rows: list[dict[str, Any]], judgements: list[dict[str, Any]] = []) -> duckdb.DuckDBPyConnection:  # noqa: B006
    """As much of a store as a policy looks at: one file, taken in and judged by one cheap monitor."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    place = [{"file": "f", "row_group": 0, "row": i, "trace_key": r["key"], "run_id": "r"} for i, r in enumerate(rows)]
    tables: dict[Any, list[dict[str, Any]]] = {
        UNITS: [
            {"unit_id": f"u-{m}", "run_id": "r", "sequence": 1, "monitor": m, "file": "f"} for m in ("ingest", "rules")
        ],
        TRACES: [
            {
                **p,
                "unit_id": "u-ingest",
                "steps": 3,
                "redacted_steps": 0,
                **{k: v for k, v in r.items() if k in TRACES.names},
            }
            for p, r in zip(place, rows, strict=True)
        ],
        ASSESSMENTS: [
            {
                **p,
                "unit_id": "u-rules",
                "score": r["score"],
                "state": "assessed" if r["score"] is not None else "not_assessed",
            }
            for p, r in zip(place, rows, strict=True)
        ],
        ALERTS: [
            {**p, "unit_id": "u-rules", "behaviour": r["behaviour"], "level": "low"}
            for p, r in zip(place, rows, strict=True)
            if r["behaviour"]
        ],
        JUDGEMENTS: judgements,
    }
    for table, content in tables.items():
        schema = pa.schema([pa.field(f.name, f.type) for f in table.arrow()])
        con.register("content", pa.Table.from_pylist(content, schema))
        con.execute(f"CREATE TABLE raw.{table.name} AS FROM content")
    return con


def decided(rows: list[dict[str, Any]], judge: JudgeSettings, *more: Any, judgements: Any = ()) -> Chosen:
    return choose(store(rows, list(judgements)), SOURCE, judge, ASK, *more)


def reasons(chosen: Chosen) -> dict[str, str]:
    return {r["trace_key"]: r["reason"] or r["chosen_by"] for r in chosen.rows.to_pylist()}


def test_each_reason_to_read_a_trace() -> None:
    rows = [
        row(0, 0.4),
        row(1, 0.5),
        row(2, 0.9),
        row(3, 0.95),
        row(4, 0.1, "HO15"),
        row(5, 0.1, "TG08"),
        row(6, None),
        row(7, 0.9, reasoning_chars=0),
        row(8, 0.9, reasoning_chars=0, redacted_steps=2),
    ]
    found = decided(rows, settings())
    assert reasons(found) == {
        "k0000": "not_escalated",
        "k0001": "score",
        "k0002": "score",
        "k0003": "not_escalated",
        "k0004": "behaviour",
        "k0005": "not_escalated",
        "k0006": "unseen",
        "k0007": "no_reasoning",
        "k0008": "redacted",
    }
    assert (found.by, found.calls, found.traces) == ({"unseen": 1, "behaviour": 1, "score": 2}, 4, 9)


def test_the_audit_draws_its_share_of_all_by_hash_and_a_larger_share_holds_a_smaller() -> None:
    rows = [row(i) for i in range(2_000)]
    small, large = (
        {k for k, v in reasons(decided(rows, settings(escalate={"audit_share": s}))).items() if v == "audit"}
        for s in (0.05, 0.2)
    )
    assert small < large and 60 < len(small) < 140 and 320 < len(large) < 480
    other = settings(escalate={"audit_share": 0.05, "audit_seed": "b"})
    assert {k for k, v in reasons(decided(rows, other)).items() if v == "audit"} != small


def test_a_suspicious_trace_that_is_drawn_is_of_the_audit_as_well() -> None:
    rows = [row(i, 0.6) for i in range(200)]
    found = decided(rows, settings(escalate={"audit_share": 0.5})).rows.to_pylist()
    assert {r["chosen_by"] for r in found} == {"score"} and 70 < sum(r["audit"] for r in found) < 130


def test_over_the_budget_the_audit_is_in_first_and_then_the_most_suspicious() -> None:
    rows = [row(i, i / 1_000) for i in range(1_000)]
    judge = settings(escalate={"score": (0.5, 1.0), "audit_share": 0.1}, budget={"calls": 200})
    found = decided(rows, judge)
    said = found.rows.to_pylist()
    asked = [r for r in said if r["reason"] is None]
    drawn = {r["trace_key"] for r in said if r["audit"]}
    assert (found.calls, len(asked)) == (200, 200) and 60 < len(drawn) < 140
    assert drawn <= {r["trace_key"] for r in asked}
    others = {r["trace_key"] for r in asked} - drawn
    left = {r["trace_key"] for r in said if r["reason"] == "over_budget"}
    assert left and min(others) > max(left - drawn)  # keys rise with suspicion


def test_a_budget_that_is_too_small_for_the_audit_leaves_a_random_draw() -> None:
    rows = [row(i, i / 1_000) for i in range(1_000)]
    judge = settings(escalate={"score": (0.5, 1.0), "audit_share": 0.2}, budget={"calls": 50})
    asked = [r["trace_key"] for r in decided(rows, judge).rows.to_pylist() if r["reason"] is None]
    by_chance = sorted((f"k{i:04d}" for i in range(1_000)), key=lambda k: audit_place(k, ""))[:50]
    assert sorted(asked) == sorted(by_chance)


@pytest.mark.parametrize(
    ("budget", "measure"),
    [
        ({"calls": 7}, lambda c: c.calls <= 7),
        ({"tokens": 50_000}, lambda c: c.tokens <= 50_000),
        ({"usd": 0.5}, lambda c: c.usd <= 0.5),
        ({"calls": 0}, lambda c: c.calls == 0),
    ],
    ids=["calls", "tokens", "money", "nothing"],
)
def test_no_budget_is_overdrawn(budget: dict[str, Any], measure: Callable[[Chosen], bool]) -> None:
    rows = [row(i, 0.5 + i / 1_000, reasoning_chars=5_000 + 997 * i) for i in range(100)]
    judge = settings(budget=budget, prices={"m": {"input": 1, "output": 10}})
    found = decided(rows, judge)
    assert measure(found) and found.over_budget > 0
    assert found.over_budget + sum(found.by.values()) == 100


def test_the_same_policy_and_traces_choose_the_same_calls_in_whatever_order_they_lie() -> None:
    rows = [row(i, (i * 37 % 100) / 100) for i in range(300)]
    judge = settings(escalate={"audit_share": 0.1}, budget={"calls": 60})
    assert reasons(decided(rows, judge)) == reasons(decided(rows[::-1], judge)) == reasons(decided(rows, judge))


def test_what_is_paid_for_and_still_there_is_free_and_the_budget_goes_on() -> None:
    rows = [row(i, 0.6 + i / 1_000) for i in range(20)]
    judge = settings(budget={"calls": 5})
    first = [r["trace_key"] for r in decided(rows, judge).rows.to_pylist() if r["reason"] is None]
    books = [
        {
            "trace_key": k,
            "question_digest": ASK.digest,
            "judge_window": 0,
            "verdict": "{}",
            "prompt_tokens": 1,
            "completion_tokens": 1,
        }
        for k in first
    ]
    again = decided(rows, judge, lambda call_id: True, judgements=books)
    assert (again.free, again.calls, sum(again.by.values())) == (5, 5, 10)
    assert {r["trace_key"]: r["booked"] for r in again.rows.to_pylist() if r["booked"]} == {k: [0] for k in first}
    lost = decided(rows, judge, lambda call_id: False, judgements=books)  # somebody emptied the cache
    assert (lost.free, lost.calls) == (0, 5)


def test_a_replica_is_one_call_and_both_rows_are_asked_about() -> None:
    rows = [row(0, 0.6), row(0, 0.6), row(1, 0.6)]
    found = decided(rows, settings(budget={"calls": 2}))
    assert (found.calls, found.over_budget, found.traces) == (2, 0, 2)
    assert [r["replica"] for r in found.rows.to_pylist()] == [False, True, False]


def test_long_traces_cost_a_call_for_each_window() -> None:
    found = decided([row(0, 0.6, reasoning_chars=200_000)], settings())
    assert found.calls == found.rows.to_pylist()[0]["calls"] >= 4


def test_a_model_without_a_price_has_no_price() -> None:
    assert decided([row(0, 0.6)], settings()).usd is None
