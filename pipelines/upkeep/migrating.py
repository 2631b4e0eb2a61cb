"""A store of an earlier version becomes one of this: tables and columns that came later are added, empty."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.store import TABLES, Store, delta


@dataclass(frozen=True, slots=True)
class Step:
    """What a table lacks: all of it, or some columns."""

    table: str
    columns: tuple[str, ...]  # none: the table itself

    def __str__(self) -> str:
        return f"{self.table}: add {', '.join(self.columns)}" if self.columns else f"{self.table}: make the table"


def migrate(store: str, dry_run: bool = False) -> list[Step]:
    """Bring the store up to this version, as any run does; return the steps that it took, or would take.

    Old rows keep their files: what came later reads as null in them. Killed half-way, it is completed by the next run.
    Raises `StoreError` where a table lacks a column that it always had.
    """
    opened = Store.open(store)
    steps = []
    for table in TABLES.values():
        found = delta.snapshot(opened.table_path(table.name), table)
        if found is None:
            steps.append(Step(table.name, ()))
            continue
        missing = set(table.names) - {f.name for f in found.schema().fields}
        if missing:
            steps.append(Step(table.name, tuple(c for c in table.names if c in missing)))
    if not dry_run:
        Store.open(store, write=True)
    return steps
