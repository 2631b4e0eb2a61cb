"""Conditions, beside the plainest reading of what they promise."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.rules.conditions import Finder, Hit, awaited, evaluate, near, rarest_first
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


def finder_in(hits: dict[str, list[Hit]]) -> Finder:
    def found(name: str, steps: Collection[int] | None) -> list[Hit]:
        return sorted(h for h in hits.get(name, []) if steps is None or h.step in steps)

    return Finder(found, found, is_reasoning)


@pytest.mark.parametrize(("condition", "hits", "evidence"), CASES.values(), ids=CASES)
def test_condition(condition: Condition, hits: dict[str, list[Hit]], evidence: list[tuple[int, int]]) -> None:
    finder = finder_in(hits)
    assert [(h.step, h.start) for h in evaluate(condition, finder)] == evidence


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
@given(
    CONDITIONS,
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 20)), max_size=8, unique=True),
)
def test_what_is_asked_first_changes_no_answer(condition: Condition, places: list[tuple[str, int, int]]) -> None:
    hits: dict[str, list[Hit]] = {}
    for name, step, start in places:
        hits.setdefault(name, []).append(hit(step, start, start + 2, ord(name)))
    finder = finder_in(hits)
    expected = evaluate_plainly(condition, finder)
    for weights in ({"a": 1, "b": 2, "c": 3}, {"a": 3, "b": 2, "c": 1}):
        ordered, _ = rarest_first(condition, weights.__getitem__)
        assert evaluate(ordered, finder) == expected
        if expected:
            assert any(hits.get(name) for name in awaited(ordered))


def evaluate_plainly(condition: Condition, finder: Finder) -> list[Hit]:
    """Every operand asked, in full."""
    match condition:
        case Use(name):
            return sorted(set(finder.hits(name, None)))
        case AnyOf(of):
            return sorted({h for c in of for h in evaluate_plainly(c, finder)})
        case AllOf(of):
            parts = [evaluate_plainly(c, finder) for c in of if not isinstance(c, NotOf)]
            absent = not any(evaluate_plainly(c.of, finder) for c in of if isinstance(c, NotOf))
            return sorted({h for part in parts for h in part}) if all(parts) and absent else []
        case Near(of, within):
            return near_by_trying_all([evaluate_plainly(c, finder) for c in of], within)
        case Then(first, later):
            firsts = [h for h in evaluate_plainly(first, finder) if is_reasoning(h.step)]
            laters = evaluate_plainly(later, finder)
            pairs = [(a, b) for a in firsts for b in laters if a.step < b.step]
            return sorted({h for pair in pairs for h in pair})
        case NotOf():
            return []


def test_the_rarest_is_awaited_and_asked_first() -> None:
    weights = {"a": 1.0, "b": 5.0, "c": 3.0}.__getitem__
    ordered, rare = rarest_first(AllOf((A, NotOf(C), Near((A, C, B), 9))), weights)
    assert ordered == AllOf((Near((B, C, A), 9), A, NotOf(C)))
    assert (list(awaited(ordered)), rare) == (["b"], 5.0)
    assert list(awaited(AnyOf((A, AllOf((B, C)))))) == ["a", "b"]
