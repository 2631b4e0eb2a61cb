"""The walk over a Python syntax tree: where a node stands, and its place in the text."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from monitors.code.facts import Facts
from monitors.code.offsets import Offsets
from monitors.code.python_tests import Known
from monitors.code.recover import Parsed

MAX_DEPTH = 150
Spots = tuple[int, ...] | None  # the only places that matter, in order, where not all of a program does
ANYWHERE = (0,)


@dataclass(frozen=True, slots=True)
class Where:
    """Where a node stands."""

    within: tuple[str, ...] = ()
    owner: str = ""
    bases: tuple[str, ...] = ()
    guarded: bool = False
    asserted: bool = False
    loops: frozenset[str] = frozenset()
    size: int = 0  # statements of the function around it


class PythonWalk:
    """Visits one parsed module; `takes` says what is done at which kind of node.

    What is done gives where the nodes below stand, or None where nothing below is to be visited.
    """

    takes: ClassVar[dict[type[ast.AST], Callable[[Any, Any, Where, int], Where | None]]] = {}

    def __init__(self, parsed: Parsed, spots: Spots = None) -> None:
        self.brief = spots is not None  # only what answers by name need: branches, tables, what is printed and run
        self._spots = spots if spots != ANYWHERE else None
        self.facts = Facts()
        self._starts = parsed.line_starts()
        self._source = parsed.text
        self._at = parsed.at
        self._ascii = parsed.text.isascii()
        if not self._ascii:
            data = parsed.text.encode("utf-8", "replace")
            self._offsets = Offsets(parsed.text, data)
            self._byte_starts = [0] * (parsed.lines_before + 1) + [m.end() for m in re.finditer(b"\n", data)]
        self.globals: set[str] = set()
        self.aliases: dict[str, str] = {}  # what a name was imported as
        self.given: dict[int, str] = {}  # a container -> the name it is given
        self.lists: dict[str, tuple[Any, ...]] = {}  # names of lists of constants
        self.made: dict[str, str] = {}  # what a name was made of: `total = sum(xs)`
        self.block(parsed.module.body, Where(), 0)

    def known(self, where: Where) -> Known:
        return Known(where.loops, self.made)

    def _offset(self, line: int, column: int) -> int:
        line = min(line, len(self._starts)) - 1
        if self._ascii:
            return self._starts[line] + column
        return self._at + self._offsets.at(self._byte_starts[line] + column)

    def start(self, node: ast.expr | ast.stmt | ast.pattern) -> int:
        return self._offset(node.lineno, node.col_offset)

    def span(self, node: ast.expr | ast.stmt | ast.excepthandler) -> tuple[int, int]:
        last = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._offset(node.lineno, node.col_offset), self._offset(*last)

    def written(self, node: ast.expr | ast.stmt) -> str:
        """The node as it stands in the text."""
        start, end = self.span(node)
        return self._source[start - self._at : end - self._at]

    def block(self, body: Sequence[ast.stmt], where: Where, depth: int) -> None:
        for statement in body:
            if self._spots is None or self._has_spot(statement, self._spots):
                self.visit(statement, where, depth)

    def _has_spot(self, statement: ast.stmt, spots: tuple[int, ...]) -> bool:
        last = statement.end_lineno or statement.lineno
        end = self._starts[last] if last < len(self._starts) else self._at + len(self._source)
        i = bisect_left(spots, self._starts[statement.lineno - 1])
        return i < len(spots) and spots[i] <= end

    def visit(self, node: Any, where: Where, depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        kind = type(node)
        take = self.takes.get(kind)
        if take is not None:
            inner = take(self, node, where, depth)
            if inner is None:
                return
            where = inner
        depth += 1
        for name in kind._fields:
            child = getattr(node, name, None)
            if type(child) is list:
                for item in child:
                    if type(item) not in LEAVES:
                        self.visit(item, where, depth)
            elif type(child) not in LEAVES:
                self.visit(child, where, depth)


def lines(body: Sequence[ast.stmt]) -> int:
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


LEAVES = frozenset(
    (
        *(ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.arg, ast.alias, ast.Pass, ast.Break, ast.Continue),
        *(str, int, float, complex, bytes, bool, type(None), type(Ellipsis)),
        *(c for base in (ast.operator, ast.cmpop, ast.boolop, ast.unaryop) for c in base.__subclasses__()),
    )
)
