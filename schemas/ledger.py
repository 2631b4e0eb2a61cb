"""The store's own books: what was done, what was not taken, and which runs tried."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table
from schemas.trace import COMMITTED_BY

UTC = pa.timestamp("us", tz="UTC")
INGEST = "ingest"  # the unit under which a file's `traces` rows and dead letters are committed

UNITS = Table(
    "units",
    version=2,
    doc=(
        "One row per (file fingerprint, adapter digest, monitor digest) done. The only commit point: a row of another "
        "table counts when the newest unit of its (file, monitor) has its unit_id and run_id."
    ),
    columns=(
        Column("unit_id", pa.string(), "Digest of fingerprint, adapter digest and monitor digest."),
        Column("run_id", pa.string(), "The run that did it."),
        Column("sequence", pa.int64(), "Order of commits, from 1; the higher is the newer.", minimum=1),
        Column("committed_at", UTC, "When it was committed, by the committing machine's clock."),
        Column("run_date", pa.date32(), "The date the run was for."),
        Column("file", pa.string(), "The input file, relative to the input root."),
        Column("fingerprint", pa.string(), "Digest of relative path, size, and etag or footer."),
        Column("adapter_digest", pa.string(), "Digest of the layout settings and the adapter's version."),
        Column("monitor", pa.string(), f"The monitor's id, or `{INGEST}` for the traces themselves."),
        Column("monitor_digest", pa.string(), "Digest of the monitor's code version, pack or model, and settings."),
        Column(
            "sample",
            pa.int64(),
            "Size of the sample that the run drew; null when whole. A sampled unit never hides a whole one.",
            nullable=True,
            minimum=1,
        ),
        Column("rows", pa.int64(), "Input rows read.", minimum=0),
        Column("traces", pa.int64(), "Rows that became traces.", minimum=0),
        Column("dead", pa.int64(), "Rows that became dead letters.", minimum=0),
        Column("assessed", pa.int64(), "Traces assessed.", minimum=0),
        Column("not_assessed", pa.int64(), "Traces the monitor could not look at.", minimum=0),
        Column(
            "without_reasoning", pa.int64(), "Of the assessed, those whose reasoning was not there to read.", minimum=0
        ),
        Column("retryable", pa.int64(), "Of those, and of the dead, how many a retry may mend.", minimum=0),
        Column("alerts", pa.int64(), "Alert rows.", minimum=0),
        Column(
            "shadow",
            pa.bool_(),
            "Done by a shadow run: seen in `shadow_alerts` and its like, and in no view that anybody is woken by.",
            nullable=True,
            since=2,
        ),
    ),
    key=("unit_id", "run_id"),
)

DEAD_STAGES = ("open", "read", "adapt")
DEAD_LETTERS = Table(
    "dead_letters",
    version=1,
    doc="One row per input row, or stretch of a file, that was not taken, and why.",
    columns=(
        *COMMITTED_BY,
        Column("stage", pa.string(), "Where it failed.", one_of=DEAD_STAGES),
        Column("file", pa.string(), "The input file, relative to the input root."),
        Column("row_group", pa.int32(), "Row group; null where the file could not be opened.", nullable=True),
        Column("row", pa.int64(), "Row within the row group; null where a stretch was lost.", nullable=True),
        Column("rows", pa.int64(), "How many input rows this letter stands for.", minimum=1),
        Column("reason", pa.string(), "Reason code, e.g. `null_id`, `unknown_role`, `corrupt_file`."),
        Column("message", pa.string(), "What was wrong and what was found."),
        Column("payload", pa.string(), "The row as JSON, capped; null if keeping payloads is off.", nullable=True),
        Column("payload_digest", pa.string(), "Digest of the whole payload.", nullable=True),
    ),
    key=("unit_id", "run_id", "file", "row_group", "row"),
)

RUN_STATUS = ("running", "judging", "done", "failed")
RUNS = Table(
    "runs",
    version=1,
    doc=(
        "What each run was and how it ended, failed ones too. Append-only: a run writes `running` when it begins to "
        "stage, `judging` when the cheap monitors have committed and a judge reads on, and a last row when it ends; "
        "the view shows the last."
    ),
    columns=(
        Column("run_id", pa.string(), "Time and chance; names one attempt."),
        Column("recorded_at", UTC, "When this row was written."),
        Column("status", pa.string(), "How far the run is.", one_of=RUN_STATUS),
        Column("started_at", UTC, "When the run began."),
        Column("seconds", pa.float64(), "Wall time so far.", minimum=0),
        Column("run_date", pa.date32(), "The date the run was for."),
        Column("code_version", pa.string(), "Version of cotmonitor."),
        Column("config", pa.string(), "The job as it ran, as JSON."),
        Column(
            "monitors",
            pa.list_(
                pa.struct(
                    [
                        ("monitor", pa.string()),
                        ("version", pa.string()),
                        ("digest", pa.string()),
                        (
                            "behaviours",
                            pa.list_(pa.struct([("behaviour", pa.string()), ("channels", pa.list_(pa.string()))])),
                        ),
                    ]
                )
            ),
            "The monitors and, for each, which behaviours it looks for in which channels.",
        ),
        Column("files", pa.int64(), "Input files with something to do.", minimum=0),
        Column("rows", pa.int64(), "Input rows read.", minimum=0),
        Column("traces", pa.int64(), "Rows that became traces.", minimum=0),
        Column("dead", pa.int64(), "Rows that became dead letters.", minimum=0),
        Column("alerts", pa.int64(), "Alert rows.", minimum=0),
        Column("cost_usd", pa.float64(), "Money spent on judges.", minimum=0),
        Column("contracts", pa.string(), "Contract results as JSON; null before the gate.", nullable=True),
        Column("error", pa.string(), "Why it failed.", nullable=True),
    ),
    key=("run_id", "recorded_at"),
)
