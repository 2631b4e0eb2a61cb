"""Questions to a store: free SQL that may only read, and the alert that somebody means."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from schemas.errors import InputError

LEAST_PREFIX = 4  # characters of an id; fewer are more likely a slip than a choice
ECHOED_CHARS = 80  # of what somebody gave: an id has 40, and more of a slip helps nobody
READING = "SELECT, WITH, FROM, PIVOT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN"
_ID = re.compile(rf"(?:(?P<kind>alert|finding)-)?(?P<digits>[0-9a-f]{{{LEAST_PREFIX},}})")
_COMMENTS = re.compile(r"\s+|--[^\n]*(\n|$)|/\*.*?\*/", re.S)
_EXPLAIN = re.compile(r"explain\s+(analyze\s+)?(\([^)]*\)\s*)?", re.I)
_READS = re.compile(r"(select|with|from|pivot|describe|summarize|show|\()", re.I)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query, and their columns' names."""

    columns: list[str]
    rows: list[tuple[object, ...]]


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run one statement that only reads; raise `InputError`, in one line, for anything else and for faulty SQL.

    >>> ask(duckdb.connect(), "SELECT 1 AS one").rows
    [(1,)]
    """
    try:
        _check_reading(con, sql)
        answer = con.execute(sql)
        return Answer([c[0] for c in answer.description or []], answer.fetchall())
    except duckdb.Error as error:
        raise InputError(f"SQL: {_one_line(error)}") from None


def _check_reading(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = con.extract_statements(sql)
    if len(statements) != 1:
        raise InputError(f"SQL: found {len(statements)} statements. Give one.")
    kind = statements[0].type
    bare = _bare(sql)
    explained = _EXPLAIN.match(bare)
    if kind == duckdb.StatementType.EXPLAIN and explained:  # EXPLAIN ANALYZE does what it explains
        _check_reading(con, bare[explained.end() :])
        return
    # a PIVOT becomes several statements, and so does what writes the outcome of one
    pivots = kind == duckdb.StatementType.MULTI and _READS.match(bare)
    if kind != duckdb.StatementType.SELECT and not pivots:
        raise InputError(f"SQL: only reading is possible. Begin with {READING}.")


def _bare(sql: str) -> str:
    """A statement from its first word on."""
    at = 0
    while found := _COMMENTS.match(sql, at):
        if found.end() == at:
            break
        at = found.end()
    return sql[at:]


def _one_line(error: duckdb.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines[1:] if line.startswith(("Candidate", "Did you mean"))]
    return " ".join([lines[0], *kept]) if lines else type(error).__name__


@dataclass(frozen=True, slots=True)
class Found:
    """An alert that was asked for; `current` is whether the views still show it."""

    row: dict[str, object]
    current: bool

    def text(self, column: str) -> str:
        value = self.row[column]
        return "" if value is None else str(value)


def brief(text: str) -> str:
    """A text fit to be repeated in a message.

    >>> len(brief("f" * 5000)), brief("f" * 5000)[-3:]
    (80, 'ff…')
    """
    return text if len(text) <= ECHOED_CHARS else text[: ECHOED_CHARS - 1] + "…"


def find_alert(con: duckdb.DuckDBPyConnection, given: str) -> Found:
    """The alert, or the newest of the finding, whose id begins with `given`; raise `InputError` unless it is one.

    `given` is an id or its first digits, with `alert-` or `finding-` before them or without. Alerts of superseded units
    are found too, since people come back to ids that they noted down.
    """
    parts = _ID.fullmatch(given)
    if parts is None:
        raise InputError(
            f"{brief(given)!r} is no alert id. Give {LEAST_PREFIX} or more of the hexadecimal digits that "
            "`cotmonitor alerts` shows."
        )
    for source in ("alerts", "(SELECT a.* FROM raw.alerts a JOIN raw.units u USING (unit_id, run_id))"):
        answer = con.execute(
            f"""SELECT * FROM {source} WHERE starts_with(alert_id, $alert) OR starts_with(finding_id, $finding)
                ORDER BY run_id DESC, alert_id""",
            {k: f"{k}-{parts['digits']}" if parts["kind"] in (None, k) else None for k in ("alert", "finding")},
        )
        columns = [c[0] for c in answer.description or []]
        rows = [dict(zip(columns, r, strict=True)) for r in answer.fetchall()]
        findings = sorted({str(r["finding_id"]) for r in rows})
        if len(findings) > 1:
            some = ", ".join(sorted({str(r["alert_id"]) for r in rows})[:4])
            raise InputError(f"{brief(given)!r} fits {len(findings)} findings ({some}, ...). Give more digits.")
        if rows:
            return Found(rows[0], source == "alerts")
    raise InputError(f"no alert or finding begins with {brief(given)!r}. `cotmonitor alerts` lists them.")
