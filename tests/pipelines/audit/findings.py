"""Findings of every kind, for tests of how they are told."""

from __future__ import annotations

import math

from pipelines.audit.finding import Finding, RowRef
from pipelines.audit.report import AuditSummary, ordered

HOSTILE = "</td></pre><script>alert(1)</script>\x1b[31m & \"'"
ROWS = tuple(RowRef(f"part-{HOSTILE}.parquet", i, f"t{i}{HOSTILE}", "ab" * 16, f"detail {HOSTILE}") for i in range(7))

LEAK = Finding("reward", "L3", "leak", f"column {HOSTILE}", "rewards differ", 30, ROWS)
UNEXPLAINED = Finding(
    *("inclusion", "L2", "associated_unexplained", "rows within tasks", "flagged traces are missing", 40),
    **{"estimate": 0.31, "low": 0.2, "high": 0.48, "p": 1e-7, "margin": 1.6},  # type: ignore[arg-type]
)
EXPLAINED = Finding(
    *("inclusion", "L2", "associated_explained", "rows between tasks", "flagged are rarer"),
    explained_by=f"reward >= {HOSTILE}",
    estimate=0.7,
    low=0.0,
    high=0.93,
)
NONE = Finding("order", "L2", "none_found", "rows", "no tie", estimate=1.02, low=0.9, high=math.inf, margin=1.3)
UNKNOWN = Finding("mask", "L4", "not_identifiable", "masks", f"no column says {HOSTILE}")
UNLOOKED = Finding("payload", "L0", "not_assessed", "payloads", "--payloads was not given")
BROKEN = Finding("certificate", "L5", "not_identifiable", "certificate", "data/part-1.parquet: was edited")


def summary(*findings: Finding) -> AuditSummary:
    return AuditSummary(
        audit_id="ab" * 16,
        status="done",
        corpus=f"/data/{HOSTILE}",
        corpus_digest="cd" * 16,
        files=3,
        rows=120_000,
        nbytes=2_000_000_000,
        nth=2,
        alpha_total=0.01,
        alpha=0.0015,
        asked_before=False,
        findings=ordered(findings),
    )
