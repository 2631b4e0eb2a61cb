"""A few traces, drawn by a hash and read from the lake again."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipelines.inputs import expand
from pipelines.plan import WHOLE, Task
from pipelines.read import ReadSettings, TraceBatch, read_shard
from pipelines.show import Place, Step, likely_paths
from schemas.errors import CotmonitorError
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST

SPARE = 2  # times as many are drawn as are asked for, since some may be gone from the lake


@dataclass(frozen=True, slots=True)
class SampledTrace:
    """A trace as a reward function is shown it, and the reward that was paid for it."""

    trace_key: str
    trace_id: str
    environment: str | None
    task_id: str | None
    reward: float | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """The traces that were drawn and found, and how many were not."""

    traces: tuple[SampledTrace, ...]
    with_reasoning: int  # traces in the store that might have been drawn
    missing: int


@dataclass(frozen=True, slots=True)
class _Row:
    place: Place
    trace_key: str
    trace_id: str
    environment: str | None
    task_id: str | None
    reward: float | None


def sample(con: duckdb.DuckDBPyConnection, lake: str, count: int, seed: int) -> Sampled:
    """Up to `count` traces that have reasoning: the same ones for the same store and seed, in the same order."""
    drawn, total = _drawn(con, count * SPARE, seed)
    read = _read(drawn, lake)
    found = [read[r.trace_key] for r in drawn if r.trace_key in read]
    return Sampled(tuple(found[:count]), total, len(drawn) - len(found))


def _drawn(con: duckdb.DuckDBPyConnection, count: int, seed: int) -> tuple[list[_Row], int]:
    found = con.execute(
        """SELECT t.trace_key, t.trace_id, t.environment, t.task_id, t.reward, t.file, t.row_group, t."row", r.config,
                  count(*) OVER () AS total
           FROM traces t LEFT JOIN runs r USING (run_id) WHERE t.reasoning_chars > 0
           ORDER BY sha256(t.trace_key || ?) LIMIT ?""",
        [f":{seed}", count],
    ).fetchall()
    rows = []
    for key, trace_id, environment, task_id, reward, file, row_group, row, config, _ in found:
        job = json.loads(config) if config else {}
        layout = LayoutSettings(job.get("layout") or "auto", tuple(sorted((job.get("map") or {}).items())))
        place = Place(file, row_group, row, job.get("root"), layout)
        rows.append(_Row(place, key, trace_id, environment, task_id, reward))
    return rows, found[0][-1] if found else 0


def _read(rows: Sequence[_Row], lake: str) -> dict[str, SampledTrace]:
    """Those that are still where they were, by key."""
    listed = expand([lake])
    wanted = {r.trace_key: r for r in rows}
    groups: dict[tuple[str, str | None, LayoutSettings], list[_Row]] = defaultdict(list)
    for row in rows:
        groups[row.place.file, row.place.root, row.place.layout].append(row)
    read: dict[str, SampledTrace] = {}
    for (file, _, layout), same in groups.items():
        for path in likely_paths(same[0].place, lake, listed):
            if os.path.exists(path) and all(r.trace_key in read for r in same) is False:
                _read_file(_tasks(file, path, same), layout, wanted, read)
    return read


def _tasks(file: str, path: str, rows: Sequence[_Row]) -> list[Task]:
    by_group: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_group[row.place.row_group].append(row.place.row)
    return [Task(file, path, "", g, 0, WHOLE, tuple(sorted(set(r))), (INGEST,)) for g, r in sorted(by_group.items())]


def _read_file(
    tasks: list[Task], layout: LayoutSettings, wanted: dict[str, _Row], read: dict[str, SampledTrace]
) -> None:
    try:
        for piece in read_shard(0, tasks, ReadSettings(layout)):
            if not isinstance(piece, TraceBatch):
                continue
            keys = piece.traces.column("trace_key").to_pylist()
            for i, key in enumerate(keys):
                if key in wanted and key not in read:
                    steps = tuple(Step(**s) for s in piece.traces.column("steps")[i].as_py())
                    row = wanted[key]
                    read[key] = SampledTrace(key, row.trace_id, row.environment, row.task_id, row.reward, steps)
    except (OSError, ValueError, IndexError, CotmonitorError):  # it has changed, and its traces count as missing
        return
