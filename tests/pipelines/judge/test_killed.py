"""Killed while it asks, or asked twice by the runner: only what is missing is asked, and paid for."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipelines.decide import RunStamp
from pipelines.inputs import expand, fingerprint
from pipelines.job import job_json
from pipelines.judge.monitor import Judge
from pipelines.judge.pipeline import AskedBatch, AskJudge, JudgeJob
from pipelines.judge.plan import write_chosen
from pipelines.judge.policy import ROWS
from pipelines.judge.settings import JudgeSettings
from pipelines.monitor import MonitorJob
from pipelines.plan import WHOLE, Part, Pending, Task
from pipelines.read import ReadSettings, TraceBatch, read_shard
from pipelines.stage import Place
from schemas.errors import BusyError
from schemas.layouts import LayoutSettings
from tests.judge_server import JudgeServer
from tests.pipelines.judge.making import CALL_USD, job, judged, rows, run
from tests.pipelines.lakes import flat, rollouts


def asked_for(folder: Path, server: JudgeServer, lake: Path) -> tuple[JudgeJob, TraceBatch]:
    """All traces of a file, read and chosen, as a worker gets them."""
    (file,) = fingerprint(expand([str(lake)], False), str(lake.parent))
    task = Task(file.name, file.path, file.fingerprint, WHOLE, 0, WHOLE, None, ("judge",))
    read = ReadSettings(LayoutSettings("auto", ()))
    batch = next(p for p in read_shard(0, [task], read) if isinstance(p, TraceBatch))
    judge = Judge.of(JudgeSettings.model_validate(judged(server)), (), 200, {})
    chosen = [
        {
            "file": f,
            "row_group": g,
            "row": r,
            "trace_key": k,
            "chosen_by": "score",
            "audit": False,
            "calls": 1,
            "booked": [],
            "replica": False,
        }
        for f, g, r, k in zip(
            *(batch.traces.column(c).to_pylist() for c in ("file", "row_group", "row", "trace_key")), strict=True
        )
    ]
    path = folder / "chosen.parquet"
    write_chosen(
        pa.Table.from_pylist(chosen, ROWS), [Pending(file, ("judge",))], judge.part, folder / "plan.parquet", path
    )
    stamp = RunStamp("run", dt.date(2026, 11, 22), "a")
    base = MonitorJob(Place(str(folder / "S"), "run"), stamp, read, Part("ingest", "i"), (), 1)
    return JudgeJob(
        base, judge.part, judge.spec, judge.line(str(folder / "S"), "run"), judge.reader("run"), str(path)
    ), batch


def bundle(job: JudgeJob, batch: TraceBatch, fail: bool = False) -> list[AskedBatch]:
    """One bundle by a worker of its own; one that fails does so after its calls were made."""
    step = AskJudge(job)
    step.setup()
    try:
        step.start_bundle()
        done = list(step.process(batch))
        if fail:
            step._waiting[0][2].result()
            return []
        return [*done, *(w.value for w in step.finish_bundle())]
    finally:
        step.teardown()


def test_a_bundle_that_is_tried_again_asks_nothing_twice_and_its_cost_is_booked_once(
    server: JudgeServer, tmp_path: Path
) -> None:
    lake = flat(tmp_path / "lake.parquet", rollouts(50))
    judge_job, batch = asked_for(tmp_path, server, lake)
    bundle(judge_job, batch, fail=True)
    (one,) = bundle(judge_job, batch)
    (two,) = bundle(judge_job, batch)
    assert (server.state.requests, max(server.state.answered.values())) == (50, 1)
    for asked in (one, two):  # whichever of the attempts is the one that counts
        assert sum(asked.calls.column("cost_usd").to_pylist()) == pytest.approx(50 * CALL_USD)
        assert set(asked.looked.column("state").to_pylist()) == {"assessed"} and not asked.violations
    assert one.looked == two.looked and one.found == two.found


@pytest.mark.slow
def test_a_run_killed_while_it_asks_is_completed_by_asking_for_the_rest(server: JudgeServer, tmp_path: Path) -> None:
    lake = flat(tmp_path / "lake" / "one.parquet", rollouts(300)).parent
    run(tmp_path, lake, judged(server), "calm")
    server.state.answered.clear()
    server.state.latency = 0.25
    settings = job(tmp_path, lake, judged(server, concurrency=4))
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in job_json(settings, str(lake)).items() if v is not None}))
    killed = subprocess.Popen([sys.executable, "-m", "pipelines.cli", "run", str(path), "--quiet"])
    try:
        limit = time.monotonic() + 240
        while sum(server.state.answered.values()) < 60:
            assert killed.poll() is None and time.monotonic() < limit
            time.sleep(0.02)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert rows(tmp_path / "S", "SELECT status FROM runs") == [("judging",)]
    cheap = "SELECT count(*) FROM alerts WHERE monitor = 'rules.tiny'"
    assert rows(tmp_path / "S", cheap) == rows(tmp_path / "calm", cheap)
    time.sleep(0.5)  # for what the dead had asked to be given up
    before = sum(server.state.answered.values())
    assert 60 <= before < 300
    server.state.latency = 0.0
    kept = len(list((tmp_path / "S" / "_judge" / "answers").rglob("*.json")))
    assert before - 4 <= kept <= before  # the four under way may have been answered to nobody
    requests = server.state.requests
    done = run(tmp_path, lake, judged(server, concurrency=4))
    assert server.state.requests - requests == 300 - kept + 2  # the missing ones, and the controls
    assert sum(n > 1 for n in server.state.answered.values()) == before - kept
    assert done.cost_usd == pytest.approx((300 + 2) * CALL_USD)  # what the killed run paid is in the books of this one
    said = "SELECT * EXCLUDE (run_id, unit_id, monitor_digest) FROM assessments WHERE monitor = 'judge' ORDER BY ALL"
    assert rows(tmp_path / "S", said) == rows(tmp_path / "calm", said)


def test_two_runs_do_not_ask_at_once(server: JudgeServer, tmp_path: Path) -> None:
    from pipelines.judge.run import alone
    from pipelines.store import Store

    store = Store.create_or_open(tmp_path / "S")
    with alone(store), pytest.raises(BusyError, match="another run is asking"), alone(store):
        pass
    with alone(store):
        pass
