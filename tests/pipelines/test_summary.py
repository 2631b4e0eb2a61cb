"""What `run --summary` leaves for a scheduler: how it ended, what it counted, and what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.store import Store
from pipelines.summary import RunSummary
from tests.pipelines.lakes import flat, pack, rollouts


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    flat(tmp_path / "lake" / "one.parquet", rollouts(40, "a"))
    return tmp_path / "lake"


def run(folder: Path, *more: str, lake: Path | None = None, packed: str | None = None) -> tuple[int, dict[str, Any]]:
    """The command as a scheduler gives it: its exit code and the summary, which always fits its schema."""
    traces, file = lake or folder / "lake", folder / "last.json"
    named = ["--traces", str(traces), "--root", str(traces), "--store", str(folder / "S")]
    monitors = f"rules:{packed or pack(folder)}"
    words = ["run", *named, "--monitors", monitors, "--workers", "1", "--quiet", "--summary", str(file), *more]
    code = CliRunner().invoke(main, words).exit_code
    told = json.loads(file.read_text())
    RunSummary.model_validate_json(file.read_text())
    assert told["exit_code"] == code
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".last")]
    return code, told


def test_a_run_tells_its_counts_and_a_second_one_that_nothing_is_new(tmp_path: Path, lake: Path) -> None:
    code, told = run(tmp_path)
    with Store.open(tmp_path / "S").connect() as con:
        ids = {row[0] for row in con.execute("SELECT finding_id FROM alerts").fetchall()}
        (run_id,) = con.execute("SELECT run_id FROM runs").fetchall()[0]
    assert (code, told["status"], told["run_id"], told["rows"], told["dead"]) == (0, "done", run_id, 40, 0)
    assert told["findings"]["new"] == told["findings"]["reported"] == len(ids) > 4
    assert set(told["findings"]["new_ids"]) == ids
    assert sum(g["new"] for g in told["findings"]["groups"]) == len(ids)
    assert [m["traces"] for m in told["monitors"]] == [40]
    text = (tmp_path / "last.json").read_text()
    texts = {row[c] for row in pq.read_table(tmp_path / "lake").to_pylist() for c in ("reasoning", "actions", "output")}
    assert not [t for t in texts if t and t in text] and "hard-code" not in text  # and no text of a trace
    code, told = run(tmp_path)
    assert (code, told["status"], told["files"], told["known"]) == (0, "nothing_new", 0, 1)
    assert (told["findings"]["reported"], told["findings"]["new_ids"]) == (0, [])


def test_only_what_no_run_had_reported_is_new_and_a_new_pack_makes_nothing_new(tmp_path: Path, lake: Path) -> None:
    _, first = run(tmp_path)
    flat(lake / "two.parquet", rollouts(20, "b"))
    _, second = run(tmp_path)
    with Store.open(tmp_path / "S").connect() as con:
        of_two = con.execute("SELECT count(*) FROM alerts WHERE file = 'two.parquet'").fetchall()[0][0]
    assert second["findings"]["new"] == second["findings"]["reported"] == of_two > 0
    assert not set(second["findings"]["new_ids"]) & set(first["findings"]["new_ids"])
    _, third = run(tmp_path, packed=pack(tmp_path, ("version: 1.0.0", "version: 1.1.0")))
    assert third["findings"]["reported"] == first["findings"]["new"] + second["findings"]["new"]
    assert third["findings"]["new"] == 0


def test_what_was_turned_down_is_counted_in_its_group_and_wakes_nobody(tmp_path: Path, lake: Path) -> None:
    quiet = pack(tmp_path, ("level: high", "level: informational"))
    _, told = run(tmp_path, packed=quiet)
    noted = sum(g["new"] for g in told["findings"]["groups"] if g["level"] == "informational")
    assert noted > 0 and told["findings"]["new"] == sum(g["new"] for g in told["findings"]["groups"]) - noted > 0


def test_a_run_that_a_contract_refuses_says_so_with_what_it_had_read(tmp_path: Path, lake: Path) -> None:
    rows = [{**r, "trace_id": None if i % 2 else r["trace_id"]} for i, r in enumerate(rollouts(40, "a"))]
    flat(lake / "one.parquet", rows)
    code, told = run(tmp_path)
    assert (code, told["status"], told["error_kind"]) == (3, "failed", "GateError")
    assert (told["rows"], told["dead"]) == (40, 20)
    assert told["findings"] is None and "dead" in told["error"]
    with Store.open(tmp_path / "S").connect() as con:
        assert con.execute("SELECT run_id FROM runs").fetchall() == [(told["run_id"],)]


def test_a_run_that_never_began_overwrites_the_summary_of_the_one_before(tmp_path: Path, lake: Path) -> None:
    run(tmp_path)
    code, told = run(tmp_path, lake=tmp_path / "nothing-here")
    assert (code, told["status"], told["run_id"], told["rows"]) == (2, "failed", None, None)
    (tmp_path / "job.yaml").write_text("traces: lake\nstroe: S\n")
    words = ["run", str(tmp_path / "job.yaml"), "--summary", str(tmp_path / "last.json")]
    assert CliRunner().invoke(main, words).exit_code == 2
    told = json.loads((tmp_path / "last.json").read_text())
    assert (told["exit_code"], told["error_kind"], told["store"]) == (2, "JobFileError", None)


def test_a_dry_run_tells_what_there_is_to_do_and_no_store_is_made(tmp_path: Path, lake: Path) -> None:
    code, told = run(tmp_path, "--dry-run")
    assert (code, told["status"], told["files"], told["findings"]) == (0, "dry_run", 1, None)
    assert not (tmp_path / "S").exists()


def test_a_run_that_is_interrupted_or_killed_is_told_apart(
    tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        killed.append(json.loads((tmp_path / "last.json").read_text()))
        raise KeyboardInterrupt

    killed: list[dict[str, Any]] = []
    monkeypatch.setattr("pipelines.run.execute", interrupted)
    code, told = run(tmp_path)
    assert (code, told["status"], told["exit_code"]) == (130, "interrupted", 130)
    # what stood there while it ran is what a run leaves that is killed
    assert (killed[0]["status"], killed[0]["exit_code"], killed[0]["run_id"]) == ("running", None, told["run_id"])


def test_a_file_that_cannot_be_written_is_said_before_anything_is_run(tmp_path: Path, lake: Path) -> None:
    words = ["run", "--traces", str(lake), "--store", str(tmp_path / "S"), "--summary", str(tmp_path / "no" / "x.json")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and "cannot be written" in result.output
    assert not (tmp_path / "S").exists()
