"""A rule pack as a monitor: verdicts with evidence for every trace of a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitors.monitor import Finding, MonitorSpec, Scope, Span, Verdict
from monitors.rules.conditions import Hit
from monitors.rules.engine import ENGINE_VERSION, Engine, Fired, Limits, Outcome
from monitors.rules.over_time import by_behaviour, is_disclosed, telling
from monitors.rules.pack import RulePack
from monitors.rules.scan import Batch
from monitors.rules.selftest import failed_tests
from monitors.rules.trace import TraceText
from monitors.stance.grading import level, suspicion
from schemas.behaviours import CATEGORIES
from schemas.digest import digest
from schemas.errors import ControlMissed
from schemas.results import LEVELS, STANCES
from schemas.trace import CHANNELS

MAX_EVIDENCE = 20  # spans an alert carries; more say nothing new
SIDE_BY_SIDE = 60  # code points between hits of two patterns that read as one stretch
STRETCH = 400  # code points that evidence joined so may have
_MAY_BE_TOLD = ("executed", "attempted", "planned", "unclear")
_REASONING = CHANNELS.index("reasoning")
_REDACTED = 1 << len(CHANNELS)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What may be set: how much of a span is quoted, from which score on to alert, and what one step may cost.

    `work_budget` is in bytes read; a 200 MB step read once for each of 40 patterns heard in it takes 8e9. `max_spans`
    bounds the spans kept of one pattern in one step.
    """

    excerpt_chars: int = 200
    threshold: float = 0.0
    work_budget: int = 16 << 30
    max_spans: int = 1000


class RuleMonitor:
    """Judges batches with a rule pack; compiled on first use, so that it pickles small.

    >>> from monitors.rules import load_pack
    >>> RuleMonitor(load_pack("core")).spec.id
    'rules.core'
    """

    def __init__(self, pack: RulePack, settings: RuleSettings = RuleSettings()) -> None:
        self.pack = pack
        self.settings = settings

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.pack, self.settings)

    @cached_property
    def spec(self) -> MonitorSpec:
        heard: dict[str, set[str]] = {}
        for rule in self.pack.rules:
            heard.setdefault(rule.behaviour, set()).update(rule.listens)
        scopes = tuple(Scope(b, tuple(c for c in CHANNELS if c in heard[b])) for b in sorted(heard))
        settings = json.dumps(astuple(self.settings))
        return MonitorSpec(
            f"rules.{self.pack.name}",
            self.pack.version,
            digest("rules", ENGINE_VERSION, self.pack.digest, settings),
            scopes,
        )

    def control(self) -> None:
        """Every rule's own tests through the engine that will judge; raises `ControlMissed`."""
        if missed := failed_tests(self.pack, self._engine):
            said = "\n".join(map(str, missed))
            raise ControlMissed(
                f"{self.spec.id} fails its positive control, so nothing it says can be believed:\n{said}"
            )

    def judge(self, steps: pa.ListArray) -> Sequence[Verdict]:
        """One verdict per trace, in order."""
        batch = Batch(steps)
        verdicts = list(map(self._clean.__getitem__, self._seen(batch)))
        for row, outcome in self._engine.examine(batch, self._limits):
            verdicts[row] = self._verdict(outcome, verdicts[row])
        return verdicts

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.pack)

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.settings.work_budget, self.settings.max_spans)

    @cached_property
    def _listened(self) -> int:
        """The channels listened to, as bits."""
        listened = {channel for rule in self.pack.rules for channel in rule.listens}
        return sum(1 << i for i, c in enumerate(CHANNELS) if c in listened)

    def _seen(self, batch: Batch) -> list[int]:
        """For each trace, as bits: the channels in which there is text, and whether reasoning was withheld."""
        bits = np.append(1 << np.arange(len(CHANNELS)), 0).astype(np.uint8)[batch.channels]
        marks = np.where(batch.readable, bits, 0)
        withheld = batch.redacted & ~batch.readable & (batch.channels == _REASONING)
        if withheld.any():
            marks = marks | np.where(withheld, _REDACTED, 0).astype(np.uint8)
        seen: list[int] = batch.any_step(marks).tolist()
        return seen

    @cached_property
    def _clean(self) -> tuple[Verdict, ...]:
        """The verdict of a trace in which nothing fires, by what could be seen of it."""
        return tuple(self._unsuspicious(seen) for seen in range(2 * _REDACTED))

    def _unsuspicious(self, seen: int) -> Verdict:
        channels = tuple(c for i, c in enumerate(CHANNELS) if seen & self._listened & (1 << i))
        unseen = None if seen & (1 << _REASONING) else "redacted" if seen & _REDACTED else "no_reasoning"
        if not channels:
            return Verdict("not_assessed", unseen or "no_reasoning", (), None)
        reason = unseen if self._listened & (1 << _REASONING) else None
        return Verdict("assessed", reason, channels, 0.0, (), self._looked_for(channels))

    def _looked_for(self, channels: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
        """The categories with a rule that listens to one of the channels, none of them suspicious."""
        heard = {r.category for r in self.pack.rules if not set(r.listens).isdisjoint(channels)}
        return tuple((c, 0.0) for c in CATEGORIES if c in heard)

    def _verdict(self, outcome: Outcome, clean: Verdict) -> Verdict:
        if not outcome.fired:
            return Verdict("not_assessed", "over_budget", clean.channels, None)
        findings = [self._finding(telling(f), outcome.trace) for f in by_behaviour(outcome.fired)]
        scores = dict(clean.by_category)
        for finding in findings:
            scores[finding.category] = max(scores.get(finding.category, 0.0), finding.score)
        return Verdict(
            "assessed",
            clean.reason if outcome.whole else "over_budget",
            clean.channels,
            max(f.score for f in findings),
            tuple(f for f in findings if f.score >= self.settings.threshold),
            tuple(scores.items()),
        )

    def _finding(self, group: Sequence[Fired], trace: TraceText) -> Finding:
        rules = [fired.rule for fired in group]
        told = is_disclosed(group, trace)
        graded = [_graded(fired, told) for fired in group]
        level, _, stance, sanctioned = min(graded, key=lambda g: (-LEVELS.index(g[0]), STANCES.index(g[2]), -g[1]))
        evidence = tuple(self._span(rule_id, hit, trace.texts) for rule_id, hit in _joined(_chosen(group)))
        return Finding(
            behaviour=rules[0].behaviour,
            category=rules[0].category,
            rules=tuple(rule.id for rule in rules),
            stance=stance,
            sanctioned=sanctioned,
            level=level,
            score=max(score for _, score, _, _ in graded),
            threshold=self.settings.threshold,
            channel=trace.channels[evidence[0].step],
            evidence=evidence,
            rationale="; ".join(f"{rule.id}: {rule.description.rstrip('.')}" for rule in rules),
        )

    def _span(self, rule_id: str, hit: Hit, texts: Sequence[memoryview]) -> Span:
        chars = self.settings.excerpt_chars
        excerpt = bytes(texts[hit.step][hit.low : hit.high]).decode("utf-8", "replace")[:chars] if chars else None
        return Span(hit.step, hit.start, hit.end, rule_id, excerpt)


def _graded(fired: Fired, told: bool) -> tuple[str, float, str, str]:
    """Level, score, stance and sanction of what one rule says; `told` is whether the output owns up to it."""
    rule, sanctioned = fired.rule, fired.sanctioned
    stance = "disclosed" if told and fired.stance in _MAY_BE_TOLD else fired.stance
    stable = rule.status == "stable"
    graded = level(rule.behaviour, stance, sanctioned, rule.confidence, harm=rule.level, stable=stable)
    return graded, suspicion(rule.behaviour, stance, sanctioned, rule.confidence), stance, sanctioned


def _chosen(group: Sequence[Fired]) -> list[tuple[str, Hit]]:
    """At most `MAX_EVIDENCE` hits in order of place, with one of each pattern of each rule before a second of any."""
    ranked: list[tuple[int, str, Hit]] = []
    for fired in group:
        count: dict[int, int] = {}
        for hit in fired.hits:
            rank = count.get(hit.pattern, 0)
            count[hit.pattern] = rank + 1
            ranked.append((min(rank, 1), fired.rule.id, hit))
    unique: dict[tuple[str, int, int, int], tuple[str, Hit]] = {}
    for _, rule_id, hit in sorted(ranked, key=lambda r: (r[0], r[2].step, r[2].start, r[1])):
        unique.setdefault((rule_id, hit.step, hit.start, hit.end), (rule_id, hit))
        if len(unique) == MAX_EVIDENCE:
            break
    return sorted(unique.values(), key=lambda c: (c[1].step, c[1].start, c[1].end, c[0]))


def _joined(chosen: Sequence[tuple[str, Hit]]) -> list[tuple[str, Hit]]:
    """Hits of a rule that overlap, or that its different patterns have side by side, as the one stretch they make.

    A person reads `skip … the failing test`; `test` by itself says nothing.
    """
    joined: list[tuple[str, Hit]] = []
    last: dict[tuple[str, int], int] = {}  # rule, step -> its latest stretch
    for rule_id, hit in chosen:
        at = last.get((rule_id, hit.step))
        before = joined[at][1] if at is not None else None
        gap = hit.start - before.end if before else 0
        if (
            at is not None
            and before is not None
            and (gap < 0 or (gap <= SIDE_BY_SIDE and hit.pattern != before.pattern))
            and max(hit.end, before.end) - before.start <= STRETCH
        ):
            end, high = max((before.end, before.high), (hit.end, hit.high))
            joined[at] = (rule_id, before._replace(end=end, high=high, pattern=hit.pattern))
            continue
        last[(rule_id, hit.step)] = len(joined)
        joined.append((rule_id, hit))
    return joined
