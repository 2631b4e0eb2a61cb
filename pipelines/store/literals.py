"""Rows written out in SQL, so that a view can hold what comes with the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from schemas.table import Table

NAMES = {"string": "STRING", "double": "DOUBLE", "int64": "BIGINT", "int32": "INT", "bool": "BOOLEAN"}


def row(table: Table, values: Mapping[str, Any], dialect: str) -> str:
    """A SELECT of one row of a table; a column without a value is null."""
    cells = (f"{literal(values.get(c.name), c.type, dialect)} AS `{c.name}`" for c in table.columns)
    return f"SELECT {', '.join(cells)}"


def literal(value: Any, kind: pa.DataType, dialect: str) -> str:
    """A value as SQL, in DuckDB's words or Spark's.

    >>> literal([{"a": "it's", "b": 0.5}], pa.list_(pa.struct([("a", pa.string()), ("b", pa.float64())])), "spark")
    "array(named_struct('a', 'it''s', 'b', CAST(0.5 AS DOUBLE)))"
    """
    if pa.types.is_list(kind) and value is not None:
        inside = ", ".join(literal(v, kind.value_type, dialect) for v in value)
        return f"list_value({inside})" if dialect == "duckdb" else f"array({inside})"
    if pa.types.is_struct(kind) and value is not None:
        fields = [(f.name, literal(value[f.name], f.type, dialect)) for f in kind]
        if dialect == "duckdb":
            return f"struct_pack({', '.join(f'`{name}` := {text}' for name, text in fields)})"
        named = ", ".join(f"'{name}', {text}" for name, text in fields)
        return f"named_struct({named})"
    name = "TIMESTAMP" if pa.types.is_timestamp(kind) else NAMES[str(kind)]
    if value is None:
        return f"CAST(NULL AS {name})"
    if pa.types.is_string(kind):
        # a placeholder would be taken for one, and a backslash is one in Spark
        return "'" + str(value).replace("\\", "\\\\" if dialect == "spark" else "\\").replace("'", "''") + "'"
    return f"CAST({str(value).upper() if isinstance(value, bool) else repr(value)} AS {name})"
