"""The core pack keeps its promises, and its own tests would notice if a pattern stopped looking."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import monitors.packs
from monitors.rules import Rule, RulePack, load_pack
from monitors.rules.selftest import failed_tests
from schemas.behaviours import BEHAVIOURS, CATEGORIES

CANARY = "COTMONITOR-CANARY-DO-NOT-TRAIN:pack:core"
FOLDER = Path(monitors.packs.__file__).parent / "core"
NEVER = "\\x{10FFFE}"  # a noncharacter, which no test contains
NOTICED = 0.9

PACK = load_pack("core")


def alone(rule: Rule) -> RulePack:
    """A pack of that rule only, so that a mutant costs one small compilation."""
    return dataclasses.replace(PACK, rules=(rule,))


def mutants() -> list[tuple[str, Rule]]:
    """Each rule once for each of its patterns, that pattern never matching."""
    found = []
    for rule in PACK.rules:
        for dead in rule.patterns:
            patterns = tuple(dataclasses.replace(p, regex=NEVER) if p is dead else p for p in rule.patterns)
            found.append((f"{rule.id}:{dead.name}", dataclasses.replace(rule, patterns=patterns)))
    return found


def test_every_rule_passes_its_own_tests() -> None:
    assert failed_tests(PACK) == []


def test_the_own_tests_notice_a_pattern_that_stopped_looking() -> None:
    tried = mutants()
    unnoticed = [name for name, rule in tried if not failed_tests(alone(rule))]
    assert len(unnoticed) <= (1 - NOTICED) * len(tried), unnoticed


def test_most_behaviours_of_both_categories_are_listened_for() -> None:
    heard = {rule.behaviour for rule in PACK.rules if rule.status == "stable"}
    assert len(heard) >= 24
    assert {BEHAVIOURS[b].category for b in heard} == set(CATEGORIES)


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_mistakes_and_is_tested_on_both_sides(rule: Rule) -> None:
    assert all(text.strip() for text in rule.falsepositives)
    assert len(rule.match) >= 3
    assert len(rule.no_match) >= 3


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_a_rule_has_somewhere_to_stop(rule: Rule) -> None:
    assert rule.unless, "a rule without guards is a grep"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda file: file.name)
def test_every_file_opens_with_the_canary(file: Path) -> None:
    assert file.read_text("utf-8").splitlines()[0] == f"# {CANARY}"
