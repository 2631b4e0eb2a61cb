"""What must be in a text for an expression to match it, said with expressions that are cheap to look for all at once.

An automaton over whole expressions has a state for each way in which their gaps (`.{0,40}`) can be half passed; a
hundred rules for ordinary prose bring it down to 1 MB/s. Between their gaps, though, expressions are runs of words, and
an automaton over runs stays small. So a text is first searched for runs, and only where all the runs of an expression
are there is the expression itself searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import re2

from monitors.rules.syntax import Border, Char, Either, Node, Repeat, Sequence, emit, parse, without_borders

_KEPT_COUNT = 3  # repetitions up to this count are looked for as written, longer ones as any number
_TELLING = 4.0  # a run that weighs less is too common to be worth looking for beside others
_MOST_WAYS = 8  # in which an expression may match, before its choices are looked for together
_ENOUGH = 12.0  # that all runs of an expression weigh together before common ones are left out
_COMMON = 2.0  # a run that weighs less is in every text


@dataclass(frozen=True, slots=True)
class Run:
    """Part of an expression without a gap; `weight` estimates how rare it is, in letters."""

    regex: str
    loose: str
    weight: float


@dataclass(frozen=True, slots=True)
class Sieve:
    """Ways in which an expression may match: in every text that it matches are all the runs of one of them."""

    ways: tuple[tuple[Run, ...], ...]
    weight: float


def sieve(regex: str) -> Sieve:
    r"""The runs of an expression by way, the rarest first, the common ones left out where there are rarer ones.

    >>> [[run.regex for run in way] for way in sieve(r"\bhard-?code\b.{0,40}\btests?\b|cheat").ways]
    [['\\bhard-?code\\b', '\\btests?\\b'], ['cheat']]
    """
    ways = [_way(node) for node in _alternatives(parse(regex), _MOST_WAYS)]
    return Sieve(tuple(ways), min(sum(run.weight for run in way) for way in ways))


def _way(node: Node) -> tuple[Run, ...]:
    runs = sorted({r.regex: r for r in _told(node)}.values(), key=lambda r: -r.weight)
    if not runs:  # nothing but classes and gaps: no run tells anything, so look for the whole of it
        return (Run(emit(node), emit(without_borders(node)), 0.1),)
    kept, weight = runs[:1], runs[0].weight
    for run in runs[1:]:
        if run.weight >= (_TELLING if weight >= _ENOUGH else _COMMON):
            kept.append(run)
            weight += run.weight
    return tuple(kept)


def _alternatives(node: Node, most: int) -> list[Node]:
    """Trees without a choice between parts that have gaps, of which one matches where this tree does."""
    if not _has_gap(node):
        return [node]
    if isinstance(node, Either):
        found = [n for branch in node.of for n in _alternatives(branch, most)]
        return found if len(found) <= most else [node]
    if isinstance(node, Sequence):
        chosen: list[tuple[Node, ...]] = [()]
        for part in node.of:
            options = _alternatives(part, most // len(chosen))
            chosen = [(*before, option) for before in chosen for option in options]
        return [Sequence(parts) for parts in chosen]
    return [node]


def _run(parts: list[Node]) -> Run:
    while parts and _optional(parts[-1]):
        parts = parts[:-1]
    while parts and _optional(parts[0]):
        parts = parts[1:]
    node = Sequence(tuple(parts))
    return Run(emit(node), emit(without_borders(node)), _weight(node))


def _optional(node: Node) -> bool:
    return isinstance(node, Repeat) and node.least == 0


def _told(node: Node) -> list[Run]:
    """The runs of a tree that tell something."""
    return [run for run in map(_run, _cut(node)) if run.weight]


def _cut(node: Node) -> list[list[Node]]:
    """The runs of a tree, in order: lists of parts that stand side by side in every match, some perhaps empty.

    What precedes the tree continues in the first, what follows it in the last.
    """
    runs: list[list[Node]] = [[]]
    for part in node.of if isinstance(node, Sequence) else (node,):
        if not _has_gap(part):
            runs[-1].append(_relaxed(part))
            continue
        inner: list[list[Node]] = [[], []]
        match part:
            case Sequence():
                inner = _cut(part)
            case Either(of):
                # each branch would do, so each gives its most telling run
                best = [max(_told(branch), key=lambda r: r.weight, default=None) for branch in of]
                if None not in best:
                    inner = [[], [parse("(?:" + "|".join(r.regex for r in best if r) + ")")], []]
            case Repeat(of, least) if least:
                inner = [[], *_cut(of), []]
        runs[-1] += inner[0]
        runs += inner[1:]
    return runs


def _has_gap(node: Node) -> bool:
    match node:
        case Repeat(of, _, most):
            if _has_gap(of):
                return True
            if isinstance(of, Char):
                return (most is None or most > _KEPT_COUNT) and _spans_words(of)
            return (most is None or most > 1) and _has_class(of)
        case Sequence(of) | Either(of):
            return any(_has_gap(n) for n in of)
        case _:
            return False


def _has_class(node: Node) -> bool:
    match node:
        case Char():
            return not node.is_literal
        case Repeat(of):
            return _has_class(of)
        case Sequence(of) | Either(of):
            return any(_has_class(n) for n in of)
        case _:
            return False


def _spans_words(char: Char) -> bool:
    """Whether letters and spaces both match, so that a repetition runs on through prose."""
    one = re2.compile(emit(char))
    return one.fullmatch(" ") is not None and one.fullmatch("e") is not None


def _relaxed(node: Node) -> Node:
    """The same without long counts: an automaton need not remember how often it has seen a letter."""
    match node:
        case Repeat(of, least, most):
            if most is not None and most <= (_KEPT_COUNT if isinstance(of, Char) else 1):
                return Repeat(_relaxed(of), least, most)
            return Repeat(_relaxed(of), min(least, 1), None)
        case Sequence(of):
            return Sequence(tuple(_relaxed(n) for n in of))
        case Either(of):
            return Either(tuple(_relaxed(n) for n in of))
        case _:
            return node


def _weight(node: Node) -> float:
    match node:
        case Char(source):
            return 0.2 if source == " " or not node.is_literal else 1.0
        case Border():
            return 0.0
        case Repeat(of, least, _):
            return _weight(of) * min(least, 3)
        case Sequence(of):
            return sum(_weight(n) for n in of)
        case Either(of):
            return min(_weight(n) for n in of)
