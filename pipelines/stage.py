"""Staging: results are written as Parquet where their table lies, but count for nothing until committed.

A staged file's name says run, part, shard and batch, so that a bundle tried twice writes the same file twice. Beside it
a manifest appears in the run's staging folder once the file is whole: by these the launcher knows that all is there,
and shows progress, whatever the runner.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.scratch import scratch_name, sweep, this_process
from schemas.errors import CotmonitorError, StoreError
from schemas.table import Table

COUNTS = pa.schema(
    [
        ("file", pa.string()),
        ("fingerprint", pa.string()),
        ("parts", pa.list_(pa.string())),
        ("rows", pa.int64()),
        ("traces", pa.int64()),
        ("dead", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run stages: the store's folder and the run's id."""

    store: str
    run_id: str

    @property
    def folder(self) -> Path:
        return Path(self.store) / "_staging" / self.run_id

    @property
    def plan(self) -> Path:
        return self.folder / "plan.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One staged batch of one part: its files by table, and what they hold."""

    part: str
    shard: int
    batch: int
    rows: int
    nbytes: int
    files: tuple[tuple[str, str, int, int], ...]  # table, name in the table's folder, rows, bytes
    alerts: int = 0
    violations: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{slug(self.part)}-{self.shard:06d}-{self.batch:06d}.json"


@dataclass(frozen=True, slots=True)
class ShardDone:
    """Says that a shard was read to its end, for which parts, and into how many batches."""

    shard: int
    parts: tuple[str, ...]
    trace_batches: int
    dead_batches: int


def shared(place: Place) -> None:
    """Raise StoreError in a worker that cannot see the staging folder: what it wrote would lie on its own disk."""
    if not place.plan.exists():
        raise StoreError(
            f"{place.folder}: a worker on {socket.gethostname()} cannot see the plan of this run. Workers and launcher "
            "need the store and the traces on one file system, under the same paths."
        )


def stage(
    place: Place,
    part: str,
    shard: int,
    batch: int,
    tables: Mapping[Table, pa.RecordBatch | pa.Table],
    rows: int,
    nbytes: int = 0,
    violations: Mapping[str, int] | None = None,
) -> Manifest:
    """Write one batch of results and then its manifest."""
    files = []
    alerts = 0
    for table, content in tables.items():
        name = f"{place.run_id}-{slug(part)}-{shard:06d}-{batch:06d}.parquet"
        size = _write(Path(place.store) / table.name / name, content)
        files.append((table.name, name, len(content), size))
        alerts += len(content) if table.name == "alerts" else 0
    manifest = Manifest(part, shard, batch, rows, nbytes, tuple(files), alerts, dict(violations or {}))
    _publish(place.folder / manifest.name, json.dumps(asdict(manifest)).encode())
    return manifest


def stage_counts(place: Place, done: ShardDone, counts: pa.Table) -> None:
    """Write a shard's per-file counts, and then the word that it is done."""
    _write(place.folder / f"counts-{done.shard:06d}.parquet", counts)
    _publish(place.folder / f"shard-{done.shard:06d}.done", json.dumps(asdict(done)).encode())


def manifests(place: Place) -> Iterator[Manifest]:
    """All manifests that are there now."""
    for path in sorted(place.folder.glob("*-*-*.json")):
        yield read_manifest(path)


def read_manifest(path: Path) -> Manifest:
    values = json.loads(path.read_text())
    return Manifest(**{**values, "files": tuple(tuple(f) for f in values["files"])})


def shards_done(place: Place) -> list[ShardDone]:
    """The shards read to their end."""
    return [ShardDone(**json.loads(p.read_text())) for p in sorted(place.folder.glob("shard-*.done"))]


def report_failure(place: Place, error: Exception) -> None:
    """Leave a worker's own words for the launcher: a runner hands on only a traceback."""
    known = isinstance(error, CotmonitorError)
    words = {
        "kind": type(error).__name__ if known else "",
        "message": str(error) or type(error).__name__,
        "type": type(error).__name__,
        "trace": "" if known else "".join(traceback.format_exception(error)),
    }
    try:
        _publish(place.folder / f"failure-{this_process()}.txt", json.dumps(words).encode())
    except (OSError, CotmonitorError):
        return  # the disk is full, most likely; the launcher then shows what the runner hands on


def failures(place: Place) -> list[dict[str, str]]:
    """What workers said before they failed."""
    return [json.loads(p.read_text()) for p in sorted(place.folder.glob("failure-*.txt"))]


def clear(place: Place) -> None:
    """Remove the staging folder, and what workers that an engine ended in the middle of a file left in the tables."""
    shutil.rmtree(place.folder, ignore_errors=True)
    for folder in Path(place.store).glob("[!._]*/"):
        sweep(folder, f"{place.run_id}-")


def slug(part: str) -> str:
    return part.replace("/", "_").replace("-", "_")


def _write(path: Path, content: pa.RecordBatch | pa.Table) -> int:
    table = pa.Table.from_batches([content]) if isinstance(content, pa.RecordBatch) else content
    with _placed(path) as temporary:
        # dictionaries would make these small files slower to write, and no smaller than zstd does
        pq.write_table(table, temporary, compression="zstd", use_dictionary=False)
        size = temporary.stat().st_size
    return size


def _publish(path: Path, content: bytes) -> None:
    with _placed(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """A file beside `path` to write, which gets its name when it is whole; a write that fails is told in words."""
    temporary = path.with_name(scratch_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        from pipelines.store.marker import failed_write  # workers need the store's libraries for nothing else

        raise failed_write(path, error) from error
