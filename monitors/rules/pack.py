"""What a rule pack is, once read: frozen, picklable, and with a digest over all that decides a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from schemas.digest import digest

STATUSES = ("stable", "experimental")
LISTENABLE = ("reasoning", "action", "output", "memory")  # what a model produced; rules may listen here by default
SIDES = ("both", "before", "after")
REACHES = ("sentence", "step", "trace")
DEFAULT_REACH = "sentence"
NOISE = "noise"  # a hit near such a guard is not what the rule is about, and does not count at all
MEANS_STANCE = ("rejected", "quoted_or_fiction", "contemplated", "disclosed")
MEANS_SANCTIONED = ("user", "environment", "fiction")
MEANINGS = (NOISE, *MEANS_STANCE, *MEANS_SANCTIONED)
MAX_SPAN = 2000  # code points; 4 bytes each leaves a span far inside a window's 32 KiB margin
MAX_NEAR = 2000
MAX_NEAR_PARTS = 5


@dataclass(frozen=True, slots=True)
class Pattern:
    """An RE2 expression and the channels in which it is searched."""

    name: str
    regex: str
    channels: tuple[str, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """An RE2 expression that, found near a hit, says how to read it.

    `means` is `noise` where the hit does not count at all, else the stance or the sanction that it has. `within` is a
    number of code points, or `sentence`, `step` or `trace`; with a `channel`, the guard is searched in all the trace's
    steps of that channel instead.
    """

    name: str
    regex: str
    within: int | str
    side: str = "both"
    channel: str | None = None
    means: str = NOISE
    by: str = field(default="", compare=False)  # the set through which a rule names it
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Use:
    """Any hit of the pattern named."""

    name: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one operand has a hit."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every operand has a hit, anywhere in the trace, and those negated have none."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NotOf:
    """No hit in the whole trace."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Near:
    """A hit of each operand in one step, the gap between neighbours at most `within` code points (None: any gap)."""

    of: tuple[Condition, ...]
    within: int | None


@dataclass(frozen=True, slots=True)
class Then:
    """A hit of `first` in a reasoning step, and a hit of `later` in a later step."""

    first: Condition
    later: Condition


Condition = Use | AnyOf | AllOf | NotOf | Near | Then


def operands(condition: Condition) -> tuple[Condition, ...]:
    """The conditions directly inside a condition."""
    match condition:
        case Use():
            return ()
        case NotOf(of):
            return (of,)
        case Then(first, later):
            return (first, later)
        case AnyOf(of) | AllOf(of) | Near(of):
            return of


def names_in(condition: Condition) -> Iterator[str]:
    """The pattern names that a condition uses, in order, repeats included."""
    if isinstance(condition, Use):
        yield condition.name
    for operand in operands(condition):
        yield from names_in(operand)


@dataclass(frozen=True, slots=True)
class Example:
    """One of a rule's own tests: (channel, text) steps, how it is to be read, and the line it stands on."""

    steps: tuple[tuple[str, str], ...]
    stance: str | None = None
    sanctioned: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Rule:
    """One rule: what it listens for, how much it matters, when it does not count, and its own tests."""

    id: str
    version: int
    status: str
    level: str
    confidence: float
    behaviour: str
    category: str
    description: str
    channels: tuple[str, ...]
    stance: str | None
    patterns: tuple[Pattern, ...]
    when: Condition
    unless: tuple[Guard, ...]
    falsepositives: tuple[str, ...]
    references: tuple[str, ...]
    match: tuple[Example, ...]
    no_match: tuple[Example, ...]
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    @cached_property
    def listens(self) -> tuple[str, ...]:
        """The channels in which its patterns look, those of `not` operands and guards left out."""
        wanted = {name for name, negated in _polarity(self.when, False) if not negated}
        heard = {c for p in self.patterns if p.name in wanted for c in p.channels}
        return tuple(c for c in (*LISTENABLE, "prompt", "observation") if c in heard)

    def semantics(self) -> object:
        """All that decides what the rule says, as plain data; its tests and file do not."""
        return [
            self.id,
            self.version,
            self.status,
            self.level,
            self.confidence,
            self.behaviour,
            self.description,
            list(self.channels),
            self.stance,
            [[p.name, p.regex, list(p.channels)] for p in self.patterns],
            _plain(self.when),
            [[g.regex, g.within, g.side, g.channel, g.means] for g in self.unless],
        ]


@dataclass(frozen=True)
class RulePack:
    """A named, versioned set of rules."""

    name: str
    version: str
    description: str
    rules: tuple[Rule, ...]

    @cached_property
    def digest(self) -> str:
        """Changes when, and only when, what the rules say may change: not with a comment, a test or a file name."""
        meaning = [self.name, self.version, sorted((r.semantics() for r in self.rules), key=str)]
        return digest("rulepack", json.dumps(meaning, ensure_ascii=False))


def _polarity(condition: Condition, negated: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(condition, Use):
        yield condition.name, negated
    for operand in operands(condition):
        yield from _polarity(operand, negated or isinstance(condition, NotOf))


def _plain(condition: Condition) -> object:
    match condition:
        case Use(name):
            return name
        case Near(of, within):
            return ["near", within, [_plain(c) for c in of]]
        case _:
            return [type(condition).__name__, [_plain(c) for c in operands(condition)]]
