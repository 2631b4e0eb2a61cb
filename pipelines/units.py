"""The rows of `units` that a run may commit: one per file and part, with counts taken from what was staged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from pipelines.decide import RunStamp
from pipelines.plan import Part
from pipelines.store.connect import literal, unglobbed
from schemas.ledger import DEAD_LETTERS, INGEST, UNITS
from schemas.results import ALERTS, ASSESSMENTS, FINAL_REASONS

RETRYABLE_DEAD = ("corrupt_file", "unreadable_file")  # the file may be whole, or readable, tomorrow
SILENT = ("no_reasoning", "redacted")  # reasons with which an assessed trace says that its reasoning was not there
FILLED_IN = ("sequence", "committed_at")  # by the store, when it commits

_COUNTED = f"""
SELECT
    c.file, c.fingerprint, p.part AS monitor, c."rows", c.traces, c.dead,
    coalesce(l.assessed, 0)::BIGINT AS assessed,
    coalesce(l.not_assessed, 0)::BIGINT AS not_assessed,
    coalesce(l.without_reasoning, 0)::BIGINT AS without_reasoning,
    coalesce(CASE WHEN p.part = '{INGEST}' THEN d.retryable ELSE l.retryable END, 0)::BIGINT AS retryable,
    coalesce(a.alerts, 0)::BIGINT AS alerts
FROM counts AS c
CROSS JOIN unnest(c.parts) AS p(part)
LEFT JOIN (
    SELECT file, monitor, count(*) FILTER (state = 'assessed') AS assessed,
           count(*) FILTER (state <> 'assessed') AS not_assessed,
           count(*) FILTER (state = 'assessed' AND reason IN {SILENT!r}) AS without_reasoning,
           count(*) FILTER (state <> 'assessed' AND reason NOT IN {FINAL_REASONS!r}) AS retryable
    FROM assessments GROUP BY ALL
) AS l ON l.file = c.file AND l.monitor = p.part
LEFT JOIN (SELECT file, monitor, count(*) AS alerts FROM alerts GROUP BY ALL) AS a
    ON a.file = c.file AND a.monitor = p.part
LEFT JOIN (
    SELECT file, sum("rows") AS retryable FROM dead_letters WHERE reason IN {RETRYABLE_DEAD!r} GROUP BY ALL
) AS d ON d.file = c.file
ORDER BY c.file, monitor
"""
SOURCES = (ASSESSMENTS, ALERTS, DEAD_LETTERS)


def unit_rows(
    counts: pa.Table,
    files: Mapping[str, Sequence[str]],
    parts: Sequence[Part],
    stamp: RunStamp,
    sample: int | None,
    shadow: bool = False,
) -> pa.Table:
    """Units from `counts` (file, fingerprint, parts, rows, traces, dead; a row a file) and the staged files by table.

    `sequence` and `committed_at` are left to the store. A million files are a few hundred megabytes of columns here,
    never a million Python objects.
    """
    with duckdb.connect() as con:
        con.register("counts", counts)
        for table in SOURCES:
            if files[table.name]:
                listed = ", ".join(literal(unglobbed(f)) for f in files[table.name])
                con.execute(f"CREATE VIEW {table.name} AS FROM read_parquet([{listed}], hive_partitioning = false)")
            else:
                con.register(table.name, table.arrow().empty_table())
        counted = con.sql(_COUNTED).to_arrow_table()
    by_id = {p.id: p for p in parts}
    pairs = zip(counted.column("fingerprint").to_pylist(), counted.column("monitor").to_pylist(), strict=True)
    ids = [by_id[monitor].unit_id(fingerprint, stamp.adapter_digest) for fingerprint, monitor in pairs]
    digests = pa.array([p.digest for p in parts]).take(
        pa.compute.index_in(counted.column("monitor").combine_chunks(), pa.array([p.id for p in parts]))
    )
    n = counted.num_rows
    columns: dict[str, object] = {
        **{name: counted.column(name) for name in counted.column_names},
        "unit_id": pa.array(ids, pa.string()),
        "monitor_digest": digests,
        "run_id": pa.repeat(pa.scalar(stamp.run_id), n),
        "run_date": pa.repeat(pa.scalar(stamp.run_date), n),
        "adapter_digest": pa.repeat(pa.scalar(stamp.adapter_digest), n),
        "sample": pa.repeat(pa.scalar(sample, pa.int64()), n),
        # what a shadow run takes in is taken in; only its judgement stays beside what counts
        "shadow": pa.compute.and_(pa.scalar(shadow), pa.compute.not_equal(counted.column("monitor"), INGEST)),
    }
    schema = pa.schema([f for f in UNITS.arrow() if f.name not in FILLED_IN])
    return pa.table([columns[f.name] for f in schema], schema=schema)


def totals(units: pa.Table) -> dict[str, dict[str, int]]:
    """Sums by monitor of every count in `units`."""
    names = ("rows", "traces", "dead", "assessed", "not_assessed", "without_reasoning", "retryable", "alerts")
    sums = units.group_by("monitor").aggregate([(n, "sum") for n in names] + [([], "count_all")])
    return {
        row["monitor"]: {**{n: row[f"{n}_sum"] for n in names}, "files": row["count_all"]} for row in sums.to_pylist()
    }
