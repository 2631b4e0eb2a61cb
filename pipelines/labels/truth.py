"""One answer for each trace and question, of all that labellers said: the better ground counts, a draw is unsure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipelines.labels.files import Label
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.labels import FALSE, ORIGINS, TRUE, UNSURE


@dataclass(frozen=True, slots=True)
class Truth:
    """What is held true of one trace: by category and by behaviour, True, False, or nothing where nobody is sure."""

    categories: Mapping[str, bool] = field(default_factory=dict)
    behaviours: Mapping[str, bool] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()  # categories of which somebody tried to say, and could not


def truths(labels: Iterable[Label]) -> dict[str, Truth]:
    """trace_key -> what is held true of it.

    A behaviour that is there makes its category true; one that is not says nothing of the category. A category that is
    false makes its behaviours false.
    """
    by_trace: dict[str, list[Label]] = {}
    for label in labels:
        by_trace.setdefault(label.trace_key, []).append(label)
    return {key: _truth(rows) for key, rows in by_trace.items()}


def settled(answers: Iterable[tuple[str, str]]) -> str:
    """The answer of (origin, answer) pairs: what those of the best ground say who say anything, unsure if they differ.

    >>> settled([("presumed", "false"), ("human", "true"), ("human", "unsure")])
    'true'
    """
    told: dict[str, set[str]] = {}
    for origin, answer in answers:
        told.setdefault(origin, set()).add(answer)
    for origin in ORIGINS:
        said = told.get(origin, set()) - {UNSURE}
        if said:
            return said.pop() if len(said) == 1 else UNSURE
        if origin in told:  # who read it and could not tell outweighs who only presumed
            return UNSURE
    return UNSURE


def category_answers(rows: Iterable[Label], category: str) -> list[tuple[str, str]]:
    """(origin, answer) on a category: from rows on the category itself, and from behaviours that are there."""
    of = [r for r in rows if r.category == category]
    return [(r.origin, r.label) for r in of if r.behaviour is None or r.label == TRUE]


def _truth(rows: list[Label]) -> Truth:
    categories = {c: settled(answers) for c in CATEGORIES if (answers := category_answers(rows, c))}
    known = {c: answer == TRUE for c, answer in categories.items() if answer != UNSURE}
    said: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row.behaviour is not None:
            said.setdefault(row.behaviour, []).append((row.origin, row.label))
    behaviours = {b: answer == TRUE for b, pairs in said.items() if (answer := settled(pairs)) in (TRUE, FALSE)}
    for behaviour in BEHAVIOURS.values():
        if known.get(behaviour.category) is False:
            behaviours[behaviour.id] = False
    unsure = frozenset(c for c, answer in categories.items() if answer == UNSURE)
    return Truth(known, behaviours, unsure)
