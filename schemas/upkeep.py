"""What people decide about a store after the fact: which findings may be quiet for a while, and what was taken out."""

from __future__ import annotations

import pyarrow as pa

from schemas.canary import CANARY
from schemas.ledger import UTC
from schemas.table import Column, Table

SCOPE = ("finding_id", "signature", "monitor", "behaviour", "rule", "environment")
WHY = ("request", "retention", "superseded")

MUTES = Table(
    "mutes",
    version=1,
    doc=(
        "One row per mute set or lifted. A mute is of one finding, of alike evidence, or of a behaviour, rule or "
        "monitor in one environment; it has an owner, a reason and a last day. The newest row of a mute counts."
    ),
    columns=(
        Column("mute_id", pa.string(), "Digest of what is muted."),
        Column("set_at", UTC, "When this row was written."),
        *(Column(name, pa.string(), "Mutes alerts with this value; null for any.", nullable=True) for name in SCOPE),
        Column("owner", pa.string(), "Who answers for it."),
        Column("reason", pa.string(), "Why."),
        Column("last_day", pa.date32(), "The last day (UTC) on which it holds."),
        Column("lifted", pa.bool_(), "Whether this row ends it."),
        Column("canary", pa.string(), f"Marks the row as monitor output: `{CANARY}:mute`."),
    ),
    key=("mute_id", "set_at"),
)

FORGOTTEN = Table(
    "forgotten",
    version=1,
    doc=(
        "What was deleted from the store: how many rows of which table and unit, by whom and why. A trace that was "
        "forgotten on request is known by a keyed digest of its id, so that no later run brings it back."
    ),
    columns=(
        Column("forgotten_at", UTC, "When it was decided."),
        Column("why", pa.string(), "On request, by age, or because nothing showed it any more.", one_of=WHY),
        Column("subject", pa.string(), "Keyed digest of the trace's id; null unless on request.", nullable=True),
        Column("owner", pa.string(), "Who asked for it."),
        Column("reason", pa.string(), "In words."),
        Column("table_name", pa.string(), "The table; empty for the decision itself."),
        Column("unit_id", pa.string(), "The unit whose rows they were.", nullable=True),
        Column("run_id", pa.string(), "The run that had written them.", nullable=True),
        Column("rows", pa.int64(), "How many rows were deleted.", minimum=0),
        Column("kept", pa.bool_(), "Whether the decision still holds; a trace may be let in again."),
    ),
    key=("subject", "table_name", "unit_id", "run_id", "forgotten_at"),
)
