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
    """One finding, on each pass over the traces: in the order in which they stand first, for the second time, ..."""
    passes = [at for at in case.joined.passes() if not _few(case, ~np.isnan(at))]
    if not passes:
        return [Finding("order", "L2", "not_identifiable", "order", f"There are {_few(case, case.present)}.")]
    findings = [_of_pass(case, at, k, len(passes)) for k, at in enumerate(passes)]
    worst = [f for f in findings if f.verdict == "associated_unexplained"]
    return worst[:1] or findings[:1]


def _few(case: Case, present: np.ndarray) -> str:
    """What is too little to tell an order by; empty if there is enough."""
    if int(present.sum()) < LEAST_ROWS:
        return "too few rows to tell an order by"
    flagged = int((case.pop.flagged & present).sum())
    return f"{flagged} flagged rows to tell an order by" if flagged < LEAST_FLAGGED else ""


def _of_pass(case: Case, position: np.ndarray, number: int, passes: int) -> Finding:
    """What the order of one pass says; `position` (n) is NaN where a trace is not in it."""
    traces = np.flatnonzero(~np.isnan(position))
    ordered = traces[np.argsort(position[traces], kind="stable")]
    sort = sorted_by(case, ordered)
    rank = _within_runs(sort.run)
    whole = np.zeros(len(case.pop))
    whole[ordered] = rank
    told = f"The rows are sorted by {', '.join(sort.by)}" if sort.by else "The rows are in no order of the lake's"
    if number:
        told = f"Where traces stand for the {_nth(number + 1)} time: {told[0].lower()}{told[1:]}"
    free = np.isin(np.arange(len(case.pop)), ordered[_shared(sort.run)])
    level = case.level("order", 2 * passes)
    if not (case.pop.flagged & free).any():
        says = f"{told}; within that order no flagged row could stand elsewhere."
        return _unexplainable(case, says, sort, position, level)
    for name, marks in (("flagged rows", case.flags), ("rows with a higher score", case.pop.score)):
        tested = against(case.source, whole, marks, free, level, case.seed)
        if tested.test.p <= level:
            where = "earlier" if tested.test.statistic < 0 else "later"
            says = f"{told}, and within that {name} stand {where} than others like them."
            return Finding("order", "L2", "associated_unexplained", "order", says, len(ordered), p=tested.test.p)
    return _unexplainable(case, f"{told}; within that, flagged rows stand where others do.", sort, position, level)


def _nth(number: int) -> str:
    """
    >>> _nth(2), _nth(3), _nth(11)
    ('2nd', '3rd', '11th')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _unexplainable(case: Case, says: str, sort: Sorted, position: np.ndarray, level: float) -> Finding:
    """No association is left; if there was one before, what explains it."""
    present = ~np.isnan(position)
    plain = against(
        *(case.source, np.nan_to_num(position), case.flags, present, level, case.seed),
        covariates=NOTHING,
        stratified=False,
        drawn=False,
    )
    if plain.test.p > level:
        return Finding("order", "L2", "none_found", "order", says, int(present.sum()), p=plain.test.p)
    by = ", ".join(sort.by) or explained_by(case, np.nan_to_num(position), present, present, level, ())
    return Finding(
        *("order", "L2", "associated_explained", "order", says, int(present.sum())),
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
