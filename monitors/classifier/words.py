"""The words of a text as numbers, straight from its UTF-8 bytes: no string and no vocabulary is ever made.

Letters are folded to lower case, a run of digits is one token, and every other ASCII byte parts words. A word's number
is a polynomial hash of its bytes modulo 2^64, which a running sum gives for all words at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

LONGEST_WORD = 40  # bytes; what is longer is data, not a word
_BASE = 0x9E3779B97F4A7C15  # odd, so that its powers can be undone modulo 2^64
_MIX = np.uint64(0xD6E8FEB86659FD93)
_PAIR = np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(32)
_DIGIT = ord("0")

Words = np.ndarray[Any, np.dtype[np.uint64]]


def _fold() -> Any:
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        char = chr(byte)
        if byte >= 0x80:
            table[byte] = byte
        elif char.isdigit():
            table[byte] = _DIGIT
        elif char.isalpha():
            table[byte] = ord(char.lower())
    return table


_FOLD = _fold()


@lru_cache(maxsize=64)  # there are no more sizes: each is twice the one before
def _powers(size: int) -> tuple[Any, Any]:
    """The base to the powers 0 to size, and what undoes them."""
    base = np.full(size + 1, _BASE, np.uint64)
    undo = np.full(size + 1, pow(_BASE, -1, 1 << 64), np.uint64)
    base[0] = undo[0] = 1
    return np.cumprod(base, dtype=np.uint64), np.cumprod(undo, dtype=np.uint64)


def words(data: Any) -> tuple[Words, Any]:
    """The number of each word of some bytes, and the byte at which each begins (n, n).

    Single letters say nothing but which option was meant, and are left out.
    """
    raw = np.frombuffer(data, np.uint8)
    folded = _FOLD[raw]
    inside = np.concatenate([[False], folded != 0, [False]])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    if not len(edges):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    # a digit after a digit adds nothing, so that every number is the same word
    digit = folded == _DIGIT
    digit[1:] &= folded[:-1] == _DIGIT
    digit[:1] = False
    kept = np.where(digit, 0, folded).astype(np.uint64)
    place = np.cumsum(~digit)  # numbers close up, so that a word's place within itself is that of its letters
    up, undo = _powers(1 << max(12, len(raw).bit_length()))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(kept * up[place], dtype=np.uint64)])
    starts, ends = edges[::2], edges[1::2]
    numbers = _mixed((sums[ends] - sums[starts]) * undo[place[starts]])
    long = ends - starts
    numbers[long > LONGEST_WORD] = _LONG
    stay = (long > 1) | (folded[starts] == _DIGIT)
    return numbers[stay], starts[stay]


def pairs(numbers: Words) -> Words:
    """The number of each pair of neighbouring words (n - 1)."""
    return _mixed(numbers[:-1] * _PAIR + numbers[1:]) if len(numbers) > 1 else np.zeros(0, np.uint64)


def numbers_of(phrases: Iterable[str]) -> Words:
    """The sorted numbers of single words."""
    found = [words(phrase.encode())[0] for phrase in phrases]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)


def _mixed(numbers: Words) -> Words:
    numbers = (numbers ^ (numbers >> _HALF)) * _MIX
    return numbers ^ (numbers >> _HALF)


_LONG = np.uint64(1)
