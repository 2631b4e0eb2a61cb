"""Which stretch of a window weighs most, so that a person sees at once what a score rests on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from monitors.classifier.features import buckets_at
from monitors.classifier.model import Head, Model
from monitors.classifier.windows import Piece, windows
from monitors.classifier.words import words
from monitors.monitor import Span

STRETCH = 30  # words
WORDLESS = 40  # bytes that are quoted of a text in which there is no word


def strongest(
    model: Model, head: Head, window: int, texts: Sequence[memoryview], channels: Sequence[str], excerpt_chars: int
) -> Span:
    """The STRETCH words, or fewer, of a trace's window whose weights are the highest together."""
    pieces = next(islice(windows(texts, channels), window, None)).pieces
    best: tuple[float, Piece, int, int] | None = None
    for piece in pieces:
        data = bytes(texts[piece.step][piece.start : piece.end])
        weights = (head.thought, model.scale.thought) if piece.thought else (head.told, model.scale.told)
        value, low, high = _heaviest(data, *weights)
        if best is None or value > best[0]:
            best = (value, piece, low, high)
    if best is None:  # a window has a piece
        raise ValueError("the window is empty")
    _, piece, low, high = best
    step = texts[piece.step]
    start, end = piece.start + low, piece.start + high
    first = _code_points(step[:start])
    found = bytes(step[start:end]).decode("utf-8", "replace")
    return Span(piece.step, first, first + len(found), f"classifier.{head.behaviour}", _quoted(found, excerpt_chars))


def _quoted(found: str, chars: int) -> str | None:
    return found[:chars] if chars else None


def _heaviest(data: bytes, weights: Any, idf: Any) -> tuple[float, int, int]:
    """(weight, first byte, last byte) of the heaviest stretch; the first bytes of a text that has no word."""
    numbers, starts = words(data)
    if not len(numbers):
        end = min(len(data), WORDLESS)
        while end < len(data) and data[end] & 0xC0 == 0x80:  # never within a character
            end += 1
        return -np.inf, 0, end
    places, at = buckets_at(numbers)
    value = np.zeros(len(numbers))
    np.add.at(value, at, weights[places] * idf[places])
    sums = np.concatenate([[0], np.cumsum(value)])
    width = min(STRETCH, len(numbers))
    totals = sums[width:] - sums[:-width]
    first = int(np.argmax(totals))
    after = first + width
    low = int(starts[first])
    high = int(starts[after]) if after < len(starts) else len(data)
    return float(totals[first]), low, low + len(data[low:high].rstrip())


def _code_points(data: memoryview) -> int:
    """How many code points begin in some UTF-8, without decoding it."""
    at, count = 0, 0
    while at < len(data):
        part = np.frombuffer(data[at : at + (1 << 20)], np.int8)
        count += int((part >= -64).sum())
        at += len(part)
    return count
