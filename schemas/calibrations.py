"""How scores of monitors become one suspicion, and from which on a trace is flagged. Monitor signal, as alerts are."""

from __future__ import annotations

import pyarrow as pa

from schemas.behaviours import CATEGORIES
from schemas.ledger import UTC
from schemas.results import LEVELS
from schemas.table import Column, Table

EVERYWHERE = "*"  # the environment of a threshold that holds where no other does
PIECE = pa.struct(
    [
        pa.field("score", pa.float64(), nullable=False),
        pa.field("until", pa.float64(), nullable=False),
        pa.field("llr", pa.float64(), nullable=False),
        pa.field("slope", pa.float64(), nullable=False),
    ]
)
MAPS = pa.list_(
    pa.struct(
        [
            pa.field("monitor", pa.string(), nullable=False),
            pa.field("digest", pa.string(), nullable=False),
            pa.field("weight", pa.float64(), nullable=False),
            pa.field("positive", pa.list_(pa.float64())),
            pa.field("negative", pa.list_(pa.float64())),
            pa.field("pieces", pa.list_(PIECE), nullable=False),
        ]
    )
)

CALIBRATIONS = Table(
    "calibrations",
    version=1,
    doc=(
        "One row per calibration, category and environment with a threshold of its own (`*`: all others). Append-only; "
        "the newest calibration is in force. Where there is none, one that comes with cotmonitor is."
    ),
    columns=(
        Column("calibration_id", pa.string(), "`calibration-` and a digest of all that follows but the date."),
        Column("calibrated_at", UTC, "When it was made."),
        Column("category", pa.string(), "The kind of trouble.", one_of=CATEGORIES),
        Column("environment", pa.string(), "Where the threshold holds; `*` wherever no other does."),
        Column("base_rate", pa.float64(), "The share of traces assumed to show the category.", minimum=0, maximum=1),
        Column(
            "maps",
            MAPS,
            "By monitor: its digest, weight, tasks with the category and ordinary ones by bin of score, and the map: "
            "from `score` to `until` the log-likelihood ratio is `llr + slope * (x - score)`. Only in rows of `*`.",
        ),
        Column("target_fpr", pa.float64(), "Share of ordinary traces that may be flagged.", minimum=0, maximum=1),
        Column("alerts_per_night", pa.float64(), "The budget it comes from.", nullable=True, minimum=0),
        Column(
            "threshold",
            pa.float64(),
            "Suspicion from which a trace is flagged; null where no monitor looked at the traffic for it.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("pooled", pa.bool_(), "Whether the environment has too little traffic, so that `*` decides."),
        Column(
            "keep_level", pa.string(), "Alerts from this level on are listed in any case.", nullable=True, one_of=LEVELS
        ),
        Column("flagged", pa.int64(), "Ordinary traces that reach the threshold.", minimum=0),
        Column("ordinary", pa.int64(), "Ordinary traces that a monitor assessed.", minimum=0),
        Column("tasks", pa.int64(), "The tasks that they are of.", minimum=0),
        Column("low", pa.float64(), "Of `flagged / ordinary`, the 95 % interval by tasks.", nullable=True),
        Column("high", pa.float64(), "Its upper end.", nullable=True),
        Column("kept", pa.int64(), "Ordinary traces listed for the level of an alert alone.", minimum=0),
        Column("nights", pa.int64(), "Dates of runs that the traffic is of.", minimum=0),
        Column(
            "left_out", pa.int64(), "Traces left out since a person or a label says they are not ordinary.", minimum=0
        ),
        Column("unassessed", pa.int64(), "Traces left out since no monitor with a map looked at them.", minimum=0),
        Column("traffic", pa.string(), "Which traffic was declared ordinary, as JSON."),
        Column("data_digest", pa.string(), "Digest of the ordinary traces and their scores."),
        Column("labels_digest", pa.string(), "Digest of the labels used; null if none were.", nullable=True),
        Column("canary", pa.string(), "Marks the row as monitor output; training data must never hold it."),
        Column("schema_version", pa.int32(), "Version of this table.", minimum=1),
    ),
    key=("calibration_id", "category", "environment", "calibrated_at"),
)
