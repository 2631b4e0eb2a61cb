"""The lake read once more, for the texts of its traces: a Beam pipeline that stages digests, and a few traces whole."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.messages.known import U64, Audience, known_texts
from pipelines.audit.text.running import run_pipeline
from pipelines.inputs import InputFile, expand
from pipelines.plan import WHOLE, Pending, Task, write_plan
from pipelines.plan import read_shard as tasks_of
from pipelines.read import ReadSettings, TraceBatch, read_shard
from pipelines.show import Place, likely_paths
from pipelines.stage import Place as Staging
from pipelines.stage import report_failure
from schemas.errors import CotmonitorError
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST

TEXTS = pa.schema([("trace_key", pa.string()), ("digests", pa.list_(pa.uint64())), ("steps", pa.list_(pa.int32()))])
Where = tuple[str, str | None, LayoutSettings]  # a file's name in the store, the root it was read from, its layout


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of traces: keys (k), how many each has (k), and of all together the digests and the steps (n)."""

    keys: list[str]
    counts: np.ndarray
    digests: U64
    steps: np.ndarray


@dataclass(frozen=True)
class TextJob:
    """All that the workers need: the plans, one a layout, and for whom the corpus was made."""

    staging: Staging
    layouts: tuple[LayoutSettings, ...]
    audience: Audience

    def plan(self, layout: int) -> Path:
        return self.staging.folder / f"texts-{layout}.plan"

    def staged(self, layout: int, shard: int) -> Path:
        return self.staging.folder / f"texts-{layout:03d}-{shard:06d}.parquet"


class StageTexts(beam.DoFn):
    """(layout, shard of its plan) -> the digests of its traces' texts, staged."""

    def __init__(self, job: TextJob) -> None:
        self.job = job

    def process(self, at: tuple[int, int]) -> Iterator[int]:
        try:
            yield stage_texts(self.job, *at)
        except Exception as error:
            report_failure(self.job.staging, error)
            raise


def stage_texts(job: TextJob, layout: int, shard: int) -> int:
    """Stage one shard's digests, and return of how many traces."""
    path = job.staged(layout, shard)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    count = 0
    with pq.ParquetWriter(temporary, TEXTS, compression="zstd") as writer:
        for piece in read_shard(shard, tasks_of(str(job.plan(layout)), shard), _reading(job.layouts[layout])):
            if isinstance(piece, TraceBatch):
                found = list(known_texts(piece.traces, job.audience))
                bounds = pa.array(np.concatenate([[0], np.cumsum([len(d) for _, d, _ in found])]).astype(np.int32))
                digests = np.concatenate([np.zeros(0, np.uint64), *(d for _, d, _ in found)])
                steps = np.concatenate([np.zeros(0, np.int32), *(s for _, _, s in found)])
                lists = [pa.ListArray.from_arrays(bounds, pa.array(flat)) for flat in (digests, steps)]
                keys = pa.array([key for key, _, _ in found], pa.string())
                writer.write_batch(pa.RecordBatch.from_arrays([keys, *lists], schema=TEXTS))
                count += len(found)
    os.replace(temporary, path)
    return count


def _reading(layout: LayoutSettings) -> ReadSettings:
    return ReadSettings(layout, payload_chars=0, arguments=True)


def staged_texts(
    con: duckdb.DuckDBPyConnection,
    lake: str,
    audience: Audience,
    staging: Staging,
    workers: int,
    beam_args: Sequence[str],
) -> Iterator[Texts]:
    """The texts of all traces of the lake, a staged file at a time."""
    listed = expand([lake])
    files: dict[LayoutSettings, dict[str, Pending]] = defaultdict(dict)
    for name, root, layout in _files(con):
        place = Place(name, 0, 0, root, layout)
        path = next((p for p in likely_paths(place, lake, listed) if os.path.exists(p)), None)
        if path is not None:
            files[layout][path] = Pending(InputFile(name, path, os.path.getsize(path), ""), (INGEST,))
    job = TextJob(staging, tuple(files), audience)
    plans = [write_plan(list(todo.values()), job.plan(i), workers) for i, todo in enumerate(files.values())]
    shards = [(i, s) for i, plan in enumerate(plans) for s in range(plan.shards)]
    if not shards:
        return
    run_pipeline(
        lambda p: (
            p
            | "Plan texts" >> beam.Create(shards)
            | "Spread texts" >> beam.Reshuffle()
            | "Stage texts" >> beam.ParDo(StageTexts(job))
        ),
        *(staging, workers, beam_args),
    )
    for i, s in shards:
        table = pq.read_table(job.staged(i, s)).combine_chunks()
        for batch in table.to_batches():
            lists = batch.column("digests")
            counts = np.diff(lists.offsets.to_numpy())
            flat = (batch.column(n).flatten().to_numpy(zero_copy_only=False) for n in ("digests", "steps"))
            yield Texts(batch.column("trace_key").to_pylist(), counts, *flat)


def _files(con: duckdb.DuckDBPyConnection) -> list[Where]:
    """Every file that the store's traces were read from, with its root and layout."""
    found = con.execute(
        "SELECT DISTINCT t.file, r.config FROM traces t LEFT JOIN runs r USING (run_id) ORDER BY ALL"
    ).fetchall()
    return list(dict.fromkeys(_where(file, config) for file, config in found))


def _where(file: str, config: str | None) -> Where:
    job = json.loads(config) if config else {}
    layout = LayoutSettings(job.get("layout") or "auto", tuple(sorted((job.get("map") or {}).items())))
    return file, job.get("root"), layout


def whole_traces(
    con: duckdb.DuckDBPyConnection, lake: str, keys: Sequence[str]
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """(trace_key, steps) of some traces, each once, one at a time; those that are gone from the lake are left out."""
    con.register("closer", pa.table({"key": pa.array(keys, pa.string())}))
    found = con.execute(
        """SELECT t.trace_key, t.file, t.row_group, t."row", r.config FROM traces t LEFT JOIN runs r USING (run_id)
           WHERE t.trace_key IN (SELECT key FROM closer) ORDER BY t.file, t.row_group, t."row" """
    ).fetchall()
    con.unregister("closer")
    wanted: dict[Where, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    left = {key for key, *_ in found}
    for _, file, group, row, config in found:
        wanted[_where(file, config)][group].append(row)
    listed = expand([lake])
    for (name, root, layout), groups in wanted.items():
        for path in likely_paths(Place(name, 0, 0, root, layout), lake, listed):
            tasks = [Task(name, path, "", g, 0, WHOLE, tuple(sorted(set(r))), (INGEST,)) for g, r in groups.items()]
            try:
                for piece in read_shard(0, tasks, ReadSettings(layout)):
                    for key, steps in _steps(piece.traces) if isinstance(piece, TraceBatch) else ():
                        if key in left:
                            left.discard(key)
                            yield key, steps
            except (OSError, ValueError, IndexError, CotmonitorError):  # it has changed since
                continue
            break


def _steps(traces: pa.RecordBatch) -> Iterator[tuple[str, list[dict[str, object]]]]:
    for i, key in enumerate(traces.column("trace_key").to_pylist()):
        yield key, traces.column("steps")[i].as_py()
