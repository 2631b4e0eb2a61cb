"""The hot path: which patterns are heard in which steps of a batch, read from Arrow's buffers without a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.rules.search import compile_set
from monitors.rules.text import WINDOW, window, window_count
from monitors.rules.trace import Windows
from monitors.rules.width import without_borders
from schemas.digest import text_buffer
from schemas.trace import CHANNELS

SET_MEMORY = 256 << 20  # RE2's own 8 MiB cannot hold 500 patterns; this is a ceiling, what is used is far less
_CHANNEL_NAMES = pa.array(CHANNELS)
NO_CHANNEL = len(CHANNELS)

STRETCH = 4096  # bytes of neighbouring steps read at once
GAP = 256  # bytes between two of them that are cheaper to read than to skip
Match = Callable[[memoryview], list[int]]
Heard = dict[int, dict[int, Windows]]  # step of a trace -> pattern -> windows


class Batch:
    """The steps of a batch of traces as flat arrays over one buffer of text."""

    def __init__(self, steps: pa.ListArray) -> None:
        if steps.null_count:
            steps = steps.fill_null(pa.scalar([], steps.type))
        offsets = steps.offsets.to_numpy().astype(np.int64)
        first, last = int(offsets[0]), int(offsets[-1])
        fields = steps.values.slice(first, last - first)
        self.rows = len(steps)
        self.offsets: Any = offsets - first
        texts = fields.field("text")
        self.text, bounds = text_buffer(texts)
        self.starts: Any = bounds[:-1]
        self.ends: Any = bounds[1:]
        self.readable: Any = self.ends > self.starts
        if texts.null_count:
            self.readable &= texts.is_valid().to_numpy(zero_copy_only=False)
        codes = pc.index_in(fields.field("channel"), value_set=_CHANNEL_NAMES)
        self.channels: Any = codes.fill_null(NO_CHANNEL).to_numpy().astype(np.uint8)
        self.redacted: Any = np.asarray(fields.field("redacted").fill_null(False).to_numpy(zero_copy_only=False), bool)

    def any_step(self, marks: Any) -> Any:
        """For each trace the bitwise or of its steps' marks."""
        if not len(marks):
            return np.zeros(self.rows, marks.dtype)
        padded = np.append(marks, np.zeros(1, marks.dtype))
        folded = np.bitwise_or.reduceat(padded, np.stack([self.offsets[:-1], self.offsets[1:]], axis=1).ravel())[::2]
        return np.where(self.offsets[1:] > self.offsets[:-1], folded, 0)

    def place(self, heard: dict[int, Heard], step: int) -> dict[int, Windows]:
        """Where what is heard in a step of the batch is noted."""
        row = int(np.searchsorted(self.offsets, step, "right")) - 1
        return heard.setdefault(row, {}).setdefault(step - int(self.offsets[row]), {})

    def texts_of(self, row: int) -> list[memoryview]:
        """The text of each step of a trace, without a copy; nothing for what cannot be read."""
        a, b = int(self.offsets[row]), int(self.offsets[row + 1])
        starts, ends, readable = self.starts[a:b].tolist(), self.ends[a:b].tolist(), self.readable[a:b].tolist()
        return [self.text[s:e] if r else self.text[:0] for s, e, r in zip(starts, ends, readable, strict=True)]

    def channels_of(self, row: int) -> list[str]:
        """The channel of each step of a trace."""
        codes = self.channels[self.offsets[row] : self.offsets[row + 1]].tolist()
        return [CHANNELS[c] if c < NO_CHANNEL else "" for c in codes]


@dataclass(frozen=True)
class _Ear:
    """One automaton, a looser one for stretches of steps, and the channels both listen to."""

    match: Match
    match_stretch: Match
    patterns: tuple[int, ...]
    channels: Any  # bool by channel code


class Ears:
    """The automata of a pack: one for each distinct set of patterns that some channel needs."""

    def __init__(self, regexes: Sequence[str], listening: Mapping[str, frozenset[int]]) -> None:
        together: dict[tuple[int, ...], list[str]] = {}
        for channel, wanted in listening.items():
            if wanted:
                together.setdefault(tuple(sorted(wanted)), []).append(channel)
        self._ears = []
        for patterns, channels in together.items():
            own = [regexes[p] for p in patterns]
            exact, loose = _matcher(own), _matcher([without_borders(r) for r in own])
            self._ears.append(_Ear(exact, loose, patterns, np.array([c in channels for c in (*CHANNELS, "")])))

    def hear(self, batch: Batch) -> dict[int, Heard]:
        """By trace: the steps in which something was heard, and what. Nothing else about a trace is touched."""
        heard: dict[int, Heard] = {}
        sizes = batch.ends - batch.starts
        for ear in self._ears:
            listened = batch.readable & ear.channels[batch.channels]
            for step, ids in _hear_short(ear, batch, np.flatnonzero(listened & (sizes <= WINDOW))):
                batch.place(heard, step).update((ear.patterns[i], None) for i in ids)
            for step in np.flatnonzero(listened & (sizes > WINDOW)).tolist():
                if windows := _hear_long(ear, batch.text[batch.starts[step] : batch.ends[step]]):
                    batch.place(heard, step).update(windows)
        return heard


def _matcher(regexes: Sequence[str]) -> Match:
    automaton = compile_set(regexes, SET_MEMORY)
    # past re2's Python wrapper, which costs a sixth of the call on a short step; the wrapper where there is no inside
    return getattr(automaton, "_set", automaton).Match


def _hear_short(ear: _Ear, batch: Batch, steps: Any) -> list[tuple[int, list[int]]]:
    """The steps in which something is heard, and which of the ear's patterns.

    A call costs as much as reading some 300 bytes, so short steps that lie side by side are first read as one stretch
    by an automaton that hears all that might be there, and one by one only where it hears something.
    """
    text, match = batch.text, ear.match
    starts, ends = batch.starts[steps], batch.ends[steps]
    alone, stretches = _stretches(starts, ends)
    found: list[tuple[int, list[int]]] = []
    if len(stretches):
        first, last = stretches[:, 0], stretches[:, 1]
        loose = ear.match_stretch
        near = [
            (i, j)
            for i, j, a, b in zip(
                first.tolist(), last.tolist(), starts[first].tolist(), ends[last - 1].tolist(), strict=True
            )
            if loose(text[a:b])
        ]
        alone = np.concatenate([alone, *(np.arange(i, j) for i, j in near)]) if near else alone
    found = [
        (step, ids)
        for step, a, b in zip(steps[alone].tolist(), starts[alone].tolist(), ends[alone].tolist(), strict=True)
        if (ids := match(text[a:b]))
    ]
    return found


def _stretches(starts: Any, ends: Any) -> tuple[Any, Any]:
    """Which steps to read alone, and the [first, last) of those to read together."""
    if not len(starts):
        return np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
    apart = (starts[1:] - ends[:-1] > GAP) | (starts[1:] // STRETCH != starts[:-1] // STRETCH)
    first = np.flatnonzero(np.append(True, apart))
    runs = np.stack([first, np.append(first[1:], len(starts))], axis=1)
    together = runs[:, 1] - runs[:, 0] > 1
    return runs[~together, 0], runs[together]


def _hear_long(ear: _Ear, text: memoryview) -> dict[int, list[int]]:
    """Pattern -> the windows of one long step in which it was heard."""
    windows: dict[int, list[int]] = {}
    for number in range(window_count(len(text))):
        w = window(text, number)
        for i in ear.match(text[w.start : w.end]) or ():
            windows.setdefault(ear.patterns[i], []).append(number)
    return windows
