"""The audit's statistics: what the rows of a corpus, without their text, say of whether alerts had a part in it.

First what is certain (rewards, labels, masks, declared selections and columns, columns that follow a monitor), then
what is a matter of chance: who is there, how often, in what order, and which strata.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, Chosen, counted, untestable
from pipelines.audit.rows.columns import column_findings, joined_rows
from pipelines.audit.rows.deviations import selection_findings
from pipelines.audit.rows.inclusion import against
from pipelines.audit.rows.join import AMBIGUOUS, NONE, join
from pipelines.audit.rows.judge import Judged, judge
from pipelines.audit.rows.order import order_findings
from pipelines.audit.rows.population import Population
from pipelines.audit.rows.selection import Selection, replay
from pipelines.audit.rows.source import source
from pipelines.audit.rows.strata import choose, strata_findings
from pipelines.audit.rows.trained import mask_findings, never_findings
from pipelines.audit.rows.values import value_findings

LEAST_JOINED = 0.5  # share of rows below which who is missing says little of what was left out
STATISTICAL = (("inclusion", "L2"), ("repetition", "L2"), ("order", "L2"), ("strata", "L8"))
JOINED = (("reward", "L3"), ("mask", "L4"), ("selection", "L2"), ("column", "L1"), *STATISTICAL)
BY_FLAG = 0.75  # of what inclusion may spend; the rest is for the score


def case_of(
    pop: Population, rows: pa.Table, declared: Selection | None, alpha: float, key: bytes | None, seed: int
) -> Case:
    """The rows joined to their traces, and what was declared of them replayed."""
    src = source(pop)
    replayed = replay(declared, pop, src) if declared is not None else None
    return Case(pop, src, rows, join(pop, rows, key), declared, replayed, alpha, seed)


def examine(
    pop: Population, rows: pa.Table, declared: Selection | None, alpha: float, key: bytes | None, seed: int
) -> list[Finding]:
    """Everything that a corpus's rows say about its selection, values, masks and columns.

    `rows` are CORPUS_ROWS. `alpha` is the chance that all statistical checks together may give a false
    `associated_unexplained`; `key` is that of keyed ids. The same arguments give the same findings.
    """
    return examine_case(case_of(pop, rows, declared, alpha, key, seed))


def examine_case(case: Case) -> list[Finding]:
    """The same, of rows that are joined already."""
    findings = [*_unjoined(case), *_by_text(case)]
    if not case.joined.joined.any():
        why = f"None of {case.table.num_rows:,} rows is a trace of this store."
        return findings + never_findings(case) + [untestable(check, channel, check, why) for check, channel in JOINED]
    lake_rows = joined_rows(case)
    values, renamed = value_findings(case, lake_rows)
    findings += [*values, *mask_findings(case, lake_rows), *selection_findings(case)]
    findings += column_findings(case, lake_rows, renamed)
    if not case.pop.flagged.any():
        return findings + [untestable(c, ch, c, "No trace of this store is flagged.") for c, ch in STATISTICAL]
    chosen, missing = choose(case)
    return [
        *findings,
        *_among_others(case, [_inclusion(case, chosen)]),
        _repetition(case),
        *order_findings(case),
        *_among_others(case, strata_findings(case, chosen, missing)),
    ]


def _among_others(case: Case, findings: list[Finding]) -> list[Finding]:
    """Where most rows are no known trace, an association stands, but that none was found says nothing."""
    if case.joined.share >= LEAST_JOINED:
        return findings
    why = (
        f"Only {int(case.joined.joined.sum()):,} of {case.table.num_rows:,} rows are known to be traces of this store."
    )
    return [
        f if f.verdict in ("leak", "associated_unexplained") else untestable(f.check, f.channel, f.subject, why)
        for f in findings
    ]


def _unjoined(case: Case) -> list[Finding]:
    findings = []
    for code, subject, says in (
        (NONE, "rows of unknown origin", "no trace of this store, so nothing can be said of them"),
        (AMBIGUOUS, "rows of doubtful origin", "traces whose id stands for several contents, and cannot be told apart"),
    ):
        at = np.flatnonzero(case.joined.trace == code)
        if len(at):
            told = f"{counted(len(at), 'row is', 'rows are')} {says}."
            named = case.rows(at, subject)
            findings.append(Finding("selection", "L2", "not_identifiable", subject, told, len(at), named))
    return findings


def _by_text(case: Case) -> list[Finding]:
    """Rows under an id of no trace that were known by their text, and whether their traces are the flagged ones."""
    at = np.flatnonzero(case.joined.by_text)
    if not len(at):
        return []
    subject, renamed = "rows known by their text", np.zeros(len(case.pop), bool)
    renamed[case.joined.trace[at]] = True
    flagged = int((renamed & case.pop.flagged).sum())
    says = f"{counted(len(at), 'row has an id', 'rows have ids')} of no trace and the text of one, and "
    says += f"{'was' if len(at) == 1 else 'were'} taken for it; {flagged:,} of these traces are flagged, "
    says += f"of all that are there {case.pop.flagged[case.present].mean():.1%}."
    if renamed[case.present].all():
        return [Finding("selection", "L2", "none_found", subject, f"{says} All are so.", len(at))]
    judged = judge(case, renamed, case.present, case.present, case.level("repetition", 2))
    if judged.why:
        says += f" Whether that is tied to the alerts cannot be told: {judged.why}."
    return [judged.finding("selection", "L2", subject, says, rows=len(at), examples=case.rows(at, subject))]


def _inclusion(case: Case, chosen: Chosen) -> Finding:
    if case.present.all():
        says = f"All {counted(len(case.pop), 'trace is', 'traces are')} present: nothing was left out."
        return Finding("inclusion", "L2", "none_found", "presence", says)
    level = case.level("inclusion")
    everyone = np.ones(len(case.pop), dtype=bool)
    reasons = (*chosen.reasons, *chosen.missing)
    judged = judge(case, case.present, everyone, chosen.at_risk, level * BY_FLAG, reasons)
    says = _shares(case, chosen)
    if judged.verdict == "associated_unexplained":
        gone = np.flatnonzero(chosen.at_risk & case.pop.flagged & ~case.present)
        return _found(judged, "inclusion", says, case.traces(gone, "flagged, and not in the corpus"), len(gone))
    scored = case.pop.score
    if len(np.unique(scored[chosen.at_risk])) > 2:
        tested = against(case.source, case.present, scored, chosen.at_risk, level * (1 - BY_FLAG), case.seed)
        if tested.test.p <= level * (1 - BY_FLAG):
            word = "less" if tested.test.statistic < 0 else "more"
            says += f" The higher its score, the {word} likely a trace is there."
            return Finding("inclusion", "L2", "associated_unexplained", "presence", says, p=tested.test.p)
    return _found(judged, "inclusion", says)


def _shares(case: Case, chosen: Chosen) -> str:
    flagged, others = chosen.at_risk & case.pop.flagged, chosen.at_risk & ~case.pop.flagged
    told = [
        f"{int((case.present & who).sum()):,} of {int(who.sum()):,} {name} traces are there"
        for who, name in ((flagged, "flagged"), (others, "other"))
    ]
    among = f", among those that {' and '.join(chosen.reasons)} lets in" if chosen.reasons else ""
    return f"{', and '.join(told)}{among}."


def _repetition(case: Case) -> Finding:
    count = case.joined.count
    expected = case.replayed.times if case.replayed and case.replayed.repeated else np.zeros_like(count)
    over = (count - expected) * case.present
    if not case.present.any() or (count[case.present] == 1).all():
        others = int((~case.joined.joined).sum())
        says = "Every trace is there once"
        says += f", as far as is known: of {counted(others, 'row')} it is not known what they are." if others else "."
        return Finding("repetition", "L2", "none_found", "repetition", says)
    tests = 2 if case.joined.by_text.any() else 1
    judged = judge(case, over, case.present, case.present, case.level("repetition", tests))
    mean = [
        float(count[case.present & who].mean()) for who in (case.pop.flagged, ~case.pop.flagged) if _some(case, who)
    ]
    says = "Flagged traces are there {:.3g} times each, others {:.3g} times.".format(*mean) if len(mean) == 2 else ""
    repeated = np.flatnonzero(case.present & case.pop.flagged & (count > np.median(count[case.present])))
    if judged.verdict == "associated_unexplained":
        named = case.traces(repeated, "flagged, and there more often")
        return _found(judged, "repetition", says, named, len(repeated))
    return _found(judged, "repetition", says)


def _some(case: Case, who: np.ndarray) -> bool:
    return bool((case.present & who).any())


def _found(judged: Judged, check: str, says: str, examples: Sequence[object] = (), rows: int = 0) -> Finding:
    told = f"{says} It cannot be told: {judged.why}." if judged.why else says
    subject = "presence" if check == "inclusion" else check
    return judged.finding(check, "L2", subject, told.strip(), examples=tuple(examples), rows=rows)
