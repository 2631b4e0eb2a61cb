"""What the views show is the current truth: here told case by case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.store import Store
from pipelines.store.views import DIALECTS, VIEWS, select
from tests.pipelines.store.books import (
    OF_RESULTS,
    File,
    Finding,
    Monitor,
    Trace,
    append_run,
    finding_id,
    fresh,
    night,
    review,
    rows,
    run_row,
    stage_files,
    unit_table,
)

CORE = "rules.core"
TG08 = Finding("TG08")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return fresh(tmp_path)


def flagged(trace_id: str, *found: Finding, text: str = "same", **dims: object) -> Trace:
    return Trace(trace_id, text, dims, {CORE: found or (TG08,)})


@pytest.mark.parametrize("view", OF_RESULTS)
def test_an_empty_store_has_every_view_and_no_row(store: Store, view: str) -> None:
    assert rows(store, f"SELECT * FROM {view}") == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("view", VIEWS)
def test_no_placeholder_is_left(view: str, dialect: str) -> None:
    text = select(view, dialect)
    assert "{" not in text and "}" not in text
    assert ("`" in text) is (dialect == "spark")


def test_rows_without_their_unit_do_not_count(store: Store) -> None:
    stage_files(store, "r1", [File("a", [flagged("t1")], dead=1)], [Monitor()])
    for view in ("traces", "assessments", "alerts", "dead_letters", "rates", "cases"):
        assert rows(store, f"SELECT * FROM {view}") == []
    store.commit_units(store.units_snapshot(), unit_table("r1", [File("a", [flagged("t1")], dead=1)], [Monitor()]))
    for view in ("traces", "assessments", "alerts", "dead_letters", "cases"):
        assert rows(store, f"SELECT count(*) FROM {view}") == [(1,)]


def test_a_unit_done_again_by_another_run_counts_once_and_as_the_newer(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1")])])
    night(store, "r2", [File("a", [flagged("t1", Finding("TG08", level="low"))])])
    assert rows(store, "SELECT run_id, level FROM alerts") == [("r2", "low")]
    assert rows(store, "SELECT run_id, replicas FROM traces") == [("r2", 1)]


def test_a_rewritten_file_takes_the_place_of_the_old_one(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1"), flagged("t2")])])
    night(store, "r2", [File("a", [flagged("t2"), Trace("t3")], fingerprint="v2")])
    assert rows(store, "SELECT trace_id FROM traces ORDER BY 1") == [("t2",), ("t3",)]
    assert rows(store, "SELECT trace_id FROM alerts ORDER BY 1") == [("t2",)]


def test_alerts_of_a_monitor_that_was_not_run_again_go_with_their_traces(store: Store) -> None:
    other = Monitor("rules.other")
    trace = Trace("t1", looks={"rules.other": [TG08]})
    night(store, "r1", [File("a", [trace, Trace("t2", looks={"rules.other": [TG08]})])], [other])
    night(store, "r2", [File("a", [Trace("t2")], fingerprint="v2")], [Monitor()])
    assert rows(store, "SELECT trace_id, monitor FROM alerts") == [("t2", "rules.other")]
    assert rows(store, "SELECT count(*) FROM assessments") == [(2,)]


def test_a_changed_monitor_supersedes_its_older_self_but_no_other(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1")])], [Monitor(), Monitor("rules.other")])
    night(store, "r2", [File("a", [Trace("t1")])], [Monitor(version="2")], ingest=False)
    assert rows(store, "SELECT monitor, run_id FROM assessments ORDER BY 1") == [(CORE, "r2"), ("rules.other", "r1")]
    assert rows(store, "SELECT * FROM alerts") == []


def test_a_sample_never_hides_a_whole(store: Store) -> None:
    whole = File("a", [flagged("t1"), flagged("t2")])
    night(store, "r1", [whole])
    night(store, "r2", [File("a", [flagged("t1")], fingerprint="sampled")], sample=1)
    assert rows(store, "SELECT DISTINCT run_id FROM traces") == [("r1",)]
    night(store, "r3", [File("b", [flagged("t9")])], sample=1)
    assert rows(store, "SELECT trace_id FROM alerts WHERE run_id = 'r3'") == [("t9",)]


def test_replicas_count_once_whatever_file_they_lie_in(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1"), flagged("t1")]), File("b", [flagged("t1")])])
    assert rows(store, 'SELECT file, "row", replicas, id_conflict FROM traces') == [("a", 0, 3, False)]
    assert rows(store, "SELECT count(*) FROM assessments") == [(1,)]
    assert rows(store, "SELECT count(*) FROM alerts") == [(1,)]


def test_one_id_with_two_contents_is_two_traces_in_conflict(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1"), flagged("t1", text="other"), flagged("t2")])])
    found = rows(store, "SELECT trace_id, id_conflict, replicas FROM traces ORDER BY 1, 2")
    assert found == [("t1", True, 1), ("t1", True, 1), ("t2", False, 1)]
    assert rows(store, "SELECT count(*) FROM alerts") == [(3,)]


def test_of_replicas_the_one_that_was_looked_at_counts(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1")])])
    night(store, "r2", [File("b", [Trace("t1", looks={CORE: None})])])
    assert rows(store, "SELECT state, run_id FROM assessments") == [("assessed", "r1")]
    assert rows(store, "SELECT run_id FROM alerts") == [("r1",)]


def test_the_alert_of_a_replica_goes_when_a_newer_monitor_clears_it(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1")])])
    night(store, "r2", [File("b", [Trace("t1")])], [Monitor(version="2")])
    assert rows(store, "SELECT * FROM alerts") == []


def test_the_newest_review_of_each_reviewer_counts(store: Store) -> None:
    review(store, "f1", "true_positive", "ann", 1)
    review(store, "f1", "unsure", "ann", 2)
    review(store, "f1", "false_positive", "bob", 0)
    assert rows(store, "SELECT reviewer, verdict FROM reviews ORDER BY 1") == [
        ("ann", "unsure"),
        ("bob", "false_positive"),
    ]


@pytest.mark.parametrize(
    ("statuses", "commits", "expected"),
    [
        (["running", "done"], True, "done"),
        (["running", "failed"], False, "failed"),
        (["running"], False, "unfinished"),
        (["running"], True, "done"),
    ],
    ids=["said it was done", "said it failed", "killed before its commit", "killed after its commit"],
)
def test_a_run_ends_as_its_commit_says(store: Store, statuses: list[str], commits: bool, expected: str) -> None:
    for minute, status in enumerate(statuses):
        append_run(store, run_row("r1", [Monitor()], status, minute))
    if commits:
        files = [File("a", [flagged("t1")], dead=2), File("b", [flagged("t2"), Trace("t3")])]
        store.commit_units(store.units_snapshot(), unit_table("r1", files, [Monitor()]))
    counted = (2, 5, 3, 2, 2) if statuses == ["running"] and commits else (0, 0, 0, 0, 0)
    assert rows(store, 'SELECT status, files, "rows", traces, dead, alerts FROM runs') == [(expected, *counted)]


def test_cases_come_worst_first_with_their_alerts_and_verdicts(store: Store) -> None:
    bad = flagged("bad", Finding("TG01", level="critical", score=0.2), Finding("TG08", level="low", score=1.0))
    mild = flagged("mild", Finding("TG08", level="low", score=0.4))
    worse = flagged("worse", Finding("TG08", level="low", score=0.5))
    night(store, "r1", [File("a", [mild, bad, Trace("clean"), worse])])
    review(store, finding_id(bad, CORE, "TG01"), "true_positive", "ann")
    review(store, finding_id(bad, CORE, "TG01"), "false_positive", "bob")
    found = rows(store, "SELECT trace_id, level, score, findings, reviewed, true_positives, false_positives FROM cases")
    assert found == [
        ("bad", "critical", 1.0, 2, 1, 1, 1),
        ("worse", "low", 0.5, 1, 0, 0, 0),
        ("mild", "low", 0.4, 1, 0, 0, 0),
    ]
    (alerts,) = rows(store, "SELECT alerts FROM cases WHERE trace_id = 'bad'")[0]
    assert [(a["behaviour"], a["review"]) for a in alerts] == [  # type: ignore[attr-defined]
        ("TG01", "false_positive, true_positive"),
        ("TG08", None),
    ]


DOCS = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8")


def test_the_queries_in_the_docs_work(store: Store) -> None:
    night(store, "r1", [File("a", [flagged("t1"), Trace("t2")])])
    queries = [q for block in re.findall(r"```sql\n(.*?)```", DOCS, re.S) for q in block.split(";\n") if q.strip()]
    assert len(queries) >= 5
    for query in queries:
        rows(store, query)


def test_the_docs_name_every_view() -> None:
    assert [v for v in VIEWS if f"| `{v}` |" not in DOCS] == []
