"""A piece of code that the model wrote, and the way from its characters back to the step it stands in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace

WROTE = ("file", "edit")  # kinds that change a file; a "program" or "shell" is run or shown


@dataclass(frozen=True, slots=True)
class Placed:
    """A text cut out of a step: stretch by stretch, where it begins there in code points."""

    text: str
    ats: tuple[int, ...] = (0,)
    places: tuple[int, ...] = (0,)

    def place(self, at: int) -> int:
        """Where the character `at` of this text stands in the step."""
        i = bisect_right(self.ats, at) - 1
        return self.places[i] + at - self.ats[i]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """`text[start:end]` as a stretch of the step, never empty."""
        start = min(start, max(len(self.text) - 1, 0))
        low = self.place(start)
        return low, max(self.place(min(max(end, start + 1), len(self.text)) - 1) + 1, low + 1)

    def part(self, start: int, end: int) -> Placed:
        """`text[start:end]` with its own places."""
        i = bisect_right(self.ats, start) - 1
        j = bisect_right(self.ats, max(end - 1, start))
        ats = (0, *(a - start for a in self.ats[i + 1 : j]))
        return Placed(self.text[start:end], ats, (self.place(start), *self.places[i + 1 : j]))


def joined(parts: list[Placed], between: str = "\n") -> Placed:
    """Several texts as one, each keeping its places."""
    if len(parts) == 1:
        return parts[0]
    texts: list[str] = []
    ats: list[int] = []
    places: list[int] = []
    at = 0
    for part in parts:
        ats += [a + at for a in part.ats]
        places += part.places
        texts.append(part.text)
        at += len(part.text) + len(between)
    return Placed(between.join(texts), tuple(ats) or (0,), tuple(places) or (0,))


@dataclass(frozen=True, slots=True)
class Piece:
    """Code of one language: a program, a shell command, a file written whole, or an edit with what it replaces."""

    kind: str
    language: str
    code: Placed
    path: str | None = None
    old: str | None = None
    step: int = 0
    channel: str = "action"
    order: int = field(default=0, compare=False)  # its turn in the trace, observations counted

    @property
    def text(self) -> str:
        return self.code.text

    def at(self, step: int, channel: str, order: int) -> Piece:
        return replace(self, step=step, channel=channel, order=order)
