"""The texts that a corpus is searched for, cut into keys.

Three words out of four that follow each other, in order, are a key. A text's keys survive when every third word of it
is changed, when a word is put in or left out, when its sentences change places.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.audit.text.texts import MonitorText, distinct
from pipelines.audit.text.words import I64, U64, words_of
from pipelines.canaries import find_ids

TRIPLES = ((0, 1, 2), (0, 1, 3), (0, 2, 3))  # of four words, those that are taken
FACTORS = tuple(np.uint64(x) for x in (0x9FB21C651E98DF25, 0xD6E8FEB86659FD93, 0xC2B2AE3D27D4EB4F))
SHORT = 8  # words: what is shorter is said by anybody, and cannot be told apart
PIECE = 50  # words: a longer text is cut, so that a paragraph of a long verdict is found as well
STRIDE = 1 << 14  # words looked up at a time
POSTINGS = 32  # texts that a key leads to; texts from one template share nearly all, and one of them is enough
MEETING = 3  # keys of one text that must meet before it is looked at more closely
PLAIN = "as it is"
FORMS: Mapping[str, Callable[[str], str]] = {  # in which each text is looked for
    PLAIN: str,
    "backwards": lambda text: text[::-1],
    "in rot13": lambda text: codecs.encode(text, "rot13"),
}
Bools = npt.NDArray[np.bool_]
I32 = npt.NDArray[np.int32]
ARRAYS = ("words", "own", "bounds", "keys", "first", "postings", "common")


@dataclass(frozen=True, slots=True)
class Arrays:
    """The index as workers have it: flat arrays, so that they can be mapped from a file and shared.

    `bounds` (p + 1) cuts `words` into pieces; `own` marks the words that are the monitor's. `keys` (k, ascending) lead
    through `first` (k + 1) to `postings`, numbers of pieces. `common` keys are not looked up. `table` holds a 1 for
    the leading bits of each key that is.
    """

    words: U64
    own: Bools
    bounds: I64
    keys: U64
    first: I64
    postings: I32
    common: Bools
    table: npt.NDArray[np.uint8]

    def piece(self, number: int) -> slice:
        return slice(int(self.bounds[number]), int(self.bounds[number + 1]))


@dataclass(frozen=True, slots=True)
class TextIndex:
    """Texts to look for. `pieces` says to which text each piece belongs, and `forms` how that is written in it; `short`
    counts texts left out, by source.

    `rules` are the ids of rules that stand in the texts.
    """

    arrays: Arrays
    texts: tuple[MonitorText, ...]
    pieces: I32
    forms: tuple[str, ...]
    short: tuple[tuple[str, int], ...] = ()
    rules: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write the index, for workers to map into their memory."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*ARRAYS, "table"):
            np.save(folder / f"{name}.npy", getattr(self.arrays, name))

    def without(self, common: Bools) -> TextIndex:
        """The same index in which the `common` keys (k) are not looked up, besides those that were not before."""
        common = self.arrays.common | common
        return replace(self, arrays=replace(self.arrays, common=common, table=_table(self.arrays.keys[~common])))

    def unsearchable(self) -> int:
        """Texts of which too few keys are left to be found by."""
        a = self.arrays
        counts = np.zeros(len(a.bounds) - 1, np.int64)
        np.add.at(counts, a.postings, np.repeat(~a.common, np.diff(a.first)))
        found = np.zeros(len(self.texts), bool)
        plain = np.array([form == PLAIN for form in self.forms], bool)
        found[self.pieces[(counts >= MEETING) & plain]] = True
        capped = bool((np.diff(a.first) >= POSTINGS).any())
        return 0 if capped else int((~found).sum())


def open_arrays(folder: Path) -> Arrays:
    """The arrays of an index that `TextIndex.save` wrote."""
    return Arrays(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*ARRAYS, "table")})


def build_index(texts: Iterable[MonitorText], background: Sequence[str] = ()) -> TextIndex:
    """An index of the texts; keys that stand in `background` (texts of others) are common from the start."""
    kept: list[MonitorText] = []
    short: dict[str, int] = {}
    words: list[U64] = []
    own: list[Bools] = []
    pieces: list[int] = []
    forms: list[str] = []
    lengths: list[int] = []
    rules: set[str] = set()
    for text in distinct(texts):
        rules.update(hit.text for hit in find_ids(_bytes(text.text)) if hit.how == "rule id")
        for form, made in FORMS.items():
            hashes = words_of(_bytes(made(text.text))).hashes
            mine = np.ones(len(hashes), bool)
            for quote in text.quotes:
                mine &= ~quoted_words(hashes, words_of(_bytes(made(quote))).hashes)
            if int(mine.sum()) < SHORT:
                if form != PLAIN:
                    continue
                short[text.source] = short.get(text.source, 0) + text.alike
                break
            cuts = np.linspace(0, len(hashes), max(1, round(len(hashes) / PIECE)) + 1).astype(int)
            lengths += np.diff(cuts).tolist()
            pieces += [len(kept)] * (len(cuts) - 1)
            forms += [form] * (len(cuts) - 1)
            words.append(hashes)
            own.append(mine)
        else:
            kept.append(text)
    flat = np.concatenate([*words, np.zeros(0, np.uint64)])
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    keys, first, postings = _postings(flat, bounds)
    arrays = Arrays(
        *(flat, np.concatenate([*own, np.zeros(0, bool)]), bounds, keys, first, postings),
        np.zeros(len(keys), bool),
        _table(keys),
    )
    index = TextIndex(
        *(arrays, tuple(kept), np.array(pieces, np.int32), tuple(forms)),
        *(tuple(sorted(short.items())), tuple(sorted(rules))),
    )
    if not background:
        return index
    seen = np.concatenate([keys_of(words_of(t.encode("utf-8", "surrogatepass")).hashes)[0] for t in background])
    return index.without(np.isin(keys, seen))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def keys_of(hashes: U64, rows: I64 | None = None) -> tuple[U64, I64]:
    """The keys of words and the index of the first word of each; none from words of different rows."""
    n = len(hashes)
    products = [hashes * f for f in FACTORS]
    found, places = [], []
    for a, b, c in TRIPLES:
        size = max(0, n - c)  # beyond the end there is no word, and so no key
        key = products[0][a : a + size] + products[1][b : b + size] + products[2][c : c + size]
        where = np.arange(size)
        if rows is not None:
            inside = rows[:size] == rows[c : c + size]
            key, where = key[inside], where[inside]
        found.append(key)
        places.append(where)
    return np.concatenate(found), np.concatenate(places)


def lookup(index: Arrays, hashes: U64, rows: I64) -> tuple[I64, I64]:
    """The places (of first words) and numbers of the index's keys among words, the common ones left out."""
    if not len(index.keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    shift = np.uint64(64 - (len(index.table).bit_length() - 1))
    found, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for at in range(0, len(hashes), STRIDE):  # so few at a time that they stay in a core's cache
        part = hashes[at : at + STRIDE + 3]
        first, second, third = (part * f for f in FACTORS)
        for a, b, c in TRIPLES:
            size = min(STRIDE, len(part) - c)
            if size <= 0:
                continue
            key = first[a : a + size] + second[b : b + size] + third[c : c + size]
            maybe = np.flatnonzero(index.table[key >> shift])
            if len(maybe):
                inside = rows[at + maybe] == rows[at + maybe + c]
                found.append(key[maybe[inside]])
                places.append(at + maybe[inside])
    key, place = np.concatenate(found), np.concatenate(places)
    number = np.minimum(np.searchsorted(index.keys, key), len(index.keys) - 1)
    sure = (index.keys[number] == key) & ~index.common[number]
    return place[sure], number[sure]


def quoted_words(hashes: U64, other: U64) -> Bools:
    """Which words stand in a run of at least three that is also in other words."""
    mark = np.zeros(len(hashes), bool)
    hit = np.flatnonzero(np.isin(_runs(hashes), _runs(other)))
    for step in range(3):
        mark[hit + step] = True
    return mark


def _runs(hashes: U64) -> U64:
    """Keys of three words in a row."""
    size = max(0, len(hashes) - 2)
    return sum((hashes[i : i + size] * f for i, f in enumerate(FACTORS)), np.zeros(size, np.uint64))


def _postings(words: U64, bounds: I64) -> tuple[U64, I64, I32]:
    """Distinct keys, ascending, and the first few pieces that have each."""
    owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    found, places = keys_of(words, owner)
    order = np.lexsort((owner[places], found))
    key, piece = found[order], owner[places][order]
    fresh = np.ones(len(key), bool)
    fresh[1:] = (key[1:] != key[:-1]) | (piece[1:] != piece[:-1])
    key, piece = key[fresh], piece[fresh]
    keys, begins = np.unique(key, return_index=True)
    rank = np.arange(len(key)) - np.repeat(begins, np.diff(np.append(begins, len(key))))
    kept = rank < POSTINGS
    counts = np.add.reduceat(kept, begins) if len(begins) else np.zeros(0, np.int64)
    return keys, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), piece[kept].astype(np.int32)


def _table(keys: U64) -> npt.NDArray[np.uint8]:
    bits = int(np.clip(int(np.ceil(np.log2(16 * max(len(keys), 1)))), 16, 27))
    table = np.zeros(1 << bits, np.uint8)
    table[keys >> np.uint64(64 - bits)] = 1
    return table
