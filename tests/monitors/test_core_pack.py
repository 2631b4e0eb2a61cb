"""The core pack keeps its promises, and its own tests would notice if a pattern stopped looking."""

from __future__ import annotations

from pathlib import Path

import pytest

import monitors.packs
from monitors.rules import Rule, load_pack
from monitors.rules.mutants import Mutant, mutants
from monitors.rules.selftest import failed_tests
from schemas.behaviours import BEHAVIOURS

CANARY = "COTMONITOR-CANARY-DO-NOT-TRAIN:pack:core"
FOLDER = Path(monitors.packs.__file__).parent / "core"
NOTICED = 0.95

PACK = load_pack("core")


def test_every_rule_passes_its_own_tests() -> None:
    assert failed_tests(PACK) == []


def caught(tried: list[Mutant]) -> float:
    """The share of mutants that some test inside the rules notices."""
    missed = [f"{m.kind}: {m.what}" for m in tried if not failed_tests(m.pack)]
    print("\n".join(missed))
    return 1 - len(missed) / len(tried)


def test_the_own_tests_notice_what_is_broken() -> None:
    assert caught(list(mutants(PACK))[::12]) >= NOTICED


@pytest.mark.slow
def test_the_own_tests_notice_whatever_is_broken() -> None:
    assert caught(list(mutants(PACK))) >= NOTICED


def test_every_behaviour_is_listened_for() -> None:
    assert {rule.behaviour for rule in PACK.rules if rule.status == "stable"} == set(BEHAVIOURS)


def test_what_a_model_thinks_does_says_and_notes_is_listened_to() -> None:
    assert {c for rule in PACK.rules for c in rule.listens} >= {"reasoning", "action", "output", "memory"}


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_mistakes_and_is_tested_on_both_sides(rule: Rule) -> None:
    assert all(text.strip() for text in rule.falsepositives)
    assert len(rule.match) >= 4
    assert len(rule.no_match) >= 4


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_a_rule_has_somewhere_to_stop(rule: Rule) -> None:
    assert rule.unless, "a rule without guards is a grep"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yml")), ids=lambda file: file.name)
def test_every_file_opens_with_the_canary(file: Path) -> None:
    assert file.read_text("utf-8").splitlines()[0] == f"# {CANARY}"
