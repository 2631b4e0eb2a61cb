"""The hot path: which patterns are heard in which steps of a batch, read from Arrow's buffers without a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.rules.search import compile_set
from monitors.rules.sieve import Sieve
from monitors.rules.text import WINDOW, window, window_count
from monitors.rules.trace import Windows
from schemas.digest import text_buffer
from schemas.trace import CHANNELS

SET_MEMORY = 256 << 20  # RE2's own 8 MiB cannot hold 500 patterns; this is a ceiling, what is used is far less
_CHANNEL_NAMES = pa.array(CHANNELS)
NO_CHANNEL = len(CHANNELS)

STRETCH = 4096  # bytes of neighbouring steps read at once
GAP = 256  # bytes between two of them that are cheaper to read than to skip
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


class Ear:
    """Listens for some patterns at once: one automaton over all their runs, and a looser one for stretches of steps."""

    def __init__(self, sieves: Mapping[int, Sieve]) -> None:
        runs = {run.regex: run for sieve in sieves.values() for run in sieve.runs}
        numbers = {regex: i for i, regex in enumerate(runs)}
        self._exact = _matcher(list(runs))
        self._loose = _matcher([run.loose for run in runs.values()])
        # a pattern is looked up by its rarest run alone
        self._by_run: list[list[tuple[int, int]]] = [[] for _ in runs]
        for pattern, sieve in sieves.items():
            needed = sum(1 << numbers[run.regex] for run in sieve.runs)
            self._by_run[numbers[sieve.runs[0].regex]].append((needed, pattern))

    def hears(self, text: memoryview) -> list[int]:
        """The patterns that may match the text; those not named do not."""
        runs = self._exact(text)
        return self._patterns(runs) if runs else runs

    def hears_something(self, text: memoryview) -> bool:
        """Whether any pattern may match some step of a stretch of text."""
        runs = self._loose(text)
        return bool(runs and self._patterns(runs))

    def _patterns(self, runs: list[int]) -> list[int]:
        heard = 0
        for run in runs:
            heard |= 1 << run
        return [pattern for run in runs for needed, pattern in self._by_run[run] if needed & heard == needed]


class Ears:
    """The ears of a pack: one for each distinct set of patterns that some channel needs."""

    def __init__(self, sieves: Sequence[Sieve], listening: Mapping[str, frozenset[int]]) -> None:
        together: dict[tuple[int, ...], list[str]] = {}
        for channel, wanted in listening.items():
            if wanted:
                together.setdefault(tuple(sorted(wanted)), []).append(channel)
        self._ears = [
            (Ear({p: sieves[p] for p in patterns}), np.array([c in channels for c in (*CHANNELS, "")]))
            for patterns, channels in together.items()
        ]

    def hear(self, batch: Batch) -> dict[int, Heard]:
        """By trace: the steps in which something was heard, and what. Nothing else about a trace is touched."""
        heard: dict[int, Heard] = {}
        sizes = batch.ends - batch.starts
        for ear, channels in self._ears:
            listened = batch.readable & channels[batch.channels]
            for step, patterns in _hear_short(ear, batch, np.flatnonzero(listened & (sizes <= WINDOW))):
                batch.place(heard, step).update(dict.fromkeys(patterns))
            for step in np.flatnonzero(listened & (sizes > WINDOW)).tolist():
                if windows := _hear_long(ear, batch.text[batch.starts[step] : batch.ends[step]]):
                    batch.place(heard, step).update(windows)
        return heard


def _matcher(regexes: Sequence[str]) -> Callable[[memoryview], list[int]]:
    automaton = compile_set(regexes, SET_MEMORY)
    # past re2's Python wrapper, which costs a sixth of the call on a short step; the wrapper where there is no inside
    return getattr(automaton, "_set", automaton).Match


def _hear_short(ear: Ear, batch: Batch, steps: Any) -> list[tuple[int, list[int]]]:
    """The steps in which something is heard, and which of the ear's patterns.

    A call costs as much as reading some 300 bytes, so short steps that lie side by side are first read as one stretch
    by an automaton that hears all that might be there, and one by one only where it hears something.
    """
    text, hears = batch.text, ear.hears
    starts, ends = batch.starts[steps], batch.ends[steps]
    alone, stretches = _stretches(starts, ends)
    found: list[tuple[int, list[int]]] = []
    if len(stretches):
        first, last = stretches[:, 0], stretches[:, 1]
        hears_something = ear.hears_something
        near = [
            (i, j)
            for i, j, a, b in zip(
                first.tolist(), last.tolist(), starts[first].tolist(), ends[last - 1].tolist(), strict=True
            )
            if hears_something(text[a:b])
        ]
        alone = np.concatenate([alone, *(np.arange(i, j) for i, j in near)]) if near else alone
    found = [
        (step, patterns)
        for step, a, b in zip(steps[alone].tolist(), starts[alone].tolist(), ends[alone].tolist(), strict=True)
        if (patterns := hears(text[a:b]))
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


def _hear_long(ear: Ear, text: memoryview) -> dict[int, list[int]]:
    """Pattern -> the windows of one long step in which it was heard."""
    windows: dict[int, list[int]] = {}
    for number in range(window_count(len(text))):
        w = window(text, number)
        for pattern in ear.hears(text[w.start : w.end]):
            windows.setdefault(pattern, []).append(number)
    return windows
