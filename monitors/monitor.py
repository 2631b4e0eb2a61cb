"""What a monitor is: one pure function from steps to verdicts, and a spec that says exactly which one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from schemas.behaviours import BEHAVIOURS, CATEGORIES


@dataclass(frozen=True, slots=True)
class Scope:
    """A behaviour that a monitor looks for, and the channels in which it does."""

    behaviour: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """Which monitor: `digest` covers its code version, pack or model, *and* settings."""

    id: str
    version: str
    digest: str
    scopes: tuple[Scope, ...]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the behaviours that it looks for."""
        return tuple(c for c in CATEGORIES if any(BEHAVIOURS[s.behaviour].category == c for s in self.scopes))


@dataclass(frozen=True, slots=True)
class Span:
    """Evidence: `steps[step].text[start:end]` in Unicode code points; `excerpt` is a prefix of it, or None."""

    step: int
    start: int
    end: int
    rule: str
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One behaviour found in one trace."""

    behaviour: str
    category: str
    rules: tuple[str, ...]
    stance: str
    sanctioned: str
    level: str
    score: float
    threshold: float
    channel: str
    evidence: tuple[Span, ...]
    rationale: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a monitor says of one trace. Not having looked is a state of its own, never a score of zero.

    `by_category` is the score of each category that the monitor looked for in the channels that it read: all of its
    grounds for suspicion, also those that were too weak for a finding. An assessed trace has one at least.
    """

    state: str
    reason: str | None
    channels: tuple[str, ...]
    score: float | None
    findings: tuple[Finding, ...] = ()
    by_category: tuple[tuple[str, float], ...] = ()


class Monitor(Protocol):
    """A judge of batches. It is given the steps of each trace and nothing else: nothing else to cheat by."""

    @property
    def spec(self) -> MonitorSpec: ...

    def control(self) -> None:
        """Run the monitor's own positive control; raise `ControlMissed` if it would not see what it must see."""

    def judge(self, steps: pa.ListArray) -> Sequence[Verdict]:
        """One verdict per trace, in order. `steps` has the type `schemas.trace.STEPS`."""
