"""A small staged run that keeps every contract, for tests to break in one place."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.canary import CANARY
from schemas.contracts.run import PastRun, Staged
from schemas.contracts.run.promises import TABLES
from schemas.table import Column, Table

MONITORS = ("rules.core", "code")
FILES = {"a.parquet": 30, "night/b.parquet": 11}
Row = dict[str, Any]


@dataclass
class Run:
    """Rows by table, and the plan; `stage` writes them as the pipeline would."""

    traces: list[Row]
    assessments: list[Row]
    alerts: list[Row]
    dead_letters: list[Row]
    planned: list[Row]
    violations: dict[str, int] = field(default_factory=lambda: {"evidence spans lie inside their step": 0})
    history: list[PastRun] = field(default_factory=lambda: [PastRun(40, 3)] * 3)
    extra: dict[str, list[str]] = field(default_factory=dict)
    monitors: tuple[str, ...] = MONITORS

    def stage(self, folder: Path) -> Staged:
        files = {}
        for name, table in TABLES.items():
            path = folder / f"{name}.parquet"
            pq.write_table(as_table(table, getattr(self, name)), path)
            files[name] = [str(path), *self.extra.get(name, ())]
        plan = pa.Table.from_pylist(self.planned) if self.planned else pa.table({"file": pa.array([], pa.string())})
        return Staged(files, plan, self.monitors, self.violations, self.history)


def clean() -> Run:
    """Forty traces of two files and one dead row; two monitors; three alerts."""
    where = [{"file": f, "row_group": 0, "row": i} for f, rows in FILES.items() for i in range(rows)]
    taken = [at | {"trace_key": f"{at['file']}-{at['row']}"} for at in where if at != where[-1]]
    return Run(
        traces=[at | {"reasoning_chars": 120, "action_chars": 0} for at in taken],
        assessments=[at | {"monitor": m, "state": "assessed", "score": 0.25} for at in taken for m in MONITORS],
        alerts=[alert(at) for at in taken[:3]],
        dead_letters=[where[-1] | {"stage": "adapt", "rows": 1}],
        planned=[{"file": f, "rows": rows} for f, rows in FILES.items()],
    )


def alert(at: Row, **over: Any) -> Row:
    identity = {"alert_id": f"alert of {at['trace_key']}", "monitor": "code", "behaviour": "TG08"}
    scores = {"score": 0.75, "threshold": 0.5, "category": "test_gaming", "canary": f"{CANARY}:alerts"}
    return {k: at[k] for k in ("file", "row_group", "row", "trace_key")} | identity | scores | over


def as_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows as the table's columns, all nullable so that a test can break that too."""
    schema = pa.schema([pa.field(c.name, c.type) for c in table.columns])
    return pa.Table.from_pylist([{c.name: row.get(c.name, _filler(c)) for c in table.columns} for row in rows], schema)


def _filler(column: Column) -> Any:
    if column.nullable:
        return None
    if column.one_of:
        return column.one_of[0]
    if pa.types.is_list(column.type):
        return []
    if pa.types.is_date(column.type):
        return datetime.date(2026, 3, 1)
    return "x" if pa.types.is_string(column.type) else 1
