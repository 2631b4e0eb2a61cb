"""What an audit may say, and of which rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "leak",  # certain: the row, value or text itself shows it
    "associated_unexplained",  # beyond chance, and nothing that was known before the monitors accounts for it
    "associated_explained",  # beyond chance, and `explained_by` accounts for it
    "none_found",  # looked, and an odds ratio of `margin` would have been seen
    "not_identifiable",  # what is there could not tell a leak from none
    "not_assessed",  # not looked at, and why
]
VERDICTS: tuple[Verdict, ...] = (
    *("leak", "associated_unexplained", "associated_explained", "none_found", "not_identifiable", "not_assessed"),
)
CHECKS = (  # in the order in which an audit makes and tells them
    *("certificate", "canary", "containment", "reward", "label", "mask", "text", "selection", "column"),
    *("inclusion", "repetition", "order", "strata", "payload", "reward_fn"),
)
NAMED_ROWS = 20  # examples that a finding keeps; its count covers the others


@dataclass(frozen=True, slots=True)
class RowRef:
    """A row of the corpus, or a trace that should have been one (then file and row are None)."""

    file: str | None
    row: int | None
    sample_id: str | None
    trace_key: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit says.

    `channel` is the way it would have come (L0 to L8 of the threat model). `estimate`, `low` and `high` are an odds
    ratio with its 95 % interval, and `margin` the odds ratio (above 1) that this corpus would have shown in 8 of 10
    cases; None where there is no statistic.
    """

    check: str
    channel: str
    verdict: Verdict
    subject: str
    says: str
    rows: int = 0
    examples: tuple[RowRef, ...] = ()
    explained_by: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    margin: float | None = None
