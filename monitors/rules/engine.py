"""From the steps of a batch to the rules that fire in each trace, and the hits that made them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from monitors.rules.conditions import Finder, Hit, awaited, evaluate, rarest_first
from monitors.rules.pack import Condition, Guard, Rule, RulePack
from monitors.rules.scan import Batch, Ears, Heard
from monitors.rules.search import OverBudget, Searcher
from monitors.rules.sieve import Sieve, sieve
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
    trace: TraceText


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule with its names resolved and its condition in the order in which it is asked."""

    rule: Rule
    when: Condition
    patterns: Mapping[str, tuple[int, frozenset[str]]]  # name -> expression, channels
    guards: tuple[tuple[Guard, Searcher], ...]


class Engine:
    """A pack compiled."""

    def __init__(self, pack: RulePack) -> None:
        regexes: dict[str, int] = {}
        sieves: list[Sieve] = []
        listening: dict[str, set[int]] = {c: set() for c in CHANNELS}
        self._by_pattern: dict[int, list[int]] = {}
        self._rules: list[_Ready] = []
        guards: dict[str, Searcher] = {}
        for number, rule in enumerate(sorted(pack.rules, key=lambda r: r.id)):
            patterns = {
                p.name: (regexes.setdefault(p.regex, len(regexes)), frozenset(p.channels)) for p in rule.patterns
            }
            sieves += [sieve(regex) for regex in list(regexes)[len(sieves) :]]
            when, _ = rarest_first(rule.when, {name: sieves[p].weight for name, (p, _) in patterns.items()}.__getitem__)
            for name in set(awaited(when)):
                expression, channels = patterns[name]
                self._by_pattern.setdefault(expression, []).append(number)
                for channel in channels:
                    listening[channel].add(expression)
            for guard in rule.unless:
                guards.setdefault(guard.regex, Searcher(guard.regex))
            self._rules.append(_Ready(rule, when, patterns, tuple((g, guards[g.regex]) for g in rule.unless)))
        self._searchers = [Searcher(regex) for regex in regexes]
        self._awaited = {c: frozenset(p) for c, p in listening.items()}
        self._ears = Ears(self._searchers, sieves, self._awaited)

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
        channels = batch.channels_of(row)
        most = limits.spans * TRACE_STEPS_WORTH
        trace = TraceText(batch.texts_of(row), channels, self._searchers, limits.work, limits.spans, most)
        fired, whole = [], True
        for number in sorted({n for patterns in heard.values() for p in patterns for n in self._by_pattern[p]}):
            question = _Question(self._rules[number], heard, self._awaited, trace)
            if hits := question.answer():
                fired.append(Fired(self._rules[number].rule, tuple(hits)))
            elif not question.whole:
                whole = False
        return Outcome(tuple(fired), whole, trace) if fired or not whole else None


class _Question:
    """Does this rule fire in this trace?"""

    def __init__(self, ready: _Ready, heard: Heard, awaited: Mapping[str, frozenset[int]], trace: TraceText) -> None:
        self._ready = ready
        self._heard = heard
        self._awaited = awaited
        self._trace = trace
        self.whole = True  # False once something was cut short, so that silence proves nothing

    def answer(self) -> list[Hit]:
        """The hits with which the rule fires, or none."""
        when, guards = self._ready.when, self._ready.guards
        plainly = Finder(self._hits, self._anywhere, self._is_reasoning)
        try:
            hits = evaluate(when, plainly)
            return evaluate(when, plainly._replace(hits=self._unguarded)) if hits and guards else hits
        except OverBudget:
            self.whole = False
            return []

    def _is_reasoning(self, step: int) -> bool:
        return self._trace.channels[step] == "reasoning"

    def _hits(self, name: str, steps: Collection[int] | None) -> list[Hit]:
        pattern, channels = self._ready.patterns[name]
        hits: list[Hit] = []
        for step, channel in enumerate(self._trace.channels):
            if channel not in channels or (steps is not None and step not in steps):
                continue
            windows: Windows = None
            if pattern in self._awaited[channel]:  # then what was not heard is not there
                heard = self._heard.get(step, {})
                if pattern not in heard:
                    continue
                windows = heard[pattern]
            more, whole = self._trace.hits(pattern, step, windows)
            hits += more
            self.whole = self.whole and whole
        return hits

    def _anywhere(self, name: str, steps: Collection[int] | None) -> list[Hit]:
        hits = self._hits(name, steps)
        if not hits and not self.whole:
            raise OverBudget  # that nothing was found does not mean that nothing is there
        return hits

    def _unguarded(self, name: str, steps: Collection[int] | None) -> list[Hit]:
        channels = self._ready.rule.channels
        return [
            hit
            for hit in self._hits(name, steps)
            if not any(self._trace.guarded(hit, guard, searcher, channels) for guard, searcher in self._ready.guards)
        ]
