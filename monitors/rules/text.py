"""The text of one step as UTF-8 bytes: its windows, and the way from byte offsets to code points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

WINDOW = 1 << 20  # bytes scanned at once
OVERLAP = 64 << 10
MARGIN = OVERLAP // 2  # a span is at most 2,000 code points = 8,000 bytes, so an owned one lies whole inside its window
STRIDE = WINDOW - OVERLAP
SENTENCE = 400  # code points looked at on either side of a hit for the sentence's ends
_CHUNK = 1 << 16
_LAST_CONTINUATION = -65  # as int8: bytes 0x80..0xBF continue a character, every other byte starts one
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)[.!?…][\"'”’)\]]{0,4}(?=\s)|[。！？]|\n")


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes `start:end` of a step, and the stretch of them in which the spans that start are this window's own."""

    start: int
    end: int
    own_start: int
    own_end: int


def window_count(size: int) -> int:
    """How many windows a text of `size` bytes has."""
    return 1 if size <= WINDOW else 1 + -(-(size - WINDOW) // STRIDE)


def window(text: memoryview, number: int) -> Window:
    """The window of that number; its cuts never part the bytes of a character."""
    size = len(text)
    if size <= WINDOW:
        return Window(0, size, 0, size)
    at = number * STRIDE
    last = at + WINDOW >= size
    return Window(
        _character_start(text, at),
        size if last else _character_start(text, at + WINDOW),
        at + MARGIN if number else 0,
        size if last else at + WINDOW - MARGIN,
    )


def _character_start(text: memoryview, at: int) -> int:
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


class StepText:
    """One step's bytes with lookups in code points; nothing is decoded but what is asked for."""

    def __init__(self, text: memoryview) -> None:
        self.text = text
        self._before = [0]  # code points before each chunk, as far as anybody asked

    def code_point(self, at: int) -> int:
        """The number of code points before byte `at`, which must begin a character."""
        if at <= _CHUNK:
            return len(self.slice(0, at))
        chunk = at // _CHUNK
        while len(self._before) <= chunk:
            start = (len(self._before) - 1) * _CHUNK
            self._before.append(self._before[-1] + self._count(start, start + _CHUNK))
        return self._before[chunk] + self._count(chunk * _CHUNK, at)

    @cached_property
    def _bytes(self) -> Any:
        return np.frombuffer(self.text, np.int8)

    def back(self, at: int, count: int) -> int:
        """The byte `count` code points before byte `at`, or the text's start."""
        low = max(0, at - 4 * count)
        starts = np.flatnonzero(self._bytes[low:at] > _LAST_CONTINUATION)
        return low + int(starts[-count]) if 0 < count <= len(starts) else 0 if count else at

    def forward(self, at: int, count: int) -> int:
        """The byte `count` code points after byte `at`, or the text's end."""
        starts = np.flatnonzero(self._bytes[at : at + 4 * count + 4] > _LAST_CONTINUATION)
        return at + int(starts[count]) if count < len(starts) else len(self.text)

    def sentence(self, low: int, high: int) -> tuple[int, int]:
        """The bytes of the sentence, or sentences, in which bytes `low:high` lie."""
        first = self.back(low, SENTENCE)
        before = self.slice(first, low)
        ends = [m.end() for m in _SENTENCE_END.finditer(before)]
        start = first + len(before[: ends[-1]].encode()) if ends else first
        tail = self.back(high, 1)
        after = self.slice(tail, self.forward(high, SENTENCE))
        stop = _SENTENCE_END.search(after)
        return start, tail + len((after[: stop.end()] if stop else after).encode())

    def slice(self, low: int, high: int) -> str:
        return str(self.text[low:high], "utf-8", "replace")

    def _count(self, low: int, high: int) -> int:
        return int(np.count_nonzero(self._bytes[low:high] > _LAST_CONTINUATION))
