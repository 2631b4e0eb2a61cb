"""DuckDB over a store: the tables' files as they were when the connection was made, and the views on top."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from pipelines.store import delta, views
from schemas.errors import InputError
from schemas.ledger import UNITS
from schemas.table import Table


def connect(
    folder: Path, tables: Iterable[Table], memory_limit: str | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    """A connection to a fixed state of the store.

    `units` is looked at first: the rows of a unit are registered before it is, so whatever unit is seen here has all
    its rows in the tables that are looked at afterwards.
    """
    ordered = sorted(tables, key=lambda t: t is not UNITS)
    found = [(t, delta.snapshot(folder / t.name, t)) for t in ordered]
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET autoinstall_known_extensions = false")  # no query may reach for the network
    con.execute("SET autoload_known_extensions = false")
    con.execute(f"SET temp_directory = {literal(tempfile.gettempdir())}")  # never spill into the current folder
    if memory_limit is not None:
        try:
            con.execute(f"SET memory_limit = {literal(memory_limit)}")
        except duckdb.Error:
            raise InputError(f"{memory_limit!r} is no size of memory. Write it like 4GB.") from None
    if threads is not None:
        con.execute(f"SET threads = {int(threads)}")
    for table, snapshot in found:
        register(con, folder, table, delta.files(snapshot), delta.patchy(snapshot, table))
    for name in views.VIEWS:
        con.execute(f'CREATE VIEW main."{name}" AS {views.select(name, "duckdb")}')
    return con


def register(
    con: duckdb.DuckDBPyConnection, folder: Path, table: Table, names: Sequence[str], patchy: bool = False
) -> None:
    """Make `raw.<table>`, over files relative to the table's folder, or empty where there are none.

    What a file lacks is null if the files are `patchy`; to find out, each file's footer would have to be read first.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    con.register("empty", table.arrow().empty_table())
    if names:
        paths = ", ".join(literal(unglobbed(str(folder / table.name / n))) for n in names)
        columns = ", ".join(f'"{c}"' for c in table.names)
        # a folder above called `date=2026-01-01` must not become a column
        schema = f", schema = {_schema(con)}" if patchy else ""
        source = f"read_parquet([{paths}], hive_partitioning = false{schema})"
        con.execute(f'CREATE VIEW raw."{table.name}" AS SELECT {columns} FROM {source}')
    else:
        con.execute(f'CREATE TABLE raw."{table.name}" AS FROM empty')
    con.unregister("empty")


def _schema(con: duckdb.DuckDBPyConnection) -> str:
    """The columns of `empty`, as `read_parquet` wants them told."""
    columns = con.execute("SELECT column_name, column_type FROM (DESCRIBE empty)").fetchall()
    fields = (
        f"{literal(name)}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for name, kind in columns
    )
    return f"MAP {{{', '.join(fields)}}}"


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def unglobbed(path: str) -> str:
    """A path that DuckDB takes as it is written, though it holds what a glob would expand.

    >>> unglobbed("a[1]*.parquet")
    'a[[]1][*].parquet'
    """
    return re.sub(r"[\[*?]", lambda m: f"[{m[0]}]", path)
