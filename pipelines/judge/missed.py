"""The audit's estimate over a store: what the cheap monitors missed, by environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from monitors.measure.missed import Drawn, Missed, missed
from pipelines.labels.truth import Truth
from schemas.behaviours import CATEGORIES
from schemas.errors import InputError
from schemas.results import LEVELS

ALL = "(all)"

# traces that at least one cheap monitor looked at and none flagged, and what the judge says of those that were drawn
_DRAWN = """
WITH cheap AS (
    SELECT trace_key FROM assessments WHERE NOT starts_with(monitor, 'judge') AND state = 'assessed' GROUP BY trace_key
),
flagged AS (
    SELECT DISTINCT trace_key FROM alerts WHERE NOT starts_with(monitor, 'judge') AND list_contains(?, "level")
),
unflagged AS (
    SELECT t.trace_key, t.environment
    FROM traces t SEMI JOIN cheap USING (trace_key) ANTI JOIN flagged USING (trace_key)
),
drawn AS (
    SELECT trace_key FROM judgements WHERE monitor = ? AND audit_drawn GROUP BY trace_key
),
looked AS (SELECT trace_key, state FROM assessments WHERE monitor = ?),
words AS (
    SELECT finding_id, bool_or(verdict = 'true_positive') AS yes, bool_or(verdict = 'false_positive') AS no
    FROM reviews GROUP BY finding_id
),
hits AS (
    SELECT a.trace_key, coalesce(bool_or(w.yes), false) AS confirmed,
           coalesce(bool_and(w.no AND NOT w.yes), false) AS denied
    FROM alerts a LEFT JOIN words w USING (finding_id)
    WHERE a.monitor = ? AND list_contains(?, a."level") GROUP BY a.trace_key
)
SELECT u.environment, count(*) AS unflagged,
       count(*) FILTER (d.trace_key IS NOT NULL AND l.state = 'assessed') AS n,
       count(*) FILTER (d.trace_key IS NOT NULL AND l.state = 'assessed' AND h.trace_key IS NOT NULL) AS hits,
       count(*) FILTER (d.trace_key IS NOT NULL AND l.state = 'assessed' AND h.confirmed) AS confirmed,
       count(*) FILTER (d.trace_key IS NOT NULL AND l.state = 'assessed' AND h.denied) AS denied,
       count(*) FILTER (d.trace_key IS NOT NULL AND l.state <> 'assessed') AS unread
FROM unflagged u LEFT JOIN drawn d USING (trace_key) LEFT JOIN looked l USING (trace_key)
LEFT JOIN hits h USING (trace_key) GROUP BY u.environment ORDER BY u.environment NULLS LAST
"""
_JUDGED = """
SELECT a.trace_key, bool_or(h.trace_key IS NOT NULL) FROM assessments a
LEFT JOIN (SELECT trace_key FROM alerts WHERE monitor = ? AND list_contains(?, "level")) h USING (trace_key)
WHERE a.monitor = ? AND a.state = 'assessed' GROUP BY a.trace_key
"""


@dataclass(frozen=True, slots=True)
class MissedRow:
    """One environment: its unflagged traces, those drawn of them, what the judge flagged, and the estimate."""

    environment: str | None
    drawn: Drawn
    unread: int  # drawn, and not assessed
    estimate: Missed | None


def missed_by_environment(
    con: duckdb.DuckDBPyConnection, judge: str, min_level: str, truth: Mapping[str, Truth] | None = None
) -> Iterator[MissedRow]:
    """A row for each environment and, first, one for all; `truth` is what is held true of labelled traces."""
    known = [m for (m,) in con.execute("SELECT DISTINCT monitor FROM raw.judgements ORDER BY 1").fetchall()]
    if judge not in known:
        raise InputError(f"no judge called {judge!r} has been asked. The store knows {', '.join(known) or 'none'}.")
    levels = list(LEVELS[LEVELS.index(min_level) :])
    negatives = _negatives(con, judge, levels, truth) if truth is not None else None
    rows = con.execute(_DRAWN, [levels, judge, judge, judge, levels]).fetchall()
    sums = tuple(sum(r[i] for r in rows) for i in range(1, 7))
    for environment, *counts, unread in [(ALL, *sums), *rows]:
        drawn = Drawn(*counts)
        yield MissedRow(environment, drawn, unread, missed(drawn, negatives))


def _negatives(
    con: duckdb.DuckDBPyConnection, judge: str, levels: list[str], truth: Mapping[str, Truth]
) -> tuple[int, int]:
    """(false positives, assessed) of the judge on traces labelled negative of both categories."""
    said = dict(con.execute(_JUDGED, [judge, levels, judge]).fetchall())
    clean = [k for k, t in truth.items() if all(t.categories.get(c) is False for c in CATEGORIES) and k in said]
    return sum(bool(said[k]) for k in clean), len(clean)
