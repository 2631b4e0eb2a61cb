"""From the steps of a batch to the rules that fire in each trace, and the hits that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from monitors.rules.conditions import Hit, evaluate, reach
from monitors.rules.pack import Condition, Guard, NotOf, Rule, RulePack, Use, operands
from monitors.rules.scan import Batch, Ears, Heard
from monitors.rules.search import OverBudget, Searcher
from monitors.rules.trace import TraceText, Windows
from schemas.trace import CHANNELS

ENGINE_VERSION = 1  # part of every rule monitor's digest: raise it when a change may alter what any pack says
TRACE_STEPS_WORTH = 4  # spans kept per pattern: so many steps' worth for a whole trace


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one step may cost before it is given up."""

    work: int
    spans: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fires in a trace, and its hits in order."""

    rule: Rule
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rules that fire in a trace; `whole` is False where some rule's answer is not known."""

    fired: tuple[Fired, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule with its names resolved."""

    rule: Rule
    patterns: Mapping[str, tuple[int, frozenset[str]]]  # name -> expression, channels
    guards: tuple[tuple[Guard, Searcher], ...]


class Engine:
    """A pack compiled."""

    def __init__(self, pack: RulePack) -> None:
        regexes: dict[str, int] = {}
        listening: dict[str, set[int]] = {c: set() for c in CHANNELS}
        self._by_pattern: dict[int, list[int]] = {}
        self._rules: list[_Ready] = []
        guards: dict[str, Searcher] = {}
        for number, rule in enumerate(sorted(pack.rules, key=lambda r: r.id)):
            patterns = {
                p.name: (regexes.setdefault(p.regex, len(regexes)), frozenset(p.channels)) for p in rule.patterns
            }
            for name in set(_awaited(rule.when)):
                expression, channels = patterns[name]
                self._by_pattern.setdefault(expression, []).append(number)
                for channel in channels:
                    listening[channel].add(expression)
            for guard in rule.unless:
                guards.setdefault(guard.regex, Searcher(guard.regex))
            self._rules.append(_Ready(rule, patterns, tuple((g, guards[g.regex]) for g in rule.unless)))
        self._searchers = [Searcher(regex) for regex in regexes]
        self.listening = {c: frozenset(p) for c, p in listening.items()}
        self._ears = Ears(list(regexes), self.listening)

    def fired(self, steps: pa.ListArray, limits: Limits) -> dict[int, Outcome]:
        """By trace number, what fires; a trace that is not named is clean."""
        return dict(self.examine(Batch(steps), limits))

    def examine(self, batch: Batch, limits: Limits) -> Iterator[tuple[int, Outcome]]:
        """Traces in which a rule fires, or might, and what came of it."""
        for row, heard in sorted(self._ears.hear(batch).items()):
            outcome = self._examine(batch, row, heard, limits)
            if outcome is not None:
                yield row, outcome

    def _examine(self, batch: Batch, row: int, heard: Heard, limits: Limits) -> Outcome | None:
        candidates = sorted({n for patterns in heard.values() for p in patterns for n in self._by_pattern[p]})
        trace: TraceText | None = None
        channels = batch.channels_of(row)
        fired, whole = [], True
        for number in candidates:
            ready = self._rules[number]
            question = _Question(ready, heard, channels)
            where = reach(ready.rule.when, question.heard, question.is_reasoning)
            if not where.evidence:
                continue
            if trace is None:
                trace = TraceText(
                    batch.texts_of(row),
                    channels,
                    self._searchers,
                    limits.work,
                    limits.spans,
                    limits.spans * TRACE_STEPS_WORTH,
                )
            hits = question.answer(trace, where.deciding)
            if hits:
                fired.append(Fired(ready.rule, tuple(hits)))
            elif not question.whole:
                whole = False
        return Outcome(tuple(fired), whole) if fired or not whole else None


class _Question:
    """Does this rule fire in this trace?"""

    def __init__(self, ready: _Ready, heard: Heard, channels: Sequence[str]) -> None:
        self._ready = ready
        self._heard = heard
        self._channels = channels
        self.whole = True  # False once something was cut short, so that silence proves nothing

    def is_reasoning(self, step: int) -> bool:
        return self._channels[step] == "reasoning"

    def heard(self, name: str) -> list[int]:
        pattern, channels = self._ready.patterns[name]
        return [s for s, patterns in self._heard.items() if pattern in patterns and self._channels[s] in channels]

    def answer(self, trace: TraceText, where: set[int]) -> list[Hit]:
        """The hits with which the rule fires, or none."""
        rule, guards = self._ready.rule, self._ready.guards

        def found(name: str) -> list[Hit]:
            pattern, _ = self._ready.patterns[name]
            steps = [s for s in sorted(self.heard(name)) if s in where]
            return self._collect(trace, pattern, ((s, self._heard[s][pattern]) for s in steps))

        def anywhere(name: str) -> list[Hit]:
            pattern, channels = self._ready.patterns[name]
            steps = [s for s, c in enumerate(self._channels) if c in channels and len(trace.texts[s])]
            hits = self._collect(trace, pattern, ((s, None) for s in steps))
            if not hits and not self.whole:
                raise OverBudget  # that nothing was found does not mean that nothing is there
            return hits

        def unguarded(name: str) -> list[Hit]:
            return [h for h in found(name) if not any(trace.guarded(h, g, s, rule.channels) for g, s in guards)]

        try:
            hits = evaluate(rule.when, found, anywhere, self.is_reasoning)
            return evaluate(rule.when, unguarded, anywhere, self.is_reasoning) if hits and guards else hits
        except OverBudget:
            self.whole = False
            return []

    def _collect(self, trace: TraceText, pattern: int, steps: Iterator[tuple[int, Windows]]) -> list[Hit]:
        hits: list[Hit] = []
        for step, windows in steps:
            more, whole = trace.hits(pattern, step, windows)
            hits += more
            self.whole = self.whole and whole
        return hits


def _awaited(condition: Condition) -> Iterator[str]:
    """The patterns a rule waits for: not those whose absence it asks about, which are searched only when it matters."""
    if isinstance(condition, Use):
        yield condition.name
    if not isinstance(condition, NotOf):
        for operand in operands(condition):
            yield from _awaited(operand)
