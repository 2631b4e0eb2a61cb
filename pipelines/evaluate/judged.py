"""What monitors said of traces, as columns of scores: credit goes to the category that a monitor named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitors.measure.combine import COMBINATIONS, Combination
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

    @property
    def assessed(self) -> Bools:
        return ~np.isnan(self.score[CATEGORIES[0]])


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
        )
        for v in verdicts
    ]


def categories_of(spec: MonitorSpec) -> tuple[str, ...]:
    """The categories of the behaviours that a monitor looks for."""
    return tuple(c for c in CATEGORIES if any(BEHAVIOURS[s.behaviour].category == c for s in spec.scopes))


def category_score(said: Said, category: str, looked_for: Sequence[str]) -> float:
    """The highest score of the findings in the category; without any finding at all, the assessment's own.

    A trace flagged for something else scores 0 here: being alarmed is no credit, being alarmed at the right thing is.
    """
    if category not in looked_for:
        return 0.0
    scores = [f.score for f in said.found if f.category == category]
    if not said.found or len(scores) == len(said.found):
        scores.append(said.score or 0.0)
    return max(scores, default=0.0)


def alerts(found: Found, min_level: str) -> bool:
    """Whether a finding would be put before somebody."""
    return found.stance != "rejected" and LEVELS.index(found.level) >= LEVELS.index(min_level)


def combined(judged: Sequence[Judged]) -> list[Judged]:
    """All monitors as one, in each way that COMBINATIONS knows; nothing where there is but one."""
    return [_combined(name, way, judged) for name, way in COMBINATIONS.items()] if len(judged) > 1 else []


def _combined(name: str, way: Combination, judged: Sequence[Judged]) -> Judged:
    score = {c: way([j.score[c] for j in judged]) for c in CATEGORIES}
    alerted = {c: np.logical_or.reduce([j.alerted[c] for j in judged]) for c in CATEGORIES}
    behaviours = {
        b: frozenset().union(*(j.behaviours.get(b, frozenset()) for j in judged))
        for b in sorted({b for j in judged for b in j.behaviours})
    }
    categories = tuple(c for c in CATEGORIES if any(c in j.categories for j in judged))
    unseen = int(np.isnan(score[CATEGORIES[0]]).sum())
    return Judged(name, "", "", categories, score, alerted, behaviours, {"by none": unseen} if unseen else {})
