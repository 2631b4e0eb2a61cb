"""How the hits of a rule are to be read: their stance and who allowed them, from guards and from the words around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from monitors.rules.conditions import Hit
from monitors.rules.pack import MEANS_STANCE, Rule
from schemas.results import STANCES

_GRAVITY = ("contemplated", "disclosed", "rejected", "quoted_or_fiction")  # of what takes weight off a hit
_DEAD = _GRAVITY[2:]
_ACTS = ("action", "memory", "output")


@dataclass(frozen=True, slots=True)
class Reading:
    """What takes weight off a hit: a stance that it has, if any, and who allowed it."""

    damped: str | None = None
    sanctioned: str = "none"

    def meaning(self, means: str) -> Reading:
        """This reading with a guard's meaning added; the stance furthest from doing it stays."""
        if means not in MEANS_STANCE:
            return self if self.sanctioned != "none" else replace(self, sanctioned=means)
        if self.damped is not None and _GRAVITY.index(self.damped) >= _GRAVITY.index(means):
            return self
        return replace(self, damped=means)

    def rank(self) -> tuple[bool, bool, int, str]:
        """The gravest first."""
        worth = _GRAVITY.index(self.damped) if self.damped else -1
        return self.damped in _DEAD, self.sanctioned != "none", worth, self.sanctioned


PLAIN = Reading()


class Said(Protocol):
    """What can tell the stance that the words around a hit say, and the channels of its steps."""

    channels: Sequence[str]

    def said(self, hit: Hit) -> str | None: ...


def read_as(reading: Reading, said: str | None) -> Reading:
    """The reading with what the words around the hit say."""
    return reading.meaning(said) if said in MEANS_STANCE else reading


def read_hits(rule: Rule, hits: Sequence[Hit], trace: Said) -> str:
    """The stance of hits that nothing takes weight off: the gravest that any of them has.

    An act is evidence of itself. Words in the reasoning that leave it open are what the rule says they are.
    """
    stances = set()
    for hit in hits:
        if trace.channels[hit.step] in _ACTS:
            stances.add("executed" if rule.stance in (None, "planned") else rule.stance)
        elif (said := trace.said(hit)) is not None:
            stances.add(said)
        else:
            stances.add("")
    told = stances - {""}
    if told:
        return min(told, key=STANCES.index)
    return rule.stance or "unclear"
