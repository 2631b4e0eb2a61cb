"""A trace is taken out of a store, everywhere, and stays out.

The order makes it safe to be killed anywhere: first the decision is written down, by which later runs leave the trace
out, then the rows go, table by table, then what lies beside the tables. Asked again, what is left goes.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipelines.judge.cache import Cache
from pipelines.store import TABLES, Store
from pipelines.store.connect import literal
from pipelines.store.forgotten import forgotten, key_of, subject
from pipelines.store.lock import alone
from pipelines.upkeep.compact import leftovers
from pipelines.upkeep.deleting import among, delete, sweep
from schemas.errors import InputError
from schemas.ledger import DEAD_LETTERS
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS, REVIEWS
from schemas.table import Table
from schemas.trace import TRACES
from schemas.upkeep import FORGOTTEN, MUTES

BESIDE = ("_audits", "_docs", "_summaries")  # reports, which may name rows


@dataclass(frozen=True, slots=True)
class Found:
    """What a store holds of a trace: rows by table, answers of judges, and reports that name it."""

    trace_id: str
    keys: tuple[str, ...]
    findings: tuple[str, ...]
    calls: tuple[str, ...]
    rows: dict[str, int]
    reports: tuple[Path, ...] = field(default=())
    decided: bool = False

    @property
    def empty(self) -> bool:
        return not (any(self.rows.values()) or self.reports)


def find(store: Store, trace_id: str) -> Found:
    """What there is of a trace, in rows that count and in those that do not."""
    if not trace_id.strip():
        raise InputError("the trace's id is empty. Give one; `cotmonitor sql` finds it.")
    with store.connect() as con:

        def column(query: str, *values: object) -> tuple[str, ...]:
            return tuple(r[0] for r in con.execute(query, list(values)).fetchall())

        keys = column(
            """SELECT trace_key FROM raw.traces WHERE trace_id = $1
               UNION SELECT trace_key FROM raw.alerts WHERE trace_id = $1 ORDER BY 1""",
            trace_id,
        )
        con.register("keys", pa.table({"trace_key": pa.array(keys, pa.string())}))
        findings = column("SELECT DISTINCT finding_id FROM raw.alerts SEMI JOIN keys USING (trace_key) ORDER BY 1")
        calls = column("SELECT DISTINCT call_id FROM raw.judgements SEMI JOIN keys USING (trace_key) ORDER BY 1")
        rows = {}
        for table, conditions in _conditions(trace_id, keys, findings).items():
            counts = (con.execute(f"SELECT count(*) FROM raw.{table.name} WHERE {c}").fetchall() for c in conditions)
            rows[table.name] = sum(c[0][0] for c in counts)
        decided = False
        if key_of(store):
            known = "SELECT count(*) FROM raw.forgotten WHERE subject = ? AND table_name = '' AND kept"
            decided = bool(con.execute(known, [subject(store, trace_id)]).fetchall()[0][0])
    named = (trace_id, *keys, *findings)
    return Found(trace_id, keys, findings, calls, rows, tuple(_reports(store, named)), decided)


def _conditions(trace_id: str, keys: Sequence[str], findings: Sequence[str]) -> dict[Table, list[str]]:
    """Which rows of each table speak of the trace, as SQL that DuckDB and Delta Lake both read."""
    ours = list(among("trace_key", keys))
    about = list(among("finding_id", findings))
    # a dead letter has no key: it holds the id in its words or its payload, if at all
    inside = " OR ".join(f"strpos({c}, {literal(trace_id)}) > 0" for c in ("payload", "message"))
    return {
        TRACES: ours,
        ASSESSMENTS: ours,
        ALERTS: ours,
        JUDGEMENTS: ours,
        DEAD_LETTERS: [f"({inside})"],
        REVIEWS: about,
        MUTES: about,
    }


def _reports(store: Store, named: Iterable[str]) -> Iterable[Path]:
    """Folders of reports that name the trace, one of its keys or findings."""
    needles = [n.encode() for n in named]
    for beside in BESIDE:
        for folder in sorted((store.path / beside).glob("*")):
            files = [folder] if folder.is_file() else [p for p in folder.rglob("*") if p.is_file()]
            if any(needle in path.read_bytes() for path in files for needle in needles):
                yield folder


def forget(store: Store, trace_id: str, owner: str, reason: str) -> Found:
    """Take a trace out of the store, and see to it that no run brings it back; return what there was.

    Gone are its rows in every table, superseded and shadow ones too, older versions of the tables, the answers of
    judges about it, and reports that name it. Raises `BusyError` while a run is at work.
    """
    with alone(store.path):
        there = find(store, trace_id)
        _decide(store, there, owner, reason)
        for table, conditions in _conditions(trace_id, there.keys, there.findings).items():
            if there.rows[table.name]:
                delete(store, table, conditions, "forget")
        cache = Cache.of(store.path)
        for call in there.calls:
            cache.path(call).unlink(missing_ok=True)
        for path in (*there.reports, *leftovers(store)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for table in TABLES.values():  # a delete leaves the old files, and a killed one leaves them to the next
            sweep(store, table, 0)
    return there


def let_in(store: Store, trace_id: str, owner: str, reason: str) -> bool:
    """Let later runs take a forgotten trace in again; return whether it was forgotten."""
    known = forgotten(store)
    if known is None or trace_id not in known:
        return False
    with alone(store.path):
        _record(store, [_row(dt.datetime.now(dt.UTC), subject(store, trace_id), owner, reason, kept=False)])
    return True


def _decide(store: Store, there: Found, owner: str, reason: str) -> None:
    """Write down the decision and what will be deleted, unless an earlier attempt did."""
    now, who = dt.datetime.now(dt.UTC), subject(store, there.trace_id, make=True)
    rows = [] if there.decided else [_row(now, who, owner, reason)]
    with store.connect() as con:
        booked = set(
            con.execute(
                "SELECT table_name, unit_id, run_id FROM raw.forgotten WHERE subject = ? AND table_name <> ''", [who]
            ).fetchall()
        )
        for table in (TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS):
            counted = 'sum("rows")::BIGINT' if table is DEAD_LETTERS else "count(*)"
            for condition in _conditions(there.trace_id, there.keys, there.findings)[table]:
                found = con.execute(
                    f"SELECT unit_id, run_id, {counted} FROM raw.{table.name} WHERE {condition} GROUP BY ALL"
                ).fetchall()
                rows += [
                    _row(now, who, owner, reason, table.name, unit, run, n)
                    for unit, run, n in found
                    if (table.name, unit, run) not in booked
                ]
    _record(store, rows)


def _row(
    at: dt.datetime,
    who: str | None,
    owner: str,
    reason: str,
    table: str = "",
    unit: str | None = None,
    run: str | None = None,
    rows: int = 0,
    kept: bool = True,
    why: str = "request",
) -> dict[str, object]:
    return {
        "forgotten_at": at,
        "why": why,
        "subject": who,
        "owner": owner,
        "reason": reason,
        "table_name": table,
        "unit_id": unit,
        "run_id": run,
        "rows": rows,
        "kept": kept,
    }


def _record(store: Store, rows: list[dict[str, object]]) -> None:
    store.append(FORGOTTEN, pa.Table.from_pylist(rows, FORGOTTEN.arrow()), "forget")
