"""What people said of findings, as labels of the traces that they were found in."""

from __future__ import annotations

import duckdb

from pipelines.labels.files import Label
from pipelines.store import Store

ANSWER = {"true_positive": "true", "false_positive": "false", "unsure": "unsure"}
# the finding's id is a digest of trace, monitor and behaviour, so that any of its alerts will do, an old one too
REVIEWED = """
SELECT r.verdict, r.reviewer, r.note, a.trace_key, a.trace_id, a.trace_digest, a.category, a.behaviour, a.stance,
       a.sanctioned
FROM reviews r JOIN (
    SELECT a.finding_id, any_value(a.trace_key) trace_key, any_value(a.trace_id) trace_id,
           any_value(a.trace_digest) trace_digest, any_value(a.category) category, any_value(a.behaviour) behaviour,
           arg_max(a.stance, u.sequence) stance, arg_max(a.sanctioned, u.sequence) sanctioned
    FROM raw.alerts a JOIN raw.units u USING (unit_id, run_id) GROUP BY a.finding_id
) a USING (finding_id)
ORDER BY a.trace_id, a.trace_key, a.behaviour, r.reviewer, r.verdict
"""


def labels_of_reviews(store: Store) -> tuple[list[Label], int]:
    """The labels that the reviews of a store make, and how many reviews are of findings it no longer knows."""
    with store.connect() as con:
        rows = con.execute(REVIEWED).fetchall()
        reviews = _count(con)
    found: dict[tuple[str, str, str], list[Label]] = {}
    for verdict, reviewer, note, key, trace_id, digest, category, behaviour, stance, sanctioned in rows:
        label = Label(
            key, category, behaviour, ANSWER[verdict], "human", reviewer, trace_id, digest, stance, sanctioned, note
        )
        found.setdefault((key, behaviour, reviewer), []).append(label)
    return [_one(labels) for labels in found.values()], reviews - len(rows)


def _one(labels: list[Label]) -> Label:
    """One label of a reviewer's verdicts on a behaviour that several monitors found: it is there if one says so."""
    ranked = sorted(labels, key=lambda label: ("true", "false", "unsure").index(label.label))
    return ranked[0]


def _count(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT count(*) FROM reviews").fetchall()[0][0])
