"""Columns that a corpus may honestly carry because they follow from the lake: a closed list of derivations.

    reward        length        log(length)        rank(reward, rollout_group)        round(zscore(reward, task_id), 2)

`chars(messages)`, `words(messages)` and `messages(messages)` count in the row itself. `rank`, `zscore` and `centred`
take a column and, if wanted, the unit within which they are made: rollout_group, task_id, environment, checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.rows.population import Population, numbers
from pipelines.audit.rows.source import Source
from schemas.trace import CHANNELS

UNITS = ("rollout_group", "task_id", "environment", "checkpoint")
WITHIN = ("rank", "zscore", "centred")
COUNTS = ("chars", "words", "messages")
EPSILONS = (0.0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3)  # what trainers add to a standard deviation
CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.S)
NAME = re.compile(r"\s*(\w+)\s*")


class Underivable(ValueError):
    """A derivation that is not on the list, and what to write."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A function of source columns; `operation` is a column's name, or a function over `of`."""

    operation: str
    of: Derivation | None = None
    unit: str | None = None
    digits: int = 0


def parse(text: str) -> Derivation:
    """Read a derivation. Raises Underivable, in words.

    >>> parse("round(zscore(reward, rollout_group), 2)").digits
    2
    """
    call = CALL.fullmatch(text)
    if call is None:
        name = NAME.fullmatch(text)
        if name is None:
            raise Underivable(f"{text!r} is no derivation; write a column's name, log(length) or zscore(reward)")
        if name[1] not in LAKE:
            raise Underivable(f"{name[1]!r} is no column of the lake; use {', '.join(LAKE)}")
        return Derivation(name[1])
    operation, inner = call[1], call[2]
    if operation in COUNTS:
        if inner.strip() != "messages":
            raise Underivable(f"{operation} counts in messages; write {operation}(messages)")
        return Derivation(operation)
    first, _, last = inner.rpartition(",")
    if operation == "round":
        if not first or not last.strip().isdigit() or int(last) > 12:
            raise Underivable("round needs a column and a number of digits; write round(reward, 2)")
        return Derivation(operation, parse(first), digits=int(last))
    if operation in ("log", "negative"):
        return Derivation(operation, parse(inner))
    if operation in WITHIN:
        unit = last.strip() if first and last.strip() in UNITS else None
        return Derivation(operation, parse(first if unit else inner), unit)
    known = ", ".join((*COUNTS, "log", "negative", "round", *WITHIN))
    raise Underivable(f"{operation!r} is not derived here; use {known}")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a corpus (m) that are traces of the lake, with what is known of both."""

    pop: Population
    source: Source
    table: pa.Table
    trace: np.ndarray

    def numeric(self, name: str) -> np.ndarray | None:
        values = self.source.numeric.get(name)
        if values is None:
            values = getattr(self.pop, name, None) if name in SIMPLE else None
        return None if values is None else values[self.trace]

    def unit(self, name: str | None) -> np.ndarray:
        if name is None:
            return np.zeros(len(self.trace), np.int64)
        return self.source.group[self.trace] if name == "rollout_group" else self.pop.coded(name).codes[self.trace] + 1

    def counted(self, what: str) -> np.ndarray | None:
        if what == "messages":
            if "messages" not in self.table.column_names:
                return None
            return numbers(pc.list_value_length(self.table["messages"]))
        return numbers(self.table[what]) if what in self.table.column_names else None


LAKE = (
    *("reward", "success", "length", "steps", "training_step", "window_index", "started_at"),
    *(f"{c}_chars" for c in CHANNELS),
    *("group_mean", "group_spread", "group_size", "group_rank", "group_place", "place"),
)
SIMPLE = ("reward", "success", "training_step", "window_index", "started_at", "steps")


def evaluate(derivation: Derivation, rows: Rows) -> list[np.ndarray]:
    """The values (m) that it may stand for, of which any will do: standard deviations are made in several ways.

    Empty where a column is not there.
    """
    if derivation.operation in COUNTS:
        counted = rows.counted(derivation.operation)
        return [] if counted is None else [counted]
    if derivation.of is None:
        values = rows.numeric(derivation.operation)
        return [] if values is None else [values]
    made = evaluate(derivation.of, rows)
    if derivation.operation == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            return [f(v) for v in made for f in (np.log, np.log1p, np.log2, np.log10)]
    if derivation.operation == "negative":
        return [-v for v in made]
    if derivation.operation == "round":
        return [np.round(v, derivation.digits) for v in made]
    return [w for v in made for w in within(derivation.operation, v, rows.unit(derivation.unit))]


def within(operation: str, values: np.ndarray, unit: np.ndarray) -> list[np.ndarray]:
    """Ranks, standardised or centred values (m) within units, made in each of the ways that are common."""
    if operation == "rank":
        return list(_ranks(values, unit))
    code = np.unique(unit, return_inverse=True)[1]
    known = ~np.isnan(values)
    plain = np.where(known, values, 0.0)
    size = np.maximum(np.bincount(code, known), 1)
    centre = values - (np.bincount(code, plain) / size)[code]
    if operation == "centred":
        others = np.where(size > 1, size / np.maximum(size - 1, 1), 0.0)[code]
        return [centre, centre * others]  # less the mean of all, or of the others
    square = np.bincount(code, np.where(known, centre, 0.0) ** 2)
    made = []
    for less in (1, 0):
        spread = np.sqrt(square / np.maximum(size - less, 1))[code]
        for epsilon in EPSILONS:
            with np.errstate(divide="ignore", invalid="ignore"):
                made.append(np.where(spread > 1e-12, centre / (spread + epsilon), centre * 0.0))
    return made


def _ranks(values: np.ndarray, unit: np.ndarray) -> Iterator[np.ndarray]:
    for signed in (values, -values):
        order = np.lexsort((signed, unit))
        owner, ordered = unit[order], signed[order]
        rows = np.arange(len(values))
        starts = np.maximum.accumulate(np.where(_changes(owner), rows, 0))
        new = _changes(owner) | _changes(ordered)
        least = np.maximum.accumulate(np.where(new, rows, 0)) - starts
        last = np.concatenate([new[1:], [True]]) if len(new) else new
        most = np.minimum.accumulate(np.where(last, rows, len(rows))[::-1])[::-1] - starts
        dense = np.cumsum(new)
        dense = dense - dense[starts] if len(dense) else dense
        for rank in (least, dense, (least + most) / 2, most):
            placed = np.empty(len(values))
            placed[order] = rank
            yield placed
            yield placed + 1


def _changes(values: np.ndarray) -> np.ndarray:
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    return new
