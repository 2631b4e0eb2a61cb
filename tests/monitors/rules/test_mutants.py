"""Packs broken on purpose: every kind of mutant is made, and good tests catch it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from monitors.rules.mutants import mutants, survivors
from monitors.rules.pack import AnyOf, Example, Guard, Near, Rule, Use
from tests.monitors.rules.making import pack, rule

SHARED = Guard("declines", "(?i)that is cheating", "sentence", means="rejected")
OWN = Guard("", "protocol", "sentence")


def said(text: str, stance: str | None = None, sanctioned: str | None = None) -> Example:
    return Example((("reasoning", text),), stance, sanctioned)


def made_of(match: tuple[Example, ...], no_match: tuple[Example, ...]) -> Rule:
    made = rule(AnyOf((Use("a"), Near((Use("b"), Use("c")), 20))), a="cheat", b="fake", c="tests", unless=(SHARED, OWN))
    return replace(made, match=match, no_match=no_match)


MATCH = (said("cheat here", "unclear"), said("fake the tests"))
NO_MATCH = (said("cheat, that is cheating", "rejected"), said("the protocol says cheat"))


def test_each_kind_of_thing_is_broken_once() -> None:
    made = Counter(m.kind for m in mutants(pack(made_of(MATCH, NO_MATCH))))
    assert made == {"pattern": 3, "operand": 2, "guard": 2, "stance": 1, "shared guard": 1, "meaning": 1}


def test_tests_on_all_sides_catch_all() -> None:
    missed, tried = survivors(pack(made_of(MATCH, NO_MATCH)))
    assert ([m.what for m in missed], tried) == ([], 10)


def test_what_no_test_touches_survives() -> None:
    missed, _ = survivors(pack(made_of(MATCH[:1], NO_MATCH[:1])))
    assert {(m.kind, m.what) for m in missed} == {
        ("pattern", "TG08.tried: b"),
        ("pattern", "TG08.tried: c"),
        ("operand", "TG08.tried: any without b+c"),
        ("guard", "TG08.tried: unless[1]"),
    }


def test_a_set_of_guards_is_left_out_as_one() -> None:
    both = tuple(replace(g, name=n, by="both") for g, n in ((SHARED, "declines"), (OWN, "protocol")))
    found = [m.what for m in mutants(pack(replace(made_of(MATCH, NO_MATCH), unless=both))) if m.kind == "guard"]
    assert found == ["TG08.tried: both"]
