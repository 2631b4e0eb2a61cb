"""How long a match of an RE2 expression can be, in code points, known before it is ever searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitors.rules.syntax import Border, Char, Either, Node, Repeat, Sequence, emit, parse


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
    return width_of(parse(regex))


def width_of(node: Node) -> Width:
    match node:
        case Char():
            return Width(1, 1)
        case Border():
            return Width(0, 0)
        case Repeat(of, least, most):
            inner = width_of(of)
            if inner.most == 0:
                return Width(0, 0)
            return Width(inner.least * least, None if inner.most is None or most is None else inner.most * most)
        case Sequence(of):
            sizes = [width_of(n) for n in of]
            return Width(sum(s.least for s in sizes), _bounded([s.most for s in sizes], sum))
        case Either(of):
            sizes = [width_of(n) for n in of]
            return Width(min(s.least for s in sizes), _bounded([s.most for s in sizes], max))


def _bounded(values: list[int | None], fold: Callable[[list[int]], int]) -> int | None:
    known = [v for v in values if v is not None]
    return fold(known) if len(known) == len(values) else None


def unbounded_part(regex: str) -> str | None:
    r"""The first repetition without an upper bound, as it is written.

    >>> unbounded_part(r"a{2}\bfoo\s*bar+")
    '\\s*'
    """
    for node in _walk(parse(regex)):
        if isinstance(node, Repeat) and node.most is None:
            shown = node.of.source if isinstance(node.of, Char) else "(...)"
            return emit(Repeat(Char(shown, frozenset()), node.least, None))
    return None


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Repeat(of):
            yield from _walk(of)
        case Sequence(of) | Either(of):
            for inner in of:
                yield from _walk(inner)


def matches_single_bytes(regex: str) -> bool:
    r"""Whether the expression uses `\C`, which may cut a character in two."""
    return any(isinstance(node, Char) and node.source == "\\C" for node in _walk(parse(regex)))
