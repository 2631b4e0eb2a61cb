"""People who act on aggregates (L8): environments and checkpoints missing, or there in step with their alerts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm

from pipelines.audit.case import Case, Chosen
from pipelines.audit.filters import Filter, infer
from pipelines.audit.finding import Finding
from pipelines.audit.source import topic
from pipelines.audit.trees import bin_columns, cross_fit

DIMENSIONS = ("environment", "checkpoint", "model", "training_run")
BY_CHOICE = 10.0  # minus the log of the chance that no task of a stratum was drawn: 5 in a hundred thousand
COVERED = 0.95  # share of a stratum that a filter must leave out to account for its absence
LEAST_STRATA = 6  # fewer have fewer orders than a test needs
ALL_ORDERS, DRAWN_ORDERS = 8, 20_000


@dataclass(frozen=True, slots=True)
class Missing:
    """A stratum of which no trace is there, and what accounts for that, if anything does."""

    dimension: str
    value: str
    members: np.ndarray  # of the population, as booleans
    because: str | None

    def __str__(self) -> str:
        return f"{self.dimension} {self.value} is missing"


def choose(case: Case) -> tuple[Chosen, list[Missing]]:
    """Which traces could have been there: not left out by declaration, by a plain filter, or with a whole stratum."""
    may = case.replayed.may if case.replayed else np.ones(len(case.pop), dtype=bool)
    missing = [m for d in DIMENSIONS for m in _missing(case, d, may)]
    gone = np.zeros(len(case.pop), dtype=bool)
    for m in missing:
        gone |= m.members
    filters = [] if case.replayed and case.replayed.exact else infer(case.source, case.present, may & ~gone)
    out = _out(case, filters)
    if missing:
        wider = infer(case.source, case.present, may)
        missing = [_accounted(case, m, may, filters, wider) for m in missing]
    declared = tuple(t for t, n in case.replayed.left_out.items() if n) if case.replayed else ()
    chosen = Chosen(may & ~gone & ~out, tuple(filters), tuple(map(str, missing)), declared)
    return chosen, missing


def _out(case: Case, filters: Sequence[Filter]) -> np.ndarray:
    out = np.zeros(len(case.pop), dtype=bool)
    for f in filters:
        out |= f.out(case.source.numeric[f.column])
    return out


def _missing(case: Case, dimension: str, may: np.ndarray) -> list[Missing]:
    coded = case.pop.coded(dimension)
    found = []
    if coded.known < 2 or not case.present.any():
        return []
    for code, value in enumerate(coded.values):
        members = coded.codes == code
        others = may & ~members
        if case.present[members].any() or not others.any():
            continue
        rate = min(float(case.present[others].mean()), 0.999)
        tasks = len(np.unique(case.source.task[members]))
        if -tasks * np.log1p(-rate) > BY_CHOICE:
            found.append(Missing(dimension, value, members, None))
    return found


def _accounted(case: Case, m: Missing, may: np.ndarray, filters: Sequence[Filter], wider: Sequence[Filter]) -> Missing:
    if may[m.members].mean() <= 1 - COVERED and case.replayed:
        texts = [t for t, n in case.replayed.left_out.items() if n]
        return Missing(m.dimension, m.value, m.members, f"declared: {'; '.join(texts)}")
    for found in (filters, wider):
        # time is what a checkpoint is; that one comes before another does not say why it is gone
        telling = [f for f in found if m.dimension == "environment" or topic(f.column) != "time"]
        for f in telling:
            if f.out(case.source.numeric[f.column])[m.members].mean() >= COVERED:
                return Missing(m.dimension, m.value, m.members, str(f))
    return m


def strata_findings(case: Case, chosen: Chosen, missing: Sequence[Missing]) -> list[Finding]:
    """What is missing whole, and whether strata are there in step with how often they are flagged."""
    if not case.pop.flagged.any():
        return [Finding("strata", "L8", "not_identifiable", "strata", "No trace is flagged.")]
    several = [d for d in DIMENSIONS if case.pop.coded(d).known > 1]
    if not several:
        return [Finding("strata", "L8", "not_identifiable", "strata", "There is only one environment and checkpoint.")]
    level = case.level("strata", 2 * len(several))
    findings = [_told(case, m, level) for m in missing]
    findings += [_in_step(case, d, chosen, level) for d in several]
    return findings


def _told(case: Case, m: Missing, level: float) -> Finding:
    flagged, coded = case.pop.flagged, case.pop.coded(m.dimension)
    rates = [flagged[coded.codes == c].mean() for c in range(coded.known)]
    mine = float(flagged[m.members].mean())
    rest = float(flagged[~m.members].mean())
    p = _above(case, m.members)
    worst = mine >= max(rates) and mine > min(rates)
    size = int(m.members.sum())
    says = (
        f"None of the {size:,} traces of {m.dimension} {m.value} is there. Of them {mine:.2%} are flagged, "
        f"of all others {rest:.2%}."
    )
    named = case.traces(np.flatnonzero(m.members & flagged), "missing with its stratum")
    if m.because is not None:
        verdict, because = "associated_explained" if worst or p <= level else "none_found", m.because
    else:
        verdict, because = "associated_unexplained" if worst or p <= level else "none_found", None
    if worst:
        says += f" No other {m.dimension} is flagged as often."
    return Finding("strata", "L8", verdict, m.value, says, size, named, because, p=p)  # type: ignore[arg-type]


def _above(case: Case, members: np.ndarray) -> float:
    """One-sided p that a stratum is flagged more often than the rest, tasks being what was drawn."""
    if members.all() or not members.any():
        return 1.0
    flagged = case.flags
    difference, variance = flagged[members].mean() - flagged[~members].mean(), 0.0
    for side in (members, ~members):
        code = np.unique(case.source.task[side], return_inverse=True)[1]
        off = np.bincount(code, flagged[side] - flagged[side].mean())
        variance += float((off**2).sum()) / side.sum() ** 2
    return float(norm.sf(difference / np.sqrt(variance))) if variance > 0 else 1.0


def _in_step(case: Case, dimension: str, chosen: Chosen, level: float) -> Finding:
    """Ranks of strata by how many of their rows are there, against ranks by how often they are flagged."""
    codes = np.where(chosen.at_risk, case.pop.coded(dimension).codes, -1)
    kept = codes >= 0
    strata, code = np.unique(codes[kept], return_inverse=True)
    name = f"{dimension}s"
    if len(strata) < LEAST_STRATA:
        says = f"{len(strata)} {name} are too few to tell whether they are there in step with their alerts."
        return Finding("strata", "L8", "not_identifiable", name, says)
    size = np.bincount(code)
    rate = np.bincount(code, case.flags[kept]) / size
    there = np.bincount(code, case.joined.count[kept]) / size
    p = _ranks_agree(rate, there, case.seed)
    if p > level:
        says = f"How many rows of each of {len(strata)} {name} are there does not go with how often they are flagged."
        return Finding("strata", "L8", "none_found", name, says, p=p)
    # what columns do within strata says what strata would differ by on their account
    columns = case.source.covariates
    others = columns.only(tuple(n for n in columns.names if n not in DIMENSIONS and topic(n) != "time"))
    binned = bin_columns(others.where(np.flatnonzero(kept)))
    expected = cross_fit(binned, case.joined.count[kept] - there[code], case.source.task[kept])
    adjusted = _ranks_agree(rate, there - np.bincount(code, expected) / size, case.seed)
    direction = "more" if np.corrcoef(rate, there)[0, 1] > 0 else "fewer"
    says = f"The more often one of {len(strata)} {name} is flagged, the {direction} of its rows are there."
    if adjusted > level:
        return Finding("strata", "L8", "associated_explained", name, says, explained_by="reward and length", p=p)
    return Finding("strata", "L8", "associated_unexplained", name, says, p=adjusted)


def _ranks_agree(a: np.ndarray, b: np.ndarray, seed: int) -> float:
    """Two-sided p of Spearman's rank correlation, over all orders where these are few."""
    ranked = [np.unique(np.round(x, 12), return_inverse=True)[1].astype(float) for x in (a, b)]
    x, y = (r - r.mean() for r in ranked)
    if not x.any() or not y.any():
        return 1.0
    if len(x) <= ALL_ORDERS:
        products = y[_orders(len(x))] @ x
        return float((np.abs(products) >= abs(x @ y) - 1e-9).mean())
    generator = np.random.default_rng(seed)
    products = y[generator.permuted(np.tile(np.arange(len(x)), (DRAWN_ORDERS, 1)), axis=1)] @ x
    return float(((np.abs(products) >= abs(x @ y) - 1e-9).sum() + 1) / (DRAWN_ORDERS + 1))


@cache
def _orders(size: int) -> np.ndarray:
    return np.array(list(itertools.permutations(range(size))))
