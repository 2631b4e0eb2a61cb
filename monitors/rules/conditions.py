"""Whether a rule's condition holds, given the hits of its patterns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from monitors.rules.pack import AllOf, AnyOf, Condition, Near, NotOf, Then, Use, operands


class Hit(NamedTuple):
    """A span of a pattern in step `step` of a trace, in code points and, for looking around it, in bytes."""

    step: int
    start: int
    end: int
    pattern: int
    low: int
    high: int


Hits = Callable[[str, Collection[int] | None], Sequence[Hit]]  # of a pattern, in some steps or (None) in all


class Finder(NamedTuple):
    """Where an evaluation gets its hits: `hits` as guards leave them, `anywhere` for what is inside `not`."""

    hits: Hits
    anywhere: Hits
    is_reasoning: Callable[[int], bool]


def evaluate(condition: Condition, finder: Finder, steps: Collection[int] | None = None) -> list[Hit]:
    """The hits that make the condition hold, in order of step and start; empty where it does not.

    Operands are asked in the order in which they stand, and no more once the answer is known, so the rarest should
    come first. `steps`, where given, are the only ones whose hits matter.
    """
    match condition:
        case Use(name):
            return list(finder.hits(name, steps))
        case AnyOf(of):
            return _union([evaluate(c, finder, steps) for c in of])
        case AllOf():
            return _all(condition, finder)
        case Near():
            return _near(condition, finder, steps)
        case Then(first, later):
            return _then(first, later, finder)
        case NotOf():
            return []


def _all(condition: AllOf, finder: Finder) -> list[Hit]:
    parts = []
    for c in condition.of:
        if not isinstance(c, NotOf):
            parts.append(evaluate(c, finder))
            if not parts[-1]:
                return []
    inside_not = finder._replace(hits=finder.anywhere)
    if any(evaluate(c.of, inside_not) for c in condition.of if isinstance(c, NotOf)):
        return []
    return _union(parts)


def _near(condition: Near, finder: Finder, steps: Collection[int] | None) -> list[Hit]:
    parts = []
    for c in condition.of:
        part = evaluate(c, finder, steps if is_local(c) else None)
        if not part:
            return []
        parts.append(part)
        here = {hit.step for hit in part}
        steps = here if steps is None else here.intersection(steps)
    return near(parts, condition.within)


def _then(first: Condition, later: Condition, finder: Finder) -> list[Hit]:
    firsts = [h for h in evaluate(first, finder) if finder.is_reasoning(h.step)]
    laters = evaluate(later, finder) if firsts else []
    if not laters:
        return []
    begin, end = min(h.step for h in firsts), max(h.step for h in laters)
    return _union([[h for h in firsts if h.step < end], [h for h in laters if h.step > begin]])


def is_local(condition: Condition) -> bool:
    """Whether its hits in a step depend on that step alone."""
    return not isinstance(condition, AllOf | Then | NotOf) and all(is_local(c) for c in operands(condition))


def rarest_first(condition: Condition, weight: Callable[[str], float]) -> tuple[Condition, float]:
    """The same condition with what is rarest asked first, and how rare it is; what is heavier is rarer."""
    match condition:
        case Use(name):
            return condition, weight(name)
        case NotOf(of):
            return NotOf(rarest_first(of, weight)[0]), 0.0
        case Then(first, later):
            (a, rare_a), (b, rare_b) = rarest_first(first, weight), rarest_first(later, weight)
            return Then(a, b), max(rare_a, rare_b)
        case AnyOf(of):
            ranked = [rarest_first(c, weight) for c in of]
            return AnyOf(tuple(c for c, _ in ranked)), min(rare for _, rare in ranked)
        case AllOf(of) | Near(of):
            ranked = sorted((rarest_first(c, weight) for c in of), key=lambda r: -r[1])
            return replace(condition, of=tuple(c for c, _ in ranked)), ranked[0][1]


def awaited(condition: Condition) -> Iterator[str]:
    """The patterns without which the condition cannot hold, as few as will do, in a condition rarest first."""
    match condition:
        case Use(name):
            yield name
        case AnyOf(of):
            for c in of:
                yield from awaited(c)
        case AllOf(of) | Near(of):
            yield from awaited(next(c for c in of if not isinstance(c, NotOf)))
        case Then(first):
            yield from awaited(first)
        case NotOf():
            return


def near(parts: Sequence[Sequence[Hit]], within: int | None) -> list[Hit]:
    """The hits that stand in some chain of one hit of each part, in one step, each gap at most `within`."""
    by_step: dict[int, list[tuple[Hit, int]]] = {}
    for part, found in enumerate(parts):
        for hit in found:
            by_step.setdefault(hit.step, []).append((hit, 1 << part))
    whole = (1 << len(parts)) - 1
    kept: set[Hit] = set()
    for chained in by_step.values():
        if _covers(chained, whole):
            kept.update(hit for hit, _ in chained) if within is None else kept.update(_chains(chained, whole, within))
    return sorted(kept)


def _covers(chained: Sequence[tuple[Hit, int]], whole: int) -> bool:
    seen = 0
    for _, bit in chained:
        seen |= bit
    return seen == whole


def _chains(chained: list[tuple[Hit, int]], whole: int, within: int) -> list[Hit]:
    """Exact in one pass each way: for each set of parts, the best end (or start) of a chain that covers it."""
    chained.sort()
    ends: dict[int, int] = {}  # parts covered -> furthest end of such a chain so far
    left: list[list[int]] = []
    for hit, bit in chained:
        masks = [bit, *(m | bit for m, end in ends.items() if not m & bit and hit.start - end <= within)]
        left.append(masks)
        for m in masks:
            ends[m] = max(ends.get(m, 0), hit.end)
    starts: dict[int, int] = {}
    kept = []
    for (hit, bit), lefts in zip(reversed(chained), reversed(left), strict=True):
        rights = [bit, *(m | bit for m, start in starts.items() if not m & bit and start - hit.end <= within)]
        if any(a | b == whole and a & b == bit for a in lefts for b in rights):
            kept.append(hit)
        for m in rights:
            starts[m] = min(starts.get(m, hit.start), hit.start)
    return kept


def _union(parts: Iterable[Sequence[Hit]]) -> list[Hit]:
    return sorted({hit for part in parts for hit in part})
