"""Packs with one thing broken on purpose: does any test inside the rules notice?

Broken are, one at a time: each pattern (it matches nothing), each operand of an `any` that has several (left out), each
guard or set of guards that a rule names (left out), each guard that the pack shares (left out of all rules), the
stance of each rule and the meaning of each guard (turned into another).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from monitors.rules.pack import NOISE, AllOf, AnyOf, Condition, Guard, Near, NotOf, Rule, RulePack, Then, names_in
from monitors.rules.selftest import failed_tests

NOTHING = "\\x{10FFFE}"  # a noncharacter, which no text contains
_OTHER: Mapping[str | None, str | None] = {
    None: "contemplated",
    "planned": "executed",
    "executed": "planned",
    "attempted": "executed",
    "contemplated": "planned",
    "disclosed": "executed",
    "unclear": "planned",
    "rejected": "user",
    "quoted_or_fiction": "user",
    "user": "rejected",
    "environment": "rejected",
    "fiction": "rejected",
    NOISE: "rejected",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """What was broken, how, and the rules that are left to notice."""

    kind: str
    what: str
    pack: RulePack


def mutants(pack: RulePack) -> Iterator[Mutant]:
    """Every way to break one thing, in the order of the rules."""
    for rule in pack.rules:
        for kind, what, broken in _of_rule(rule):
            yield Mutant(kind, f"{rule.id}: {what}", replace(pack, rules=(broken,)))
    shared = {g.name: g for r in pack.rules for g in r.unless if g.name}
    for name, guard in shared.items():
        users = tuple(r for r in pack.rules if any(g.name == name for g in r.unless))
        without = tuple(replace(r, unless=tuple(g for g in r.unless if g.name != name)) for r in users)
        yield Mutant("shared guard", name, replace(pack, rules=without))
        if guard.means != NOISE:
            turned = tuple(
                replace(r, unless=tuple(_turned(g) if g.name == name else g for g in r.unless)) for r in users
            )
            yield Mutant("meaning", name, replace(pack, rules=turned))


def survivors(pack: RulePack) -> tuple[list[Mutant], int]:
    """The mutants that no test notices, and how many there are in all."""
    found = list(mutants(pack))
    return [m for m in found if not failed_tests(m.pack)], len(found)


def _of_rule(rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    for dead in rule.patterns:
        patterns = tuple(replace(p, regex=NOTHING) if p is dead else p for p in rule.patterns)
        yield "pattern", dead.name, replace(rule, patterns=patterns)
    for what, when in _without_one(rule.when):
        yield "operand", what, replace(rule, when=when)
    for name in dict.fromkeys(_unit(g, i) for i, g in enumerate(rule.unless)):
        kept = tuple(g for i, g in enumerate(rule.unless) if _unit(g, i) != name)
        yield "guard", name, replace(rule, unless=kept)
    if "reasoning" in rule.listens or rule.stance not in (None, "planned"):  # an act is done, whichever of them it is
        yield "stance", f"{rule.stance}", replace(rule, stance=_OTHER[rule.stance])
    for i, guard in enumerate(rule.unless):
        if not guard.name and guard.means != NOISE:
            turned = (*rule.unless[:i], _turned(guard), *rule.unless[i + 1 :])
            yield "meaning", _unit(guard, i), replace(rule, unless=turned)


def _unit(guard: Guard, number: int) -> str:
    """What a rule names under `unless`: a set, a shared guard, or one of its own."""
    return guard.by or guard.name or f"unless[{number}]"


def _turned(guard: Guard) -> Guard:
    return replace(guard, means=_OTHER[guard.means] or NOISE)


def _without_one(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """The condition with one operand of an `any` left out."""
    if isinstance(condition, AnyOf) and len(condition.of) > 1:
        for i, operand in enumerate(condition.of):
            said = "+".join(names_in(operand))
            yield f"any without {said}", AnyOf(condition.of[:i] + condition.of[i + 1 :])
    match condition:
        case AnyOf(of) | AllOf(of) | Near(of):
            for i, operand in enumerate(of):
                for what, inner in _without_one(operand):
                    yield what, replace(condition, of=(*of[:i], inner, *of[i + 1 :]))
        case Then(first, later):
            yield from ((what, Then(inner, later)) for what, inner in _without_one(first))
            yield from ((what, Then(first, inner)) for what, inner in _without_one(later))
        case NotOf(of):
            yield from ((what, NotOf(inner)) for what, inner in _without_one(of))
