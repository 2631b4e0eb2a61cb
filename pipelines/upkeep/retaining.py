"""What may go with time: what no view shows any more, and what is said of old nights.

Kept in any case: `units`, by which a run knows what is done; `runs`; `audits`, whose history limits false alarms;
reviews, mutes and calibrations; and of old nights the traces that a person reviewed, with all that monitors said of
them, since labels are made of these.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipelines.judge.cache import Cache
from pipelines.store import Store
from pipelines.store.lock import alone
from pipelines.upkeep.deleting import among, delete, sweep, units_among
from schemas.errors import InputError
from schemas.ledger import DEAD_LETTERS, INGEST
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS
from schemas.table import Table
from schemas.trace import TRACES
from schemas.upkeep import FORGOTTEN

AGING: tuple[Table, ...] = (TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS)
OWNER = "retention"


@dataclass(frozen=True, slots=True)
class Aged:
    """Rows of a table that went, or would go: nothing shows them any more, or their night is too old."""

    table: str
    superseded: int
    old: int


def retain(
    store: Store, days: int | None, superseded: int | None, today: dt.date | None = None, dry_run: bool = False
) -> list[Aged]:
    """Delete what no view shows and is of runs of more than `superseded` days ago, and all of nights before `days`.

    None keeps for ever. A night is as old as the date that the run was for which took its files in; what later runs
    said of these goes with them. The judge's answers about deleted traces leave its cache.
    """
    if days is None and superseded is None:
        raise InputError("nothing to do: give --days, --superseded, or both.")
    today = today or dt.datetime.now(dt.UTC).date()
    with alone(store.path):
        with store.connect() as con:
            unseen = _unseen(con, today - dt.timedelta(superseded)) if superseded is not None else {}
            old = _old_units(con, today - dt.timedelta(days)) if days is not None else []
            kept = [row[0] for row in con.execute(REVIEWED).fetchall()]
            counts = [Aged(t.name, _count(con, t, units_among(unseen)), _count_old(con, t, old, kept)) for t in AGING]
            rows = _booked(con, old, kept)
            calls = _calls(con, old, kept)
        if dry_run or not any(c.superseded or c.old for c in counts):
            return counts
        store.append(FORGOTTEN, pa.Table.from_pylist(rows, FORGOTTEN.arrow()), "retain")
        for table, aged in zip(AGING, counts, strict=True):
            if aged.old:
                delete(store, table, _old(table, old, kept), "retention")
            if aged.superseded:
                delete(store, table, units_among(unseen), "superseded")
            sweep(store, table, 0)
        for call in calls:
            Cache.of(store.path).path(call).unlink(missing_ok=True)
    return counts


REVIEWED = """
SELECT DISTINCT a.trace_key FROM raw.alerts a JOIN raw.reviews r ON a.finding_id = r.finding_id ORDER BY 1
"""
UNSEEN = """
WITH seen AS (SELECT unit_id, run_id FROM units UNION SELECT unit_id, run_id FROM shadow_units),
written AS (
    SELECT run_id, unit_id FROM raw.traces UNION SELECT run_id, unit_id FROM raw.assessments
    UNION SELECT run_id, unit_id FROM raw.alerts UNION SELECT run_id, unit_id FROM raw.dead_letters
    UNION SELECT run_id, unit_id FROM raw.judgements WHERE unit_id <> ''
)
SELECT w.run_id, list(w.unit_id ORDER BY w.unit_id)
FROM written w ANTI JOIN seen s ON w.unit_id = s.unit_id AND w.run_id = s.run_id
WHERE w.run_id IN (SELECT run_id FROM runs WHERE run_date < ? AND status NOT IN ('running', 'judging'))
GROUP BY w.run_id ORDER BY w.run_id
"""


def _unseen(con: duckdb.DuckDBPyConnection, before: dt.date) -> dict[str, list[str]]:
    """Units that no view shows, by the run that wrote them."""
    return dict(con.execute(UNSEEN, [before]).fetchall())


def _old_units(con: duckdb.DuckDBPyConnection, before: dt.date) -> list[str]:
    """Units of the files that were taken in before a day, by whichever run and monitor."""
    query = f"""SELECT DISTINCT u.unit_id FROM raw.units u
                SEMI JOIN (SELECT file, fingerprint FROM units WHERE monitor = '{INGEST}' AND run_date < ?) i
                    ON u.file = i.file AND u.fingerprint = i.fingerprint ORDER BY 1"""
    return [r[0] for r in con.execute(query, [before]).fetchall()]


def _old(table: Table, units: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Conditions for the rows of old units, but for those of traces that a person reviewed."""
    spare = "".join(f" AND NOT {c}" for c in among("trace_key", kept)) if "trace_key" in table.names else ""
    return [f"{condition}{spare}" for condition in among("unit_id", list(units))]


def _count(con: duckdb.DuckDBPyConnection, table: Table, conditions: object) -> int:
    found = (con.execute(f"SELECT count(*) FROM raw.{table.name} WHERE {c}").fetchall() for c in conditions)  # type: ignore[attr-defined]
    return sum(c[0][0] for c in found)


def _count_old(con: duckdb.DuckDBPyConnection, table: Table, units: Sequence[str], kept: Sequence[str]) -> int:
    return _count(con, table, _old(table, units, kept))


def _booked(con: duckdb.DuckDBPyConnection, units: Sequence[str], kept: Sequence[str]) -> list[dict[str, object]]:
    """A row of `forgotten` for each table and unit of old nights, so that the books still balance."""
    now = dt.datetime.now(dt.UTC)
    rows: list[dict[str, object]] = []
    for table in AGING:
        counted = 'sum("rows")::BIGINT' if table is DEAD_LETTERS else "count(*)"
        for condition in _old(table, units, kept):
            found = con.execute(
                f"SELECT unit_id, run_id, {counted} FROM raw.{table.name} WHERE {condition} GROUP BY ALL"
            ).fetchall()
            rows += [
                {
                    "forgotten_at": now,
                    "why": "retention",
                    "subject": None,
                    "owner": OWNER,
                    "reason": "older than is kept",
                    "table_name": table.name,
                    "unit_id": unit,
                    "run_id": run,
                    "rows": n,
                    "kept": True,
                }
                for unit, run, n in found
            ]
    return rows


def _calls(con: duckdb.DuckDBPyConnection, units: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Calls about old nights that no newer night has in its books."""
    gone: set[str] = set()
    for condition in _old(JUDGEMENTS, units, kept):
        gone.update(r[0] for r in con.execute(f"SELECT call_id FROM raw.judgements WHERE {condition}").fetchall())
    con.register("old_units", pa.table({"unit_id": pa.array(units, pa.string())}))
    newer = con.execute("SELECT call_id FROM raw.judgements ANTI JOIN old_units USING (unit_id)").fetchall()
    return sorted(gone - {r[0] for r in newer})
