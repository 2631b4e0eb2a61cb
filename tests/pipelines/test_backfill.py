"""Past nights: one monitor over the files that it has not seen, and what `--since` leaves out."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.backfill import backfill
from pipelines.cli import main
from pipelines.job import Job
from pipelines.run import run_job
from schemas.errors import InputError
from tests.pipelines.lakes import flat, pack, rollouts
from tests.pipelines.situations import job
from tests.pipelines.test_run import count, views

DAY = dt.date(2026, 11, 20)


def nights(tmp_path: Path) -> Job:
    """Three nights, a file each, judged by the tiny pack."""
    made = job(tmp_path / "lake", tmp_path / "S", pack(tmp_path))
    for n in range(3):
        flat(tmp_path / "lake" / f"{n}.parquet", rollouts(10, f"n{n}-"))
        run_job(made.model_copy(update={"date": DAY + dt.timedelta(n)}), quiet=True)
    return made


def other(tmp_path: Path) -> str:
    return f"rules:{pack(tmp_path / 'other', ('pack: tiny', 'pack: other'), ('pack:tiny', 'pack:other'))}"


def test_a_monitor_judges_the_days_that_it_is_given_and_leaves_the_others_alone(tmp_path: Path) -> None:
    made = nights(tmp_path)
    before = views(tmp_path / "S")
    ours = made.model_copy(update={"monitors": (other(tmp_path),)})
    planned = backfill(ours, DAY, DAY + dt.timedelta(1), dry_run=True)
    assert (planned.files, planned.summary.files if planned.summary else None) == (2, 2)
    assert views(tmp_path / "S") == before
    backfill(ours, DAY + dt.timedelta(1), DAY + dt.timedelta(1), quiet=True)
    looked = "SELECT string_agg(DISTINCT file, ' ' ORDER BY file) FROM assessments WHERE monitor = 'rules.other'"
    assert count(tmp_path / "S", looked) == "1.parquet"
    done = backfill(ours, DAY, DAY + dt.timedelta(1), quiet=True)
    assert done.summary is not None
    assert (done.files, done.summary.files, done.summary.traces) == (2, 1, 10)  # the rest is done already
    assert count(tmp_path / "S", looked) == "0.parquet 1.parquet"
    assert count(tmp_path / "S", "SELECT count(*) FROM assessments WHERE monitor = 'rules.tiny'") == 30


def test_by_the_days_on_which_traces_began(tmp_path: Path) -> None:
    made = job(tmp_path / "lake", tmp_path / "S", pack(tmp_path))
    for n in range(2):
        began = dt.datetime(2026, 3, 1 + n, 12, tzinfo=dt.UTC)
        flat(tmp_path / "lake" / f"{n}.parquet", [{**r, "started_at": began} for r in rollouts(5, f"n{n}-")])
    run_job(made, quiet=True)
    done = backfill(
        made.model_copy(update={"monitors": (other(tmp_path),)}),
        dt.date(2026, 3, 2),
        dt.date(2026, 3, 9),
        "started",
        quiet=True,
    )
    assert done.summary is not None
    assert (done.files, done.summary.traces) == (1, 5)


def test_files_that_left_the_lake_are_counted(tmp_path: Path) -> None:
    made = nights(tmp_path)
    (tmp_path / "lake" / "0.parquet").unlink()
    done = backfill(made.model_copy(update={"monitors": (other(tmp_path),)}), DAY, DAY, quiet=True)
    assert (done.files, done.gone, done.summary) == (1, 1, None)


@pytest.mark.parametrize(
    ("first", "last", "monitors", "says"),
    [(DAY, DAY - dt.timedelta(1), ("code",), "is after"), (DAY, DAY, ("code", "rules"), "names 2 monitors")],
    ids=["days in the wrong order", "two monitors"],
)
def test_what_cannot_be_meant_is_said(
    tmp_path: Path, first: dt.date, last: dt.date, monitors: tuple[str, ...], says: str
) -> None:
    made = job(tmp_path / "lake", tmp_path / "S", pack(tmp_path)).model_copy(update={"monitors": monitors})
    with pytest.raises(InputError, match=says):
        backfill(made, first, last)


def test_the_command(tmp_path: Path) -> None:
    nights(tmp_path)
    line = ["backfill", "--traces", str(tmp_path / "lake"), "--store", str(tmp_path / "S"), "--root"]
    line += [str(tmp_path / "lake"), "--monitor", other(tmp_path), "--from", "2026-11-20", "--to", "2026-11-21"]
    told = CliRunner().invoke(main, line)
    assert told.exit_code == 0, told.output
    assert "2 files of 2026-11-20 to 2026-11-21, by night" in told.output
    assert "20 rows from 2 files" in told.output


def test_since_leaves_older_files_out_and_says_how_many_nobody_has_read(tmp_path: Path) -> None:
    made = nights(tmp_path)
    flat(tmp_path / "lake" / "late.parquet", rollouts(4, "late"))
    flat(tmp_path / "lake" / "new.parquet", rollouts(6, "new"))
    old = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
    for name in ("0.parquet", "late.parquet"):
        os.utime(tmp_path / "lake" / name, (old, old))
    done = run_job(made.model_copy(update={"since": dt.date(2026, 11, 2)}), quiet=True)
    assert done.traces == 6
    assert "2 files last modified before 2026-11-02 are left out, 1 of them never read" in done.warnings
    assert run_job(made, quiet=True).traces == 4  # a run that leaves nothing out finds the late one
