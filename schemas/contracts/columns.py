"""What a table's definition says of a staged file's columns: their types, and conditions in SQL."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.table import Column


def column_checks(column: Column) -> dict[str, str]:
    """SQL for each promise of a column, as a condition that a bad row meets; null breaks only `nulls`."""
    name = f'"{column.name}"'
    checks = {} if column.nullable else {"nulls": f"{name} IS NULL"}
    if column.one_of:
        checks["unknown_values"] = f"{name} NOT IN ({', '.join(text(v) for v in column.one_of)})"
    if column.minimum is not None:
        checks["below_minimum"] = f"{name} < {column.minimum}"
    if column.maximum is not None:  # DuckDB orders NaN above every number
        checks["above_maximum"] = f"{name} > {column.maximum}"
    return checks


def has_columns(path: str, schema: pa.Schema) -> bool:
    """Whether a staged file can be opened and holds the table's columns, whatever strings are encoded as."""
    try:
        found = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return found.names == schema.names and all(_plain(found.field(f.name).type) == _plain(f.type) for f in schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.string() if pa.types.is_large_string(kind) else kind


def text(value: str) -> str:
    """A string as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
