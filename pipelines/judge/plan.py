"""The plan of the judge's pass: which rows of which files are read again, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitors.monitor import MonitorSpec
from pipelines.decide import RunStamp
from pipelines.judge.policy import ROWS
from pipelines.plan import TASKS, Part, Pending, Plan
from pipelines.stage import Place, stage
from schemas.results import ASSESSMENTS

SHARD_TRACES = 256  # small enough that several workers share the work, large enough to keep one at it
STAGED_ROWS = 100_000
UNASKED = 1_000_000  # the number under which rows that are not asked about are staged: no shard has it


def write_chosen(rows: pa.Table, todo: Sequence[Pending], part: Part, plan: Path, chosen: Path) -> Plan:
    """Write the plan and, group by group beside it, the chosen rows. A row group of a file is never split."""
    files = {p.file.name: p.file for p in todo}
    asked = rows.filter(pc.is_null(rows.column("reason")))
    plan.parent.mkdir(parents=True, exist_ok=True)
    shards = 0
    with pq.ParquetWriter(plan, TASKS) as tasks, pq.ParquetWriter(chosen, ROWS) as kept:
        for group in _shards(asked):
            spots = [(r["file"], r["row_group"]) for r in group]
            lines = []
            for (file, row_group), members in groupby(zip(spots, group, strict=True), key=lambda m: m[0]):
                numbers = [m["row"] for _, m in members]
                lines.append(
                    {
                        "file": file,
                        "path": files[file].path,
                        "fingerprint": files[file].fingerprint,
                        "row_group": row_group,
                        "start": min(numbers),
                        "stop": max(numbers) + 1,
                        "chosen": numbers,
                        "parts": [part.id],
                    }
                )
            tasks.write_table(pa.Table.from_pylist(lines, TASKS), row_group_size=len(lines))
            kept.write_table(pa.Table.from_pylist(group, ROWS), row_group_size=len(group))
            shards += 1
    return Plan(str(plan), shards, len(files), 0, asked.num_rows)


def _shards(asked: pa.Table) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    rows = asked.to_pylist()
    for _, members in groupby(rows, key=lambda r: (r["file"], r["row_group"])):
        group += members
        if len(group) >= SHARD_TRACES:
            yield group
            group = []
    if group:
        yield group


def stage_unasked(
    rows: pa.Table, units: Mapping[str, str], place: Place, part: Part, spec: MonitorSpec, stamp: RunStamp
) -> None:
    """Stage an assessment for each trace that the judge is not asked about, with the reason."""
    left = rows.filter(pc.is_valid(rows.column("reason")))
    for i, at in enumerate(range(0, left.num_rows, STAGED_ROWS)):
        piece = left.slice(at, STAGED_ROWS).combine_chunks()
        n = piece.num_rows
        files = pc.dictionary_encode(piece.column("file").combine_chunks())
        ids = pa.array([units[f] for f in files.dictionary.to_pylist()], pa.string()).take(files.indices)
        batch = ASSESSMENTS.batch(
            {
                "unit_id": ids,
                "run_id": pa.repeat(pa.scalar(stamp.run_id), n),
                "trace_key": piece.column("trace_key"),
                "monitor": pa.repeat(pa.scalar(spec.id), n),
                "monitor_digest": pa.repeat(pa.scalar(spec.digest), n),
                "state": pa.repeat(pa.scalar("not_assessed"), n),
                "reason": piece.column("reason"),
                "channels": pa.array([[]] * n, pa.list_(pa.string())),
                "file": piece.column("file"),
                "row_group": piece.column("row_group"),
                "row": piece.column("row"),
            }
        )
        broken = ASSESSMENTS.violations(batch)
        stage(place, part.id, UNASKED, i, {ASSESSMENTS: batch}, n, batch.nbytes, broken)
