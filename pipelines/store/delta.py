"""The few things we ask of Delta Lake: make a table, register files in it, say which files it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from pipelines.store.marker import failed_write, sync
from schemas.errors import StoreError
from schemas.table import Table

ADDED = "cotmonitor.added"  # marks a column of which older files know nothing


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file that lies whole in its table's folder: path relative to that folder, rows, bytes."""

    path: str
    rows: int
    size: int


def create(folder: Path, table: Table) -> None:
    """Make an empty Delta table unless there is one; harmless when others do the same, or did half of it.

    A table of before some of its columns gets them: null in the rows that it has.
    """
    if DeltaTable.is_deltatable(str(folder)):
        _widen(folder, table)
        return
    try:
        folder.mkdir(exist_ok=True)
        DeltaTable.create(str(folder), table.arrow(), mode="ignore", name=table.name, description=table.doc)
    except (DeltaError, OSError) as error:
        if not DeltaTable.is_deltatable(str(folder)):  # else somebody was faster
            raise failed_write(folder, error) from error


def _widen(folder: Path, table: Table) -> None:
    """Add the columns that came with later versions. They are marked, since files of before them do not have them."""
    found = DeltaTable(str(folder))
    new = [table.arrow().field(c) for c in table.names if c in _missing(found, table) & table.later]
    if not new:
        return
    fields = [
        Field(f.name, f.type, nullable=True, metadata={ADDED: "true"}) for f in Schema.from_arrow(pa.schema(new)).fields
    ]
    try:
        found.alter.add_columns(fields)
    except (DeltaError, OSError) as error:
        if _missing(DeltaTable(str(folder)), table):  # else somebody was faster
            raise failed_write(folder, error) from error


def _missing(found: DeltaTable, table: Table) -> set[str]:
    return set(table.names) - {f.name for f in found.schema().fields}


def snapshot(folder: Path, table: Table | None = None) -> DeltaTable | None:
    """The table as it is now, or None where it was not made yet. Given what it should be, that it has its columns.

    Columns that came with later versions may be missing.
    """
    if not DeltaTable.is_deltatable(folder.as_uri()):
        return None
    found = DeltaTable(str(folder))
    missing = sorted(_missing(found, table) - table.later) if table is not None else []
    if missing:
        raise StoreError(
            f"{folder}: the table has no column {', '.join(missing)}, so another version of cotmonitor made the store. "
            "Use that version, or a new store."
        )
    return found


def patchy(found: DeltaTable | None, table: Table) -> bool:
    """Whether some of the files may be without some of the columns."""
    if found is None or not table.later:
        return False
    return bool(_missing(found, table)) or any(ADDED in f.metadata for f in found.schema().fields)


def files(table: DeltaTable | None) -> list[str]:
    """The table's files, relative to its folder, in a fixed order."""
    if table is None:
        return []
    return sorted(pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist())


def register(
    table: DeltaTable, folder: Path, staged: Sequence[StagedFile], run_id: str, transaction: Transaction | None = None
) -> None:
    """Add files to a table in one transaction, after they are on the disk for good.

    Raises `deltalake.exceptions.CommitFailedError` if `transaction` was committed since `table` was loaded.
    """
    for file in staged:
        sync(folder / file.path)
    sync(folder)
    actions = [
        AddAction(
            path=file.path,
            size=file.size,
            partition_values={},
            modification_time=int((folder / file.path).stat().st_mtime * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": file.rows, "minValues": {}, "maxValues": {}, "nullCount": {}}),
        )
        for file in staged
    ]
    table.create_write_transaction(
        actions,
        mode="append",
        schema=table.schema(),
        commit_properties=CommitProperties(
            custom_metadata={"run_id": run_id}, app_transactions=[transaction] if transaction else None
        ),
    )
    sync(folder / "_delta_log")
