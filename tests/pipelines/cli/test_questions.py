"""`sql`, `alerts`, `runs` and `review`: what they print, and how they say no."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cli.alerts import LEVELS
from pipelines.cli.review import VERDICTS
from pipelines.store import Store
from schemas import results
from tests.pipelines.store.books import (
    File,
    Finding,
    Trace,
    append_run,
    finding_id,
    fresh,
    night,
    review,
    rows,
    run_row,
)

CORE = "rules.core"
AT_1 = {"environment": "swe", "model": "m", "checkpoint": "c1", "training_step": 1}
AT_2 = {"environment": "maths", "model": "m", "checkpoint": "c2", "training_step": 2}
BAD = Trace("bad", "one", AT_1, {CORE: [Finding("TG08", "planned", "critical", 0.9), Finding("TG01", level="low")]})
ODD = Trace(
    "odd", "two", AT_2, {CORE: [Finding("TG08", level="medium", score=0.5, evidence=((0, 0, 2, "\x1b[31m\nhi"),))]}
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = fresh(tmp_path_factory.mktemp("questions"))
    night(store, "20260101-a", [File("a", [BAD, Trace("clean", dims=AT_1)])])
    night(store, "20260102-b", [File("b", [ODD])])
    append_run(store, run_row("20260103-c", status="failed", minute=9, error="disk full\nand more"))
    review(store, finding_id(ODD, CORE, "TG08"), "false_positive", "ann")
    return store


def call(store: Store, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*arguments, "--store", str(store.path)], input=stdin)


def as_json(store: Store, *arguments: str) -> list[dict[str, object]]:
    result = call(store, *arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("command", ["sql", "alerts", "show", "review", "runs"])
def test_help_has_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0 and f"cotmonitor {command}" in result.stdout


def test_words_that_are_spelled_out_for_a_fast_start_are_those_of_the_schema() -> None:
    assert (LEVELS, VERDICTS) == (results.LEVELS, results.VERDICTS)


@pytest.mark.parametrize("command", [["alerts"], ["runs"], ["sql", "SELECT 1"], ["show", "abcd"]])
def test_no_store_is_a_usage_error(tmp_path: Path, command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--store", str(tmp_path / "none")])
    assert result.exit_code == 2 and "there is no such folder" in result.stderr


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ([], ["critical", "medium", "low"]),
        (["--behaviour", "TG01"], ["low"]),
        (["--behaviour", "early_exit", "--behaviour", "tg08"], ["critical", "medium", "low"]),
        (["--min-level", "medium"], ["critical", "medium"]),
        (["--min-level", "critical"], ["critical"]),
        (["--environment", "maths"], ["medium"]),
        (["--run", "20260101"], ["critical", "low"]),
        (["--monitor", "rules.other"], []),
        (["--model", "m", "--limit", "1"], ["critical"]),
        (["--limit", "0"], ["critical", "medium", "low"]),
    ],
    ids=lambda v: " ".join(v) or "all" if isinstance(v, list) else None,
)
def test_alerts_are_chosen_by_flags_and_come_worst_first(store: Store, flags: list[str], found: list[str]) -> None:
    assert [r["level"] for r in as_json(store, "alerts", *flags)] == found


def test_alerts_tell_what_people_said_and_how_many_were_not_shown(store: Store) -> None:
    assert [r["review"] for r in as_json(store, "alerts")] == [None, "false_positive", None]
    result = call(store, "alerts", "--limit", "1")
    assert "1 of 3 alerts" in result.stderr and "TG08 special_casing" in result.stdout
    assert "no alerts fit" in call(store, "alerts", "--monitor", "rules.other").stderr


def test_control_characters_in_an_excerpt_never_reach_the_terminal(store: Store) -> None:
    shown = call(store, "alerts", "--environment", "maths").stdout
    assert "\x1b" not in shown and "␛[31m hi" in shown


def test_alike_alerts_are_one_group(store: Store) -> None:
    (first, second) = as_json(store, "alerts", "--group")
    assert (first["alerts"], first["level"], first["behaviour"]) == (2, "critical", "TG08")
    assert (first["first_checkpoint"], first["last_checkpoint"]) == ("c1", "c2")
    assert (first["environments"], first["reviewed"], second["alerts"]) == (["maths", "swe"], 1, 1)
    assert call(store, "show", str(first["example"])).exit_code == 0
    assert "maths, swe" in call(store, "alerts", "--group").stdout


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--behaviour", "special_cased"], "Did you mean 'special_casing'?"),
        (["--run", "2025"], "no run begins with '2025'"),
        (["--min-level", "severe"], "'severe' is not one of"),
        (["--limit", "-1"], "--limit"),
    ],
)
def test_a_slip_in_a_flag_is_a_usage_error(store: Store, flags: list[str], says: str) -> None:
    result = call(store, "alerts", *flags)
    assert result.exit_code == 2 and says in result.stderr


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM alerts",
        "-- how many\n/* alerts */ WITH a AS (FROM alerts) SELECT count(*) AS n FROM a;",
        "FROM (SELECT count(*) AS n FROM raw.alerts)",
    ],
    ids=["select", "comments first", "from first"],
)
def test_sql_answers(store: Store, query: str) -> None:
    assert json.loads(call(store, "sql", "-", "--format", "json", stdin=query).stdout) == [{"n": 3}]


def test_sql_reads_a_query_from_stdin_and_writes_csv(store: Store) -> None:
    result = call(
        store, "sql", "-", "--format", "csv", stdin="SELECT behaviour, count(*) AS n FROM alerts GROUP BY 1 ORDER BY 1"
    )
    assert list(csv.reader(io.StringIO(result.stdout))) == [["behaviour", "n"], ["TG01", "1"], ["TG08", "2"]]


@pytest.mark.parametrize(
    "query",
    [
        "PIVOT rates ON stance USING max(rate) GROUP BY behaviour",
        "EXPLAIN ANALYZE SELECT 1",
        "SHOW TABLES",
        "DESCRIBE rates",
    ],
)
def test_sql_takes_all_that_reads(store: Store, query: str) -> None:
    assert call(store, "sql", query).exit_code == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nope FROM alerts", 'column "nope" not found'),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "found 2 statements"),
        ("", "found 0 statements"),
        ("COPY (SELECT 1) TO '{out}'", "only reading"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'", "only reading"),
        ("EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{out}'", "SQL"),
        ("COPY (PIVOT rates ON stance USING max(rate)) TO '{out}'", "only reading"),
        ("ATTACH '{out}' AS x", "only reading"),
        ("EXPORT DATABASE '{out}'", "only reading"),
        ("INSTALL httpfs", "only reading"),
        ("SET memory_limit = '1GB'", "only reading"),
        ("DROP VIEW alerts", "only reading"),
        ("SELECT * FROM 'https://example.org/x.parquet'", "httpfs"),
        ("SELECT 'a'::INTEGER", "Could not convert"),
    ],
)
def test_sql_that_is_wrong_or_writes_is_refused_in_one_line(
    store: Store, tmp_path: Path, query: str, says: str
) -> None:
    result = call(store, "sql", query.format(out=tmp_path / "out"))
    assert result.exit_code == 2 and says in result.stderr and result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("cotmonitor: SQL: ")
    assert list(tmp_path.iterdir()) == []


def test_runs_come_newest_first_with_their_errors(store: Store) -> None:
    found = as_json(store, "runs")
    assert [(r["run_id"], r["status"]) for r in found] == [
        ("20260103-c", "failed"),
        ("20260102-b", "done"),
        ("20260101-a", "done"),
    ]
    assert found[0]["error"] == "disk full\nand more" and found[2]["alerts"] == 2
    table = call(store, "runs", "--limit", "1").stdout
    assert "disk full | and more" in table and "20260102" not in table


def test_a_review_is_recorded_on_the_finding_and_the_newest_counts(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    night(store, "r1", [File("a", [BAD])])
    (alert,) = rows(store, "SELECT alert_id, finding_id FROM alerts WHERE behaviour = 'TG08'")
    alert_id, finding = str(alert[0]), str(alert[1])
    dry = call(store, "review", alert_id[:12], "--verdict", "unsure", "--reviewer", "ann", "--dry-run")
    assert dry.exit_code == 0 and "would record unsure by ann" in dry.stderr
    assert rows(store, "SELECT * FROM reviews") == []
    digits = finding.removeprefix("finding-")
    for given, verdict in ((alert_id, "unsure"), (finding[:14], "unsure"), (digits[:6], "true_positive")):
        done = call(store, "review", given, "--verdict", verdict, "--reviewer", "ann", "--note", "it's so")
        assert done.exit_code == 0 and f"recorded {verdict} by ann on finding {finding}" in done.stderr
    assert rows(store, "SELECT finding_id, verdict, note FROM reviews") == [(finding, "true_positive", "it's so")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("ffff0000", "no alert or finding begins with 'ffff0000'"),
        ("finding-ffff0000", "no alert or finding begins with 'finding-ffff0000'"),
        ("abc", "is no alert id"),
        ("alert-abc", "is no alert id"),
        ("trace-abcdef", "is no alert id"),
        ("'; DROP", "is no alert id"),
    ],
    ids=["unknown", "unknown finding", "too short", "kind and too short", "another kind", "no id at all"],
)
@pytest.mark.parametrize("command", [["show"], ["review", "--verdict", "unsure"]], ids=["show", "review"])
def test_an_id_that_fits_nothing_is_a_usage_error(store: Store, command: list[str], given: str, says: str) -> None:
    result = call(store, *command, given)
    assert result.exit_code == 2 and says in result.stderr


@pytest.mark.parametrize("given", ["f" * 5000, "z" * 5000], ids=["of an id's digits", "no id at all"])
@pytest.mark.parametrize("command", [["show"], ["review", "--verdict", "unsure"]], ids=["show", "review"])
def test_a_long_id_is_not_repeated_in_full(store: Store, command: list[str], given: str) -> None:
    result = call(store, *command, given)
    assert result.exit_code == 2 and f"'{given[:79]}…'" in result.stderr and given[:80] not in result.stderr


def test_a_review_repeats_no_long_name_in_full(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    night(store, "r1", [File("a", [Trace("t" * 5000, looks={CORE: [Finding("TG08")]})])])
    ((given,),) = rows(store, "SELECT alert_id FROM alerts")
    result = call(store, "review", str(given), "--verdict", "unsure", "--reviewer", "r" * 5000)
    assert result.exit_code == 0 and "t" * 79 + "…" in result.stderr and "r" * 79 + "…" in result.stderr
    assert "t" * 80 not in result.stderr and "r" * 80 not in result.stderr
    assert rows(store, "SELECT reviewer FROM reviews") == [("r" * 5000,)]


def test_digits_that_fit_several_findings_are_refused(tmp_path: Path) -> None:
    from pipelines.store.query import LEAST_PREFIX

    store = fresh(tmp_path)
    many = [Trace(f"t{i}", looks={CORE: [Finding("TG08")]}) for i in range(600)]
    ids = [finding_id(t, CORE, "TG08").removeprefix("finding-")[:LEAST_PREFIX] for t in many]
    twice = next(i for i in ids if ids.count(i) > 1)
    night(store, "r1", [File("a", many)])
    result = call(store, "review", twice, "--verdict", "unsure", "--reviewer", "ann")
    assert result.exit_code == 2 and "Give more digits" in result.stderr


def test_an_alert_is_found_by_its_kind_and_its_digits_alone(tmp_path: Path) -> None:
    """A finding's digits behind `alert-` are somebody's mistake."""
    store = fresh(tmp_path)
    night(store, "r1", [File("a", [BAD])])
    ((alert, finding),) = rows(store, "SELECT alert_id, finding_id FROM alerts WHERE behaviour = 'TG08'")
    mixed = str(finding).replace("finding-", "alert-")
    assert call(store, "review", mixed, "--verdict", "unsure", "--reviewer", "ann", "--dry-run").exit_code == 2
    listed = call(store, "alerts", "--behaviour", "TG08").stdout
    shown = str(alert)[:18]
    assert shown in listed and str(alert)[:19] not in listed
    assert call(store, "review", shown, "--verdict", "unsure", "--reviewer", "ann", "--dry-run").exit_code == 0
