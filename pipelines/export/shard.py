"""From files of the lake to staged files of training rows: the pure work of an export, which Beam spreads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ahead import ahead
from pipelines.export.ids import read_key
from pipelines.export.listing import part_name
from pipelines.export.masking.rows import RowCounts, RowSettings, counted_rows
from pipelines.export.papers.dead import Dead, DeadWriter
from pipelines.export.where import Predicate
from pipelines.export.writer import RowWriter, without
from pipelines.guard import Guard
from pipelines.plan import Task
from pipelines.plan import read_shard as tasks_of
from pipelines.read import (
    LARGE,
    DeadBatch,
    Element,
    ReadSettings,
    ShardCount,
    TraceBatch,
    without_arguments,
)
from pipelines.read import read_shard as read
from schemas.errors import FirewallError
from schemas.table import NAMED
from schemas.training import training_table

# where each staged row stands: shard of the plan, file of that shard, row of that file
KEYS = pa.schema([("shard", pa.int32()), ("position", pa.int32()), ("row", pa.int64()), ("trace_key", pa.string())])


@dataclass(frozen=True)
class ExportJob:
    """All that the workers need, small enough to travel with the pipeline. The key does not travel; its path does.

    `data` is the folder of staged shards, `work` that of everything that is gone once they are published.
    """

    guard: Guard
    data: str
    work: str
    read: ReadSettings
    where: tuple[Predicate, ...]
    rows: RowSettings
    key_file: str | None
    root: str  # of the lake
    tokenizer: str | None = None  # a copy of it, in `work`
    shards: int = 0

    @property
    def plan(self) -> Path:
        return Path(self.work) / "plan.parquet"

    @property
    def schema(self) -> pa.Schema:
        return training_table(self.rows.columns).arrow()

    def key(self) -> bytes | None:
        """The key, read anew by each worker, since it belongs into no job's description."""
        return read_key(self.key_file, self.guard.open) if self.key_file else None

    @property
    def replicas(self) -> Path:
        return Path(self.work) / "replicas.parquet"

    def of_shard(self, kind: str, shard: int, ending: str) -> Path:
        return Path(self.work) / f"{kind}-{shard:06d}.{ending}"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What became of one file of the lake: rows == dead + sum(left_out) + replicas + kept.

    `name` is the file's name in the lake, `part` the name of the shard that mirrors it. `left_out` counts rows by the
    first condition that they fail.
    """

    name: str
    path: str
    fingerprint: str
    part: str
    opened: bool  # else the file as a whole is one dead letter
    rows: int
    dead: int
    left_out: tuple[int, ...]
    kept: int
    counts: RowCounts  # of what was done to the rows, replicas included
    replicas: int = 0


@dataclass(frozen=True, slots=True)
class StagedShard:
    """The files of one shard of the plan, in its order, and why rows of it are dead."""

    shard: int
    files: tuple[StagedFile, ...]
    dead: dict[str, Dead] = field(default_factory=dict)


def export_shard(job: ExportJob, shard: int, key: bytes | None) -> StagedShard:
    """Export every file of a shard, and say what became of their rows."""
    guard = job.guard
    with guard.open(job.plan) as plan:
        tasks = tasks_of(plan, shard)
    with (
        guard.create(job.of_shard("dead", shard, "jsonl")) as letters,
        guard.create(job.of_shard("keys", shard, "parquet")) as keys,
        pq.ParquetWriter(keys, KEYS) as seen,
    ):
        dead = DeadWriter(letters, key)
        files = tuple(_export_file(job, key, t, (shard, i), seen, dead) for i, t in enumerate(tasks))
    staged = StagedShard(shard, files, dead.reasons)
    guard.write(job.of_shard("shard", shard, "json"), json.dumps(asdict(staged)).encode())
    return staged


def _export_file(
    job: ExportJob, key: bytes | None, task: Task, place: tuple[int, int], seen: pq.ParquetWriter, dead: DeadWriter
) -> StagedFile:
    """Read -> adapt -> select -> make rows -> write, a batch at a time; one file in, one file out."""
    refuse_table(job, task)
    part = part_name(task.file, key)
    settings = replace(job.rows, key=key)
    left_out = [0] * len(job.where)
    rows = lost = 0
    counts = RowCounts()
    opened = True
    with job.guard.create(Path(job.data) / part) as sink:
        writer = RowWriter(sink, job.schema)
        for piece in ahead(read(0, [task], job.read), _large):
            if isinstance(piece, DeadBatch):
                dead.add(piece.letters)
                opened = opened and piece.letters[0].row_group is not None
            elif isinstance(piece, ShardCount):
                rows, lost = sum(f.rows for f in piece.files), sum(f.dead for f in piece.files)
            elif len(batch := select(piece.traces, job.where, left_out)):
                seen.write_batch(_keys(batch, place, writer.rows))
                made, done = counted_rows(*without_arguments(batch), settings)
                writer.add(made)
                counts += done
        writer.close()
    names = (task.file, task.path, task.fingerprint, part)
    return StagedFile(*names, opened, rows, lost, tuple(left_out), writer.rows, counts)


def refuse_table(job: ExportJob, task: Task) -> None:
    """Raise `FirewallError` for a file that a monitor's store wrote, wherever it was linked, copied or moved to."""
    try:
        with job.guard.open(task.path) as file:
            found = pq.read_schema(file).metadata or {}
    except (OSError, ValueError):  # the reader will make a dead letter of it
        return
    if found.get(NAMED, b"training") != b"training":
        raise FirewallError(
            f"{task.file}: is a file of the table {found[NAMED].decode('utf-8', 'replace')} of a monitor's store. "
            "Take it out of the lake: nothing that a monitor wrote may be read here."
        )


def select(traces: pa.RecordBatch, where: Sequence[Predicate], left_out: list[int]) -> pa.RecordBatch:
    """The traces that meet all conditions; `left_out` gains those that do not, each under the first that it fails."""
    kept = np.ones(len(traces), dtype=bool)
    for i, predicate in enumerate(where):
        passes = predicate.keep(traces)
        left_out[i] += int(np.count_nonzero(kept & ~passes))
        kept &= passes
    return traces if kept.all() else traces.filter(pa.array(kept))


def rewrite_shard(job: ExportJob, shard: int) -> StagedShard:
    """Write the files of a shard that hold replicas once more, without them; gives those files alone.

    A file that has been rewritten already is left as it is, so that a bundle may be tried twice.
    """
    staged = read_staged(job, shard)
    with job.guard.open(job.replicas) as file:
        found = pq.read_table(file, filters=[("shard", "=", shard)])
    positions, rows = found.column("position").to_numpy(), found.column("row").to_numpy()
    changed = []
    for position in np.unique(positions).tolist():
        before, dropped = staged.files[position], np.sort(rows[positions == position])
        after = replace(before, kept=before.kept - len(dropped), replicas=len(dropped))
        path = Path(job.data) / before.part
        with job.guard.open(path) as source:
            if pq.read_metadata(source).num_rows != after.kept:
                with job.guard.create(path) as sink:
                    without(source, dropped, sink, job.schema)
        changed.append(after)
    again = replace(staged, files=tuple(changed))
    job.guard.write(job.of_shard("rewritten", shard, "json"), json.dumps(asdict(again)).encode())
    return again


def read_staged(job: ExportJob, shard: int, kind: str = "shard") -> StagedShard:
    """What a worker wrote down of a shard."""
    values: dict[str, Any] = json.loads(job.guard.read(job.of_shard(kind, shard, "json")))
    files = tuple(
        StagedFile(**{**f, "left_out": tuple(f["left_out"]), "counts": RowCounts(**f["counts"])})
        for f in values["files"]
    )
    return StagedShard(values["shard"], files, {r: Dead(**d) for r, d in values["dead"].items()})


def _keys(traces: pa.RecordBatch, place: tuple[int, int], first: int) -> pa.RecordBatch:
    n = len(traces)
    shard, position = (pa.repeat(pa.scalar(number, pa.int32()), n) for number in place)
    rows = pa.array(np.arange(first, first + n, dtype=np.int64))
    return pa.RecordBatch.from_arrays([shard, position, rows, traces.column("trace_key")], schema=KEYS)


def _large(piece: Element) -> bool:
    return isinstance(piece, TraceBatch) and piece.traces.nbytes > LARGE


def staged_shards(job: ExportJob) -> Iterator[StagedShard]:
    """Every shard as it is now, those that were rewritten included; raises FileNotFoundError where one is missing."""
    for shard in range(job.shards):
        staged = read_staged(job, shard)
        if job.of_shard("rewritten", shard, "json").exists():
            again = {f.name: f for f in read_staged(job, shard, "rewritten").files}
            staged = replace(staged, files=tuple(again.get(f.name, f) for f in staged.files))
        yield staged
