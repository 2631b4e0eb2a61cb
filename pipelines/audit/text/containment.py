"""Monitors' texts in a corpus, found by containment: how much of a text stands in a row, however long the row is.

Keys of the rows (`pipelines.audit.text.index`) are looked up whole batches at a time. Where several keys of one text
meet in one place, the text is aligned with it word by word. What counts in the end is the share of the text that stands
there, and that enough of it is said nowhere else: both, since any sentence about tests shares words with another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.audit.text.align import aligned
from pipelines.audit.text.index import I32, MEETING, TRIPLES, Arrays, TextIndex, build_index, keys_of, lookup
from pipelines.audit.text.texts import MonitorText, monitor_texts
from pipelines.audit.text.words import I64, U64, Words, words_of

__all__ = ["MonitorText", "TextIndex", "build_index", "monitor_texts", "search", "search_rows", "telling"]
NEAR = 20  # words beyond twice a text's length, within which its keys must meet
CLEAR = 0.8  # share that the keys alone show; where less, the words are aligned
SPOT_KEYS = 512  # of one place, at most
BEST = 4  # texts that are compared with one place
LEAST_SHARE = 0.4  # of a text (of PIECE words at most) that must stand in a row
LEAST_WORDS = 7  # of it that must stand there in keys which are rare elsewhere
RARE_ROWS = 2  # other rows in which a rare key may stand ...
RARE_SHARE = 1 / 5_000  # ... or this share of all rows, where that is more
COMMON_SHARE = 1 / 200  # of rows from which on a key is not looked up
STRONG = 0.9  # share of a text from which on a row says nothing about how common its keys are ...
STRONG_KEYS = 0.9  # ... and the share of its keys that comes to


@dataclass(frozen=True, slots=True)
class Meeting:
    """Keys of one piece that met in one place of a row: the aligned share of the piece's own words, and by which keys.

    `spans` (three numbers a key) are the words of the piece that each key in `keys` (numbers in the index) covers.
    """

    row: int
    piece: int
    share: float
    matched: int
    keys: I32
    spans: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Searched:
    """What a batch of rows gave: meetings, and in how many other rows each key stands (keys, counts)."""

    meetings: tuple[Meeting, ...]
    keys: I64
    counts: I64


def search(index: TextIndex | Arrays, text: bytes) -> tuple[Meeting, ...]:
    """The meetings in one text."""
    arrays = index.arrays if isinstance(index, TextIndex) else index
    words = words_of(text)
    return search_rows(arrays, words, np.zeros(len(words), np.int64)).meetings


def search_rows(index: Arrays, words: Words, rows: I64) -> Searched:
    """Look for all texts in the words of a batch; `rows` (ascending) says to which row each word belongs.

    A key that stands in a row as part of most of its text is not counted there: or a text that leaked everywhere
    would count as what everybody says.
    """
    places, keys = lookup(index, words.hashes, rows)
    if not len(places):
        return Searched((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    meetings = tuple(_meetings(index, words.hashes, rows, places, keys))
    strong = [m for m in meetings if m.share >= STRONG]
    spared = np.concatenate([m.row * len(index.keys) + m.keys.astype(np.int64) for m in strong] or [places[:0]])
    return Searched(meetings, *_counted(index, rows[places], keys, spared))


def background(index: Arrays, words: Words, rows: I64, ours: bool) -> tuple[I64, I64]:
    """Keys of the index in a batch, and in how many of its rows each stands. Nothing is aligned, so that it is quick.

    `ours` says that the batch is of the corpus itself: then a row does not count for a text most of which is there.
    """
    places, keys = lookup(index, words.hashes, rows)
    spared = places[:0]
    if ours and len(places):
        pairs = np.unique(rows[places] * len(index.keys) + keys)
        row, key = np.divmod(pairs, len(index.keys))
        piece, key_at = _pieces_of(index, key)
        pieces = len(index.bounds) - 1
        there, met = np.unique(row[key_at] * pieces + piece, return_counts=True)
        full = np.bincount(index.postings, minlength=pieces)
        strong = there[met >= STRONG_KEYS * full[there % pieces]]
        spared = pairs[key_at[np.isin(row[key_at] * pieces + piece, strong)]]
    return _counted(index, rows[places], keys, spared)


def _counted(index: Arrays, row: I64, keys: I64, spared: I64) -> tuple[I64, I64]:
    pairs = np.setdiff1d(row * len(index.keys) + keys, spared)
    counted, counts = np.unique(pairs % max(len(index.keys), 1), return_counts=True)
    return counted.astype(np.int64), counts.astype(np.int64)


def _pieces_of(index: Arrays, keys: I64) -> tuple[I64, I64]:
    """The pieces that have each of the keys, and for each of them which of the keys it is."""
    sizes = index.first[keys + 1] - index.first[keys]
    at = np.repeat(np.arange(len(keys)), sizes)
    offsets = index.first[keys][at] + np.arange(len(at)) - (np.cumsum(sizes) - sizes)[at]
    return index.postings[offsets].astype(np.int64), at


def _meetings(index: Arrays, hashes: U64, rows: I64, places: I64, keys: I64) -> Iterator[Meeting]:
    spots: dict[int, list[tuple[int, int, int, int]]] = {}
    for spot in _spots(index, rows, places, keys):
        spots.setdefault(int(rows[spot[1]]), []).append(spot)
    for here, found in spots.items():
        bounds = np.searchsorted(rows, [here, here + 1])
        row = hashes[bounds[0] : bounds[1]]
        taken: list[tuple[int, int, bool]] = []  # first and last place, and whether a whole text stands there
        for _, first, last, piece in sorted(found, key=lambda f: (-f[0], f[3], f[1])):
            same = [t for t in taken if t[0] <= last and first <= t[1]]
            if len(same) >= BEST or any(whole for _, _, whole in same):
                continue
            meeting = _compare(index, row, here, piece, first - int(bounds[0]), last - int(bounds[0]))
            if meeting is not None:
                yield meeting
            whole = meeting is not None and meeting.share >= STRONG
            taken.append((first, last, whole))


def _spots(index: Arrays, rows: I64, places: I64, keys: I64) -> Iterator[tuple[int, int, int, int]]:
    """(how many, first place, last place, piece) wherever enough different keys of a piece meet in a row."""
    piece, at = _pieces_of(index, keys)
    place, key = places[at], keys[at]
    order = np.lexsort((place, piece, rows[place]))
    piece, place, key = piece[order], place[order], key[order]
    row = rows[place]
    # the same key again says nothing new; without it, different keys meet where three in a row differ
    fresh = np.ones(len(key), bool)
    fresh[1:] = (key[1:] != key[:-1]) | (piece[1:] != piece[:-1]) | (row[1:] != row[:-1])
    piece, place, key, row = piece[fresh], place[fresh], key[fresh], row[fresh]
    if len(key) < MEETING:
        return
    room = 2 * (index.bounds[piece + 1] - index.bounds[piece]) + NEAR
    end = MEETING - 1
    near = (piece[end:] == piece[:-end]) & (row[end:] == row[:-end]) & (place[end:] - place[:-end] <= room[end:])
    near &= key[end:] != key[:-end]
    met = np.zeros(len(key), bool)
    for step in range(MEETING):
        met[step : step + len(near)] |= near
    kept = np.flatnonzero(met)
    piece, place, key, row, room = piece[kept], place[kept], key[kept], row[kept], room[kept]
    apart = (piece[1:] != piece[:-1]) | (row[1:] != row[:-1]) | (place[1:] - place[:-1] > room[1:])
    for group in np.split(np.arange(len(key)), np.flatnonzero(apart) + 1):
        for start in range(0, len(group), SPOT_KEYS):  # a row that says the same over and over is taken in parts
            part = group[start : start + SPOT_KEYS]
            if len(part) >= MEETING:
                yield len(np.unique(key[part])), int(place[part[0]]), int(place[part[-1]]), int(piece[part[0]])


def _compare(index: Arrays, hashes: U64, row: int, piece: int, first: int, last: int) -> Meeting | None:
    """Align a piece with the neighbourhood of its keys in a row."""
    part = index.piece(piece)
    text, own = index.words[part], index.own[part]
    size = len(text)
    window = hashes[max(0, first - size) : last + size + 4]
    mine, _ = keys_of(text)
    theirs, _ = keys_of(window)
    shared = np.isin(mine, theirs)
    span = _spans(size)[shared]
    seen = np.zeros(size, bool)
    seen[span.ravel()] = True
    matched = seen if (seen & own).sum() >= CLEAR * own.sum() else aligned(text, window) >= 0
    span, found = span[matched[span].all(axis=1)], mine[shared][matched[span].all(axis=1)]
    covered = np.zeros(size, bool)
    covered[span.ravel()] = True
    covered &= own
    if not covered.any():
        return None
    numbers = np.searchsorted(index.keys, found).astype(np.int32)
    return Meeting(row, piece, float(covered.sum() / own.sum()), int(covered.sum()), numbers, span.astype(np.int16))


def _spans(size: int) -> I64:
    """The words of each key of `size` words, in the order of `keys_of`."""
    return np.concatenate([np.arange(max(0, size - t[2]))[:, None] + np.array(t)[None, :] for t in TRIPLES])


def telling(meeting: Meeting, own: npt.NDArray[np.bool_], counts: I64, rows: int) -> int:
    """The piece's own words in keys that are rare: `counts` (k) says in how many of `rows` rows each key stands."""
    rare = counts[meeting.keys] <= max(RARE_ROWS, RARE_SHARE * rows)
    mark = np.zeros(len(own), bool)
    mark[meeting.spans[rare].ravel()] = True
    return int((mark & own).sum())


def leaks(meeting: Meeting, own: npt.NDArray[np.bool_], counts: I64, rows: int) -> bool:
    """Whether a meeting is a leak: enough of the text, and enough that nobody else says."""
    return meeting.share >= LEAST_SHARE and telling(meeting, own, counts, rows) >= LEAST_WORDS
