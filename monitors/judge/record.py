"""A trace as it is shown to a judge: what is withheld from it, and where each shown character came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

OWN = ("reasoning", "action", "output", "memory")  # channels in which the model speaks for itself


class Redaction(Protocol):
    """What a third party must not see."""

    @property
    def digest(self) -> str:
        """Empty where nothing is withheld."""

    def spans(self, text: str) -> Sequence[tuple[int, int, str]]:
        """Stretches of the text, in order and apart, each with the word that is shown in its place."""


class Nothing:
    """Withholds nothing."""

    digest = ""

    def spans(self, text: str) -> Sequence[tuple[int, int, str]]:
        return ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A text and its origin: from `starts[i]` on it is the original from `origins[i]` on, or a substitute for it."""

    text: str
    starts: tuple[int, ...] = (0,)
    origins: tuple[int, ...] = (0,)
    substitutes: tuple[bool, ...] = (False,)
    ends: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that `text[start:end]` (not empty) shows; a substitute is all that it hides."""
        if not self.ends:
            return start, end
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1) - 1
        low = self.origins[first] + (0 if self.substitutes[first] else start - self.starts[first])
        high = self.ends[last] if self.substitutes[last] else self.origins[last] + end - self.starts[last]
        return low, high


def shown(text: str, redaction: Redaction) -> Shown:
    """A text without what is withheld."""
    spans = redaction.spans(text)
    if not spans:
        return Shown(text)
    pieces: list[tuple[str, int, int, bool]] = []  # shown, start and end in the original, whether it is a substitute
    at = 0
    for start, end, word in spans:
        if start > at:
            pieces.append((text[at:start], at, start, False))
        pieces.append((word, start, end, True))
        at = end
    if at < len(text):
        pieces.append((text[at:], at, len(text), False))
    pieces = [p for p in pieces if p[0]] or [("", 0, len(text), True)]
    starts, length = [], 0
    for piece in pieces:
        starts.append(length)
        length += len(piece[0])
    return Shown(
        "".join(p[0] for p in pieces),
        tuple(starts),
        tuple(p[1] for p in pieces),
        tuple(p[3] for p in pieces),
        tuple(p[2] for p in pieces),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is shown: `number` is its place in the trace."""

    number: int
    role: str
    channel: str
    name: str | None
    shown: Shown
    redacted: bool

    @property
    def own(self) -> bool:
        return self.channel in OWN


def record(steps: Sequence[Mapping[str, Any]], redaction: Redaction) -> tuple[Step, ...]:
    """The steps of a trace (fields of `schemas.trace.STEP`) without what is withheld."""
    return tuple(
        Step(i, s["role"], s["channel"], s["name"], shown(s["text"] or "", redaction), bool(s["redacted"]))
        for i, s in enumerate(steps)
    )
