"""What monitors said of traces, as columns of scores: credit goes to the category that a monitor named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitors.measure.figure import Bools, Floats, Ints
from monitors.monitor import MonitorSpec, Verdict
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.results import LEVELS


@dataclass(frozen=True, slots=True)
class Found:
    """What counts of a finding or an alert."""

    behaviour: str
    category: str
    score: float
    level: str
    stance: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one monitor said of one trace."""

    assessed: bool
    reason: str | None
    score: float | None
    found: tuple[Found, ...] = ()
    by_category: Mapping[str, float] | None = None  # None: it does not say, as in stores of before


@dataclass(frozen=True, slots=True)
class Judged:
    """One monitor's word on n traces. `score[category]` (n) is NaN where it did not look, or was not asked."""

    monitor: str
    version: str
    digest: str
    categories: tuple[str, ...]
    score: dict[str, Floats]
    alerted: dict[str, Bools]  # by a finding of the category that alerts at its default threshold
    behaviours: dict[str, frozenset[int]]  # the traces of which an alert names the behaviour
    unseen: dict[str, int]  # how many traces it could not look at, by reason
    fold: Mapping[str, Ints] | None = (
        None  # by category (n): where its scores compare with each other only within folds
    )

    @property
    def assessed(self) -> Bools:
        """Where it looked for anything (n)."""
        return np.logical_or.reduce([~np.isnan(self.score[c]) for c in CATEGORIES])

    def looked(self, category: str) -> Bools:
        """Where it looked for the category (n)."""
        return ~np.isnan(self.score[category])


@dataclass(slots=True)
class Book:
    """Takes down what one monitor says, trace by trace."""

    spec: MonitorSpec
    categories: tuple[str, ...]
    min_level: str
    said: dict[int, Said] = field(default_factory=dict)

    def add(self, rows: Sequence[int] | Ints, said: Iterable[Said]) -> None:
        for row, one in zip(rows, said, strict=True):
            self.said[int(row)] = one

    def closed(self, n: int) -> Judged:
        """What was taken down, as columns of n traces."""
        score = {c: np.full(n, np.nan) for c in CATEGORIES}
        alerted = {c: np.zeros(n, bool) for c in CATEGORIES}
        behaviours: dict[str, set[int]] = {}
        unseen = Counter[str]()
        for row, said in self.said.items():
            if not said.assessed:
                unseen[said.reason or "not_assessed"] += 1
                continue
            for category in CATEGORIES:
                score[category][row] = category_score(said, category, self.categories)
            for found in said.found:
                if alerts(found, self.min_level):
                    alerted[found.category][row] = True
                    behaviours.setdefault(found.behaviour, set()).add(row)
        frozen = {b: frozenset(rows) for b, rows in behaviours.items()}
        spec = self.spec
        return Judged(
            spec.id, spec.version, spec.digest, self.categories, score, alerted, frozen, dict(sorted(unseen.items()))
        )


def heard(verdicts: Iterable[Verdict]) -> list[Said]:
    """What counts of verdicts."""
    return [
        Said(
            v.state == "assessed",
            v.reason,
            v.score,
            tuple(Found(f.behaviour, f.category, f.score, f.level, f.stance) for f in v.findings),
            dict(v.by_category),
        )
        for v in verdicts
    ]


def categories_of(spec: MonitorSpec) -> tuple[str, ...]:
    """The categories of the behaviours that a monitor looks for."""
    return tuple(c for c in CATEGORIES if any(BEHAVIOURS[s.behaviour].category == c for s in spec.scopes))


def category_score(said: Said, category: str, looked_for: Sequence[str]) -> float:
    """What the monitor says of the category; NaN where it looks for it elsewhere than in what it read.

    One that says nothing by category has the highest score of its findings there; without any finding at all, the
    assessment's own. A trace flagged for something else scores 0 here: being alarmed is no credit, being alarmed at the
    right thing is.
    """
    if category not in looked_for:
        return 0.0
    if said.by_category is not None:
        return said.by_category.get(category, math.nan)
    scores = [f.score for f in said.found if f.category == category]
    if not said.found or len(scores) == len(said.found):
        scores.append(said.score or 0.0)
    return max(scores, default=0.0)


def alerts(found: Found, min_level: str) -> bool:
    """Whether a finding would be put before somebody."""
    return found.stance != "rejected" and LEVELS.index(found.level) >= LEVELS.index(min_level)
