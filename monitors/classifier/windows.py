"""A trace as texts of bounded size: what was asked, and what the model wrote, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

WINDOW = 1 << 14  # bytes of the model's own text in a window
SLACK = 256  # bytes by which a window is shortened to end between words
THOUGHT = ("reasoning", "memory")
TOLD = ("action", "output")
OWN = (*THOUGHT, *TOLD)
_BLANKS = b" \n\t\r"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` to `end` of a step of the model's own."""

    step: int
    thought: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """Neighbouring pieces, WINDOW bytes of them at most."""

    pieces: tuple[Piece, ...]

    def text(self, texts: Sequence[memoryview], thought: bool) -> bytes:
        """What the model thought in the window, or what it said and did."""
        return b"\n".join(bytes(texts[p.step][p.start : p.end]) for p in self.pieces if p.thought == thought)


@dataclass(slots=True)
class _Packing:
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0


def windows(texts: Sequence[memoryview], channels: Sequence[str]) -> Iterator[Window]:
    """The windows of a trace, a function of its text alone: steps in order, long ones cut between words."""
    packing = _Packing()
    for step, (text, channel) in enumerate(zip(texts, channels, strict=True)):
        if channel not in OWN or not len(text):
            continue
        at = 0
        while at < len(text):
            room = WINDOW - packing.size
            if packing.pieces and len(text) - at > room and len(text) <= WINDOW:
                yield Window(tuple(packing.pieces))  # a step that fits into one window is not cut
                packing = _Packing()
                continue
            end = _end(text, at, room)
            packing.pieces.append(Piece(step, channel in THOUGHT, at, end))
            packing.size += end - at
            at = end
            if packing.size >= WINDOW - SLACK:
                yield Window(tuple(packing.pieces))
                packing = _Packing()
    if packing.pieces:
        yield Window(tuple(packing.pieces))


def ends(texts: Sequence[memoryview], channels: Sequence[str], wanted: Sequence[str], head: int, tail: int) -> bytes:
    """The first `head` and the last `tail` bytes of the text in some channels, or all of it where it is shorter."""
    steps = [t for t, c in zip(texts, channels, strict=True) if c in wanted and len(t)]
    size = sum(map(len, steps)) + max(0, len(steps) - 1)
    if size <= head + tail:
        return b"\n".join(map(bytes, steps))
    first, last = b"", b""
    for text in steps:
        if len(first) < head:
            first += bytes(text[: head - len(first)]) + b"\n"
    for text in reversed(steps):
        if len(last) < tail:
            last = bytes(text[max(0, len(text) - (tail - len(last))) :]) + b"\n" + last
    return first[:head] + b"\n" + last[:-1][-tail:] if tail else first[:head]


def _end(text: memoryview, at: int, room: int) -> int:
    """Where a piece from `at` ends: at the end of the text, or at a blank shortly before the window is full."""
    if len(text) - at <= room:
        return len(text)
    end = at + max(1, room)
    tail = bytes(text[max(at, end - SLACK) : end])
    blank = max(tail.rfind(bytes([b])) for b in _BLANKS)
    if blank > 0:
        return end - len(tail) + blank
    while end > at + 1 and text[end] & 0xC0 == 0x80:  # never within a character
        end -= 1
    return end
