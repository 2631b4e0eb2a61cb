"""Each contract of an export, broken alone, is named with its figures; a clean export breaks none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any, NamedTuple

import pytest

from schemas.contracts.checker import Checker, check
from schemas.contracts.export import ExportedFile, ExportLimits, ExportStaged, ShardCheck, compute_metrics, promises
from schemas.contracts.export.metrics import WORST_FILES
from schemas.contracts.export.promises import FRAMES
from schemas.contracts.report import Report

LIMITS = ExportLimits()
FINE = ShardCheck(rows=36, messages=200, chars=9000, trained_chars=700)
EMPTY = ShardCheck()


def file(**over: Any) -> ExportedFile:
    return replace(ExportedFile("night/a.parquet", 40, 40, 36, left_out=2, replicas=1, dead=1, check=FINE), **over)


def staged(first: ExportedFile | None = None, **over: Any) -> ExportStaged:
    files = (first or file(), file(name="b.parquet", source_rows=0, rows=0, kept=0, left_out=0, replicas=0, dead=0,
                                   check=EMPTY))  # fmt: skip
    whole = ExportStaged(files, 2, blind=True, keyed=True, planted=450, found=450, violations={"some check": 0})
    return replace(whole, **over)


def counted(**counts: Any) -> ExportStaged:
    return staged(file(check=replace(FINE, **counts)))


class Case(NamedTuple):
    name: str
    metric: str
    observed: str
    staged: ExportStaged


CASES = (
    Case("a row lost", "unaccounted_rows", "all files: 1; file night/a.parquet: 1", staged(file(left_out=1))),
    Case("a row from nowhere", "unaccounted_rows", "all files: -1", staged(file(dead=2))),
    Case("rows that cancel out between files", "unaccounted_rows", "file night/a.parquet: -1; file b.parquet: 1",
         staged(files=(file(dead=2), file(name="b.parquet", left_out=1)))),
    Case("fewer rows read than there are", "footer_gap", "all files: 2; file night/a.parquet: 2",
         staged(file(source_rows=42))),
    Case("a shard with a row less", "shard_gap", "all files: 1; file night/a.parquet: 1",
         counted(rows=35)),
    Case("a shard nobody looked at", "unscanned_shards", "all files: 1; file night/a.parquet: 1",
         staged(file(check=None))),
    Case("a file nobody staged", "unscanned_shards", "all files: 1", staged(listed=3)),
    Case("many dead rows", "dead_letter_ratio", "all files: 0.075", staged(file(dead=3, left_out=0))),
    Case("a broken check on the way", "broken_checks", "some check: 7", staged(violations={"some check": 7})),
    Case("a column too many", "wrong_columns", "all files: 1; file night/a.parquet: 1", counted(wrong_columns=1)),
    Case("a note in a footer", "foreign_metadata", "all files: 1", counted(foreign_metadata=1)),
    Case("a null", "nulls", "all files: 2", counted(nulls=2)),
    Case("an unknown role", "unknown_words", "all files: 1", counted(unknown_words=1)),
    Case("an empty id", "empty_ids", "all files: 1", counted(empty_ids=1)),
    Case("an id that is no digest", "undigested_ids", "all files: 36", counted(undigested_ids=36)),
    Case("an id twice", "repeated_ids", "all files: 1", counted(repeated_ids=1)),
    Case("a span beyond its text", "stray_spans", "all files: 1", counted(stray_spans=1)),
    Case("spans that overlap", "tangled_spans", "all files: 1", counted(tangled_spans=1)),
    Case("a flag without spans", "flags_that_disagree", "all files: 1", counted(flags_that_disagree=1)),
    Case("a prompt that trains", "untrainable", "all files: 5", counted(untrainable=5)),
    Case("an output that does not train", "untrained_outputs", "all files: 1", counted(untrained_outputs=1)),
    Case("a row all ones", "all_ones", "all files: 1", counted(all_ones=1)),
    Case("reasoning that trains", "trained_reasoning", "all files: 1", counted(trained_reasoning=1)),
    Case("a reasoning step for graders", "reasoning_steps", "all files: 36", counted(reasoning_steps=36)),
    Case("reasoning in tags for graders", "marked_reasoning", "all files: 1", counted(marked_reasoning=1)),
    Case("a column of thoughts for graders", "reasoning_columns", "all files: 1", counted(reasoning_columns=1)),
    Case("canaries", "canaries", "canary C-1: 9; all files: 9; file night/a.parquet: 9", counted(canaries={"C-1": 9})),
    Case("more canaries than are told", "canaries", "all files: 3", counted(more_canaries=3)),
    Case("a rule's id", "ids", "all files: 1; file night/a.parquet: 1; id TG08.x-y: 1", counted(ids={"TG08.x-y": 1})),
    Case("a scanner that missed a control", "missed_controls", "all files: 1", staged(found=449)),
    Case("a scanner without controls", "planted_controls", "all files: 0", staged(planted=0, found=0)),
)  # fmt: skip


def broken(export: ExportStaged, limits: ExportLimits = LIMITS) -> set[str]:
    """Promises that some figure breaks, by the bounds alone."""
    metrics = compute_metrics(export)
    return {
        p.metric
        for p in promises(limits)
        for row in metrics.frames[p.table]
        if row.get(p.metric) is not None and not p.holds(row[p.metric])
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_alone_it_is_the_only_one(case: Case) -> None:
    assert broken(case.staged) == {case.metric}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_contract_stops_the_export_and_is_told_with_its_figures(case: Case) -> None:
    (table,) = {p.table for p in promises(LIMITS) if p.metric == case.metric}
    report = check(compute_metrics(case.staged), [p for p in promises(LIMITS) if p.table == table])
    (named,) = report.failed
    assert (named.metric, named.severity) == (case.metric, "critical")
    assert set(case.observed.split("; ")) <= set(named.observed.split("; "))
    assert named.observed in report.explain()


def test_every_contract_has_a_case() -> None:
    assert {p.metric for p in promises(LIMITS)} == {c.metric for c in CASES}


def test_every_count_of_a_shard_is_held_to_a_contract() -> None:
    told = {"rows", "messages", "chars", "trained_chars", "more_canaries", "more_ids"}
    assert {f.name for f in fields(ShardCheck)} - told <= {p.metric for p in promises(LIMITS)}


def report_of(export: ExportStaged) -> Report:
    return check(compute_metrics(export), promises(LIMITS))


def test_a_clean_export_keeps_every_contract_and_each_is_measured() -> None:
    report = report_of(staged())
    assert [str(r) for r in report.results if not r.ok or "not measured" in r.observed] == []
    assert {r.metric: r.observed for r in report.results}["dead_letter_ratio"] == "0.025"


def test_what_an_audience_may_have_is_not_measured_and_says_so() -> None:
    export = staged(file(check=replace(FINE, reasoning_steps=9, undigested_ids=9)), blind=False, keyed=False)
    report = report_of(export)
    assert report.failed == ()
    absent = {r.metric: r.observed for r in report.results if "not measured" in r.observed}
    assert absent == {
        "undigested_ids": "not measured (ids are not keyed)",
        "repeated_ids": "not measured (ids are not keyed)",
        "reasoning_steps": "not measured (this audience may have it)",
        "marked_reasoning": "not measured (this audience may have it)",
        "reasoning_columns": "not measured (this audience may have it)",
    }


def test_an_empty_lake_is_measured_and_kept() -> None:
    assert report_of(staged(files=(), listed=0)).failed == ()


def test_a_declassified_text_may_stand_there_and_no_other() -> None:
    texts = {"C-1": 2, "C-2": 1}
    export = staged(file(check=replace(FINE, canaries=texts)), declassified=frozenset({("canary", "C-1")}))
    (named,) = report_of(export).failed
    assert named.observed == "all files: 1; file night/a.parquet: 1; canary C-2: 1"
    both = replace(export, declassified=frozenset({("canary", "C-1"), ("canary", "C-2")}))
    assert broken(both) == set()
    assert broken(replace(export, declassified=frozenset({("id", "C-1"), ("id", "C-2")}))) == {"canaries"}


def test_the_limit_of_dead_letters_can_be_moved() -> None:
    export = staged(file(dead=3, left_out=0))
    assert broken(export, ExportLimits(0.08)) == set()
    assert "give --max-dead-letter-ratio" in report_of(export).explain()


def test_only_the_worst_files_are_named_and_all_are_counted() -> None:
    files = tuple(file(name=f"{i}.parquet", check=replace(FINE, nulls=i)) for i in range(1, 101))
    frame = compute_metrics(staged(files=files, listed=100)).frames["columns"]
    assert len(frame) == WORST_FILES + 1
    assert (frame[0]["nulls"], frame[1]["about"], frame[1]["nulls"]) == (5050, "file 100.parquet", 100)


def test_a_figure_that_nobody_computed_is_a_failure() -> None:
    metrics = compute_metrics(staged())
    for row in metrics.frames["masks"]:
        row.pop("all_ones", None)
    assert [r.metric for r in check(metrics, promises(LIMITS)).failed] == ["all_ones"]


def test_every_frame_has_promises() -> None:
    assert tuple(dict.fromkeys(p.table for p in promises(LIMITS))) == FRAMES
    assert tuple(compute_metrics(staged()).frames) == FRAMES


def test_the_process_that_checks_says_the_same() -> None:
    with Checker() as process:
        report = process.check(compute_metrics(staged(found=449)), promises(LIMITS))
    assert [r.metric for r in report.failed] == ["missed_controls"]


def test_neither_that_process_nor_these_contracts_know_of_alerts() -> None:
    known = "schemas.results schemas.behaviours schemas.contracts.run monitors pipelines"
    code = (
        "import sys, schemas.contracts.worker, schemas.contracts.page, schemas.contracts.export\n"
        f"print([m for m in {known.split()} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
