"""What a run has to do: which files, for which monitors, cut into shards of bounded size.

The plan is a Parquet file with one row group a shard. What travels through Beam is a shard's number, so that a million
tiny files cost the runner nothing; a worker reads its own row group of the plan.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.inputs import InputFile
from schemas.digest import digest

SHARD_BYTES = 64 << 20  # uncompressed; small enough to balance two workers, large enough to amortise a shard
SHARD_TASKS = 2_000  # tiny files a shard, so that a shard's plan stays small
OPEN_ABOVE = 4 << 20  # files below are one task; only larger ones have their footer read while planning
INFLATION = 4  # assumed ratio of uncompressed to stored size where the footer was not read
RANGE_BYTES = 2 << 30  # a row group is cut in ranges of this size where the number of workers is not known
RANGES = 16  # at most: each range decodes what lies before it

WHOLE = -1

TASKS = pa.schema(
    [
        ("file", pa.string()),
        ("path", pa.string()),
        ("fingerprint", pa.string()),
        ("row_group", pa.int32()),  # WHOLE: all row groups
        ("start", pa.int64()),
        ("stop", pa.int64()),  # WHOLE: to the end
        ("chosen", pa.list_(pa.int64())),  # rows drawn by a sample, within the range; null: all
        ("parts", pa.list_(pa.string())),  # what is to be done for this file: `ingest` and monitor ids
    ]
)


@dataclass(frozen=True, slots=True)
class Task:
    """A stretch of one file, and what is to be done for it."""

    file: str
    path: str
    fingerprint: str
    row_group: int
    start: int
    stop: int
    chosen: tuple[int, ...] | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is done once per file: taking in its traces, or one monitor's judgement."""

    id: str
    digest: str

    def unit_id(self, fingerprint: str, adapter_digest: str) -> str:
        return digest(fingerprint, adapter_digest, self.digest)


@dataclass(frozen=True, slots=True)
class Pending:
    """A file and the parts that are not done for it."""

    file: InputFile
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the plan lies, how many shards it has, and an estimate of the uncompressed bytes in it."""

    path: str
    shards: int
    files: int
    nbytes: int
    rows: int | None  # known where every footer was read


def pending(
    files: Sequence[InputFile], parts: Sequence[Part], adapter_digest: str, done: frozenset[str]
) -> Iterator[Pending]:
    """The files for which some part is not in `done`, the unit ids that are current and need no retry."""
    for file in files:
        todo = tuple(p.id for p in parts if p.unit_id(file.fingerprint, adapter_digest) not in done)
        if todo:
            yield Pending(file, todo)


def write_plan(todo: Sequence[Pending], path: Path, workers: int | None, sample: int | None = None) -> Plan:
    """Cut the work into shards and write the plan. `workers` is None where a runner decides it later."""
    tasks = _sampled(todo, sample) if sample else (t for p in sorted(todo, key=_order) for t in _tasks(p, workers))
    shards = files = nbytes = 0
    names: set[str] = set()
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, TASKS, compression="zstd") as writer:
        for group, size in _shards(tasks):
            rows = [{f: getattr(t, f) for f in TASKS.names} for t in group]
            writer.write_table(pa.Table.from_pylist(rows, TASKS), row_group_size=len(rows))
            shards += 1
            nbytes += size
            names.update(t.file for t in group)
        files = len(names)
    return Plan(str(path), shards, files, nbytes, None)


def read_shard(plan: str | BinaryIO, shard: int) -> list[Task]:
    """The tasks of one shard."""
    table = pq.ParquetFile(plan).read_row_group(shard)
    return [
        Task(**{**row, "parts": tuple(row["parts"]), "chosen": None if row["chosen"] is None else tuple(row["chosen"])})
        for row in table.to_pylist()
    ]


def _order(todo: Pending) -> tuple[tuple[str, ...], str]:
    return todo.parts, todo.file.name  # a shard's files share their parts


def _tasks(todo: Pending, workers: int | None) -> Iterator[tuple[Task, int]]:
    """A file's tasks with their estimated uncompressed bytes."""
    file = todo.file

    def task(row_group: int, start: int, stop: int) -> Task:
        return Task(file.name, file.path, file.fingerprint, row_group, start, stop, None, todo.parts)

    footer = _footer(file) if file.size > OPEN_ABOVE else None
    if footer is None or not footer.num_row_groups:
        yield task(WHOLE, 0, WHOLE), file.size * INFLATION
        return
    for g in range(footer.num_row_groups):
        group = footer.row_group(g)
        size = max(group.total_byte_size, 1)
        ranges = _ranges(size, group.num_rows, footer.num_row_groups, workers)
        cuts = np.linspace(0, group.num_rows, ranges + 1).astype(int).tolist()
        for i in range(ranges):
            last = i == ranges - 1
            yield task(g, cuts[i], WHOLE if last else cuts[i + 1]), size // ranges


def _ranges(size: int, rows: int, groups: int, workers: int | None) -> int:
    """Into how many row ranges one row group is cut.

    A range decodes all that lies before it in its row group, which is cheap beside judging but adds up: so a row
    group is cut only where there are fewer groups than workers, or where it is huge and nobody knows how many.
    """
    if size <= SHARD_BYTES or rows < 2:
        return 1
    wanted = -(-workers // groups) if workers else -(-size // RANGE_BYTES)
    return max(1, min(wanted, RANGES, rows))


def _footer(file: InputFile) -> pq.FileMetaData | None:
    try:
        return pq.read_metadata(file.path)
    except (OSError, ValueError):  # pa.ArrowInvalid is a ValueError; the reader will make a dead letter of it
        return None


def _shards(tasks: Iterator[tuple[Task, int]]) -> Iterator[tuple[list[Task], int]]:
    group: list[Task] = []
    total = 0
    for task, size in tasks:
        if group and (total + size > SHARD_BYTES or len(group) >= SHARD_TASKS or task.parts != group[0].parts):
            yield group, total
            group, total = [], 0
        group.append(task)
        total += size
    if group:
        yield group, total


def _sampled(todo: Sequence[Pending], sample: int) -> Iterator[tuple[Task, int]]:
    """Tasks for `sample` rows drawn evenly over all rows; the same files always give the same rows."""
    ordered = sorted(todo, key=_order)
    groups: list[tuple[Pending, int, int, int]] = []  # pending, row group, rows, bytes a row
    for p in ordered:
        footer = _footer(p.file)
        if footer is None:
            groups.append((p, WHOLE, 0, 0))
            continue
        for g in range(footer.num_row_groups):
            rows = footer.row_group(g).num_rows
            groups.append((p, g, rows, footer.row_group(g).total_byte_size // max(rows, 1)))
    total = sum(rows for _, _, rows, _ in groups)
    seed = int(digest(*(p.file.fingerprint for p in ordered)), 16)
    drawn: np.ndarray = (
        np.sort(np.random.default_rng(seed).choice(total, min(sample, total), replace=False))
        if total
        else np.zeros(0, int)
    )
    first = 0
    for p, g, rows, width in groups:
        inside = [int(i) - first for i in drawn[np.searchsorted(drawn, first) : np.searchsorted(drawn, first + rows)]]
        first += rows
        if inside or g == WHOLE:
            chosen = tuple(inside)
            yield Task(p.file.name, p.file.path, p.file.fingerprint, g, 0, WHOLE, chosen, p.parts), width * len(inside)


def default_workers(nbytes: int) -> int:
    """Every core where the input repays the start of worker processes, else one."""
    return (os.cpu_count() or 1) if nbytes >= REPAYS_WORKERS else 1


REPAYS_WORKERS = 2 << 30  # starting workers costs 6 s or so; one worker, which reads ahead, passes 150 MB/s by itself
