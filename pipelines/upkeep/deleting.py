"""Rows leave a table: in one Delta commit, and their files at once.

Whoever calls this is alone in the store. What reads it at that very moment may miss its files, and must begin anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from deltalake import CommitProperties
from deltalake.exceptions import DeltaError

from pipelines.store import Store, delta
from pipelines.store.connect import literal
from pipelines.store.marker import failed_write
from schemas.table import Table

TERMS = 400  # values in one condition: Delta Lake reads a longer one very slowly


def delete(store: Store, table: Table, conditions: Iterable[str], why: str) -> int:
    """Delete the rows that any of the SQL conditions fits; return how many there were."""
    folder = store.table_path(table.name)
    gone = 0
    for condition in conditions:
        found = delta.snapshot(folder, table)
        if found is None or not delta.files(found):
            return gone
        try:
            said = found.delete(condition, commit_properties=CommitProperties(custom_metadata={"cotmonitor": why}))
        except (DeltaError, OSError) as error:
            raise failed_write(folder, error) from error
        gone += int(said.get("num_deleted_rows") or 0)
    return gone


def sweep(store: Store, table: Table, hours: float, dry_run: bool = False) -> list[str]:
    """Remove the files that the table does not know, nor did in the last `hours`; return their names."""
    folder = store.table_path(table.name)
    found = delta.snapshot(folder)
    if found is None:
        return []
    try:
        return found.vacuum(retention_hours=int(hours), dry_run=dry_run, enforce_retention_duration=False, full=True)
    except (DeltaError, OSError) as error:
        raise failed_write(folder, error) from error


def among(column: str, values: Sequence[str]) -> Iterator[str]:
    """Conditions under which a column has one of the values.

    >>> list(among("run_id", ["a", "b'c"]))
    ["run_id IN ('a', 'b''c')"]
    """
    for start in range(0, len(values), TERMS):
        yield f"{column} IN ({', '.join(map(literal, values[start : start + TERMS]))})"


def units_among(pairs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Conditions under which a row is of one of the units, given by run; a run without any is meant as a whole."""
    yield from among("run_id", [run for run, units in pairs.items() if not units])
    for run, units in pairs.items():
        for condition in among("unit_id", units):
            yield f"run_id = {literal(run)} AND {condition}"
