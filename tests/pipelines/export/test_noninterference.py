"""The heart of the firewall: every byte of an export is the same whatever monitors said, or did, or did not."""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitors.rules import RuleMonitor
from pipelines import read
from pipelines.job import Job
from pipelines.read import ReadSettings
from pipelines.run import run_job
from pipelines.store import Store
from schemas.errors import ControlMissed, CotmonitorError
from tests.judge_server import KEY, JudgeServer
from tests.pipelines import killing
from tests.pipelines.export.exports import all_layouts, command, export, key_file, published, small_lake
from tests.pipelines.judge.making import judged
from tests.pipelines.lakes import flat, pack, rollouts
from tests.pipelines.powers import without_powers

Bytes = dict[str, str]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All layouts, replicas across files, rows that are dead, a file that is none, and one with nothing in it."""
    folder = tmp_path_factory.mktemp("world") / "lake"
    all_layouts(folder)
    small_lake(folder / "more")
    flat(folder / "more" / "again.parquet", rollouts(20, "a"))
    (folder / "more" / "torn.parquet").write_bytes(b"PAR1 and no more")
    return folder


@pytest.fixture(scope="module")
def alone(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    """What is exported where there has never been a store."""
    out = tmp_path_factory.mktemp("alone") / "out"
    summary = export(lake, out)
    assert (summary.exported, summary.replicas, len(summary.dead)) == (226, 21, 4)
    assert not list(lake.parent.rglob("_cotmonitor_store"))
    return published(out)


@pytest.fixture
def beside(lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake, where a store may lie beside it: its path and its files' times are others."""
    shutil.copytree(lake, tmp_path / "world" / "lake", copy_function=shutil.copy)
    return tmp_path / "world"


EVERYTHING = (
    ("'(?i)\\bhard-?cod(?:e|ing)\\b'", "'\\w'"),
    ("match: [I will hard-code it, hardcoding the answers]", "match: [a, b]"),
    ("no_match: [a hard problem, some code]", "no_match: ['!', '?']"),
)


def monitored(world: Path, monitor: str = "rules:core") -> None:
    run_job(Job(traces=(str(world / "lake"),), store=str(world / "S"), monitors=(monitor,), workers=1), quiet=True)


@pytest.fixture(scope="module")
def full(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run of the core pack over a copy of the lake."""
    world = tmp_path_factory.mktemp("full")
    shutil.copytree(lake, world / "lake")
    monitored(world)
    assert alerts(world) > 10
    return world / "S"


def nothing(world: Path, full: Path) -> None:
    pass


def an_empty_store(world: Path, full: Path) -> None:
    Store.create_or_open(str(world / "S"))


def a_full_store(world: Path, full: Path) -> None:
    shutil.copytree(full, world / "S")


def a_pack_that_flags_everything(world: Path, full: Path) -> None:
    ours = Path(pack(world / "packs", *EVERYTHING))
    assert all(new in ours.read_text() for _, new in EVERYTHING)
    monitored(world, f"rules:{ours}")
    assert alerts(world) > 200


def _judged_by(world: Path, judge: str, at_least: int) -> None:
    """A run in which a judge read everything, and answered so."""
    with JudgeServer(judge=judge) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUDGE_KEY", KEY)
        settings = {"traces": (str(world / "lake"),), "store": str(world / "S"), "judge": judged(server)}
        run_job(Job.model_validate(settings), quiet=True)
        assert len(server.state.answered) > 200
    with Store.open(world / "S").connect() as con:
        found = con.execute("SELECT count(*) FROM alerts WHERE monitor = 'judge'").fetchall()[0][0]
    assert found >= at_least


def a_judge_that_accuses_everybody(world: Path, full: Path) -> None:
    _judged_by(world, "guilty", 200)


def a_judge_that_accuses_nobody(world: Path, full: Path) -> None:
    _judged_by(world, "clean", 0)


def a_judge_that_is_not_believed(world: Path, full: Path) -> None:
    with pytest.raises(ControlMissed):
        _judged_by(world, "always_guilty", 0)


def a_monitor_that_raises(world: Path, full: Path) -> None:
    def judge(*args: object) -> None:
        raise RuntimeError("a monitor broke")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(CotmonitorError, match="a monitor broke"):
        patch.setattr(RuleMonitor, "judge", judge)
        monitored(world)


def a_damaged_store(world: Path, full: Path) -> None:
    a_full_store(world, full)
    for path in (world / "S").rglob("*.parquet"):
        path.write_bytes(b"no longer")
    for path in (world / "S").rglob("*.json"):
        path.unlink()


def alerts(world: Path) -> int:
    with Store.open(world / "S").connect() as con:
        return int(con.execute("SELECT count(*) FROM alerts").fetchall()[0][0])


WORLDS: list[Callable[[Path, Path], None]] = [
    nothing,
    an_empty_store,
    a_full_store,
    a_pack_that_flags_everything,
    a_judge_that_accuses_everybody,
    a_judge_that_accuses_nobody,
    a_judge_that_is_not_believed,
    a_monitor_that_raises,
    a_damaged_store,
]


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS, ids=lambda w: w.__name__.replace("_", " "))
def test_whatever_monitors_said(world: Callable[[Path, Path], None], beside: Path, full: Path, alone: Bytes) -> None:
    world(beside, full)
    export(beside / "lake", beside / "out")
    assert published(beside / "out") == alone


def shuffled(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are listed in another order."""
    chance = random.Random(seed)
    walk = os.walk

    def other(*args: Any, **more: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for here, folders, files in walk(*args, **more):
            chance.shuffle(folders)
            chance.shuffle(files)
            yield here, folders, files

    monkeypatch.setattr("pipelines.inputs.os.walk", other)


def other_batches(rows: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in other pieces."""
    monkeypatch.setattr(read, "READ_ROWS", rows)
    monkeypatch.setattr("pipelines.export.run.ReadSettings", functools.partial(ReadSettings, batch_bytes=size))
    monkeypatch.setattr("pipelines.export.shard.LARGE", size // 2)


def one_by_one(world: Path, patch: pytest.MonkeyPatch) -> None:
    """Row by row, a shard for each file, by somebody else, elsewhere."""
    shuffled(1, patch)
    other_batches(1, 1, patch)
    patch.setattr("pipelines.export.listing.SHARD_TASKS", 1)
    patch.chdir(world)
    for name, value in {"HOME": "/nowhere", "USER": "other", "TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8"}.items():
        patch.setenv(name, value)


def by_threes(world: Path, patch: pytest.MonkeyPatch) -> None:
    """In pieces of three rows, two files a shard."""
    shuffled(2, patch)
    other_batches(3, 4_000, patch)
    patch.setattr("pipelines.export.listing.SHARD_TASKS", 2)


def at_once(world: Path, patch: pytest.MonkeyPatch) -> None:
    """Each file in one piece."""
    shuffled(3, patch)
    other_batches(1 << 20, 1 << 30, patch)


@pytest.mark.slow
@pytest.mark.parametrize("how", [one_by_one, by_threes, at_once], ids=lambda how: how.__name__.replace("_", " "))
def test_however_it_is_made(
    how: Callable[[Path, pytest.MonkeyPatch], None], beside: Path, alone: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    how(beside, monkeypatch)
    export(beside / "lake", beside / "out")
    assert published(beside / "out") == alone


def test_in_whatever_order_files_were_made(lake: Path, tmp_path: Path, alone: Bytes) -> None:
    files = sorted(p for p in lake.rglob("*") if p.is_file())
    random.Random(7).shuffle(files)
    for file in files:
        to = tmp_path / "lake" / file.relative_to(lake)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    export(tmp_path / "lake", tmp_path / "out")
    assert published(tmp_path / "out") == alone


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_by_other_processes_beside_a_store_they_cannot_read(
    workers: int, beside: Path, full: Path, alone: Bytes
) -> None:
    prefix = without_powers()
    a_full_store(beside, full)
    (beside / "S").chmod(0)
    flags = command(beside / "lake", beside / "out", workers=workers)
    assert subprocess.run([*prefix, "ls", beside / "S"], capture_output=True).returncode != 0
    done = subprocess.run(
        [*prefix, *flags],
        cwd=killing.REPOSITORY,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": str(workers)},
    )
    (beside / "S").chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert published(beside / "out") == alone


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"where": ("reward > 0.5",)}, id="a condition"),
        pytest.param({"columns": ("model",)}, id="a column"),
        pytest.param({"audience": "grader"}, id="an audience"),
        pytest.param({"id_key_file": True}, id="a key"),
    ],
)
def test_settings_do_change_it(change: dict[str, Any], lake: Path, tmp_path: Path, alone: Bytes) -> None:
    if "id_key_file" in change:
        change = {"id_key_file": key_file(tmp_path)}
    export(lake, tmp_path / "out", **change)
    assert published(tmp_path / "out") != alone
