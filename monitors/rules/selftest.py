"""A rule's own tests, run through the engine that judges traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitors.rules.engine import Engine, Limits
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
    """A fault for each `match` on which its rule is silent, and each `no_match` on which it fires."""
    cases = [
        _Case(rule, kind, i + 1, example)
        for rule in pack.rules
        for kind, examples in (("match", rule.match), ("no_match", rule.no_match))
        for i, example in enumerate(examples)
    ]
    outcomes = (engine or Engine(pack)).fired(example_steps([case.example for case in cases]), _UNLIMITED)
    failed = []
    for row, case in enumerate(cases):
        hits = [f.hits for f in outcomes[row].fired if f.rule.id == case.rule.id] if row in outcomes else []
        what = f"rule {case.rule.id}: {case.kind} test {case.number}"
        if case.kind == "match" and not hits:
            failed.append(Fault(case.rule.file, case.example.line, f"{what} does not fire on {_shown(case.example)}"))
        elif case.kind == "no_match" and hits:
            hit = hits[0][0]
            words = case.example.steps[hit.step][1][hit.start : hit.end]
            what = f"{what} fires on {_short(words)} in {_shown(case.example)}"
            failed.append(Fault(case.rule.file, case.example.line, what, "narrow the pattern, or add a guard"))
    return failed


def _shown(example: Example) -> str:
    if len(example.steps) == 1:
        return _short(example.steps[0][1])
    return ", ".join(f"{channel}: {_short(text)}" for channel, text in example.steps)


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
