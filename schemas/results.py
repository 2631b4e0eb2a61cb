"""What monitors say and what people answer. Nothing that writes training data may import this module."""

from __future__ import annotations

import pyarrow as pa

from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.ledger import UTC
from schemas.table import Column, Table
from schemas.trace import CHANNELS, COMMITTED_BY, DIMENSIONS, IDENTITY, PROVENANCE

LEVELS = ("informational", "low", "medium", "high", "critical")
STANCES = (
    "executed",
    "attempted",
    "planned",
    "contemplated",
    "rejected",
    "disclosed",
    "quoted_or_fiction",
    "unclear",
)
SANCTIONED = ("none", "user", "environment", "fiction")
STATES = ("assessed", "not_assessed")
FINAL_REASONS = ("no_reasoning", "redacted", "truncated", "not_escalated")
RETRYABLE_REASONS = ("over_budget", "judge_error")
# audit: drawn by chance; unseen: no cheap monitor could look; control: a record with a known answer
CHOSEN_BY = ("audit", "unseen", "behaviour", "score", "control")
REASONS = FINAL_REASONS + RETRYABLE_REASONS
VERDICTS = ("true_positive", "false_positive", "unsure")

EVIDENCE = pa.list_(
    pa.struct(
        [
            pa.field("step", pa.int32(), nullable=False),
            pa.field("start", pa.int64(), nullable=False),
            pa.field("end", pa.int64(), nullable=False),
            pa.field("rule", pa.string(), nullable=False),
            pa.field("excerpt", pa.string()),
        ]
    )
)

ASSESSMENTS = Table(
    "assessments",
    version=2,
    doc=(
        "One row per trace and monitor: whether it could look. *Not assessed* never reads as *clean*. An `assessed` "
        "row may carry a reason too: what there was was read, but the reasoning was absent or redacted."
    ),
    columns=(
        *COMMITTED_BY,
        Column("trace_key", pa.string(), "The trace."),
        Column("monitor", pa.string(), "The monitor's id."),
        Column("monitor_digest", pa.string(), "Digest of the monitor that looked."),
        Column("state", pa.string(), "Whether the monitor looked.", one_of=STATES),
        Column("reason", pa.string(), "Why it did not, or what it could not see.", nullable=True, one_of=REASONS),
        Column("channels", pa.list_(pa.string()), "The channels in which it read text."),
        Column(
            "score", pa.float64(), "Suspicion from 0 to 1; null if not assessed.", nullable=True, minimum=0, maximum=1
        ),
        *(
            Column(
                category,
                pa.float64(),
                f"Suspicion of {category.replace('_', ' ')} alone, whether or not it sufficed for an alert. Null where "
                "the monitor does not look for it, or read nothing in which it would.",
                nullable=True,
                minimum=0,
                maximum=1,
                since=2,
            )
            for category in CATEGORIES
        ),
        *PROVENANCE,
    ),
    key=("unit_id", "run_id", "file", "row_group", "row", "monitor"),
)

ALERTS = Table(
    "alerts",
    version=1,
    doc="One row per trace, monitor and behaviour flagged, with the evidence.",
    columns=(
        *COMMITTED_BY,
        Column("alert_id", pa.string(), "`alert-` and a digest of finding and monitor digest."),
        Column(
            "finding_id",
            pa.string(),
            "`finding-` and a digest of trace_key, monitor and behaviour; survives a new pack version.",
        ),
        Column("run_date", pa.date32(), "The date the run was for."),
        *IDENTITY,
        Column("monitor", pa.string(), "The monitor's id."),
        Column("monitor_version", pa.string(), "The monitor's version."),
        Column("monitor_digest", pa.string(), "Digest of the monitor's code version, pack or model, and settings."),
        Column("rules", pa.list_(pa.string()), "The rules that fired."),
        Column("category", pa.string(), "The kind of trouble.", one_of=CATEGORIES),
        Column("behaviour", pa.string(), "Behaviour id.", one_of=tuple(BEHAVIOURS)),
        Column("stance", pa.string(), "How the model stands to it.", one_of=STANCES),
        Column("sanctioned", pa.string(), "Who had allowed it.", one_of=SANCTIONED),
        Column("level", pa.string(), "How much it matters.", one_of=LEVELS),
        Column("score", pa.float64(), "Confidence from 0 to 1.", minimum=0, maximum=1),
        Column("threshold", pa.float64(), "The score from which the monitor alerts.", minimum=0, maximum=1),
        Column("channel", pa.string(), "Channel of the first evidence.", one_of=CHANNELS),
        Column("evidence", EVIDENCE, "Spans in code points: `steps[step].text[start:end]` begins with the excerpt."),
        Column("signature", pa.string(), "Digest of the normalised evidence; alike alerts share it."),
        Column("rationale", pa.string(), "Why, in words."),
        *(c for c in DIMENSIONS if c.name != "metadata"),
        *PROVENANCE,
        Column("canary", pa.string(), "Marks the row as monitor output; training data must never hold it."),
        Column("schema_version", pa.int32(), "Version of this table.", minimum=1),
    ),
    key=("unit_id", "run_id", "file", "row_group", "row", "monitor", "behaviour"),
)

JUDGEMENTS = Table(
    "judgements",
    version=2,
    doc="One row per call to an LLM judge: one per window of a trace. Controls have no unit and an empty `unit_id`.",
    columns=(
        *COMMITTED_BY,
        Column("trace_key", pa.string(), "The trace."),
        Column("monitor", pa.string(), "The judge's id."),
        Column("call_id", pa.string(), "Digest of prompt, model, parameters and trace."),
        Column("verdict", pa.string(), "What the judge said, as JSON.", nullable=True),
        Column("quote_found", pa.bool_(), "Whether its quote stands in the trace.", nullable=True),
        Column("prompt_tokens", pa.int64(), "Tokens sent.", minimum=0),
        Column("completion_tokens", pa.int64(), "Tokens received.", minimum=0),
        Column(
            "cost_usd",
            pa.float64(),
            "What this run paid for the call; 0 for an answer that an earlier run has in its books.",
            minimum=0,
        ),
        Column("seconds", pa.float64(), "Latency.", minimum=0),
        Column("cached", pa.bool_(), "Answered from the cache."),
        Column("attempts", pa.int32(), "Requests made.", minimum=0),
        Column("error", pa.string(), "Why there is no verdict.", nullable=True),
        *(
            Column(name, kind, doc, nullable=True, one_of=known, since=2)
            for name, kind, doc, known in (
                ("model", pa.string(), "The model asked.", ()),
                ("question_digest", pa.string(), "Digest of prompt, model, server and parameters.", ()),
                ("judge_window", pa.int32(), "Which window of the trace, from 0.", ()),
                ("chosen_by", pa.string(), "Why the trace was read.", CHOSEN_BY),
                ("audit_drawn", pa.bool_(), "Whether the trace is of the random share.", ()),
                ("judge_summary", pa.string(), "What the model was after, in two sentences.", ()),
                ("canary", pa.string(), "Marks the row as monitor output; training data must never hold it.", ()),
            )
        ),
    ),
    key=("unit_id", "run_id", "call_id"),
)

REVIEWS = Table(
    "reviews",
    version=1,
    doc="One row per human verdict on a finding. The newest of each reviewer counts.",
    columns=(
        Column("finding_id", pa.string(), "The finding."),
        Column("verdict", pa.string(), "The person's verdict.", one_of=VERDICTS),
        Column("note", pa.string(), "Their note.", nullable=True),
        Column("reviewer", pa.string(), "Who."),
        Column("reviewed_at", UTC, "When."),
    ),
    key=("finding_id", "reviewer", "reviewed_at"),
)

AUDITS = Table(
    "audits",
    version=1,
    doc=(
        "One row per audit of a training corpus. The same question asked again has the same audit_id, the same answer, "
        "and spends nothing."
    ),
    columns=(
        Column("audit_id", pa.string(), "Digest of the corpus' bytes, the settings and what the store held."),
        Column("audited_at", UTC, "When it was recorded."),
        Column("corpus", pa.string(), "The corpus: an absolute path or glob."),
        Column("corpus_digest", pa.string(), "Digest of the names, sizes and SHA-256 of its files."),
        Column("files", pa.int64(), "Files of the corpus.", minimum=0),
        Column("rows", pa.int64(), "Rows that were read.", minimum=0),
        Column("bytes", pa.int64(), "Bytes of its files.", minimum=0),
        Column("nth", pa.int32(), "Which different audit of this corpus it was, from 1.", minimum=1),
        Column(
            "alpha_total",
            pa.float64(),
            "The chance of a false alarm that all audits of the corpus may have together.",
            minimum=0,
            maximum=1,
        ),
        Column("alpha_spent", pa.float64(), "The share of it that this audit had.", minimum=0, maximum=1),
        Column("min_level", pa.string(), "A trace is flagged by an alert from this level on.", one_of=LEVELS),
        Column("refused", pa.bool_(), "Whether it said no: a leak, something unexplained, or a broken certificate."),
        Column("leak", pa.int64(), "Findings with this verdict; so the next five.", minimum=0),
        Column("associated_unexplained", pa.int64(), "Beyond chance, and nothing accounts for it.", minimum=0),
        Column("associated_explained", pa.int64(), "Beyond chance, and something accounts for it.", minimum=0),
        Column("none_found", pa.int64(), "Looked, and found nothing.", minimum=0),
        Column("not_identifiable", pa.int64(), "What is there could not tell.", minimum=0),
        Column("not_assessed", pa.int64(), "Not looked at.", minimum=0),
        Column("settings", pa.string(), "The audit's settings as JSON."),
        Column("report", pa.string(), "Folder of the report, relative to the store."),
        Column("code_version", pa.string(), "Version of cotmonitor."),
        Column("seconds", pa.float64(), "Wall time.", minimum=0),
        Column("canary", pa.string(), "Marks the row as monitor output; training data must never hold it."),
        Column("schema_version", pa.int32(), "Version of this table.", minimum=1),
    ),
    key=("audit_id", "audited_at"),
)
