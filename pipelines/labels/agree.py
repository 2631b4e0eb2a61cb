"""Agreement between labellers, for each pair of them, by category and by behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from monitors.measure.agreement import Agreement, agreement
from monitors.measure.bootstrap import REPLICATES
from pipelines.labels.files import Label
from pipelines.labels.truth import category_answers, settled
from schemas.behaviours import CATEGORIES
from schemas.labels import TRUE, UNSURE

Answers = Mapping[str, str]  # trace_key -> answer


@dataclass(frozen=True, slots=True)
class Pair:
    """How two labellers agree on one question; `unsure` counts traces of which either could not tell, and which do
    not enter."""

    first: str
    second: str
    about: str
    both: int
    unsure: int
    agreement: Agreement


def agreements(labels: Iterable[Label], replicates: int = REPLICATES) -> Iterator[Pair]:
    """Every pair of labellers who looked at the same traces, on each category and behaviour that both spoke of."""
    told: dict[str, dict[str, list[Label]]] = {}  # labeller -> trace_key -> rows
    for label in labels:
        told.setdefault(label.labeller, {}).setdefault(label.trace_key, []).append(label)
    answers = {labeller: dict(_answers(rows)) for labeller, rows in told.items()}
    for first, second in combinations(sorted(answers), 2):
        for about in sorted(answers[first].keys() & answers[second].keys(), key=_order):
            pair = _pair(first, second, about, answers[first][about], answers[second][about], replicates)
            if pair.both + pair.unsure:
                yield pair


def _answers(rows: Mapping[str, list[Label]]) -> Iterator[tuple[str, Answers]]:
    """What one labeller says on each question, by trace."""
    for category in CATEGORIES:
        found = {key: settled(pairs) for key, of in rows.items() if (pairs := category_answers(of, category))}
        if found:
            yield category, found
    behaviours = sorted({r.behaviour for of in rows.values() for r in of if r.behaviour is not None})
    for behaviour in behaviours:
        yield (
            behaviour,
            {
                key: settled(pairs)
                for key, of in rows.items()
                if (pairs := [(r.origin, r.label) for r in of if r.behaviour == behaviour])
            },
        )


def _order(about: str) -> tuple[bool, str]:
    return about not in CATEGORIES, about


def _pair(first: str, second: str, about: str, one: Answers, other: Answers, replicates: int) -> Pair:
    shared = sorted(one.keys() & other.keys())
    sure = [key for key in shared if UNSURE not in (one[key], other[key])]
    said = [np.array([answers[key] == TRUE for key in sure], np.int64) for answers in (one, other)]
    found = agreement(said[0], said[1], np.arange(len(sure)), replicates)
    return Pair(first, second, about, len(sure), len(shared) - len(sure), found)
