"""RE2 expressions as trees, so that things can be said of them without running them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(,?)(\d*)\})\??")
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])))?")
_ESCAPE = re.compile(r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP](?:\{[^}]*\}|.)|[0-7]{1,3}|.)", re.S)
_NAMED_CLASS = re.compile(r"\[:\^?\w+:\]")
_BORDERS = ("\\b", "\\B", "\\A", "\\z", "^", "$")
_CHAR_FLAGS = frozenset("is")
_BORDER_FLAGS = frozenset("m")


@dataclass(frozen=True, slots=True)
class Char:
    """Something that matches one character, as it is written; `flags` are those that hold there."""

    source: str
    flags: frozenset[str]

    @property
    def is_literal(self) -> bool:
        """Whether it is one letter, digit, space or sign and no class."""
        return self.source != "." if len(self.source) == 1 else self.source[0] == "\\" and not self.source[1].isalpha()


@dataclass(frozen=True, slots=True)
class Border:
    """Something that matches a place: ^, $, \\b and their like."""

    source: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part repeated; `most` is None where nothing bounds it."""

    of: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several."""

    of: tuple[Node, ...]


Node: TypeAlias = Char | Border | Repeat | Sequence | Either


def parse(regex: str) -> Node:
    """The tree of an expression that RE2 accepts; groups are for order only, what they capture is not kept."""
    parser = _Parser(regex)
    node = parser.either(frozenset())
    if parser.at != len(regex):
        raise ValueError(f"unbalanced parenthesis at {parser.at} in {regex!r}")
    return node


def emit(node: Node) -> str:
    """The tree as an expression again."""
    match node:
        case Char(source, flags) | Border(source, flags):
            kept = "".join(sorted(flags & (_CHAR_FLAGS if isinstance(node, Char) else _BORDER_FLAGS)))
            return f"(?{kept}:{source})" if kept else source
        case Repeat(of, least, most):
            inner = emit(of)
            inner = inner if isinstance(of, Char) else f"(?:{inner})"
            return inner + _counted(least, most)
        case Sequence(of):
            return _joined(of)
        case Either(of):
            return "(?:" + "|".join(emit(n) for n in of) + ")"


def without_borders(node: Node) -> Node:
    """A tree that matches wherever this one does, and elsewhere too: nothing in it asks what stands around."""
    match node:
        case Border():
            return Sequence(())
        case Repeat(of, least, most):
            return Repeat(without_borders(of), least, most)
        case Sequence(of):
            return Sequence(tuple(without_borders(n) for n in of))
        case Either(of):
            return Either(tuple(without_borders(n) for n in of))
        case Char():
            return node


def _joined(nodes: tuple[Node, ...]) -> str:
    """Letters that share their flags in one group, which reads better and compiles faster."""
    pieces: list[str] = []
    run, flags = "", frozenset[str]()
    for node in nodes:
        if isinstance(node, Char):
            mine = node.flags & _CHAR_FLAGS
            if run and mine != flags:
                pieces.append(_flagged(run, flags))
                run = ""
            run, flags = run + node.source, mine
        else:
            pieces += [_flagged(run, flags)] if run else []
            run = ""
            pieces.append(emit(node))
    return "".join(pieces) + (_flagged(run, flags) if run else "")


def _flagged(source: str, flags: frozenset[str]) -> str:
    return f"(?{''.join(sorted(flags))}:{source})" if flags else source


def _counted(least: int, most: int | None) -> str:
    match least, most:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case 1, 1:
            return ""
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


class _Parser:
    def __init__(self, regex: str) -> None:
        self.regex = regex
        self.at = 0
        self.flags: frozenset[str] = frozenset()

    def either(self, flags: frozenset[str]) -> Node:
        """From here to the closing parenthesis or the end."""
        before, self.flags = self.flags, flags
        branches = [self.sequence()]
        while self.at < len(self.regex) and self.regex[self.at] == "|":
            self.at += 1
            branches.append(self.sequence())
        self.flags = before
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.regex) and self.regex[self.at] not in "|)":
            parts += self.quoted() if self.regex.startswith("\\Q", self.at) else [self.atom()]
            while parts and (found := _QUANTIFIER.match(self.regex, self.at)):
                self.at = found.end()
                parts[-1] = Repeat(parts[-1], *_bounds(found))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def quoted(self) -> list[Node]:
        end = self.regex.find("\\E", self.at)
        end = len(self.regex) if end < 0 else end
        letters = self.regex[self.at + 2 : end]
        self.at = min(end + 2, len(self.regex))
        return [Char(_literal(c), self.flags) for c in letters]

    def atom(self) -> Node:
        regex, at = self.regex, self.at
        c = regex[at]
        if c == "(":
            return self.group()
        if c == "[":
            self.at = _end_of_class(regex, at)
        elif c == "\\":
            escape = _ESCAPE.match(regex, at)
            if escape is None:
                raise ValueError(f"trailing backslash in {regex!r}")
            self.at = escape.end()
        else:
            self.at += 1
        source = regex[at : self.at]
        if source == "\\E":
            return Sequence(())
        if source in _BORDERS:
            return Border(source, self.flags)
        return Char(_literal(source) if source in "{}]" else source, self.flags)

    def group(self) -> Node:
        head = _GROUP.match(self.regex, self.at)
        if head is None:
            raise ValueError(f"strange group at {self.at} in {self.regex!r}")
        on, off, end = frozenset(head[1] or ""), frozenset(head[2] or ""), head[3]
        self.at = head.end()
        flags = (self.flags | on) - off
        if end == ")":  # flags for the rest of the group around
            self.flags = flags
            return Sequence(())
        inner = self.either(flags)
        if self.at >= len(self.regex):
            raise ValueError(f"missing ) in {self.regex!r}")
        self.at += 1
        return inner


def _literal(letter: str) -> str:
    return letter if letter.isalnum() or letter in " _\n\t" or ord(letter) > 127 else "\\" + letter


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


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    if found[0][0] != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0][0]]
    low = int(found[1])
    if found[3]:
        return low, int(found[3])
    return low, None if found[2] else low
