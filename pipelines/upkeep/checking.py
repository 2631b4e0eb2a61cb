"""Whether a store keeps its own promises: files against tables, tables against units, ids against their kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.store import TABLES, Store, delta
from pipelines.upkeep.compact import leftovers
from schemas.canary import is_marked
from schemas.ledger import INGEST

MOST = 20  # faults of one kind that are told one by one


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that should not be: `bad` breaks a promise, otherwise it is only worth knowing."""

    check: str
    where: str
    what: str
    bad: bool = True


def check(store: Store) -> list[Fault]:
    """Every fault that is found; empty where all is well. Writes nothing, and may be asked during a run."""
    faults = [*_files(store)]
    if any(f.bad for f in faults):
        return faults  # what cannot be read cannot be counted
    with store.connect() as con:
        faults += [*_books(con), *_looks(con), *_ids(con), *_loose(con)]
    return [*faults, *_left(store)]


def _files(store: Store) -> Iterator[Fault]:
    """Each file that a table knows is there, whole, and has the rows that the table says."""
    for table in TABLES.values():
        folder = store.table_path(table.name)
        found = delta.snapshot(folder, table)
        if found is None:
            yield Fault("tables", table.name, "there is no such table; `cotmonitor store migrate` makes it")
            continue
        missing = sorted(set(table.names) - {f.name for f in found.schema().fields})
        if missing:
            todo = "`cotmonitor store migrate` adds it"
            yield Fault("columns", table.name, f"has no column {', '.join(missing)}; {todo}", bad=False)
        actions = pa.table(found.get_add_actions(flatten=True))
        for path, size, rows in zip(
            *(actions.column(c).to_pylist() for c in ("path", "size_bytes", "num_records")), strict=True
        ):
            yield from _file(folder / path, f"{table.name}/{path}", size, rows)


def _file(path: Path, name: str, size: int, rows: int | None) -> Iterator[Fault]:
    try:
        there = path.stat().st_size
        known = pq.read_metadata(path).num_rows
    except FileNotFoundError:
        yield Fault("files", name, "is missing, and its rows with it; restore it from a copy of the store")
        return
    except (OSError, ValueError) as error:
        yield Fault("files", name, f"cannot be read: {str(error).splitlines()[0]}; restore it from a copy of the store")
        return
    if there != size:
        yield Fault("files", name, f"has {there:,} bytes, and the table says {size:,}")
    if rows is not None and known != rows:
        yield Fault("files", name, f"has {known:,} rows, and the table says {rows:,}")


# what units say of their rows, beside the rows that are there and those that were deleted since
BOOKS = f"""
WITH seen AS (SELECT * FROM units UNION ALL SELECT * FROM shadow_units),
told AS (
    SELECT unit_id, run_id, file, monitor, 'traces' AS t, traces AS n FROM seen WHERE monitor = '{INGEST}'
    UNION ALL SELECT unit_id, run_id, file, monitor, 'dead_letters', dead FROM seen WHERE monitor = '{INGEST}'
    UNION ALL SELECT unit_id, run_id, file, monitor, 'assessments', assessed + not_assessed FROM seen
        WHERE monitor <> '{INGEST}'
    UNION ALL SELECT unit_id, run_id, file, monitor, 'alerts', alerts FROM seen WHERE monitor <> '{INGEST}'
),
there AS (
    SELECT unit_id, run_id, 'traces' AS t, count(*) AS n FROM raw.traces GROUP BY ALL
    UNION ALL SELECT unit_id, run_id, 'dead_letters', sum("rows")::BIGINT FROM raw.dead_letters GROUP BY ALL
    UNION ALL SELECT unit_id, run_id, 'assessments', count(*) FROM raw.assessments GROUP BY ALL
    UNION ALL SELECT unit_id, run_id, 'alerts', count(*) FROM raw.alerts GROUP BY ALL
),
gone AS (
    SELECT unit_id, run_id, table_name AS t, sum("rows")::BIGINT AS n FROM raw.forgotten WHERE table_name <> ''
    GROUP BY ALL
)
SELECT told.t, told.file, told.monitor, told.n, coalesce(there.n, 0), coalesce(gone.n, 0)
FROM told LEFT JOIN there USING (unit_id, run_id, t) LEFT JOIN gone USING (unit_id, run_id, t)
WHERE told.n <> coalesce(there.n, 0) + coalesce(gone.n, 0) ORDER BY ALL LIMIT {MOST}
"""
BALANCE = f"""
SELECT file, "rows", traces, dead FROM units WHERE monitor = '{INGEST}' AND "rows" <> traces + dead ORDER BY ALL
LIMIT {MOST}
"""
LOOKS = f"""
SELECT u.monitor, u.file, count(*) AS traces
FROM raw.traces t
JOIN units i ON t.unit_id = i.unit_id AND t.run_id = i.run_id AND i.monitor = '{INGEST}'
JOIN units u ON u.file = i.file AND u.fingerprint = i.fingerprint AND u.monitor <> '{INGEST}' AND u.sample IS NULL
ANTI JOIN raw.assessments a ON a.trace_key = t.trace_key AND a.monitor = u.monitor
WHERE i.sample IS NULL
GROUP BY ALL ORDER BY ALL LIMIT {MOST}
"""


def _books(con: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    for file, rows, traces, dead in con.execute(BALANCE).fetchall():
        yield Fault("rows", file, f"{rows:,} rows are not {traces:,} traces + {dead:,} dead letters")
    for table, file, monitor, told, there, gone in con.execute(BOOKS).fetchall():
        since = f" and {gone:,} were deleted since" if gone else ""
        yield Fault("units", f"{file}, {monitor}", f"should have {told:,} rows in {table}; {there:,} are there{since}")


def _looks(con: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    for monitor, file, traces in con.execute(LOOKS).fetchall():
        yield Fault("assessments", f"{file}, {monitor}", f"{traces:,} traces have no assessment by this monitor")


def _ids(con: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    for column in ("alert_id", "finding_id"):
        ids = [r[0] for r in con.execute(f"SELECT DISTINCT {column} FROM raw.alerts").fetchall()]
        wrong = [i for i in ids if not is_marked(i.rpartition("-")[2])]
        yield from (Fault("ids", "alerts", f"{i!r} is no {column.replace('_', ' ')}") for i in sorted(wrong)[:MOST])
    twice = con.execute("SELECT alert_id, count(*) FROM alerts GROUP BY 1 HAVING count(*) > 1 ORDER BY 1").fetchall()
    yield from (Fault("ids", "alerts", f"{i} stands {n} times in the view") for i, n in twice[:MOST])


def _loose(con: duckdb.DuckDBPyConnection) -> Iterator[Fault]:
    """Words of people about findings that are in no table: superseded and then deleted, or of another store."""
    for table in ("reviews", "mutes"):
        count = con.execute(
            f"SELECT count(DISTINCT finding_id) FROM raw.{table} WHERE finding_id IS NOT NULL "
            "AND finding_id NOT IN (SELECT finding_id FROM raw.alerts)"
        ).fetchall()[0][0]
        if count:
            yield Fault(table, table, f"{count:,} findings that nothing in the store shows", bad=False)
    for run, status in con.execute(
        "SELECT run_id, status FROM runs WHERE status IN ('unfinished', 'judging') ORDER BY 1 LIMIT 20"
    ).fetchall():
        yield Fault("runs", run, f"is {status}: at work, or killed; the next run completes it", bad=False)


def _left(store: Store) -> Iterator[Fault]:
    left = leftovers(store)
    if left:
        what = f"{len(left):,} things of runs at work or killed; `cotmonitor store vacuum` removes old ones"
        yield Fault("leftovers", "_staging", what, bad=False)
    for table in TABLES.values():
        known = set(delta.files(delta.snapshot(store.table_path(table.name))))
        there = {p.name for p in store.table_path(table.name).glob("*.parquet")}
        if there - known:
            what = (
                f"{len(there - known):,} files that the table does not know; `cotmonitor store vacuum` removes old ones"
            )
            yield Fault("leftovers", table.name, what, bad=False)
