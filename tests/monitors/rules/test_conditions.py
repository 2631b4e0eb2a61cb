"""Conditions, beside the plainest reading of what they promise."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.rules.conditions import Hit, evaluate, near, reach
from monitors.rules.pack import AllOf, AnyOf, Condition, Near, NotOf, Then, Use


def hit(step: int, start: int, end: int, pattern: int = 0) -> Hit:
    return Hit(step, start, end, pattern, start, end)


HITS = st.builds(
    lambda step, start, size, pattern: hit(step, start, start + size, pattern),
    st.integers(0, 1),
    st.integers(0, 40),
    st.integers(1, 8),
    st.integers(0, 1),
)


def near_by_trying_all(parts: list[list[Hit]], within: int | None) -> list[Hit]:
    kept: set[Hit] = set()
    for chosen in product(*parts):
        ordered = sorted(chosen)
        gaps = [b.start - a.end for a, b in pairwise(ordered)]
        if len({h.step for h in chosen}) == 1 and (within is None or all(gap <= within for gap in gaps)):
            kept.update(chosen)
    return sorted(kept)


@given(
    st.lists(st.lists(HITS, min_size=1, max_size=4), min_size=2, max_size=4), st.one_of(st.none(), st.integers(0, 12))
)
def test_near_finds_what_trying_every_combination_finds(parts: list[list[Hit]], within: int | None) -> None:
    assert near(parts, within) == near_by_trying_all(parts, within)


A, B, C = Use("a"), Use("b"), Use("c")
STEPS = ["prompt", "reasoning", "action", "reasoning", "action"]
CASES: dict[str, tuple[Condition, dict[str, list[Hit]], list[tuple[int, int]]]] = {
    "a name is any of its hits": (A, {"a": [hit(1, 0, 2)]}, [(1, 0)]),
    "any: one is enough": (AnyOf((A, B)), {"b": [hit(1, 5, 6)]}, [(1, 5)]),
    "any: hits of all that have some": (AnyOf((A, B)), {"a": [hit(1, 0, 1)], "b": [hit(0, 5, 6)]}, [(0, 5), (1, 0)]),
    "all: in different steps": (AllOf((A, B)), {"a": [hit(3, 0, 1)], "b": [hit(1, 5, 6)]}, [(1, 5), (3, 0)]),
    "all: one is missing": (AllOf((A, B)), {"a": [hit(3, 0, 1)]}, []),
    "all: what must be absent is absent": (AllOf((NotOf(B), A)), {"a": [hit(3, 0, 1)]}, [(3, 0)]),
    "all: what must be absent is there": (AllOf((A, NotOf(B))), {"a": [hit(3, 0, 1)], "b": [hit(1, 0, 1)]}, []),
    "all: nested": (AllOf((A, AnyOf((B, C)))), {"a": [hit(1, 0, 1)], "c": [hit(1, 9, 10)]}, [(1, 0), (1, 9)]),
    "not: of something nested": (
        AllOf((A, NotOf(Near((B, C), 1)))),
        {"a": [hit(1, 0, 1)], "b": [hit(1, 0, 1)], "c": [hit(1, 9, 10)]},
        [(1, 0)],
    ),
    "near: close": (Near((A, B), 3), {"a": [hit(1, 0, 2)], "b": [hit(1, 5, 6)]}, [(1, 0), (1, 5)]),
    "near: order does not matter": (Near((A, B), 3), {"b": [hit(1, 0, 2)], "a": [hit(1, 5, 6)]}, [(1, 0), (1, 5)]),
    "near: one too far": (Near((A, B), 2), {"a": [hit(1, 0, 2)], "b": [hit(1, 5, 6)]}, []),
    "near: in another step": (Near((A, B), 9), {"a": [hit(1, 0, 2)], "b": [hit(3, 3, 4)]}, []),
    "near: far ones are left out of the evidence": (
        Near((A, B), 3),
        {"a": [hit(1, 0, 2), hit(1, 90, 92)], "b": [hit(1, 5, 6)]},
        [(1, 0), (1, 5)],
    ),
    "near: the same step, however far": (
        Near((A, B), None),
        {"a": [hit(1, 0, 2)], "b": [hit(1, 9000, 9001)]},
        [(1, 0), (1, 9000)],
    ),
    "near: a chain of three": (
        Near((A, B, C), 3),
        {"a": [hit(1, 0, 2)], "b": [hit(1, 5, 6)], "c": [hit(1, 9, 10)]},
        [(1, 0), (1, 5), (1, 9)],
    ),
    "then: in a later step": (Then(A, B), {"a": [hit(1, 0, 1)], "b": [hit(2, 0, 1)]}, [(1, 0), (2, 0)]),
    "then: not in the same step": (Then(A, B), {"a": [hit(1, 0, 1)], "b": [hit(1, 5, 6)]}, []),
    "then: not in an earlier step": (Then(A, B), {"a": [hit(3, 0, 1)], "b": [hit(2, 0, 1)]}, []),
    "then: first must be reasoning": (Then(A, B), {"a": [hit(2, 0, 1)], "b": [hit(4, 0, 1)]}, []),
    "then: what comes too early or too late is no evidence": (
        Then(A, B),
        {"a": [hit(1, 0, 1), hit(3, 0, 1)], "b": [hit(0, 0, 1), hit(2, 0, 1)]},
        [(1, 0), (2, 0)],
    ),
    "then: later may be nested": (
        Then(A, AllOf((B, C))),
        {"a": [hit(1, 0, 1)], "b": [hit(2, 0, 1)], "c": [hit(4, 0, 1)]},
        [(1, 0), (2, 0), (4, 0)],
    ),
}


def is_reasoning(step: int) -> bool:
    return STEPS[step] == "reasoning"


@pytest.mark.parametrize(("condition", "hits", "evidence"), CASES.values(), ids=CASES)
def test_condition(condition: Condition, hits: dict[str, list[Hit]], evidence: list[tuple[int, int]]) -> None:
    def found(name: str) -> list[Hit]:
        return hits.get(name, [])

    assert [(h.step, h.start) for h in evaluate(condition, found, found, is_reasoning)] == evidence


CONDITIONS = st.recursive(
    st.sampled_from([A, B, C]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of))),
        st.tuples(inner, st.one_of(inner, inner.map(NotOf))).map(lambda of: AllOf(tuple(of))),
        st.tuples(inner, inner, st.one_of(st.none(), st.integers(0, 20))).map(lambda n: Near(n[:2], n[2])),
        st.tuples(inner, inner).map(lambda n: Then(*n)),
    ),
    max_leaves=5,
)


@settings(max_examples=500)
@given(CONDITIONS, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 20)), max_size=8))
def test_other_steps_than_those_known_beforehand_decide_nothing(
    condition: Condition, places: list[tuple[str, int, int]]
) -> None:
    """Else the short cut that leaves other steps unsearched would lose hits."""
    hits: dict[str, list[Hit]] = {}
    for name, step, start in places:
        hits.setdefault(name, []).append(hit(step, start, start + 2, ord(name)))

    def found(name: str) -> list[Hit]:
        return hits.get(name, [])

    where = reach(condition, lambda name: [h.step for h in found(name)], is_reasoning)

    def there(name: str) -> list[Hit]:
        return [h for h in found(name) if h.step in where.deciding]

    full = evaluate(condition, found, found, is_reasoning)
    assert {h.step for h in full} <= where.evidence
    assert evaluate(condition, there, found, is_reasoning) == full
