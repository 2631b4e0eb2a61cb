"""The main job from Parquet to views: the same truth however it is run, and every trace accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.account import Summary
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store import Store
from schemas.errors import ControlMissed, GateError, InputError
from tests.pipelines.lakes import flat, pack, rollouts

CONTENT = {
    "traces": "* EXCLUDE (run_id)",
    "assessments": "* EXCLUDE (run_id)",
    "alerts": "* EXCLUDE (run_id)",
    "dead_letters": "* EXCLUDE (run_id)",
    "units": "* EXCLUDE (run_id, sequence, committed_at)",
    "rates": "*",
}


def views(store: str | Path) -> dict[str, list[Any]]:
    """The content of every view as a sorted list of rows: what must not depend on how a run went."""
    with Store.open(store).connect() as con:
        return {v: sorted(map(repr, con.execute(f"SELECT {c} FROM {v}").fetchall())) for v, c in CONTENT.items()}


def count(store: str | Path, query: str) -> Any:
    with Store.open(store).connect() as con:
        return con.execute(query).fetchall()[0][0]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two files, one with a row that has no id and a replica of a row in the other."""
    one, two = rollouts(90, "a"), rollouts(60, "b")
    flat(tmp_path / "lake" / "one.parquet", one, row_group=25)
    flat(tmp_path / "lake" / "two.parquet", [*two, one[0], {**two[1], "trace_id": None}, {**two[2], "trace_id": "a3"}])
    return tmp_path / "lake"


def job(tmp_path: Path, lake: Path, store: str = "S", **settings: Any) -> Job:
    monitors = settings.pop("monitors", None) or (f"rules:{pack(tmp_path)}",)
    return Job(
        traces=(str(lake),),
        store=str(tmp_path / store),
        root=str(lake),
        monitors=monitors,
        date="2026-11-22",
        **settings,
    )


def run(*args: Any, **settings: Any) -> Summary:
    return run_job(job(*args, **settings), quiet=True)


def test_every_row_is_a_trace_or_a_dead_letter_and_every_trace_is_assessed(tmp_path: Path, lake: Path) -> None:
    summary = run(tmp_path, lake)
    assert (summary.rows, summary.traces, summary.dead) == (153, 152, 1)
    assert summary.alerts == count(tmp_path / "S", "SELECT count(*) FROM raw.alerts")
    assert count(tmp_path / "S", "SELECT count(*) FROM traces") == 151  # the replica counts once
    assert count(tmp_path / "S", "SELECT count(*) FROM traces WHERE id_conflict") == 2  # a3, twice, with other content
    assert count(tmp_path / "S", "SELECT count(*) FROM assessments WHERE state = 'assessed'") == 151
    assert count(tmp_path / "S", "SELECT reason FROM dead_letters") == "null_id"
    assert count(tmp_path / "S", "SELECT status FROM runs") == "done"
    flagged = count(tmp_path / "S", "SELECT count(DISTINCT trace_key) FROM alerts")
    assert flagged == 90 // 5 + 60 // 5
    assert not list((tmp_path / "S" / "_staging").glob("*"))


def test_evidence_is_where_it_says_in_code_points(tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake)
    texts = {r["trace_id"]: r for p in lake.iterdir() for r in pq.read_table(p).to_pylist()}
    with Store.open(tmp_path / "S").connect() as con:
        rows = con.execute("SELECT trace_id, channel, evidence FROM alerts WHERE NOT trace_id = 'a3'").fetchall()
    assert len(rows) >= 30
    for trace_id, channel, evidence in rows:
        text = texts[trace_id]["reasoning" if channel == "reasoning" else "actions"]
        for span in evidence:
            assert text[span["start"] : span["end"]] == span["excerpt"] in ("hard-code", "sys.exit(0)")


def test_a_second_run_does_nothing_and_says_so(tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake)
    before = views(tmp_path / "S")
    again = run(tmp_path, lake)
    assert (again.status, again.files, again.known) == ("nothing_new", 0, 2)
    assert views(tmp_path / "S") == before
    assert count(tmp_path / "S", "SELECT count(*) FROM runs") == 2


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"batch_mb": 0.001}, id="small batches"),
        pytest.param({"workers": 2}, id="two workers", marks=pytest.mark.slow),
    ],
)
def test_the_views_are_the_same_however_it_is_run(tmp_path: Path, lake: Path, settings: dict[str, Any]) -> None:
    run(tmp_path, lake, workers=1)
    run(tmp_path, lake, "T", **settings)
    assert views(tmp_path / "T") == views(tmp_path / "S")


def test_a_new_file_adds_a_rewritten_one_replaces(tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake)
    flat(lake / "three.parquet", rollouts(10, "c"))
    flat(lake / "one.parquet", rollouts(30, "a"))
    again = run(tmp_path, lake)
    assert (again.files, again.known) == (2, 1)
    run(tmp_path, lake, "fresh")
    assert views(tmp_path / "S") == views(tmp_path / "fresh")


def test_a_changed_pack_redoes_that_monitor_only_and_findings_keep_their_ids(tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake)
    with Store.open(tmp_path / "S").connect() as con:
        before = dict(con.execute("SELECT finding_id, alert_id FROM alerts").fetchall())
    again = run(tmp_path, lake, monitors=(f"rules:{pack(tmp_path, ('version: 1.0.0', 'version: 1.1.0'))}",))
    assert again.files == 2
    with Store.open(tmp_path / "S").connect() as con:
        after = dict(con.execute("SELECT finding_id, alert_id FROM alerts").fetchall())
        taken_in = con.execute("SELECT count(DISTINCT run_id) FROM units WHERE monitor = 'ingest'").fetchall()[0][0]
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert taken_in == 1


def test_a_sample_never_hides_the_whole(tmp_path: Path, lake: Path) -> None:
    settings = {"contracts": {"max_dead_letter_ratio": 1}}  # of few rows, one is a large share
    sampled = run(tmp_path, lake, sample=20, **settings)
    assert sampled.rows == 20
    assert count(tmp_path / "S", "SELECT count(*) FROM assessments") in (19, 20)
    run(tmp_path, lake)
    whole = views(tmp_path / "S")
    run(tmp_path, lake, sample=10, **settings)
    assert views(tmp_path / "S") == whole


def test_too_many_dead_letters_fail_the_run_and_leave_only_why(tmp_path: Path, lake: Path) -> None:
    flat(lake / "bad.parquet", [{**r, "trace_id": None} for r in rollouts(30)])
    with pytest.raises(GateError, match=r"dead") as caught:
        run(tmp_path, lake)
    assert "0.05" in str(caught.value)
    assert "max_dead_letter_ratio" in str(caught.value)
    store = tmp_path / "S"
    assert [count(store, f"SELECT count(*) FROM raw.{t}") for t in ("traces", "assessments", "alerts", "units")] == [
        0
    ] * 4
    assert count(store, "SELECT count(*) FROM raw.dead_letters") == 31
    assert count(store, "SELECT status FROM runs") == "failed"
    assert "dead" in count(store, "SELECT error FROM runs")
    assert list((store / "_docs").glob("*/index.html"))
    assert not [p for t in ("traces", "assessments", "alerts") for p in (store / t).glob("*.parquet")]


def test_retry_reads_again_what_a_mended_disk_may_give(tmp_path: Path, lake: Path) -> None:
    broken = lake / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    settings = {"contracts": {"max_dead_letter_ratio": 1}}
    run(tmp_path, lake, **settings)
    assert run(tmp_path, lake, **settings).status == "nothing_new"
    assert run(tmp_path, lake, retry=True, **settings).files == 1


def test_a_monitor_that_misses_its_control_fails_the_run(
    tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitors.rules import RuleMonitor

    def blind(self: RuleMonitor, steps: pa.ListArray) -> list[Any]:
        raise AssertionError("a blind monitor must not be asked")

    def missed(self: RuleMonitor) -> None:
        raise ControlMissed("rules.tiny: rule TG08.hard-code misses its own match test 1")

    monkeypatch.setattr(RuleMonitor, "judge", blind)
    monkeypatch.setattr(RuleMonitor, "control", missed)
    with pytest.raises(ControlMissed, match="match test 1"):
        run(tmp_path, lake)
    assert count(tmp_path / "S", "SELECT status FROM runs") == "failed"
    assert count(tmp_path / "S", "SELECT count(*) FROM raw.units") == 0


def test_a_dry_run_writes_nothing(tmp_path: Path, lake: Path) -> None:
    summary = run_job(job(tmp_path, lake), dry_run=True, quiet=True)
    assert (summary.status, summary.files) == ("dry_run", 2)
    assert not (tmp_path / "S").exists()


def test_a_store_inside_its_own_input_is_refused(tmp_path: Path, lake: Path) -> None:
    with pytest.raises(InputError, match="lies inside the input folder"):
        run_job(Job(traces=(str(lake),), store=str(lake / "S"), monitors=(f"rules:{pack(tmp_path)}",)), quiet=True)


def test_a_run_keeps_its_settings_and_its_contracts(tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake)
    config = json.loads(count(tmp_path / "S", "SELECT config FROM runs"))
    assert config["root"] == str(lake)
    contracts = json.loads(count(tmp_path / "S", "SELECT contracts FROM runs"))
    assert contracts["failed"] == 0
    assert len(contracts["results"]) > 20


def test_a_column_to_be_renamed_is_in_some_file(tmp_path: Path, lake: Path) -> None:
    flat(lake / "other.parquet", [{"trace_id": "o", "cot": "I will hard-code it", "actions": "x"}])
    with pytest.raises(InputError, match=r"--map reasoning=cto: no file has a column of this name"):
        run(tmp_path, lake, map={"reasoning": "cto"})
    run(tmp_path, lake, map={"reasoning": "cot"})
    assert count(tmp_path / "S", "SELECT count(*) FROM alerts WHERE trace_id = 'o'") == 1


def test_reasoning_that_is_not_there_is_counted_and_warned_of(tmp_path: Path) -> None:
    rows = [{"trace_id": f"t{i}", "actions": "sys.exit(0)" if i == 3 else "x"} for i in range(40)]
    flat(tmp_path / "lake" / "silent.parquet", rows)
    summary = run(tmp_path, tmp_path / "lake")
    assert (summary.without_reasoning, summary.not_assessed) == (40, 0)
    (warning,) = summary.warnings
    assert "traces have reasoning to look at" in warning
    assert count(tmp_path / "S", "SELECT count(*) FROM assessments WHERE reason = 'no_reasoning'") == 40
    assert count(tmp_path / "S", "SELECT sum(without_reasoning) FROM units") == 40
    about = "FROM rates WHERE stance = 'any' AND behaviour ="
    assert count(tmp_path / "S", f"SELECT without_reasoning {about} 'TG01'") == 40
    assert count(tmp_path / "S", f"SELECT assessed {about} 'TG08'") == 0  # its rule looks in reasoning alone
