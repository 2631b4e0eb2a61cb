"""People who act on aggregates (L8): environments and checkpoints missing, or there in step with their alerts."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, Chosen
from pipelines.audit.rows.filters import Filter, infer
from pipelines.audit.rows.source import topic
from pipelines.audit.rows.trees import bin_columns, cross_fit

DIMENSIONS = ("environment", "checkpoint", "model", "training_run")
BY_CHOICE = 10.0  # minus the log of the chance that no task of a stratum was drawn: 5 in a hundred thousand
COVERED = 0.95  # share of a stratum that a filter must leave out to account for its absence
LEAST_KNOWN = 4  # strata of which one is the worst by chance less often than one in three times
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
        number = Counter(m.dimension for m in missing)
        missing = [_accounted(case, m, may, (*filters, *wider), number[m.dimension]) for m in missing]
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
    others = may & np.isin(coded.codes, coded.codes[case.present])
    for code, value in enumerate(coded.values):
        members = coded.codes == code
        if case.present[members].any():
            continue
        rate = min(float(case.present[others].mean()), 0.999)
        tasks = len(np.unique(case.source.task[members]))
        if -tasks * np.log1p(-rate) > BY_CHOICE:
            found.append(Missing(dimension, value, members, None))
    return found


def _accounted(case: Case, m: Missing, may: np.ndarray, filters: Sequence[Filter], number: int) -> Missing:
    if may[m.members].mean() <= 1 - COVERED and case.replayed:
        texts = [t for t, n in case.replayed.left_out.items() if n]
        return Missing(m.dimension, m.value, m.members, f"declared: {'; '.join(texts)}")
    for f in filters:
        # a corpus of some steps lacks many checkpoints; that a single one is gone is not explained by its number
        if m.dimension != "environment" and topic(f.column) == "time" and number == 1:
            continue
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
    findings = [f for d in several for f in _gone(case, [m for m in missing if m.dimension == d], level)]
    findings += [_in_step(case, d, chosen, level) for d in several]
    return findings


def _gone(case: Case, missing: Sequence[Missing], level: float) -> list[Finding]:
    """What to say of the strata of one dimension that are missing whole.

    They are unexplained if they are flagged as often as the worst would be: no more than one in `known` of all choices
    of as many strata is flagged more often. An environment, of which few are missing, is so too if it is flagged more
    often than the rest beyond chance.
    """
    if not missing:
        return []
    dimension = missing[0].dimension
    coded = case.pop.coded(dimension)
    codes = [coded.values.index(m.value) for m in missing]
    chosen_so = _as_often(case, coded.codes, codes)
    worst = chosen_so <= 1 / coded.known + 1e-9
    few = dimension == "environment" and 2 * len(missing) < coded.known
    findings = []
    for m in missing:
        above = _above(case, m.members)
        mine, rest = float(case.flags[m.members].mean()), float(case.flags[~m.members].mean())
        says = (
            f"None of the {int(m.members.sum()):,} traces of {dimension} {m.value} is there. Of them {mine:.2%} are "
            f"flagged, of all others {rest:.2%}. {_choices(len(missing), dimension, chosen_so)}"
        )
        suspect, verdict = mine > rest and (worst or (few and above <= level)), "none_found"
        if suspect and m.because is not None:
            verdict = "associated_explained"
        elif suspect and coded.known < LEAST_KNOWN:
            verdict = "not_identifiable"
            says += f" Of {coded.known}, chance would pick such a one too often to tell. Declare why it is missing."
        elif suspect:
            verdict = "associated_unexplained"
            says += " Declare why it is missing, if there is a reason."
        named = case.traces(np.flatnonzero(m.members & case.pop.flagged), "missing with its stratum")
        findings.append(
            Finding("strata", "L8", verdict, m.value, says, int(m.members.sum()), named, m.because, p=above)  # type: ignore[arg-type]
        )
    return findings


def _choices(number: int, dimension: str, share: float) -> str:
    what = f"one {dimension}" if number == 1 else f"{number} {dimension}s"
    return f"If {what} had been left out by chance, {share:.0%} of the choices would have left out as many flagged."


def _as_often(case: Case, codes: np.ndarray, gone: list[int]) -> float:
    """Share of all choices of as many strata that are flagged as often as those that are gone, or more."""
    known = codes >= 0
    size, flagged = np.bincount(codes[known]), np.bincount(codes[known], case.flags[known])
    if math.comb(len(size), len(gone)) <= DRAWN_ORDERS:
        choices = np.array(list(itertools.combinations(range(len(size)), len(gone))))
    else:
        generator = np.random.default_rng(case.seed)
        choices = np.argsort(generator.random((DRAWN_ORDERS, len(size))), axis=1)[:, : len(gone)]
    rates = flagged[choices].sum(axis=1) / size[choices].sum(axis=1)
    return float((rates >= flagged[gone].sum() / size[gone].sum() - 1e-12).mean())


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
