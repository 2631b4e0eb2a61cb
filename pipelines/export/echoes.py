"""Reasoning that comes back: a tool that prints what the model thought, a prompt that quotes an earlier turn.

A stretch of ECHO words that stands in a step left out for graders, and in no text they were shown before it, is
withheld from every prompt and observation that follows. Words are runs of letters and digits in any case; a Chinese,
Japanese or Korean character counts as one. What stands in an earlier prompt, observation or output was not the
reasoning's own, and stays; so does what a prompt said before the reasoning took it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.digest import text_buffer

ECHO = 12  # words in a row: fewer are said twice by chance, or quoted from the task
WITHHELD = "[withheld]"
CHUNK = 1 << 19  # bytes hashed at a time
TABLE = 1 << 20  # powers that are kept: a chunk ends with its last word, and only a very long word needs more
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse among 64-bit numbers
INVERSE = pow(FACTOR, -1, 2**64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[ord("A") : ord("Z") + 1] += 32
_IN_WORD = np.zeros(256, bool)
_IN_WORD[[*b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"]] = True
_IN_WORD[128:] = True
_CJK_FIRST, _CJK_LAST = 0xE3, 0xED  # the first bytes of characters that are words by themselves


@dataclass(frozen=True, slots=True)
class Words:
    """The words of several texts: where each begins and ends (bytes of its text), in which text, and its hash."""

    text: Ints
    starts: Ints
    ends: Ints
    hashes: Hashes


@dataclass(frozen=True, slots=True)
class Echoes:
    """Texts with echoes: their index, what is left of each, and how many words were withheld in all."""

    texts: Ints
    replaced: list[str]
    words: int


def find_echoes(texts: pa.Array, trace: Ints, own: Flags, quoting: Flags, shown: Flags) -> Echoes:
    """Echoes among the texts (n strings) of traces, in their order.

    `trace` says whose text each is, `own` which hold reasoning alone, `shown` which a grader sees, and `quoting` which
    of those are prompts or observations.
    """
    wanted = _can_echo(trace, own, quoting)
    at = np.flatnonzero(wanted & (own | shown))
    nothing = Echoes(np.zeros(0, np.int64), [], 0)
    if not len(at):
        return nothing
    chosen = texts.take(pa.array(at))
    words = find_words(chosen)
    grams, first = _grams(words, trace[at])
    if not len(grams):
        return nothing
    source = own[at][words.text[first]]
    echoed = _echoed(grams, words.text[first], source, quoting[at])
    hit = echoed & quoting[at][words.text[first]]
    if not hit.any():
        return nothing
    covered = np.zeros(len(words.text) + 1, np.int64)
    np.add.at(covered, first[hit], 1)
    np.add.at(covered, first[hit] + ECHO, -1)
    withheld = np.cumsum(covered)[:-1] > 0
    found = np.unique(words.text[withheld])
    replaced = [_without(chosen[i].as_py().encode(), words, withheld & (words.text == i)) for i in found.tolist()]
    return Echoes(at[found], replaced, int(withheld.sum()))


def _can_echo(trace: Ints, own: Flags, quoting: Flags) -> Flags:
    """Which texts belong to a trace in which a prompt or an observation comes after reasoning."""
    if not own.any() or not quoting.any():
        return np.zeros(len(trace), bool)
    count = int(trace[-1]) + 1
    first_own = np.full(count, len(trace))
    np.minimum.at(first_own, trace[own], np.flatnonzero(own))
    last_quoting = np.full(count, -1)
    np.maximum.at(last_quoting, trace[quoting], np.flatnonzero(quoting))
    return (last_quoting > first_own)[trace]


def _grams(words: Words, trace: Ints) -> tuple[Hashes, Ints]:
    """Hashes of ECHO words in a row of one text, each mixed with its trace, and the index of their first words."""
    count = len(words.hashes) - ECHO + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    grams = np.zeros(count, np.uint64)
    for i in range(ECHO):
        grams *= _MIX
        grams += words.hashes[i : i + count]
    first = np.flatnonzero(words.text[:count] == words.text[ECHO - 1 :])
    return grams[first] ^ (trace[words.text[first]].astype(np.uint64) + np.uint64(1)) * np.uint64(FACTOR), first


def _echoed(grams: Hashes, text: Ints, source: Flags, quoting: Flags) -> Flags:
    """Which grams stood in reasoning before they stood in any text shown, and then in a prompt or an observation."""
    thoughts = np.unique(grams[source])
    place = np.minimum(np.searchsorted(thoughts, grams), max(len(thoughts) - 1, 0))
    known = thoughts[place] == grams if len(thoughts) else np.zeros(len(grams), bool)
    never = np.iinfo(np.int64).max
    thought_at = np.full(len(thoughts), never)
    np.minimum.at(thought_at, place[known & source], text[known & source])
    shown_at = np.full(len(thoughts), never)
    np.minimum.at(shown_at, place[known & ~source], text[known & ~source])
    first_quoting = quoting[np.minimum(shown_at, len(quoting) - 1)]
    echo = (thought_at < shown_at) & first_quoting
    return known & (echo[place] if len(thoughts) else known)


def find_words(texts: pa.Array) -> Words:
    """All words of all texts, in order."""
    data, starts = text_buffer(texts)
    everything = np.frombuffer(data, np.uint8)
    parts: list[tuple[Ints, Ints, Hashes]] = []
    at, end = int(starts[0]), int(starts[-1])
    borders = starts[1:-1]
    while at < end:
        stop = _cut(everything, borders, at, end)
        parts.append(_words(everything[at:stop], borders[(borders > at) & (borders < stop)] - at, at))
        at = stop
    begin, ending, hashes = (
        np.concatenate([part[i] for part in parts]) if parts else np.zeros(0, np.int64) for i in range(3)
    )
    text = np.searchsorted(starts, begin, side="right").astype(np.int64) - 1
    return Words(text, begin - starts[text], ending - starts[text], hashes.astype(np.uint64))


def _cut(everything: npt.NDArray[np.uint8], borders: Ints, at: int, end: int) -> int:
    """About CHUNK bytes on, but not within a word."""
    stop = min(at + CHUNK, end)
    while stop < end:
        ahead = everything[stop : stop + CHUNK]
        between = np.flatnonzero(~_IN_WORD[ahead] | (ahead >= _CJK_FIRST) & (ahead <= _CJK_LAST))
        if len(between):
            return stop + int(between[0])
        stop = min(stop + CHUNK, end)
    return stop


def _words(data: npt.NDArray[np.uint8], borders: Ints, base: int) -> tuple[Ints, Ints, Hashes]:
    """Where words begin and end in some bytes, and a hash of each that depends on its letters alone."""
    inside = _IN_WORD[data]
    begins = inside.copy()
    begins[1:] &= ~inside[:-1]
    begins[borders] |= inside[borders]
    high = (data >= _CJK_FIRST) & (data <= _CJK_LAST)
    if high.any():
        begins |= high
        after = np.flatnonzero(high) + 3
        after = after[after < len(data)]
        begins[after] |= inside[after]
    start = np.flatnonzero(begins)
    stops = np.append(start[1:], len(data))
    # a word ends where the next begins, or before at the first byte that is in none
    gap = np.flatnonzero(~inside)
    if len(gap):
        nearest = np.searchsorted(gap, start)
        stops = np.minimum(stops, np.append(gap, len(data))[nearest])
    count = max(len(data), TABLE)
    sums = np.zeros(len(data) + 1, np.uint64)
    letters = _LOWER[data].astype(np.uint64) + np.uint64(1)
    np.cumsum(letters * _powers(FACTOR, count)[: len(data)], out=sums[1:])
    hashes = (sums[stops] - sums[start]) * _powers(INVERSE, count)[start]
    hashes ^= hashes >> np.uint64(29)
    return start + base, stops + base, hashes * _MIX


@lru_cache(maxsize=2)
def _powers(factor: int, count: int) -> Hashes:
    steps = np.full(count, np.uint64(factor % 2**64), np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


def _without(text: bytes, words: Words, withheld: Flags) -> str:
    """A text with each run of withheld words replaced."""
    pieces: list[bytes] = []
    at = 0
    index = np.flatnonzero(withheld)
    for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1):
        pieces += [text[at : int(words.starts[run[0]])], WITHHELD.encode()]
        at = int(words.ends[run[-1]])
    return b"".join([*pieces, text[at:]]).decode()
