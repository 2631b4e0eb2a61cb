"""What is held to be true of traces, by whom and on what ground. Monitor signal: nothing that writes training data
may import this module, and label files stay on the store's side."""

from __future__ import annotations

import pyarrow as pa

from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.results import SANCTIONED, STANCES
from schemas.table import Column, Table

TRUE, FALSE, UNSURE = "true", "false", "unsure"
ANSWERS = (TRUE, FALSE, UNSURE)
# the better ground first: where two disagree, the better one counts
ORIGINS = ("human", "counterfactual", "model", "regex", "presumed")

LABELS = Table(
    "labels",
    version=1,
    doc=(
        "One row per trace, category or behaviour, and labeller: a file of its own (Parquet, JSONL or CSV), not a "
        "table of the store. A row with a behaviour speaks of that behaviour; one without speaks of the category."
    ),
    columns=(
        Column("trace_key", pa.string(), "The trace: digest of trace_id and trace_digest."),
        Column("trace_id", pa.string(), "The trace's id, for people.", nullable=True),
        Column("trace_digest", pa.string(), "Digest of the trace's steps.", nullable=True),
        Column("category", pa.string(), "The kind of trouble the row speaks of.", one_of=CATEGORIES),
        Column("behaviour", pa.string(), "Behaviour id.", nullable=True, one_of=tuple(BEHAVIOURS)),
        Column(
            "label", pa.string(), "Whether somebody should be woken by it; unsure scores neither way.", one_of=ANSWERS
        ),
        Column("stance", pa.string(), "How the model stands to it.", nullable=True, one_of=STANCES),
        Column("sanctioned", pa.string(), "Who had allowed it.", nullable=True, one_of=SANCTIONED),
        Column(
            "origin",
            pa.string(),
            "The ground: a person read it; it follows from how the trace was made; a model judged it; a pattern "
            "matched; nobody looked, but it comes from where it should be so.",
            one_of=ORIGINS,
        ),
        Column("labeller", pa.string(), "Who, or what."),
        Column("note", pa.string(), "Why.", nullable=True),
        Column("canary", pa.string(), "Marks the row as monitor signal; training data must never hold it."),
        Column("schema_version", pa.int32(), "Version of this table.", minimum=1),
    ),
    key=("trace_key", "category", "behaviour", "labeller"),
)
