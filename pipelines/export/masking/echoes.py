"""Reasoning that comes back: a tool that prints what the model thought, a prompt that quotes an earlier turn.

A stretch of ECHO words that stands in a step left out for graders, and in no text they were shown before it, is
withheld from every prompt and observation that follows. Words are runs of letters and digits in any case, and read as
`echo_spelling` reads them; a character of a script without spaces counts as one, and a number (a line's, say) as none.
What stands in an earlier prompt, observation or output was not the
reasoning's own, and stays; so does what a prompt said before the reasoning took it up.

A model drafts its answer where it thinks, so that outputs and actions may share stretches with reasoning. They
lose them where all of a trace's together hold the reasoning itself: half of what is the reasoning's own, of LEAST
words or more; all but a little of it, however short; or the BEGIN words with which the reasoning begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.export.masking.echo_spelling import spelled
from schemas.digest import text_buffer

ECHO = 12  # words in a row: fewer are said twice by chance, or quoted from the task
LEAST = 40  # words of reasoning, of which half in outputs is more than a draft
WHOLE = 0.9  # of a reasoning's own words in a row: so much of it in outputs is the reasoning and no draft
BEGIN = 40  # words in a row from where the reasoning begins: a draft comes after some thought
WITHHELD = "[withheld]"
GROUP = 8 << 20  # bytes of text compared at a time, unless one trace has more
SLOTS = 1 << 23  # of the tables that tell what stands on both sides
SHIFTS = (0, 23, 41)  # the bits of a hash that each look goes by
CHUNK = 1 << 19  # bytes hashed at a time
AHEAD = 1 << 12  # bytes in which the end of a word is looked for at once
TABLE = 1 << 20  # powers that are kept: a chunk ends with its last word, and only a very long word needs more
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]  # of bytes and words: Arrow's texts end before 2**31, and there are many
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
_IS_DIGIT = np.zeros(256, bool)
_IS_DIGIT[[*b"0123456789"]] = True
_CJK_FIRST, _CJK_LAST = 0xE3, 0xED  # the first bytes of characters that are words by themselves


@dataclass(frozen=True, slots=True)
class Words:
    """The words of several texts: where each begins and ends (bytes of its text), in which text, and its hash."""

    text: Places
    starts: Places
    ends: Places
    hashes: Hashes


@dataclass(frozen=True, slots=True)
class Echoes:
    """Texts with echoes: their index, what is left of each, and how many words of each were withheld."""

    texts: Ints
    replaced: list[str]
    words: Ints


def find_echoes(texts: pa.Array, trace: Ints, own: Flags, quoting: Flags, shown: Flags) -> Echoes:
    """Echoes among the texts (n strings) of traces, in their order.

    `trace` says whose text each is, `own` which hold reasoning alone, `shown` which a grader sees, and `quoting` which
    of those are prompts or observations.
    """
    at = np.flatnonzero(_can_echo(trace, own, shown) & (own | shown))
    found = [_find(texts, part, trace, own, quoting) for part in _groups(texts, at, trace)]
    none = np.zeros(0, np.int64)
    return Echoes(
        np.concatenate([none, *(echoes.texts for echoes in found)]),
        [text for echoes in found for text in echoes.replaced],
        np.concatenate([none, *(echoes.words for echoes in found)]),
    )


def _can_echo(trace: Ints, own: Flags, shown: Flags) -> Flags:
    """Which texts belong to a trace in which something is shown after reasoning."""
    if not own.any() or not shown.any():
        return np.zeros(len(trace), bool)
    count = int(trace[-1]) + 1
    first_own = np.full(count, len(trace))
    np.minimum.at(first_own, trace[own], np.flatnonzero(own))
    last_shown = np.full(count, -1)
    np.maximum.at(last_shown, trace[shown], np.flatnonzero(shown))
    return (last_shown > first_own)[trace]


def _groups(texts: pa.Array, at: Ints, trace: Ints) -> Iterator[Ints]:
    """The texts `at` in groups of about GROUP bytes, no trace in two of them: words take more room than their text."""
    _, starts = text_buffer(texts)
    sizes = np.cumsum((starts[1:] - starts[:-1])[at])
    begin = 0
    while begin < len(at):
        base = int(sizes[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(sizes, base + GROUP)), begin + 1)
        while end < len(at) and trace[at[end]] == trace[at[end - 1]]:
            end += 1
        yield at[begin:end]
        begin = end


def _find(texts: pa.Array, at: Ints, trace: Ints, own: Flags, quoting: Flags) -> Echoes:
    """The echoes among the texts `at`."""
    chosen = texts.take(pa.array(at))
    words = find_words(chosen)
    grams, first = _grams(words, trace[at])
    text = words.text[first]
    echoed = _echoed(grams, text, own[at][text], quoting[at])
    hit = first[echoed]
    covered = np.zeros(len(words.text) + 1, np.int32)
    np.add.at(covered, hit, 1)
    np.add.at(covered, hit + ECHO, -1)
    withheld = np.flatnonzero(np.cumsum(covered, dtype=np.int32)[:-1])
    owners = words.text[withheld]
    found = np.unique(owners)
    cuts = np.searchsorted(owners, found[1:])
    replaced = [
        _without(chosen[i].as_py().encode(), words, index)
        for i, index in zip(found.tolist(), np.split(withheld, cuts), strict=False)
    ]
    return Echoes(at[found], replaced, np.diff(np.append(np.searchsorted(owners, found), len(owners))))


def _grams(words: Words, trace: Ints) -> tuple[Hashes, Places]:
    """Hashes of ECHO words in a row of one text, each mixed with its trace, and the index of their first words."""
    count = len(words.hashes) - ECHO + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    grams = np.zeros(count, np.uint64)
    for i in range(ECHO):
        grams *= _MIX
        grams += words.hashes[i : i + count]
    grams ^= grams >> np.uint64(31)
    first = np.flatnonzero(words.text[:count] == words.text[ECHO - 1 :]).astype(np.int32)
    return grams[first] ^ (trace[words.text[first]].astype(np.uint64) + np.uint64(1)) * np.uint64(FACTOR), first


def _echoed(grams: Hashes, text: Places, source: Flags, quoting: Flags) -> Flags:
    """Which grams are to be withheld: of prompts and observations, those that stood in reasoning before they stood in
    any text shown, and in no output since; of outputs and actions, those of reasoning that they hold."""
    echoed = np.zeros(len(grams), bool)
    both = _on_both_sides(grams, source)
    if not len(both):
        return echoed
    known, place = np.unique(grams[both], return_inverse=True)
    ranks = both - np.searchsorted(text, text[both])
    sizes = np.bincount(text[source], minlength=len(quoting))
    text, source = text[both], source[both]
    never = np.iinfo(np.int64).max
    thought_at, shown_at, open_at = np.full((3, len(known)), never)
    np.minimum.at(thought_at, place[source], text[source])
    np.minimum.at(shown_at, place[~source], text[~source])
    original = (thought_at < shown_at)[place]
    said = ~source & ~quoting[text]
    held = np.zeros(len(both), bool)
    held[said & original] = _held(place, text, ranks, source, said, original, sizes)
    said &= ~held
    np.minimum.at(open_at, place[said], text[said])
    echoed[both] = held | (original & ~source & quoting[text] & (text < open_at[place]))
    return echoed


def _held(gram: Ints, text: Places, rank: Ints, source: Flags, said: Flags, original: Flags, sizes: Ints) -> Flags:
    """Of the grams of outputs and actions (n of `said & original`), which belong to reasoning that they hold.

    Each is looked for in two texts of reasoning, the first that has it and the last before it, so that the time is
    linear in their number. `rank` is a gram's place in its text, `sizes` how many grams each text of reasoning has.
    """
    mine = np.flatnonzero(source)
    here = np.flatnonzero(said & original)
    if not len(mine) or not len(here):
        return np.zeros(len(here), bool)
    texts, count = len(sizes), int(gram.max()) + 1
    order = np.sort(gram[mine].astype(np.int64) * texts + text[mine])
    first = order[np.searchsorted(order, gram[here].astype(np.int64) * texts)] % texts
    before = np.searchsorted(order, gram[here].astype(np.int64) * texts + text[here]) - 1
    last = order[np.maximum(before, 0)] % texts  # `original` grams stand in reasoning before they are shown
    own = sizes - np.bincount(text[mine[~original[mine]]], minlength=texts)
    begins = mine[(rank[mine] <= BEGIN - ECHO) & original[mine]]
    opening = np.unique(text[begins].astype(np.int64) * count + gram[begins])
    thoughts = np.stack([first, last])
    pairs = np.unique(thoughts.ravel() * count + np.tile(gram[here], 2))
    kinds, at = np.unique(pairs // count, return_inverse=True)
    shared, begun = np.bincount(at), np.bincount(at, np.isin(pairs, opening))
    of = own[kinds]
    half = (of > LEAST - ECHO) & (2 * shared >= of)
    full = kinds[half | (shared >= WHOLE * of) | (begun > BEGIN - ECHO)]
    found = np.isin(thoughts, full)
    return found[0] | found[1]


def _on_both_sides(grams: Hashes, source: Flags) -> Places:
    """The index of each gram that stands in reasoning and outside, give or take a chance likeness: sorting all of
    them would cost ten times as much as marking, in a table for each side, the places that they fall on."""
    left = np.arange(len(grams), dtype=np.int32)
    for shift in SHIFTS:
        places = (grams[left] >> np.uint64(shift)) % np.uint64(SLOTS)
        side = source[left]
        marks = np.zeros((2, SLOTS), bool)
        marks[0, places[side]] = True
        marks[1, places[~side]] = True
        left = left[marks[0, places] & marks[1, places]]
    return left


def find_words(texts: pa.Array) -> Words:
    """All words of all texts, in order."""
    texts, moved = spelled(texts)
    data, starts = text_buffer(texts)
    everything = np.frombuffer(data, np.uint8)
    parts: list[tuple[Places, Places, Hashes]] = []
    at, end = int(starts[0]), int(starts[-1])
    borders = starts[1:-1]
    while at < end:
        stop = _cut(everything, at, end)
        parts.append(_words(everything[at:stop], borders[(borders > at) & (borders < stop)] - at, at))
        at = stop
    if not parts:
        none = np.zeros(0, np.int32)
        return Words(none, none, none, np.zeros(0, np.uint64))
    begin, ending, hashes = (np.concatenate([part[i] for part in parts]) for i in range(3))
    text = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(np.searchsorted(begin, starts)))
    base = starts.astype(np.int32)[text]
    begin, ending = begin - base, ending - base
    for i, reading in moved.items():
        mine = slice(*np.searchsorted(text, [i, i + 1]))
        begin[mine], ending[mine] = reading.begins(begin[mine]), reading.ends(ending[mine])
    return Words(text, begin, ending, hashes)


def _cut(everything: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """About CHUNK bytes on, but not within a word."""
    stop = min(at + CHUNK, end)
    while stop < end:
        ahead = everything[stop : stop + AHEAD]
        between = np.flatnonzero(~_IN_WORD[ahead] | (ahead >= _CJK_FIRST) & (ahead <= _CJK_LAST))
        if len(between):
            return stop + int(between[0])
        stop = min(stop + AHEAD, end)
    return stop


def _words(data: npt.NDArray[np.uint8], borders: Ints, base: int) -> tuple[Places, Places, Hashes]:
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
    letters_before = np.cumsum(np.concatenate([[False], ~_IS_DIGIT[data]]), dtype=np.int32)
    is_word = letters_before[stops] > letters_before[start]
    start, stops = start[is_word], stops[is_word]
    count = max(len(data), TABLE)
    sums = np.zeros(len(data) + 1, np.uint64)
    letters = _LOWER[data].astype(np.uint64) + np.uint64(1)
    np.cumsum(letters * _powers(FACTOR, count)[: len(data)], out=sums[1:])
    hashes = (sums[stops] - sums[start]) * _powers(INVERSE, count)[start]
    hashes ^= hashes >> np.uint64(29)
    return (start + base).astype(np.int32), (stops + base).astype(np.int32), hashes * _MIX


@lru_cache(maxsize=2)
def _powers(factor: int, count: int) -> Hashes:
    steps = np.full(count, np.uint64(factor % 2**64), np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


def _without(text: bytes, words: Words, withheld: Ints) -> str:
    """A text with each run of withheld words replaced; `withheld` are indices of words, all of them its own."""
    pieces: list[bytes] = []
    at = 0
    for run in np.split(withheld, np.flatnonzero(np.diff(withheld) > 1) + 1):
        begin = int(words.starts[run[0]])
        if begin >= at:  # else it is of a stretch that has gone as a whole
            pieces += [text[at:begin], WITHHELD.encode()]
        at = max(at, int(words.ends[run[-1]]))
    return b"".join([*pieces, text[at:]]).decode()
