"""From the steps of a batch to the rules that fire in each trace, and the hits that made them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from monitors.rules.conditions import Finder, Hit, awaited, evaluate, rarest_first
from monitors.rules.pack import NOISE, Condition, Guard, Rule, RulePack
from monitors.rules.reading import PLAIN, Reading, read_as, read_hits
from monitors.rules.scan import Batch, Ears, Heard
from monitors.rules.search import OverBudget, Searcher
from monitors.rules.sieve import Sieve, sieve
from monitors.rules.trace import TraceText, Windows
from monitors.stance.grading import possible
from schemas.trace import CHANNELS

ENGINE_VERSION = 2  # part of every rule monitor's digest: raise it when a change may alter what any pack says
TRACE_STEPS_WORTH = 4  # spans kept per pattern: so many steps' worth for a whole trace


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one step may cost before it is given up."""

    work: int
    spans: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fires in a trace, its hits in order, and how they are to be read."""

    rule: Rule
    hits: tuple[Hit, ...]
    stance: str
    sanctioned: str = "none"


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
            if (answer := question.answer()) is not None:
                fired.append(answer)
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
        self._readings: dict[Hit, Reading | None] = {}
        self.whole = True  # False once something was cut short, so that silence proves nothing

    def answer(self) -> Fired | None:
        """The rule with the hits with which it fires and how they are read, the gravest reading first."""
        when = self._ready.when
        plainly = Finder(self._hits, self._anywhere, self._is_reasoning)
        try:
            if not evaluate(when, plainly):
                return None
            met = evaluate(when, plainly._replace(hits=lambda name, steps: self._read(name, steps, None)))
            allowed: set[Reading] = set()
            # hits of the gravest reading first; what was declined, quoted or allowed only where the rule needs it
            for reading in sorted({r for hit in met if (r := self._readings[hit])}, key=Reading.rank):
                allowed.add(reading)
                if hits := evaluate(when, plainly._replace(hits=partial(self._read, allowed=allowed))):
                    return self._fired(hits, reading)
        except OverBudget:
            self.whole = False
        return None

    def _fired(self, hits: list[Hit], reading: Reading) -> Fired:
        rule = self._ready.rule
        stance = reading.damped or read_hits(rule, hits, self._trace)
        return Fired(rule, tuple(hits), possible(rule.behaviour, stance), reading.sanctioned)

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

    def _read(self, name: str, steps: Collection[int] | None, allowed: Collection[Reading] | None) -> list[Hit]:
        """The hits that are no noise and, where `allowed` is given, are read in one of these ways."""
        kept = []
        for hit in self._hits(name, steps):
            if hit not in self._readings:
                self._readings[hit] = self._reading(hit)
            reading = self._readings[hit]
            if reading is not None and (allowed is None or reading in allowed):
                kept.append(hit)
        return kept

    def _reading(self, hit: Hit) -> Reading | None:
        """What guards and words around a hit make of it; None for noise."""
        reading, channels = PLAIN, self._ready.rule.channels
        for guard, searcher in self._ready.guards:
            if self._trace.guarded(hit, guard, searcher, channels):
                if guard.means == NOISE:
                    return None
                reading = reading.meaning(guard.means)
        return read_as(reading, self._trace.said(hit))
