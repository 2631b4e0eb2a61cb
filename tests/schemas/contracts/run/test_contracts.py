"""Each contract, broken alone, is named with its figures; a clean run breaks none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contracts.checker import check
from schemas.contracts.run import ContractSettings, PastRun, Staged, compute_metrics, promises
from schemas.ledger import INGEST
from schemas.trace import TRACES
from tests.schemas.contracts.run.rows import MONITORS, Run, alert, clean

SETTINGS = ContractSettings()
UNREAD = {"reasoning_chars": 0, "action_chars": 0}


class Case(NamedTuple):
    name: str
    table: str
    metric: str
    observed: str
    breaks: Callable[[Run], Any]
    severity: str = "critical"
    also: frozenset[tuple[str, str]] = frozenset()  # what cannot but break with it


def each(rows: list[dict[str, Any]], **values: Any) -> None:
    for row in rows:
        row.update(values)


def unassess(run: Run, monitor: str) -> None:
    run.alerts.clear()
    mine = [a for a in run.assessments if a["monitor"] == monitor]
    each(mine, state="not_assessed", reason="no_reasoning", score=None)


def add(rows: list[dict[str, Any]], **values: Any) -> bool:
    rows.append(rows[0] | values)
    return True


def grow(run: Run, rows: int, file: int = 0) -> bool:
    run.planned[file]["rows"] += rows
    return True


def many_alerts(run: Run) -> None:
    run.alerts[:] = [alert(t) for t in run.traces[:30]]


def drop_assessment(run: Run) -> None:
    del run.assessments[-1]


CASES = (
    Case("a trace twice", "traces", "repeated_keys", "all rows: 1", lambda r: (add(r.traces), grow(r, 1))),
    Case("a trace without key", "traces", "nulls", "column trace_key: 1", lambda r: r.traces[0].update(trace_key=None)),
    Case("a negative length", "traces", "below_minimum", "column memory_chars: 2",
         lambda r: each(r.traces[:2], memory_chars=-1)),
    Case("a trace of an unplanned file", "traces", "rows_of_unplanned_files", "all rows: 1",
         lambda r: add(r.traces, file="c.parquet"), also=frozenset({("accounting", "unaccounted_rows")})),
    Case("a trace file cut short", "traces", "wrong_files", "all rows: 1", lambda r: r.extra.update(traces=["cut"])),
    Case("a trace file of other columns", "traces", "wrong_files", "all rows: 1",
         lambda r: r.extra.update(traces=["other"])),
    Case("nothing to read", "traces", "share_without_reasoning", "all rows: 1", lambda r: each(r.traces, **UNREAD),
         also=frozenset({("traces", "share_without_thoughts")})),
    Case("no reasoning, only actions", "traces", "share_without_thoughts", "all rows: 1",
         lambda r: each(r.traces, reasoning_chars=0, action_chars=9), "warning"),
    Case("a trace not assessed by one", "assessments", "traces_without_assessment", "monitor code: 1", drop_assessment),
    Case("an assessment twice", "assessments", "repeated_keys", "monitor rules.core: 1",
         lambda r: add(r.assessments)),
    Case("an assessment of no trace", "assessments", "assessments_without_trace", "monitor rules.core: 1",
         lambda r: add(r.assessments, row=999)),
    Case("an assessment of an unplanned file", "assessments", "rows_of_unplanned_files", "all rows: 1",
         lambda r: add(r.assessments, file="c.parquet")),
    Case("an assessment not planned for its monitor", "assessments", "rows_of_unplanned_files", "monitor code: 30",
         lambda r: each(r.planned[:1], monitors=[INGEST, "rules.core"])),
    Case("an unknown monitor", "assessments", "rows_of_unknown_monitors", "all rows: 1",
         lambda r: add(r.assessments, monitor="judge")),
    Case("not assessed, no reason", "assessments", "unexplained", "all rows: 1",
         lambda r: r.assessments[-1].update(state="not_assessed", score=None)),
    Case("an unknown reason", "assessments", "unknown_values", "column reason: 1",
         lambda r: r.assessments[-1].update(reason="tired")),
    Case("a score above 1", "assessments", "above_maximum", "column score: 1",
         lambda r: r.assessments[-1].update(score=1.5)),
    Case("a score that is no number", "assessments", "above_maximum", "column score: 1",
         lambda r: r.assessments[-1].update(score=float("nan"))),
    Case("a score below 0", "assessments", "below_minimum", "column score: 1",
         lambda r: r.assessments[-1].update(score=-0.5)),
    Case("a blind monitor", "assessments", "share_not_assessed", "monitor code: 1", lambda r: unassess(r, "code")),
    Case("an alert twice", "alerts", "repeated_keys", "all rows: 1", lambda r: add(r.alerts)),
    Case("one alert_id for two behaviours", "alerts", "shared_alert_ids", "all rows: 1",
         lambda r: add(r.alerts, behaviour="TG09")),
    Case("two alert_ids for one finding", "alerts", "split_findings", "all rows: 1",
         lambda r: r.alerts[1].update(trace_key=r.alerts[0]["trace_key"])),
    Case("an unknown behaviour", "alerts", "unknown_values", "column behaviour: 1",
         lambda r: r.alerts[0].update(behaviour="TG99")),
    Case("the other category", "alerts", "category_disagrees", "all rows: 2",
         lambda r: each(r.alerts[:2], category="hidden_objective")),
    Case("an alert on what nobody assessed", "alerts", "alerts_without_assessment", "all rows: 1",
         lambda r: r.assessments[1].update(state="not_assessed", reason="truncated", score=None)),
    Case("an alert below its threshold", "alerts", "below_threshold", "all rows: 1",
         lambda r: r.alerts[0].update(score=0.25)),
    Case("an alert without canary", "alerts", "rows_without_canary", "all rows: 1",
         lambda r: r.alerts[0].update(canary="")),
    Case("a night of alarms", "alerts", "alert_rate_to_median", "this run over recent runs: 9.76", many_alerts,
         "warning"),
    Case("an unknown stage", "dead_letters", "unknown_values", "column stage: 1",
         lambda r: r.dead_letters[0].update(stage="lunch")),
    Case("a lost row", "accounting", "unaccounted_rows", "all files: 1; file a.parquet: 1", lambda r: grow(r, 1)),
    Case("rows that cancel out between files", "accounting", "unaccounted_rows",
         "file a.parquet: 1; file night/b.parquet: -1",
         lambda r: (grow(r, 1), r.planned[1].update(rows=10))),
    Case("many dead rows", "accounting", "dead_letter_ratio", "all files: 0.0698",
         lambda r: (r.dead_letters[0].update(rows=3), grow(r, 2, file=1))),
    Case("a thin night", "accounting", "rows_to_median", "this run over recent runs: 0.041",
         lambda r: r.history.__setitem__(slice(None), [PastRun(1000, 75)] * 3), "warning"),
    Case("a broken check on the way", "row_checks", "rows", "evidence spans lie inside their step: 4",
         lambda r: r.violations.update({"evidence spans lie inside their step": 4})),
)  # fmt: skip


@pytest.fixture
def broken_files(tmp_path: Path) -> dict[str, str]:
    cut, other = tmp_path / "cut.parquet", tmp_path / "other.parquet"
    pq.write_table(pa.table({"trace_key": ["x"]}), other)
    cut.write_bytes(other.read_bytes()[:50])
    return {"cut": str(cut), "other": str(other)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_alone_is_named_alone_with_its_figures(case: Case, tmp_path: Path, broken_files: dict[str, str]) -> None:
    run = clean()
    case.breaks(run)
    run.extra = {table: [broken_files[name] for name in names] for table, names in run.extra.items()}
    metrics = compute_metrics(run.stage(tmp_path))
    promised = promises(SETTINGS, metrics.traces)
    broken = {
        (p.table, p.metric)
        for p in promised
        for row in metrics.frames[p.table]
        if row.get(p.metric) is not None and not p.holds(row[p.metric])
    }
    assert broken == {(case.table, case.metric)} | case.also

    report = check(metrics, [p for p in promised if p.table == case.table])
    (named,) = report.failed if case.severity == "critical" else report.warnings
    others = report.warnings if case.severity == "critical" else report.failed
    assert {(r.table, r.metric) for r in others} <= case.also
    assert (named.table, named.metric, named.severity) == (case.table, case.metric, case.severity)
    assert named.observed.startswith(case.observed)
    assert named.observed in report.explain()


def test_every_promise_has_a_case() -> None:
    from_columns = {"nulls", "unknown_values", "below_minimum", "above_maximum", "wrong_files"}
    wanted = {(p.table, p.metric) for p in promises(SETTINGS) if p.metric not in from_columns}
    assert wanted <= {(c.table, c.metric) for c in CASES}
    assert from_columns <= {c.metric for c in CASES}


def test_a_clean_run_keeps_every_contract_and_each_is_measured(tmp_path: Path) -> None:
    run = clean()
    many_alerts(run)
    run.history = [PastRun(41, 30)] * 3
    metrics = compute_metrics(run.stage(tmp_path))
    report = check(metrics, promises(SETTINGS, metrics.traces))
    assert not metrics.skipped
    assert [str(r) for r in report.results if not r.ok or "not measured" in r.observed] == []
    assert {r.metric: r.observed for r in report.results}["dead_letter_ratio"] == "0.0244"


def test_a_figure_that_nobody_computed_is_a_failure(tmp_path: Path) -> None:
    metrics = compute_metrics(clean().stage(tmp_path))
    for row in metrics.frames["alerts"]:
        row.pop("below_threshold", None)
    report = check(metrics, [p for p in promises(SETTINGS) if p.table == "alerts"])
    assert [(r.metric, r.observed) for r in report.failed] == [
        ("below_threshold", "not measured (no figure was computed)")
    ]


@pytest.mark.parametrize(
    ("settings", "breaks", "failed"),
    [
        ({"max_dead_letter_ratio": 0.1}, lambda r: (r.dead_letters[0].update(rows=3), grow(r, 2, file=1)), False),
        ({"max_share_without_reasoning": 1}, lambda r: each(r.traces, **UNREAD), False),
        ({"max_share_not_assessed": 1}, lambda r: unassess(r, "code"), False),
        ({"min_rows_for_shares": 41}, lambda r: unassess(r, "code"), False),
        ({"max_alert_rate_ratio": 10}, many_alerts, False),
        ({"min_alerts_for_rate": 30}, many_alerts, False),
        ({"min_recent_runs": 4}, many_alerts, False),
        ({"warnings_fail": True}, many_alerts, True),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_move_the_limits(
    settings: dict[str, Any], breaks: Callable[[Run], Any], failed: bool, tmp_path: Path
) -> None:
    run = clean()
    breaks(run)
    chosen = ContractSettings(**settings)
    metrics = compute_metrics(run.stage(tmp_path), chosen)
    promised = promises(chosen, metrics.traces)
    broken = [
        p.severity
        for p in promised
        for row in metrics.frames[p.table]
        if row.get(p.metric) is not None and not p.holds(row[p.metric])
    ]
    assert ("critical" in broken) is failed


@pytest.mark.parametrize("monitor", ["code", "rules.core"])
def test_a_new_monitor_is_held_to_the_traces_that_an_earlier_run_committed(monitor: str, tmp_path: Path) -> None:
    run = clean()
    run.traces, run.dead_letters, run.monitors = [], [], (monitor,)
    run.assessments = [a for a in run.assessments if a["monitor"] == monitor]
    run.alerts = [a for a in run.alerts if a["monitor"] == monitor]
    for row, traces in zip(run.planned, (30, 10), strict=True):
        row.update(monitors=[monitor], traces=traces)
    assert broken_in(run, tmp_path) == []
    drop_assessment(run)
    assert broken_in(run, tmp_path) == [("assessments", "traces_without_assessment", 1)]


def broken_in(run: Run, folder: Path) -> list[tuple[str, str, float]]:
    metrics = compute_metrics(run.stage(folder))
    return [
        (p.table, p.metric, row[p.metric])
        for p in promises(SETTINGS, metrics.traces)
        for row in metrics.frames[p.table]
        if row.get(p.metric) is not None and not p.holds(row[p.metric])
    ]


def test_nothing_staged_at_all_is_measured_and_kept() -> None:
    plan = pa.table({"file": pa.array([], pa.string()), "rows": pa.array([], pa.int64())})
    metrics = compute_metrics(Staged({}, plan, MONITORS))
    report = check(metrics, promises(SETTINGS, metrics.traces))
    assert report.failed == ()
    assert metrics.skipped["traces.share_without_reasoning"] == "no traces"


def test_figures_fit_in_little_memory(tmp_path: Path) -> None:
    """With less than the keys take up, DuckDB spills to the folder given instead of growing."""
    rows = 400_000
    keys = {"row": pa.array(range(rows)), "file": pa.array(["a.parquet"] * rows)}
    columns = [keys.get(c.name, pa.nulls(rows, c.type)).cast(c.type) for c in TRACES.columns]
    path = tmp_path / "traces.parquet"
    pq.write_table(pa.table(columns, pa.schema([pa.field(c.name, c.type) for c in TRACES.columns])), path)
    plan = pa.table({"file": ["a.parquet"], "rows": [rows]})
    metrics = compute_metrics(
        Staged({"traces": [str(path)]}, plan, ()), memory_limit="100MB", threads=1, spill=tmp_path
    )
    assert metrics.frames["traces"][0]["repeated_keys"] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["traces.parquet"]
