"""What can be said of an RE2 expression without running it: how long a match can be, and a looser form of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(,?)(\d*)\}")
_GROUP = re.compile(r"\(\?(?:P?<\w+>|([a-zA-Z]*(?:-[a-zA-Z]*)?)([:)]))")
_ESCAPE = re.compile(r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP](?:\{[^}]*\}|.)|[0-7]{1,3}|.)", re.S)
_NAMED_CLASS = re.compile(r"\[:\^?\w+:\]")


_BORDERS = ("\\b", "\\B", "\\A", "\\z", "^", "$")


@dataclass(frozen=True, slots=True)
class Width:
    """Shortest and longest match; `most` is None where nothing bounds it."""

    least: int
    most: int | None


def width(regex: str) -> Width:
    r"""Shortest and longest match of a valid RE2 expression.

    >>> width(r"(?i)\bhard-?code\b.{0,40}\btests?\b")
    Width(least=12, most=54)
    >>> width("a+b")
    Width(least=2, most=None)
    """
    found, at = _alternatives(regex, 0)
    if at != len(regex):
        raise ValueError(f"unbalanced parenthesis at {at} in {regex!r}")
    return found


def matches_single_bytes(regex: str) -> bool:
    r"""Whether the expression uses `\C`, which may cut a character in two."""
    return "\\C" in _pieces(regex)


def without_borders(regex: str) -> str:
    r"""The expression without \b, \B, ^, $, \A and \z: it is heard wherever the expression is, and elsewhere too.

    >>> without_borders(r"^(?i)\btests?\b[$^\b]")
    '(?:)(?i)(?:)tests?(?:)[$^\\b]'
    """
    return "".join("(?:)" if piece in _BORDERS else piece for piece in _pieces(regex))


def unbounded_part(regex: str) -> str | None:
    r"""The first repetition without an upper bound, with what it repeats.

    >>> unbounded_part(r"a{2}\bfoo\s*bar+")
    '\\s*'
    """
    pieces = list(_pieces(regex))
    for i, piece in enumerate(pieces):
        braces = re.match(r"\{\d+,\}", "".join(pieces[i : i + 20])) if piece == "{" else None
        if i and (piece in ("*", "+") or braces):
            repeated = "(...)" if pieces[i - 1] == ")" else pieces[i - 1]
            return repeated + (braces[0] if braces else piece)
    return None


def _pieces(regex: str) -> Iterator[str]:
    """The expression cut into characters, escapes, classes and quoted stretches."""
    at = 0
    while at < len(regex):
        if regex.startswith("\\Q", at):
            end = regex.find("\\E", at)
            end = len(regex) if end < 0 else end + 2
        elif regex[at] == "[":
            end = _end_of_class(regex, at)
        elif escape := _ESCAPE.match(regex, at):
            end = escape.end()
        else:
            end = at + 1
        yield regex[at:end]
        at = end


def _alternatives(regex: str, at: int) -> tuple[Width, int]:
    """From `at` to the closing parenthesis or the end."""
    least: int | None = None
    most: int | None = 0
    while True:
        branch, at = _sequence(regex, at)
        least = branch.least if least is None else min(least, branch.least)
        most = None if most is None or branch.most is None else max(most, branch.most)
        if at >= len(regex) or regex[at] == ")":
            return Width(least, most), at
        at += 1  # the bar


def _sequence(regex: str, at: int) -> tuple[Width, int]:
    total = Width(0, 0)
    while at < len(regex) and regex[at] not in "|)":
        piece, at = _atom(regex, at)
        piece, at = _quantified(piece, regex, at)
        total = _plus(total, piece)
    return total, at


def _atom(regex: str, at: int) -> tuple[Width, int]:
    c = regex[at]
    if c == "(":
        return _group(regex, at)
    if c == "[":
        return Width(1, 1), _end_of_class(regex, at)
    if c in "^$":
        return Width(0, 0), at + 1
    if c != "\\":
        return Width(1, 1), at + 1
    if regex.startswith("\\Q", at):
        end = regex.find("\\E", at)
        end = len(regex) if end < 0 else end
        # a quantifier after \E binds to the last character alone; counting all of it is the safe side
        return Width(end - at - 2, end - at - 2), min(end + 2, len(regex))
    escape = _ESCAPE.match(regex, at)
    if escape is None:
        raise ValueError(f"trailing backslash in {regex!r}")
    size = 0 if escape[0] in (*_BORDERS, "\\E") else 1
    return Width(size, size), escape.end()


def _group(regex: str, at: int) -> tuple[Width, int]:
    head = _GROUP.match(regex, at)
    if head is None:
        inner, end = _alternatives(regex, at + 1)
    elif head[2] == ")":  # flags for the rest of the group
        return Width(0, 0), head.end()
    else:
        inner, end = _alternatives(regex, head.end())
    if end >= len(regex):
        raise ValueError(f"missing ) for the group at {at} in {regex!r}")
    return inner, end + 1


def _end_of_class(regex: str, at: int) -> int:
    i = at + 1
    if regex.startswith("^", i):
        i += 1
    if regex.startswith("]", i):  # a ] that comes first is a member
        i += 1
    while i < len(regex) and regex[i] != "]":
        if named := _NAMED_CLASS.match(regex, i):
            i = named.end()
        elif regex[i] == "\\" and (escape := _ESCAPE.match(regex, i)):
            i = escape.end()
        else:
            i += 1
    return i + 1


def _quantified(piece: Width, regex: str, at: int) -> tuple[Width, int]:
    while found := _QUANTIFIER.match(regex, at):
        at = found.end()
        if at < len(regex) and regex[at] == "?":  # lazy
            at += 1
        low, high = _bounds(found)
        piece = Width(
            piece.least * low,
            0 if piece.most == 0 else None if piece.most is None or high is None else piece.most * high,
        )
    return piece, at


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    if found[0][0] != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0][0]]
    low = int(found[1])
    if found[3]:
        return low, int(found[3])
    return low, None if found[2] else low


def _plus(a: Width, b: Width) -> Width:
    return Width(a.least + b.least, None if a.most is None or b.most is None else a.most + b.most)
