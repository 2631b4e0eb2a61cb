"""A declared selection against the corpus: each row that is not as declared is named, and no chance is in that.

A deviation is a leak if flagged rows deviate more, or less, than chance and the lake's columns allow: a declaration
says that nothing else chose, so nothing else is left to explain it. If the lake's columns account for it (a loader that
drops the longest rows), it is `associated_explained`; if it has nothing to do with the alerts, the declaration is wrong
but no leak was found, and that is what is said.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import binom

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.judge import judge
from pipelines.audit.rows.selection import Order, Sample

RATE = 1e-6  # p from which a share is not the declared one; no leak by itself


def selection_findings(case: Case) -> list[Finding]:
    """One finding for each way in which the corpus is not what was declared, or one that it is."""
    replayed, declared = case.replayed, case.declared
    if replayed is None or declared is None:
        return [Finding("selection", "L2", "not_assessed", "declaration", "Nobody declared how the corpus was chosen.")]
    count, may = case.joined.count, replayed.may
    kinds = [("present though left out", count > 0, ~may)]
    if replayed.exact:
        kinds.append(("missing though declared", count == 0, may))
    if replayed.exact or replayed.repeated:
        kinds.append(("not there as often as declared", count != replayed.times, may & (count > 0)))
    level = case.level("selection", len(kinds))
    findings = [
        _deviating(case, subject, deviates & among, among, level)
        for subject, deviates, among in kinds
        if (deviates & among).any()
    ]
    findings += _share(case, declared.sample, may)
    findings += _order(case, declared.order)
    if not findings:
        out = "; ".join(f"{t} leaves out {n:,}" for t, n in replayed.left_out.items())
        says = f"The rows are those that were declared{': ' + out if out else ''}."
        return [Finding("selection", "L2", "none_found", "declaration", says, int(case.present.sum()))]
    return findings


def _deviating(case: Case, subject: str, deviates: np.ndarray, among: np.ndarray, level: float) -> Finding:
    judged = judge(case, ~deviates, among, among, level)
    number, flagged = int(deviates.sum()), int((deviates & case.pop.flagged).sum())
    rate = case.pop.flagged[among].mean()
    says = f"{counted(number, 'trace is', 'traces are')} {subject}; {flagged:,} of them are flagged, of all {rate:.2%}."
    worst = np.flatnonzero(deviates & case.pop.flagged), np.flatnonzero(deviates & ~case.pop.flagged)
    finding = judged.finding(
        *("selection", "L2", subject, says), rows=number, examples=case.traces(np.concatenate(worst), subject)
    )
    if judged.verdict == "associated_unexplained":
        return replace(finding, verdict="leak")
    if judged.verdict == "none_found":
        return replace(finding, says=f"{says} The declaration does not hold, but that is not tied to the alerts.")
    if judged.why:
        return replace(finding, says=f"{says} Whether that is tied to the alerts cannot be told: {judged.why}.")
    return finding


def _share(case: Case, sample: Sample | None, may: np.ndarray) -> list[Finding]:
    """A share drawn by chance must be about that share; how it is divided is for the test of inclusion."""
    if sample is None or sample.by is not None or not may.any():
        return []
    kept, size = int((case.present & may).sum()), int(may.sum())
    p = 2 * min(binom.cdf(kept, size, sample.rate), binom.sf(kept - 1, size, sample.rate))
    if p > RATE:
        return []
    says = f"{kept / size:.1%} of the traces that could be there are, and {sample.rate:.1%} was declared."
    return [
        Finding("selection", "L2", "not_identifiable", "share", f"{says} Something else chose as well.", size - kept)
    ]


def _order(case: Case, order: str | Order | None) -> list[Finding]:
    if order is None or order == "shuffled":
        return []
    traces = np.flatnonzero(case.present)
    traces = traces[np.argsort(case.joined.first[traces], kind="stable")]
    by = ("place",) if isinstance(order, str) else order.by
    columns = [case.source.numeric.get(name) for name in by]
    keys = [np.nan_to_num(c[traces], nan=-np.inf) for c in columns if c is not None]
    if isinstance(order, Order) and order.descending:
        keys = [-k for k in keys]
    if len(traces) < 2 or not keys:
        return []
    sorted_so = np.lexsort((np.arange(len(traces)), *keys[::-1]))
    off = np.flatnonzero(sorted_so != np.arange(len(traces)))
    if not len(off):
        return []
    says = f"The rows are not sorted by {', '.join(by)}: {counted(len(off), 'row stands', 'rows stand')} elsewhere."
    named = case.traces(traces[off], "stands elsewhere")
    return [
        Finding("selection", "L2", "not_identifiable", "order", f"{says} See the check of the order.", len(off), named)
    ]
