"""Whoever waits for a scan is told how far it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit import watch
from pipelines.audit.text import pipeline
from pipelines.audit.watch import PLAN, progress, watched
from pipelines.stage import Place


def planned(folder: Path, done: int, of: int) -> None:
    pq.write_table(pa.table({"number": range(of)}), folder / PLAN)
    for i in range(done):
        (folder / f"shard-{i:06d}.done").write_text("{}")


def test_shards_are_counted_once_there_is_a_plan(tmp_path: Path) -> None:
    assert progress(tmp_path / "nowhere") == (0, 0)
    (tmp_path / PLAN).write_bytes(b"PAR1 half")
    assert progress(tmp_path) == (0, 0)
    planned(tmp_path, 2, 5)
    assert progress(tmp_path) == (2, 5)


def test_the_plan_is_where_the_scan_puts_it(tmp_path: Path) -> None:
    job = pipeline.ScanJob(Place(str(tmp_path), "a"), None, 1)
    assert job.plan == job.place.folder / PLAN


@pytest.mark.parametrize("quiet", [False, True])
def test_a_log_has_a_line_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    monkeypatch.setattr(watch, "LOG_SECONDS", 0.01)
    planned(tmp_path, 2, 5)
    with watched(tmp_path, quiet):
        import time

        time.sleep(0.3)
    assert ("cotmonitor: 2 of 5 shards\n" in capsys.readouterr().err) is not quiet
