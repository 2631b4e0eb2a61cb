"""Text as words: folded alike on both sides of a comparison, hashed whole batches at a time.

A word is a run of letters and digits. Case, accents, width, zero-width characters and punctuation do not count, and
letters of other scripts that look like ours are ours; each ideograph is a word of its own. Bytes are never turned into
Python strings word by word: a word's hash comes from running sums over the bytes of a batch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

Letters = TypeVar("Letters", U8, U32)

CHUNK = 1 << 15  # bytes hashed at a time, so that the running sums stay in a core's cache
REACH = 512  # how far a chunk may be drawn out to end between two words
BASE = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xBF58476D1CE4E5B9)
SHIFT = np.uint64(31)
DROPPED = np.uint32(1)  # in the table of folded letters: stands for nothing at all
SINGLE = np.uint32(1 << 31)  # a letter that is a word by itself
LAST_FOLDED = 0x20000  # letters above are ideographs
IDEOGRAPHS = (0x3400, 0xA000)
# the letters of other scripts that Unicode's list of confusables has for ours, as far as they are words' letters
_OTHERS = {
    "a": "аαɑᴀΑАᎪ", "b": "ΒВЬᏴʙ", "c": "сϲᴄСϹᏟ", "d": "ԁɗᏧᎠᴅ", "e": "еҽεєΕЕᎬᴇ", "f": "ϝſꞙ", "g": "ɡցԌᏀ",
    "h": "һհΗНᎻн", "i": "іιıɩΙІӀᎥ", "j": "јϳЈᎫ", "k": "κкΚКᏦᴋ", "l": "ӏⅼǀᏞʟ", "m": "мΜМᎷᴍ", "n": "ոռηпΝ",
    "o": "оοօσᴏΟОՕ", "p": "рρΡРᏢ", "q": "ԛգ", "r": "гᴦᏒʀ", "s": "ѕꜱЅՏᏚ", "t": "тτΤТᎢᴛ", "u": "υսцᴜ",
    "v": "νѵᴠᏙ", "w": "ԝωѡᴡᎳ", "x": "хχΧХ", "y": "уүγʏΥУҮ", "z": "ᴢΖᏃ",
}  # fmt: skip
LOOKALIKES = {other: ours for ours, others in _OTHERS.items() for other in others}
TAGS = (0xE0020, 0xE007F)  # an invisible copy of ASCII
UNSEEN = (0xE0080, 0xE0200)  # and marks that nobody sees
BACKSLASH, LINE_ENDS = ord("\\"), tuple(b"nrt")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text: their hashes, and the byte at which each begins (n each)."""

    hashes: U64
    starts: I64

    def __len__(self) -> int:
        return len(self.hashes)


def words_of(data: bytes | memoryview, borders: I64 | None = None) -> Words:
    """The words of UTF-8 text; no word goes over a border (ascending byte offsets), whatever stands there.

    >>> a, b = words_of("Café—Bar\u200b2".encode()), words_of(b"cafe bar2")
    >>> bool((a.hashes == b.hashes).all())
    True
    """
    everything = np.frombuffer(data, np.uint8)
    borders = np.zeros(0, np.int64) if borders is None else borders
    hashes, starts = [], []
    for at, end in _chunks(everything):
        inside = borders[np.searchsorted(borders, at) : np.searchsorted(borders, end)] - at
        found = _chunk(everything[at:end], inside)
        hashes.append(found.hashes)
        starts.append(found.starts + at)
    if not hashes:
        return Words(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    return Words(np.concatenate(hashes), np.concatenate(starts))


def _chunks(data: U8) -> Iterator[tuple[int, int]]:
    """Stretches that end between two words, as far as there is a place to cut."""
    word = _ascii()
    at = 0
    while at < len(data):
        end = min(at + CHUNK, len(data))
        if end < len(data):
            ahead = data[end : end + REACH]
            gaps = np.flatnonzero((word[ahead] == 0) & (ahead < 0x80))
            step = int(gaps[0]) if len(gaps) else 0
            end += step
            while end < len(data) and data[end] & 0xC0 == 0x80:  # never within a letter
                end += 1
        yield at, end
        at = end


def _chunk(data: U8, borders: I64) -> Words:
    if data.max(initial=0) < 0x80:
        return _hashed(_unescaped(_ascii().take(data), data), borders)
    text = data.tobytes().decode("utf-8", "surrogateescape")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    long = np.flatnonzero(points >= 0x80)
    there = points[long]
    extra = 1 + (there >= 0x800).astype(np.int64) + (there >= 0x10000)
    extra[(there >= 0xDC80) & (there <= 0xDCFF)] = 0  # a byte that is no UTF-8
    before = np.concatenate([[0], np.cumsum(extra)])  # bytes that letters take beyond one each
    borders = borders - before[np.searchsorted(long + before[:-1], borders)]
    folded = folding().take(points, mode="clip")
    beyond = long[there >= LAST_FOLDED]
    if len(beyond):
        far = points[beyond]
        tags, unseen = (far >= TAGS[0]) & (far < TAGS[1]), (far >= UNSEEN[0]) & (far < UNSEEN[1])
        ours = folding().take(np.where(tags, far - np.uint32(0xE0000), 0))
        folded[beyond] = np.where(tags, ours, np.where(unseen, DROPPED, far | SINGLE))
    folded = _unescaped(folded, points)
    kept = None
    if (folded[long] == DROPPED).any():
        kept = np.flatnonzero(folded != DROPPED)
        folded, borders = folded[kept], np.searchsorted(kept, borders)
    found = _hashed(folded, borders)
    where = found.starts if kept is None else kept[found.starts]
    return Words(found.hashes, where + before[np.searchsorted(long, where)])


def _unescaped(letters: Letters, points: Letters) -> Letters:
    """Letters without those of escapes: in JSON within a text, the n of a line break would begin each line's word."""
    at = np.flatnonzero(points[:-1] == BACKSLASH) + 1
    if len(at):
        letters[at[np.isin(points[at], LINE_ENDS)]] = 0
    return letters


def _hashed(letters: U8 | U32, borders: I64) -> Words:
    """Words of folded letters, 0 between them, each with the index of its first letter."""
    word = letters != 0
    begins = word.copy()
    begins[1:] &= ~word[:-1]
    if letters.dtype == np.uint32:
        single = letters >= SINGLE
        begins |= single
        begins[1:] |= single[:-1] & word[1:]
    if len(borders):
        borders = borders[borders < len(letters)]
        begins[borders] |= word[borders]
    starts = np.flatnonzero(begins)
    if not len(starts):
        return Words(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    # a gap adds nothing to the sum, so a word may be summed up to where the next begins
    powers, inverse = _powers()
    size = len(letters)
    sums = np.empty(size + 1, np.uint64)
    sums[0] = 0
    np.multiply(letters, powers[:size], out=sums[1:], dtype=np.uint64, casting="unsafe")
    np.cumsum(sums[1:], out=sums[1:])
    at = sums[starts]
    hashes = np.append(at[1:], sums[-1]) - at
    hashes *= inverse[starts]
    hashes ^= hashes >> SHIFT
    hashes *= MIX
    hashes ^= hashes >> SHIFT
    return Words(hashes, starts)


@cache
def _powers() -> tuple[U64, U64]:
    """Powers of an odd number and of its inverse, modulo 2**64."""
    size = CHUNK + REACH + 8
    inverse = np.uint64(pow(int(BASE), -1, 1 << 64))
    first = np.ones(size, np.uint64)
    first[1:] = BASE
    second = np.ones(size, np.uint64)
    second[1:] = inverse
    return np.multiply.accumulate(first), np.multiply.accumulate(second)


@cache
def _ascii() -> U8:
    return folding()[:256].astype(np.uint8) * (np.arange(256) < 0x80).astype(np.uint8)


@cache
def folding() -> U32:
    """What each code point below LAST_FOLDED is compared as: 0 for what parts words, DROPPED for what is not there."""
    table = np.zeros(LAST_FOLDED, np.uint32)
    for point in (*range(IDEOGRAPHS[0]), *range(IDEOGRAPHS[1], LAST_FOLDED)):
        table[point] = _folded(chr(point))
    table[slice(*IDEOGRAPHS)] = np.arange(*IDEOGRAPHS, dtype=np.uint32) | SINGLE
    return table


def _folded(letter: str) -> int:
    letter = LOOKALIKES.get(letter, letter)
    kind = unicodedata.category(letter)
    if kind in ("Mn", "Me", "Cf"):
        return int(DROPPED)
    if "\uac00" <= letter <= "\ud7a3" or "\u3040" <= letter <= "\u30ff":  # Hangul and kana fold to no single letter
        return ord(letter)
    for c in unicodedata.normalize("NFKD", letter).casefold():
        if c.isalnum():
            return ord(c)
        if unicodedata.category(c) not in ("Mn", "Me", "Cf"):
            return 0
    return 0
