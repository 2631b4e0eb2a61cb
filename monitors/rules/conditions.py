"""Whether a rule's condition holds, given the hits of its patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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


Hits = Callable[[str], Sequence[Hit]]


class Reach(NamedTuple):
    """Steps in which a condition's evidence may lie, and those whose hits decide whether it holds."""

    evidence: set[int]
    deciding: set[int]


_NOWHERE = Reach(set(), set())


def reach(condition: Condition, heard: Callable[[str], Iterable[int]], reasoning: Callable[[int], bool]) -> Reach:
    """How far the condition reaches, knowing only in which steps each pattern has a hit.

    No evidence means that it cannot hold, which is known before any span is searched.
    """
    parts = [reach(c, heard, reasoning) for c in operands(condition) if not isinstance(c, NotOf)]
    match condition:
        case Use(name):
            steps = set(heard(name))
            return Reach(steps, steps)
        case NotOf():
            return _NOWHERE
        case AllOf() if not all(part.evidence for part in parts):
            return _NOWHERE
        case Near():
            evidence = set.intersection(*(part.evidence for part in parts))
        case Then():
            evidence = _in_turn({s for s in parts[0].evidence if reasoning(s)}, parts[1].evidence)
        case _:
            evidence = set().union(*(part.evidence for part in parts))
    if not evidence:
        return _NOWHERE
    if all(_is_local(c) for c in operands(condition)):
        return Reach(evidence, evidence)
    return Reach(evidence, set().union(*(part.deciding for part in parts)))


def _in_turn(firsts: set[int], laters: set[int]) -> set[int]:
    if not firsts or not laters:
        return set()
    return {s for s in firsts if s < max(laters)} | {s for s in laters if s > min(firsts)}


def _is_local(condition: Condition) -> bool:
    """Whether its hits in a step depend on that step alone."""
    return not isinstance(condition, AllOf | Then | NotOf) and all(_is_local(c) for c in operands(condition))


def evaluate(condition: Condition, hits: Hits, anywhere: Hits, reasoning: Callable[[int], bool]) -> list[Hit]:
    """The hits that make the condition hold, in order of step and start; empty where it does not.

    `anywhere` gives the hits for what is inside `not`, where no guard and no short cut applies.
    """
    match condition:
        case Use(name):
            return list(hits(name))
        case AnyOf(of):
            return _union(evaluate(c, hits, anywhere, reasoning) for c in of)
        case AllOf(of):
            parts = []
            for c in sorted(of, key=lambda c: isinstance(c, NotOf)):  # what must be absent is looked for last
                if isinstance(c, NotOf):
                    if evaluate(c.of, anywhere, anywhere, reasoning):
                        return []
                elif part := evaluate(c, hits, anywhere, reasoning):
                    parts.append(part)
                else:
                    return []
            return _union(parts)
        case Near(of, within):
            parts = [evaluate(c, hits, anywhere, reasoning) for c in of]
            return near(parts, within) if all(parts) else []
        case Then(first, later):
            firsts = [h for h in evaluate(first, hits, anywhere, reasoning) if reasoning(h.step)]
            laters = evaluate(later, hits, anywhere, reasoning) if firsts else []
            if not laters:
                return []
            begin, end = min(h.step for h in firsts), max(h.step for h in laters)
            return _union([[h for h in firsts if h.step < end], [h for h in laters if h.step > begin]])
        case NotOf():
            return []


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
