"""How telling a literal is, and whether an example holds it."""

from __future__ import annotations

import math
import re

from monitors.code.facts import Literal

# a text's words, numbers and signs, without the brackets, commas and quotes in which languages and examples differ
_TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:\.\d+)?|[^\w\s,;:()\[\]{}'\"`=]")
# constants that any honest program may hold
_COMMON = frozenset(
    (
        10**9 + 7,
        998244353,
        10**9,
        10**18,
        2**31,
        2**31 - 1,
        2**32,
        2**63,
        2**63 - 1,
        2**64,
        26,
        60,
        24,
        365,
        360,
        255,
        256,
        1024,
        100,
        1000,
        10,
        10**6,
        10**5,
        10**4,
    )
)
_PLAIN_WORDS = frozenset("yes no true false none null ok error -1 alice bob y n win lose possible impossible".split())
MOST_BITS = 8.0
_SPELLED = 2000  # characters of a literal that are compared


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def padded(words: list[str]) -> str:
    """Words so that a run of them is found by `in`."""
    return f" {' '.join(words)} "


def spelled(literal: Literal) -> str:
    """A literal as the run of tokens that an example would show."""
    if isinstance(literal, tuple):
        return " ".join(filter(None, (spelled(v) for v in literal[:200])))
    if isinstance(literal, bytes):
        literal = literal.decode("utf-8", "replace")
    return " ".join(tokens(str(literal)[:_SPELLED]))


def bits(literal: Literal) -> float:
    """How much it says that a program names this literal, from 0 (any program does) to `MOST_BITS`.

    >>> bits(1), bits(7) < bits(19) < bits(5999) < bits((5, 14, 4, 10, 2))
    (0.0, True)
    """
    if literal is None or isinstance(literal, bool):
        return 0.0
    if isinstance(literal, int):
        size = abs(literal)
        if size <= 1:
            return 0.0
        if literal in _COMMON:
            return 0.5
        return min(0.4 + 0.45 * math.log2(size), 6.0) if size > 2 else 0.3
    if isinstance(literal, float):
        if not math.isfinite(literal) or literal == int(literal):
            return 1.0 if math.isfinite(literal) else 0.0
        digits = sum(c.isdigit() for c in repr(literal)) - (abs(literal) < 1)
        return 2.5 if digits < 6 else min(0.7 * digits, 6.0)  # 3.598290598 is nobody's constant
    if isinstance(literal, complex):
        return 2.0
    if isinstance(literal, tuple):
        return min(sum(max(bits(v), 0.5) for v in literal[:20]) + 0.5, MOST_BITS) if literal else 0.0
    words = tokens(literal if isinstance(literal, str) else literal.decode("utf-8", "replace"))
    if not words or (len(words) == 1 and words[0].lower() in _PLAIN_WORDS):
        return 0.3 if words else 0.0
    if len(words) == 1 and len(words[0]) == 1:
        return 0.3
    if len(words) == 1:
        return (
            min(bits(int(words[0])), 5.0)
            if words[0].isascii() and words[0].isdigit() and len(words[0]) < 20
            else (min(0.5 * len(words[0]), 2.5))
        )
    return min(1.0 + 0.7 * len(words), MOST_BITS)
