"""Whether flagged rows stand where others would, once the order that the lake explains is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.inclusion import against
from pipelines.audit.rows.judge import LEAST_FLAGGED, NOTHING, explained_by
from pipelines.audit.rows.selection import SORTABLE, Order

LEAST_ROWS = 20
NAMES = (*SORTABLE, "group_spread", "group_size", "place")


@dataclass(frozen=True, slots=True)
class Sorted:
    """The columns by which the rows are sorted, and runs (k) of rows that are equal in them."""

    by: tuple[str, ...]
    run: np.ndarray


def order_findings(case: Case) -> list[Finding]:
    """One finding, on the traces of the corpus in the order in which each first stands."""
    traces = np.flatnonzero(case.present)
    ordered = traces[np.argsort(case.joined.first[traces], kind="stable")]
    if len(ordered) < LEAST_ROWS or (flagged := int(case.pop.flagged[ordered].sum())) < LEAST_FLAGGED:
        few = "too few rows" if len(ordered) < LEAST_ROWS else f"{flagged} flagged rows"
        return [Finding("order", "L2", "not_identifiable", "order", f"There are {few} to tell an order by.")]
    sort = sorted_by(case, ordered)
    rank = _within_runs(sort.run)
    whole = np.zeros(len(case.pop))
    whole[ordered] = rank
    told = f"The rows are sorted by {', '.join(sort.by)}" if sort.by else "The rows are in no order of the lake's"
    free = np.isin(np.arange(len(case.pop)), ordered[_shared(sort.run)])
    level = case.level("order", 2)
    if not (case.pop.flagged & free).any():
        return [_unexplainable(case, f"{told}; within that order no flagged row could stand elsewhere.", sort)]
    for name, marks in (("flagged rows", case.flags), ("rows with a higher score", case.pop.score)):
        tested = against(case.source, whole, marks, free, level, case.seed)
        if tested.test.p <= level:
            where = "earlier" if tested.test.statistic < 0 else "later"
            says = f"{told}, and within that {name} stand {where} than others like them."
            return [Finding("order", "L2", "associated_unexplained", "order", says, len(ordered), p=tested.test.p)]
    return [_unexplainable(case, f"{told}; within that, flagged rows stand where others do.", sort, whole, level)]


def _unexplainable(
    case: Case, says: str, sort: Sorted, whole: np.ndarray | None = None, level: float | None = None
) -> Finding:
    """No association is left; if there was one before, what explains it."""
    position = np.nan_to_num(case.joined.first)
    size = case.level("order", 2) if level is None else level
    plain = against(
        case.source,
        position,
        case.flags,
        case.present,
        size,
        case.seed,
        covariates=NOTHING,
        stratified=False,
        drawn=False,
    )
    if plain.test.p > size:
        return Finding("order", "L2", "none_found", "order", f"{says}", int(case.present.sum()), p=plain.test.p)
    by = ", ".join(sort.by) or explained_by(case, position, case.present, case.present, size, ())
    return Finding(
        *("order", "L2", "associated_explained", "order", says, int(case.present.sum())),
        explained_by=by,
        p=plain.test.p,
    )


def _file_by_file(case: Case, ordered: np.ndarray) -> np.ndarray | None:
    """The place of each row's file among the files, if these stand one after the other, each in the lake's order."""
    file = case.pop.file.codes[ordered]
    block = np.concatenate([[0], np.cumsum(file[1:] != file[:-1])])
    several = 1 < block[-1] + 1 == len(np.unique(file))
    return block if several and not (np.diff(ordered)[file[1:] == file[:-1]] < 0).any() else None


def sorted_by(case: Case, ordered: np.ndarray) -> Sorted:
    """The source columns by which traces (k, in the corpus's order) are sorted, the one with most values first.

    Ties of one column may be sorted by another.
    """
    if _file_by_file(case, ordered) is not None and (np.diff(ordered) < 0).any():
        return Sorted(("file", "place"), np.arange(len(ordered)))
    run = np.zeros(len(ordered), np.int64)
    by: list[str] = []
    asked = case.declared.order if case.declared and isinstance(case.declared.order, Order) else None
    names = [*(asked.by if asked else ()), *NAMES]
    while True:
        best: tuple[int, str, np.ndarray] | None = None
        for name in dict.fromkeys(names):
            values = case.source.numeric.get(name)
            if values is None or name in by:
                continue
            finer = _runs(values[ordered], run)
            if finer is not None and finer[-1] > run[-1] and (best is None or finer[-1] > best[0]):
                best = (int(finer[-1]), name, finer)
        if best is None:
            return Sorted(tuple(by), run)
        by.append(best[1])
        run = best[2]


def _runs(values: np.ndarray, run: np.ndarray) -> np.ndarray | None:
    """Finer runs, if values (k) only rise or only fall within every run; else None."""
    filled = np.where(np.isnan(values), -np.inf, values)
    with np.errstate(invalid="ignore"):
        step = np.where(filled[1:] == filled[:-1], 0.0, filled[1:] - filled[:-1])
    within = run[1:] == run[:-1]
    if (step[within] < 0).any() and (step[within] > 0).any():
        return None
    return np.concatenate([[0], np.cumsum(~within | (step != 0))])


def _within_runs(run: np.ndarray) -> np.ndarray:
    """Each row's place in its run, from 0 to 1; a half for a run of one."""
    size = np.bincount(run)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.arange(len(run)) - first[run]
    return (place + 0.5) / size[run]


def _shared(run: np.ndarray) -> np.ndarray:
    return np.bincount(run)[run] > 1
