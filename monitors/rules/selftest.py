"""A rule's own tests, run through the engine that judges traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitors.rules.engine import Engine, Fired, Limits
from monitors.rules.pack import Example, Rule, RulePack
from schemas.errors import Fault
from schemas.trace import STEPS

_ROLES = {"prompt": "user", "observation": "tool"}
_UNLIMITED = Limits(work=1 << 40, spans=1000)
_SHOWN = 80  # characters of a test that a message quotes


@dataclass(frozen=True, slots=True)
class _Case:
    rule: Rule
    kind: str
    number: int
    example: Example


def example_steps(examples: Sequence[Example]) -> pa.ListArray:
    """Examples as the steps of traces, one trace each."""
    traces = [
        [
            {"role": _ROLES.get(c, "assistant"), "channel": c, "name": None, "text": t, "redacted": False}
            for c, t in e.steps
        ]
        for e in examples
    ]
    return pa.array(traces, STEPS)


def failed_tests(pack: RulePack, engine: Engine | None = None) -> list[Fault]:
    """A fault for each `match` that its rule does not hold against the model, each `no_match` that it does, and each
    test that is read otherwise than it says."""
    cases = [
        _Case(rule, kind, i + 1, example)
        for rule in pack.rules
        for kind, examples in (("match", rule.match), ("no_match", rule.no_match))
        for i, example in enumerate(examples)
    ]
    outcomes = (engine or Engine(pack)).fired(example_steps([case.example for case in cases]), _UNLIMITED)
    failed = []
    for row, case in enumerate(cases):
        found = next((f for f in outcomes[row].fired if f.rule.id == case.rule.id), None) if row in outcomes else None
        if (fault := _fault(case, found)) is not None:
            failed.append(fault)
    return failed


def counts(fired: Fired) -> bool:
    """Whether what fired is held against the model: neither turned down, nor quoted, nor allowed."""
    return fired.sanctioned == "none" and fired.stance not in ("rejected", "quoted_or_fiction")


def _fault(case: _Case, found: Fired | None) -> Fault | None:
    """What is wrong with the answer to one test, if anything."""
    example, what = case.example, f"rule {case.rule.id}: {case.kind} test {case.number}"
    where = case.rule.file, example.line
    if case.kind == "match" and (found is None or not counts(found)):
        read = f" (it reads it as {_read(found)})" if found else ""
        return Fault(*where, f"{what} does not fire on {_shown(example)}{read}")
    if case.kind == "no_match" and found is not None and counts(found):
        hit = found.hits[0]
        words = example.steps[hit.step][1][hit.start : hit.end]
        return Fault(
            *where, f"{what} fires on {_short(words)} in {_shown(example)}", "narrow the pattern, or add a guard"
        )
    if example.stance is None and example.sanctioned is None:
        return None
    if found is None:
        return Fault(*where, f"{what} is not seen at all: {_shown(example)}", "leave out how it is to be read")
    if example.stance not in (None, found.stance) or example.sanctioned not in (None, found.sanctioned):
        wanted = " and ".join(word for word in (example.stance, example.sanctioned) if word)
        return Fault(*where, f"{what} is read as {_read(found)}, not {wanted}: {_shown(example)}")
    return None


def _read(found: Fired) -> str:
    return found.stance if found.sanctioned == "none" else f"{found.stance}, allowed by {found.sanctioned}"


def _shown(example: Example) -> str:
    if len(example.steps) == 1:
        return _short(example.steps[0][1])
    return ", ".join(f"{channel}: {_short(text)}" for channel, text in example.steps)


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
