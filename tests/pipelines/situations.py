"""Stores before a run, the run that is to be disturbed, and what the views say before and after it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store.marker import MARKER
from schemas.contracts.checker import Checker
from tests.pipelines.killing import Call
from tests.pipelines.lakes import flat, pack, rollouts
from tests.pipelines.test_run import views

Views = dict[str, list[Any]]
NAMES = ("a first run", "a new file", "a changed pack")


@dataclass(frozen=True, slots=True)
class Situation:
    """A folder with a lake, a pack and a store as it was before a run, which may be done over and over."""

    folder: Path
    pack: str
    before: Views
    after: Views

    @property
    def store(self) -> Path:
        return self.folder / "S"

    def command(self, workers: int = 1) -> list[str]:
        """The run."""
        return command(self.folder / "lake", self.store, self.pack, workers)

    def run(self) -> None:
        """The run, in this process, for which all is imported already."""
        run_job(job(self.folder / "lake", self.store, self.pack), quiet=True)

    def reset(self) -> None:
        """Put the store back as it was before the run."""
        restore(self.folder / "before", self.store)

    def read(self) -> Views:
        """The views as a reader sees them now."""
        return read(self.store)

    def commits(self, call: Call) -> bool:
        """Whether this call is the one that makes a run's results count."""
        done = len(list((self.folder / "before" / "units" / "_delta_log").glob("*.json")))
        return "link" in call.name and call.path == f"units/_delta_log/{max(done, 1):020d}.json"


def job(lake: Path, store: Path, pack: str, root: Path | None = None) -> Job:
    return Job(
        traces=(str(lake),),
        store=str(store),
        root=str(root or lake),
        monitors=(f"rules:{pack}",),
        date="2026-11-22",
        workers=1,
    )


def command(lake: Path, store: Path, pack: str, workers: int = 1, root: Path | None = None) -> list[str]:
    """The same job on the command line."""
    named = ["--traces", str(lake), "--store", str(store), "--root", str(root or lake), "--monitors", f"rules:{pack}"]
    settings = ["--date", "2026-11-22", "--workers", str(workers), "--quiet"]
    return [sys.executable, "-m", "pipelines.cli", "run", *named, *settings]


def read(store: Path) -> Views:
    """The views of a store that say anything; where there is no store yet, nothing is said."""
    return {name: rows for name, rows in views(store).items() if rows} if (store / MARKER).exists() else {}


def restore(copy: Path, store: Path) -> None:
    """Make `store` what it was when it was copied."""
    shutil.rmtree(store, ignore_errors=True)
    if copy.exists():
        shutil.copytree(copy, store)


def situation(name: str, folder: Path) -> Situation:
    """Make one: one file has a row without an id, the other a replica and a namesake of rows in the first."""
    lake, store = folder / "lake", folder / "S"
    one, two = rollouts(40, "a"), rollouts(25, "b")
    ours = pack(folder)
    flat(lake / "one.parquet", [*one, {**one[1], "trace_id": None}], row_group=15)
    if name != "a first run":
        run_job(job(lake, store, ours), quiet=True)
        shutil.copytree(store, folder / "before")
    if name == "a new file":
        flat(lake / "two.parquet", [*two, one[0], {**two[2], "trace_id": "a3"}])
    if name == "a changed pack":
        ours = pack(folder, ("version: 1.0.0", "version: 1.1.0"), ("level: medium", "level: high"))
    before = read(store)
    run_job(job(lake, store, ours), quiet=True)
    return Situation(folder, ours, before, read(store))


@contextmanager
def warm_contracts() -> Iterator[None]:
    """Let runs in this process share one process that checks contracts: importing what it needs takes seconds."""

    class Shared(Checker):
        def __init__(self) -> None:
            self._process = kept._process

        def close(self) -> None:
            pass

    with Checker() as kept, pytest.MonkeyPatch.context() as patch:
        patch.setattr("schemas.contracts.checker.Checker", Shared)
        yield
