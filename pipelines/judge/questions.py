"""The questions of a plan, read in this process: what a batch is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monitors.judge.client import Question
from pipelines.judge.pipeline import chosen_rows
from pipelines.judge.reading import Reader, lay_out
from pipelines.plan import Plan
from pipelines.plan import read_shard as tasks_of
from pipelines.read import ReadSettings, TraceBatch, read_shard


def planned_questions(plan: Plan, rows: Path, settings: ReadSettings, reader: Reader) -> Iterator[Question]:
    """Every question about the chosen rows, in the plan's order."""
    for shard in range(plan.shards):
        chosen = chosen_rows(rows, shard)
        for piece in read_shard(shard, tasks_of(plan.path, shard), settings):
            if not isinstance(piece, TraceBatch):
                continue
            traces = piece.traces
            places = zip(*(traces.column(c).to_pylist() for c in ("file", "row_group", "row")), strict=True)
            for i, place in enumerate(places):
                laid = lay_out(traces.column("steps")[i].as_py(), chosen[place], reader)
                if not laid.refused:
                    yield from laid.questions
