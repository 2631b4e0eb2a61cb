"""The store: append-only Delta tables in a folder, whose `units` say what counts."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from pipelines.store import connect, delta, marker, views
from pipelines.store.delta import StagedFile
from schemas.calibrations import CALIBRATIONS
from schemas.digest import digest
from schemas.errors import BusyError, StoreError
from schemas.ledger import UNITS
from schemas.results import ALERTS, ASSESSMENTS, AUDITS, JUDGEMENTS, REVIEWS
from schemas.table import Table
from schemas.trace import TRACES

TABLES: dict[str, Table] = {t.name: t for t in views.STORED}
APP = "cotmonitor:units"  # the Delta application whose versions number the commits of units
STAMPED = ("sequence", "committed_at")  # columns of `units` that the store fills in


class Conflict(BusyError):
    """Somebody committed units since the snapshot was taken; take a new one, drop what is done, commit the rest."""


@dataclass(frozen=True, slots=True)
class UnitsSnapshot:
    """What was done when the snapshot was taken: `current` holds the newest unit of each (file, monitor)."""

    version: int
    sequence: int
    current: pa.Table
    shadow: pa.Table  # likewise, of shadow runs
    table: DeltaTable | None = field(repr=False)

    def done(self, shadow: bool) -> pa.Table:
        """The units that a run need not do again: a shadow does neither what counts nor what a shadow did."""
        return pa.concat_tables([self.current, self.shadow]) if shadow else self.current


@dataclass(frozen=True, slots=True)
class Store:
    """A store in a local folder. Make one with `create_or_open` or `open`."""

    path: Path
    writable: bool

    @classmethod
    def create_or_open(cls, path: str | os.PathLike[str]) -> Store:
        """The store at `path`, made there if the folder is new or empty.

        It may be killed at any instant, or race with another: the marker comes first, and missing tables are made
        by whoever opens it for writing next.
        """
        folder = marker.locate(path)
        marker.create(folder)
        return cls._writable(folder)

    @classmethod
    def open(cls, path: str | os.PathLike[str], write: bool = False) -> Store:
        """The store at `path`, which must be one. Without `write`, nothing is ever written."""
        folder = marker.locate(path)
        marker.check(folder)
        return cls._writable(folder) if write else cls(folder, False)

    @classmethod
    def _writable(cls, folder: Path) -> Store:
        marker.check_writable(folder)
        for table in TABLES.values():
            delta.create(folder / table.name, table)
        for name, text in views.scripts(folder).items():
            script = folder / "_views" / name
            if not script.exists() or script.read_text("utf-8") != text:
                try:
                    script.parent.mkdir(exist_ok=True)
                    marker.publish(script, text.encode())
                except OSError as error:
                    raise marker.failed_write(script, error) from error
        return cls(folder, True)

    def table_path(self, name: str) -> Path:
        return self.path / TABLES[name].name

    def staging(self, run_id: str) -> Path:
        """The folder in which a run keeps what it has not committed yet."""
        return self.path / "_staging" / run_id

    def docs(self, run_id: str) -> Path:
        """The folder for the pages about a run."""
        return self.path / "_docs" / run_id

    def add_files(self, table: Table, files: Sequence[StagedFile], run_id: str) -> None:
        """Register Parquet files that lie in the table's folder, in one transaction. Their rows count once `units` do.

        The same path twice is the same file.
        """
        self._check_writable()
        if not files:
            return
        folder = self.table_path(table.name)
        try:
            delta.register(self._load(table), folder, files, run_id)
        except (DeltaError, OSError) as error:
            raise marker.failed_write(folder, error) from error

    def append(self, table: Table, rows: pa.Table, run_id: str) -> None:
        """Append a few rows. Appending the same rows of the same run twice appends them once."""
        self._check_writable()
        if rows.num_rows:
            name = f"{_safe(run_id)}-{digest(*map(repr, rows.to_pylist()))}.parquet"
            self.add_files(table, [self._write(table, rows, name)], run_id)

    def append_audit(self, audit: Mapping[str, object]) -> None:
        """Append one row of `audits`; `audited_at` is filled in here."""
        row = {**audit, "audited_at": dt.datetime.now(dt.UTC)}
        self.append(AUDITS, pa.Table.from_pylist([row], AUDITS.arrow()), f"audit-{audit['audit_id']}")

    def append_calibration(self, rows: Sequence[Mapping[str, object]]) -> bool:
        """Append the rows of one calibration unless it is in force; `calibrated_at` is filled in here."""
        with self.connect() as con:
            now = con.execute("SELECT DISTINCT calibration_id FROM calibrations WHERE in_force").fetchall()
        if (rows[0]["calibration_id"],) in now:
            return False
        at = dt.datetime.now(dt.UTC)
        made = pa.Table.from_pylist([{**row, "calibrated_at": at} for row in rows], CALIBRATIONS.arrow())
        self.append(CALIBRATIONS, made, str(rows[0]["calibration_id"]))
        return True

    def contents(self) -> str:
        """Digest of all that monitors and people have said here: equal as long as none of it changed."""
        said = (UNITS, TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, REVIEWS)
        found = (delta.files(delta.snapshot(self.table_path(t.name), t)) for t in said)
        return digest(*(f"{t.name}/{name}" for t, names in zip(said, found, strict=True) for name in names))

    def units_snapshot(self) -> UnitsSnapshot:
        """What is done now, to plan by and to commit against."""
        table = delta.snapshot(self.table_path(UNITS.name), UNITS)  # None while a store is only begun
        with duckdb.connect() as con:
            connect.register(con, self.path, UNITS, delta.files(table), delta.patchy(table, UNITS))
            current, shadow = (
                con.sql(views.select(v, "duckdb")).to_arrow_table().cast(UNITS.arrow())
                for v in ("units", "shadow_units")
            )
        if table is None:
            return UnitsSnapshot(-1, 0, current, shadow, None)
        return UnitsSnapshot(table.version(), table.transaction_version(APP) or 0, current, shadow, table)

    def commit_units(self, snapshot: UnitsSnapshot, units: pa.Table) -> None:
        """Commit units, and with them every result row that names them, at once or not at all.

        `units` has the columns of `UNITS`; `sequence` and `committed_at` are filled in here. Raises `Conflict` if
        anybody committed units since `snapshot` was taken.
        """
        self._check_writable()
        if not units.num_rows:
            return
        sequence = snapshot.sequence + 1
        now = dt.datetime.now(dt.UTC)
        columns = {c: units.column(c) for c in units.column_names if c not in STAMPED}
        stamps = {"sequence": pa.repeat(sequence, units.num_rows), "committed_at": pa.repeat(now, units.num_rows)}
        batch = UNITS.batch(columns | stamps)
        run_id = units.column("run_id")[0].as_py()
        folder = self.table_path(UNITS.name)
        content = digest(*units.column("unit_id").to_pylist())
        name = f"{_safe(run_id)}-{sequence:08d}-{content}.parquet"
        file = self._write(UNITS, pa.Table.from_batches([batch]), name)
        try:
            # Delta lets a fresh snapshot commit an old transaction again, so only this snapshot's own next one will do
            delta.register(snapshot.table or self._load(UNITS), folder, [file], run_id, Transaction(APP, sequence))
        except (DeltaError, OSError) as error:
            now_there = self._load(UNITS)
            if not isinstance(error, CommitFailedError) or (now_there.transaction_version(APP) or 0) < sequence:
                raise marker.failed_write(folder, error) from error
            if name not in delta.files(now_there):
                (folder / name).unlink(missing_ok=True)
            raise Conflict(f"{self.path}: another run committed first. Run again.") from None

    def connect(self, memory_limit: str | None = None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        """DuckDB over the store as it is now: the tables as `raw.<table>`, the views by their plain names."""
        return connect.connect(self.path, TABLES.values(), memory_limit, threads)

    def _load(self, table: Table) -> DeltaTable:
        loaded = delta.snapshot(self.table_path(table.name), table)
        if loaded is None:
            raise StoreError(
                f"{self.table_path(table.name)}: the table is missing. Open the store for writing to mend it."
            )
        return loaded

    def _write(self, table: Table, rows: pa.Table, name: str) -> StagedFile:
        path = self.table_path(table.name) / name
        temporary = marker.scratch(path)
        try:
            pq.write_table(rows.select(table.names).cast(table.arrow()), temporary, compression="zstd")
            size = temporary.stat().st_size
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise marker.failed_write(path, error) from error
        return StagedFile(name, rows.num_rows, size)

    def _check_writable(self) -> None:
        if not self.writable:
            raise StoreError(f"{self.path}: was opened for reading only. Open it with write=True.")


def _safe(run_id: str) -> str:
    """A run's id as the beginning of a file name."""
    return "".join(c if (c.isalnum() and c.isascii()) or c in "-_." else "_" for c in run_id) or "run"
