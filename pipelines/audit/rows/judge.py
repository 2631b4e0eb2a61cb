"""From a test to a verdict: unexplained, explained and by what, nothing found, or nothing to be found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.audit.finding import Finding, Verdict
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.inclusion import Tested, against
from pipelines.audit.rows.source import topic
from pipelines.audit.rows.trees import Covariates

NOTHING = Covariates({}, {})
HIDDEN = 0.5  # of the flagged: where more could be gone unseen, a corpus cannot answer
LEAST_FLAGGED = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the test behind it, and what accounts for an association if something does."""

    verdict: Verdict
    tested: Tested | None
    explained_by: str | None
    why: str

    @property
    def p(self) -> float | None:
        return self.tested.test.p if self.tested is not None else None

    def finding(self, check: str, channel: str, subject: str, says: str, **more: object) -> Finding:
        odds = self.tested.odds if self.tested is not None else None
        # where nothing can be exchanged, an odds ratio would be that of the half row added to have one
        told = odds if odds is not None and self.tested is not None and self.tested.test.variance > 0 else None
        figures = {
            "explained_by": self.explained_by,
            "p": self.p,
            "estimate": told.estimate if told else None,
            "low": told.low if told else None,
            "high": told.high if told else None,
            "margin": odds.margin if odds else None,
        }
        return Finding(check, channel, self.verdict, subject, says, **(figures | more))  # type: ignore[arg-type]


def judge(
    case: Case,
    outcome: np.ndarray,
    everyone: np.ndarray,
    at_risk: np.ndarray,
    level: float,
    reasons: tuple[str, ...] = (),
) -> Judged:
    """Test `outcome` against the flags among the traces `at_risk` (n booleans), given the source columns.

    `everyone` are the traces among which a plain association is looked for; `reasons`, by which some of them are no
    longer at risk, or the source columns may account for it.
    """
    flagged = int((case.pop.flagged & at_risk).sum())
    if flagged < LEAST_FLAGGED:
        why = "no flagged trace" if not flagged else f"only {flagged} flagged"
        return Judged("not_identifiable", None, None, f"{why} among the {int(at_risk.sum()):,} traces that could tell")
    tested = against(case.source, outcome, case.flags, at_risk, level, case.seed, with_odds=True)
    if tested.test.p <= level:
        return Judged("associated_unexplained", tested, None, "")
    odds = tested.odds
    if odds is not None and (odds.hidden is None or odds.hidden > HIDDEN):
        # nor could it be told that something explains what a larger corpus would show
        gone = "even all of" if odds.hidden is None else f"up to {odds.hidden:.0%} of"
        expected = float((tested.chance * case.flags[tested.rows]).sum())
        why = f"chance alone leaves {expected:.0f} flagged traces there, and {gone} them could be gone unseen"
        return Judged("not_identifiable", tested, None, why)
    by = explained_by(case, outcome, everyone, at_risk, level, reasons)
    return Judged("none_found" if by is None else "associated_explained", tested, by, "")


def explained_by(
    case: Case, outcome: np.ndarray, everyone: np.ndarray, at_risk: np.ndarray, level: float, reasons: tuple[str, ...]
) -> str | None:
    """What makes a plain association go away: the filters, else the first topic that does, else all together.

    None if flagged traces fare as others do even when nothing is taken into account.
    """

    def p(rows: np.ndarray, covariates: Covariates = NOTHING, stratified: bool = False) -> float:
        tested = against(
            *(case.source, outcome, case.flags, rows, level, case.seed),
            covariates=covariates,
            stratified=stratified,
            drawn=False,
        )
        return tested.test.p

    if p(everyone) > level:
        return None
    if reasons and p(at_risk) > level:
        return "; ".join(reasons)
    columns = case.source.covariates
    topics: dict[str, list[str]] = {}
    for name in columns.names:
        topics.setdefault(topic(name), []).append(name)
    for name, members in topics.items():
        if p(at_risk, columns.only(tuple(members)), name == "environment") > level:
            return "; ".join((*reasons, name))
    return "; ".join((*reasons, "reward, length, group outcome and environment together"))
