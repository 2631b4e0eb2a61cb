"""The hot path: which patterns are heard in which steps of a batch, read from Arrow's buffers without a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.rules.search import compile_set
from monitors.rules.text import WINDOW, window, window_count
from monitors.rules.trace import Windows
from schemas.digest import text_buffer
from schemas.trace import CHANNELS

SET_MEMORY = 256 << 20  # RE2's own 8 MiB cannot hold 500 patterns; this is a ceiling, what is used is far less
_CHANNEL_NAMES = pa.array(CHANNELS)
NO_CHANNEL = len(CHANNELS)

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

    def row_of(self, step: int) -> int:
        return int(np.searchsorted(self.offsets, step, "right")) - 1

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
    """One automaton and the channels it listens to."""

    match: Any
    patterns: tuple[int, ...]
    channels: Any  # bool by channel code


class Ears:
    """The automata of a pack: one for each distinct set of patterns that some channel needs."""

    def __init__(self, regexes: Sequence[str], listening: Mapping[str, frozenset[int]]) -> None:
        together: dict[tuple[int, ...], list[str]] = {}
        for channel, patterns in listening.items():
            if patterns:
                together.setdefault(tuple(sorted(patterns)), []).append(channel)
        self._ears = []
        for patterns, channels in together.items():
            automaton = compile_set([regexes[p] for p in patterns], SET_MEMORY)
            self._ears.append(_Ear(automaton.Match, patterns, np.array([c in channels for c in (*CHANNELS, "")])))

    def hear(self, batch: Batch) -> dict[int, Heard]:
        """By trace: the steps in which something was heard, and what. Nothing else about a trace is touched."""
        heard: dict[int, Heard] = {}
        text, match_sizes = batch.text, batch.ends - batch.starts
        for ear in self._ears:
            listened = batch.readable & ear.channels[batch.channels]
            small = np.flatnonzero(listened & (match_sizes <= WINDOW))
            match = ear.match
            found = [
                (step, ids)
                for step, a, b in zip(
                    small.tolist(), batch.starts[small].tolist(), batch.ends[small].tolist(), strict=True
                )
                if (ids := match(text[a:b]))
            ]
            for step, ids in found:
                row = batch.row_of(step)
                patterns = heard.setdefault(row, {}).setdefault(step - int(batch.offsets[row]), {})
                patterns.update((ear.patterns[i], None) for i in ids)
            for step in np.flatnonzero(listened & (match_sizes > WINDOW)).tolist():
                if windows := _hear_long(ear, text[batch.starts[step] : batch.ends[step]]):
                    row = batch.row_of(step)
                    heard.setdefault(row, {}).setdefault(step - int(batch.offsets[row]), {}).update(windows)
        return heard


def _hear_long(ear: _Ear, text: memoryview) -> dict[int, list[int]]:
    """Pattern -> the windows of one long step in which it was heard."""
    windows: dict[int, list[int]] = {}
    for number in range(window_count(len(text))):
        w = window(text, number)
        for i in ear.match(text[w.start : w.end]) or ():
            windows.setdefault(ear.patterns[i], []).append(number)
    return windows
