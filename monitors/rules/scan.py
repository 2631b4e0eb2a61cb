"""The hot path: which patterns are heard in which steps of a batch, read from Arrow's buffers without a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.rules.search import Searcher, compile_set
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
Match = Callable[[memoryview], list[int]]  # the numbers of the expressions that match
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
        # nothing but white space says nothing: to call that assessed would read as clean
        self.readable &= ~pc.utf8_is_space(texts).fill_null(True).to_numpy(zero_copy_only=False)
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
        runs = {run.regex: run for sieve in sieves.values() for way in sieve.ways for run in way}
        numbers = {regex: i for i, regex in enumerate(runs)}
        self.match = _matcher(list(runs))
        self.match_loosely = _matcher([run.loose for run in runs.values()])
        self._bits = [1 << i for i in range(len(runs))]
        # a way to match is looked up by its rarest run alone
        self._by_run: list[list[tuple[int, int]]] = [[] for _ in runs]
        for pattern, sieve in sieves.items():
            for way in sieve.ways:
                needed = sum(1 << numbers[run.regex] for run in way)
                self._by_run[numbers[way[0].regex]].append((needed, pattern))

    def patterns(self, runs: list[int]) -> list[int]:
        """The patterns, some perhaps twice, that may match where these runs are; those not named do not."""
        bits, heard = self._bits, 0
        for run in runs:
            heard |= bits[run]
        return [pattern for run in runs for needed, pattern in self._by_run[run] if needed & heard == needed]


class Ears:
    """The ears of a pack: one for each distinct set of patterns that some channel needs."""

    def __init__(
        self, searchers: Sequence[Searcher], sieves: Sequence[Sieve], listening: Mapping[str, frozenset[int]]
    ) -> None:
        self._searchers = searchers
        together: dict[tuple[int, ...], list[str]] = {}
        for channel, wanted in listening.items():
            if wanted:
                together.setdefault(tuple(sorted(wanted)), []).append(channel)
        self._ears = [
            (Ear({p: sieves[p] for p in patterns}), np.array([c in channels for c in (*CHANNELS, "")]))
            for patterns, channels in together.items()
        ]

    def hear(self, batch: Batch) -> dict[int, Heard]:
        """By trace: the steps in which a pattern matches (in a long step: may match), and which."""
        heard: dict[int, Heard] = {}
        sizes = batch.ends - batch.starts
        for ear, channels in self._ears:
            listened = batch.readable & channels[batch.channels]
            for step, patterns in _hear_short(ear, batch, np.flatnonzero(listened & (sizes <= WINDOW))):
                text = batch.text[batch.starts[step] : batch.ends[step]]
                if matched := {p: None for p in set(patterns) if self._searchers[p].matches(text)}:
                    batch.place(heard, step).update(matched)
            for step in np.flatnonzero(listened & (sizes > WINDOW)).tolist():
                if windows := _hear_long(ear, batch.text[batch.starts[step] : batch.ends[step]]):
                    batch.place(heard, step).update(windows)
        return heard


def _matcher(regexes: Sequence[str]) -> Match:
    automaton = compile_set(regexes, SET_MEMORY)
    # past re2's Python wrapper, which costs a sixth of the call on a short step; the wrapper where there is no inside
    return getattr(automaton, "_set", automaton).Match


def _hear_short(ear: Ear, batch: Batch, steps: Any) -> list[tuple[int, list[int]]]:
    """The steps in which something is heard, and which of the ear's patterns.

    A call costs as much as reading some 300 bytes, so short steps that lie side by side are first read as one stretch
    by an automaton that hears all that might be there, and one by one only where it hears something.
    """
    starts, ends = batch.starts[steps], batch.ends[steps]
    alone, stretches = _stretches(starts, ends)
    if len(stretches):
        first, last = stretches[:, 0], stretches[:, 1]
        heard = _listen(ear.match_loosely, batch.text, range(len(first)), starts[first], ends[last - 1])
        near = [np.arange(first[i], last[i]) for i, runs in heard if ear.patterns(runs)]
        alone = np.concatenate([alone, *near]) if near else alone
    heard = _listen(ear.match, batch.text, steps[alone].tolist(), starts[alone], ends[alone])
    return [(step, patterns) for step, runs in heard if (patterns := ear.patterns(runs))]


def _listen(match: Match, text: memoryview, keys: Sequence[int], starts: Any, ends: Any) -> list[tuple[int, list[int]]]:
    """The stretches of text in which something matches, and what: the one loop that every step passes through."""
    return [
        (key, runs)
        for key, a, b in zip(keys, starts.tolist(), ends.tolist(), strict=True)
        if (runs := match(text[a:b]))
    ]


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
        for pattern in set(ear.patterns(ear.match(text[w.start : w.end]) or [])):
            windows.setdefault(pattern, []).append(number)
    return windows
