"""Bad input files through the command line: every row is a trace or a dead letter that says why, and no run breaks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.plan import write_plan
from pipelines.store import Store
from tests.pipelines.cli.bad_files import FILES, GAMING
from tests.pipelines.lakes import flat, pack, rollouts

GONE = "gone before it is read.parquet"
UNSAFE = [chr(c) for c in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066)]


def cotmonitor(*args: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.stderr
    return result


@dataclass(frozen=True)
class Night:
    """One run over every bad file, with a good one among them."""

    result: Result
    store: Path

    def ask(self, query: str, *values: object) -> list[Any]:
        with Store.open(self.store).connect() as con:
            return con.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    lake, store = folder / "lake", folder / "S"
    lake.mkdir()
    for name, bad in FILES.items():
        bad.make(lake / f"{name}.parquet")
    flat(lake / "good.parquet", rollouts(10, "good"))
    with pytest.MonkeyPatch.context() as patch:

        def plan_then_lose(*args: Any) -> Any:
            written = write_plan(*args)
            (lake / GONE).unlink()
            return written

        patch.setattr("pipelines.run.write_plan", plan_then_lose)
        result = cotmonitor(
            *("run", "--traces", lake, "--root", lake, "--store", store, "--monitors", f"rules:{pack(folder)}"),
            *("--max-dead-letter-ratio", 1, "--workers", 1, "--date", "2026-11-22", "--format", "json"),
        )
    yield Night(result, store)


def test_the_run_ends_well_and_loses_nothing(night: Night) -> None:
    assert night.result.exit_code == 0, night.result.stderr
    summary = json.loads(night.result.stdout)
    dead = sum(sum(bad.dead.values()) for bad in FILES.values())
    traces = 10 + sum(bad.traces for bad in FILES.values())
    assert (summary["rows"], summary["traces"], summary["dead"]) == (traces + dead, traces, dead)
    assert night.ask("SELECT count(*) FROM traces WHERE file = 'good.parquet'") == [(10,)]
    assert (
        night.ask("SELECT count(*) FROM raw.traces") == night.ask("SELECT count(*) FROM raw.assessments") == [(traces,)]
    )


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file(night: Night, name: str) -> None:
    bad = FILES[name]
    file = "starts_with(file, ?)"
    dead = sum(bad.dead.values())
    counts = night.ask(
        f"""SELECT sum("rows"), sum(traces), sum(dead) FROM units WHERE monitor = 'ingest' AND {file}""",
        f"{name}.parquet",
    )
    assert counts == [(bad.traces + dead, bad.traces, dead)]
    letters = night.ask(f'SELECT reason, "rows", message FROM dead_letters WHERE {file}', f"{name}.parquet")
    reasons: dict[str, int] = {}
    for reason, rows, _ in letters:
        reasons[reason] = reasons.get(reason, 0) + rows
    assert reasons == bad.dead
    assert not letters or any(bad.says in message for _, _, message in letters), letters


UNSEEN = {
    "null messages": [("assessed", None, 1), ("not_assessed", "no_reasoning", 1)],
    "messages without a message": [("not_assessed", "no_reasoning", 1)],
    "no steps": [("not_assessed", "no_reasoning", 2)],
    "all-null columns": [("not_assessed", "no_reasoning", 2)],
    "only whitespace": [("not_assessed", "no_reasoning", 2)],
    "nested nulls": [("assessed", None, 1), ("not_assessed", "no_reasoning", 1)],
    "string views": [("assessed", None, 1), ("not_assessed", "no_reasoning", 1)],
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_holds_nothing_to_look_at_never_reads_as_clean(night: Night, name: str) -> None:
    query = "SELECT state, reason, count(*) FROM assessments WHERE file = ? GROUP BY ALL ORDER BY ALL"
    assert night.ask(query, f"{name}.parquet") == UNSEEN[name]


def test_replicas_count_once_and_conflicts_are_kept_and_marked(night: Night) -> None:
    query = "SELECT replicas, id_conflict, count(*) FROM traces WHERE trace_id = ? GROUP BY ALL"
    assert night.ask(query, "replica") == [(2, False, 1)]
    assert night.ask(query, "conflict") == [(1, True, 2)]


@pytest.mark.parametrize(
    "trace_id",
    ["a/../b'\"; DROP TABLE x --", "line\nbreak 🙂\t\x1b[31m", "x" * 10_000, "nul\0nul"],
    ids=lambda t: repr(t[:20]),
)
def test_ids_come_back_as_they_were(night: Night, trace_id: str) -> None:
    assert night.ask("SELECT count(*) FROM traces WHERE trace_id = ?", trace_id) == [(1,)]


def test_what_is_heard_in_odd_files_is_the_same_as_elsewhere(night: Night) -> None:
    heard = night.ask(
        "SELECT regexp_replace(file, '\\.parquet.*', ''), evidence[1].excerpt FROM alerts WHERE behaviour = 'TG08'"
    )
    assert {excerpt for _, excerpt in heard} == {"hard-code"}
    files = {
        "dictionaries",
        "large strings",
        "string views",
        "binary",
        "NUL characters",
        "a folder",
        "half a surrogate pair",
    }
    assert files <= {file for file, _ in heard}


def test_metadata_is_cut_and_bytes_are_a_size(night: Night) -> None:
    ((log,),) = night.ask("SELECT metadata['log'] FROM traces WHERE trace_id = 'huge metadata 0'")
    assert log == "m" * 256
    ((metadata,),) = night.ask("SELECT metadata FROM traces WHERE trace_id = 'metadata of every shape 0'")
    assert metadata == {"tags": '["a"]', "config": '{"k": {"deep": [1]}}', "blob": "<4 bytes>", "at": "03:00:00.000000"}


@pytest.mark.parametrize(
    "args",
    [
        ("alerts", "--limit", 0),
        ("alerts", "--group", "--limit", 0),
        ("sql", "SELECT file, trace_id FROM traces"),
        ("sql", "SELECT file, message, payload FROM dead_letters"),
        ("runs",),
    ],
    ids=lambda args: " ".join(map(str, args)),
)
def test_a_terminal_obeys_nothing_that_stands_in_a_trace(night: Night, args: tuple[object, ...]) -> None:
    result = cotmonitor(*args, "--store", night.store)
    assert result.exit_code == 0
    assert not [c for c in UNSAFE if c in result.stdout + result.stderr]


def test_show_is_safe_and_shows(night: Night) -> None:
    ((alert,),) = night.ask("SELECT alert_id FROM alerts WHERE starts_with(trace_id, 'rtl')")
    result = cotmonitor("show", alert, "--store", night.store, "--full")
    assert result.exit_code == 0
    assert f"⟦{GAMING[7:16]}⟧" in result.stdout
    assert not [c for c in UNSAFE if c in result.stdout + result.stderr]


@pytest.mark.parametrize("format", ["json", "csv"])
def test_numbers_that_json_has_no_word_for(night: Night, format: str) -> None:
    query = "SELECT reward FROM traces WHERE starts_with(file, 'rewards') ORDER BY reward, trace_id"
    result = cotmonitor("sql", query, "--store", night.store, "--format", format)
    assert result.exit_code == 0
    if format == "json":
        assert [row["reward"] for row in json.loads(result.stdout)] == [None, 1.0, None, None]
    else:
        assert result.stdout.split() == ["reward", "-inf", "1", "inf", "nan"]


def test_running_again_does_nothing(night: Night) -> None:
    lake = night.store.parent / "lake"
    result = cotmonitor(
        *(
            "run",
            "--traces",
            lake,
            "--root",
            lake,
            "--store",
            night.store,
            "--monitors",
            f"rules:{night.store.parent}/tiny.yml",
        ),
        "--dry-run",
    )
    assert result.exit_code == 0
    assert f"would read 0 files; {len(FILES)} done already" in result.stderr  # the one that is gone is no input now


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    lake = flat(tmp_path / "lake" / "a.parquet", rollouts(3)).parent
    (lake / "a.parquet").chmod(0)
    result = cotmonitor("run", "--traces", lake, "--store", tmp_path / "S", "--monitors", f"rules:{pack(tmp_path)}")
    assert result.exit_code == 3
    assert "1 x unreadable_file" in result.stderr
