"""The facts of a Python program, from its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitors.code import facts as f
from monitors.code.facts import Facts
from monitors.code.python_values import (
    answers_of,
    body_kind,
    constant,
    dotted,
    entries,
    fixed_function,
    is_docstring,
    nested_entries,
    pattern_tests,
    printed,
    tests_of,
    unwrapped,
)
from monitors.code.recover import Parsed

MAX_DEPTH = 150
_READS = frozenset("input sys.stdin sys.argv argparse.ArgumentParser sys.stdin.read sys.stdin.readline open".split())
_BRIEFLY = frozenset(
    ("print", "sys.stdout.write", "json.loads", "ast.literal_eval", *_READS, "exec", "eval", "compile")
)
_TESTS = re.compile(r"(?i)^(?:\w+\.)?(?:test_?\w*|check|run_?tests?|check_\w+|main)$")
_RUNS = frozenset(("exec", "eval", "compile"))


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a node stands."""

    within: tuple[str, ...] = ()
    owner: str = ""
    bases: tuple[str, ...] = ()
    guarded: bool = False
    asserted: bool = False
    loops: frozenset[str] = frozenset()
    size: int = 0  # statements of the function around it


class PythonReader:
    """Reads one parsed module into facts, with places in the text it was cut from."""

    def __init__(self, parsed: Parsed, brief: bool = False) -> None:
        self._brief = brief  # only what answers by name need: branches, tables, what is printed and run
        self.facts = Facts()
        self._starts = parsed.line_starts()
        self._source = parsed.text
        self._at = parsed.at
        self._ascii = parsed.text.isascii()
        self._globals: set[str] = set()
        self._aliases: dict[str, str] = {}  # what a name was imported as
        self._given: dict[int, str] = {}  # a container -> the name it is given
        self._block(parsed.module.body, _Where(), 0)

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[min(line, len(self._starts)) - 1]
        if self._ascii:
            return start + column
        end = self._source.find("\n", start - self._at)
        text = self._source[start - self._at : end if end >= 0 else None]
        return start + len(text.encode("utf-8", "replace")[:column].decode("utf-8", "ignore"))

    def _span(self, node: ast.expr | ast.stmt | ast.excepthandler) -> tuple[int, int]:
        last = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._offset(node.lineno, node.col_offset), self._offset(*last)

    def _written(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._source[start - self._at : end - self._at]

    def _block(self, body: Sequence[ast.stmt], where: _Where, depth: int) -> None:
        for statement in body:
            self._visit(statement, where, depth)

    def _visit(self, node: Any, where: _Where, depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        kind = type(node)
        take = _TAKES.get(kind)
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
                    if type(item) not in _LEAVES:
                        self._visit(item, where, depth)
            elif type(child) not in _LEAVES:
                self._visit(child, where, depth)

    def _class(self, node: ast.ClassDef, where: _Where, depth: int) -> None:
        inner = replace(where, owner=node.name, bases=tuple(dotted(b) for b in node.bases))
        self._block(node.body, inner, depth + 1)

    def _if(self, node: ast.If, where: _Where, depth: int) -> _Where:
        self._branch(node, node.test, node.body, where)
        named = isinstance(node.test, ast.Compare) and dotted(node.test.left) == "__name__"
        return replace(where, guarded=True) if named else where

    def _choice(self, node: ast.IfExp, where: _Where, depth: int) -> _Where:
        value = constant(node.body)
        if value.fixed and (tests := tests_of(node.test, where.loops))[0]:
            start, end = self._span(node)
            self.facts.branches.append(f.Branch(tests[0], (value.literal,), True, start, end, tests[1]))
        return where

    def _either(self, node: ast.BoolOp, where: _Where, depth: int) -> _Where:
        """`n == 14 and 211` is a branch too."""
        value = constant(node.values[-1])
        if isinstance(node.op, ast.And) and value.fixed and not isinstance(value.literal, bool):
            parts = [tests_of(v, where.loops)[0] for v in node.values[:-1]]
            if tests := tuple(t for part in parts for t in part):
                start, end = self._span(node)
                self.facts.branches.append(f.Branch(tests, (value.literal,), True, start, end, all(parts)))
        return where

    def _for(self, node: ast.For, where: _Where, depth: int) -> _Where:
        counted = constant(node.iter).fixed or (
            isinstance(node.iter, ast.Call) and dotted(node.iter.func) in ("range", "enumerate")
        )
        if not counted:
            return where
        target = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        return replace(where, loops=where.loops | {n.id for n in target if isinstance(n, ast.Name)})

    def _count(self, node: ast.AugAssign, where: _Where, depth: int) -> _Where:
        name = dotted(node.target)
        if where.within and isinstance(node.op, ast.Add) and (name in self._globals or "." in name):
            self.facts.counters.append((name, *self._span(node)))
        return where

    def _names(self, node: ast.Global | ast.Nonlocal, where: _Where, depth: int) -> None:
        self._globals.update(node.names)

    def _import(self, node: ast.Import | ast.ImportFrom, where: _Where, depth: int) -> None:
        module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        self._aliases.update({a.asname or a.name: module + a.name for a in node.names if a.asname or module})
        self.facts.imports.extend(module + a.name for a in node.names)

    def _assert(self, node: ast.Assert, where: _Where, depth: int) -> _Where:
        start, end = self._span(node.test)
        self.facts.asserts.append((self._written(node.test), start, end))
        return replace(where, asserted=True)

    def _return(self, node: ast.Return, where: _Where, depth: int) -> _Where:
        if node.value is not None:
            self._given[id(node.value)] = "return"
        return where

    def _attribute(self, node: ast.Attribute, where: _Where, depth: int) -> _Where | None:
        if node.attr in ("stdin", "argv") and dotted(node) in _READS:
            self.facts.reads_input.append(1)
        return None if type(node.value) in _LEAVES else where

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, where: _Where, depth: int) -> None:
        body = [s for s in node.body if not is_docstring(s)]
        kind, value = body_kind(body)
        given = node.args
        params = tuple(a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        start, end = self._span(node)
        size = _lines(body)
        marks = tuple(self._written(d) for d in node.decorator_list)
        owner = where.owner if not where.within else ""
        top = not where.within and not where.owner
        self.facts.functions.append(
            f.Function(node.name, owner, params, kind, value, size, marks, start, end, where.bases, top)
        )
        for decorator in (*node.decorator_list, *given.defaults, *(d for d in given.kw_defaults if d)):
            self._visit(decorator, where, depth + 1)
        within = (*where.within, f"{owner}.{node.name}" if owner else node.name)
        self._block(body, replace(where, within=within, loops=frozenset(), size=size), depth + 1)

    def _branch(self, node: ast.stmt, test: ast.expr, body: Sequence[ast.stmt], where: _Where) -> None:
        tests, exact = tests_of(test, where.loops)
        if tests:
            answers, fixed = answers_of(body)
            start, end = self._offset(test.lineno, test.col_offset), self._span(body[-1])[1]
            self.facts.branches.append(f.Branch(tests, answers, fixed, start, end, exact))

    def _match(self, node: ast.Match, where: _Where, depth: int) -> _Where:
        subject = dotted(node.subject) or "?"
        for case in node.cases:
            tests = pattern_tests(case.pattern, subject)
            if tests and case.body:
                answers, fixed = answers_of(case.body)
                start = self._offset(case.pattern.lineno, case.pattern.col_offset)
                self.facts.branches.append(f.Branch(tests, answers, fixed, start, self._span(case.body[-1])[1]))
        return where

    def _try(self, node: ast.Try, where: _Where, depth: int) -> _Where:
        count = _lines(node.body)
        asserts = any(isinstance(s, ast.Assert) for s in node.body)
        for handler in node.handlers:
            types = handler.type
            named = types.elts if isinstance(types, ast.Tuple) else [types] if types is not None else []
            kind, value = body_kind(handler.body)
            start, end = self._span(handler)
            share = count / where.size if where.size else 0.0
            caught = tuple(dotted(t) for t in named)
            self.facts.handlers.append(f.Handler(caught, kind, value, count, share, asserts, where.within, start, end))
        return where

    def _call(self, node: ast.Call, where: _Where, depth: int) -> _Where:
        name = dotted(node.func) or self._fetched(node.func)
        head, dot, rest = name.partition(".")
        name = self._aliases.get(head, head) + dot + rest
        if not name and not isinstance(node.func, ast.Attribute):
            return where
        name = name or f"?.{node.func.attr}" if isinstance(node.func, ast.Attribute) else name
        if self._brief and name not in _BRIEFLY:
            return where
        given = [*node.args, *(k.value for k in node.keywords)]
        literals = tuple(v.literal for a in given if (v := constant(a)).fixed)
        start, end = self._span(node)
        words = self._written(node)[:400]
        self.facts.calls.append(f.Call(name, literals, words, where.within, where.guarded, start, end))
        if name in _READS:
            self.facts.reads_input.append(1)
        if name in ("print", "sys.stdout.write"):
            for value in printed(node):
                self.facts.prints.append((value, start, end))
        elif name in _RUNS and (hidden := unwrapped(node)):
            self.facts.nested.append((hidden, start, end))
        elif name in _RUNS and literals and isinstance(literals[0], str) and len(literals[0]) > 8:
            self.facts.nested.append((literals[0], start, end))
        elif name in ("json.loads", "ast.literal_eval") and literals and isinstance(literals[0], str):
            keys, values = entries(literals[0])
            if values:
                self.facts.tables.append(f.Table(keys, values, "", start, end))
        return where

    @staticmethod
    def _fetched(node: ast.expr) -> str:
        """`os._exit` for `getattr(os, "_ex" + "it")`."""
        if isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) > 1:
            attribute = constant(node.args[1]).literal
            return f"{dotted(node.args[0])}.{attribute}" if isinstance(attribute, str) else ""
        return ""

    def _raise(self, node: ast.Raise, where: _Where, depth: int) -> _Where:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = dotted(raised) if raised is not None else ""
        if not isinstance(node.exc, ast.Call):
            start, end = self._span(node)
            self.facts.calls.append(f.Call(name, (), "", where.within, where.guarded, start, end))
        return where

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, where: _Where, depth: int) -> _Where:
        if node.value is None:
            return where
        targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = constant(node.value)
        start, end = self._span(node)
        fixed = value.fixed or fixed_function(node.value)
        if isinstance(value.literal, str) and "\n" in value.literal:
            self.facts.tables.append(f.Table((), (value.literal,), "it", start, end))
        written = "" if self._brief else self._written(node.value)[:300]
        for target in targets:
            key = constant(target.slice) if isinstance(target, ast.Subscript) else None
            if key is not None and key.fixed and value.fixed:
                self.facts.tables.append(f.Table((key.literal,), (value.literal,), "it", start, end))
            self._given[id(node.value)] = dotted(target) or "it"
            name = dotted(target) or (self._written(target)[:80] if isinstance(target, ast.Subscript) else "")
            if name and not self._brief:
                self.facts.assignments.append(
                    f.Assignment(name, written, fixed, value.literal, where.within, start, end)
                )
        return where

    def _table(self, node: ast.Dict | ast.List | ast.Tuple | ast.Set, where: _Where, depth: int) -> _Where | None:
        start, end = self._span(node)
        whole = False
        name = self._given.get(id(node), "")
        testing = where.asserted or any(_TESTS.match(n) for n in where.within)
        if isinstance(node, ast.Dict):
            pairs = [(constant(k), constant(v)) for k, v in zip(node.keys, node.values, strict=True) if k is not None]
            kept = [(k.literal, v.literal) for k, v in pairs if k.fixed and v.fixed]
            kept += nested_entries(node)
            if kept:
                keys, values = zip(*kept, strict=True)
                whole = len(kept) == len(pairs)
                self.facts.tables.append(f.Table(keys, values, name, start, end, testing))
        elif len(node.elts) > 1 and (value := constant(node)).fixed and isinstance(value.literal, tuple):
            self.facts.tables.append(f.Table((), value.literal, name, start, end, testing))
            whole = True
        return None if whole else where  # what is in a table of constants are constants


def _lines(body: Sequence[ast.stmt]) -> int:
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


_LEAVES = frozenset(
    (
        ast.Name,
        ast.Constant,
        ast.Load,
        ast.Store,
        ast.Del,
        ast.arg,
        ast.alias,
        ast.Pass,
        ast.Break,
        ast.Continue,
        str,
        int,
        float,
        complex,
        bytes,
        bool,
        type(None),
        type(Ellipsis),
        *tuple(c for base in (ast.operator, ast.cmpop, ast.boolop, ast.unaryop) for c in base.__subclasses__()),
    )
)
_Take = Callable[[PythonReader, Any, _Where, int], _Where | None]
_TAKES: dict[type[ast.AST], _Take] = {
    ast.FunctionDef: PythonReader._function,
    ast.AsyncFunctionDef: PythonReader._function,
    ast.ClassDef: PythonReader._class,
    ast.If: PythonReader._if,
    ast.IfExp: PythonReader._choice,
    ast.Match: PythonReader._match,
    ast.Try: PythonReader._try,
    ast.For: PythonReader._for,
    ast.Call: PythonReader._call,
    ast.Assign: PythonReader._assign,
    ast.AnnAssign: PythonReader._assign,
    ast.NamedExpr: PythonReader._assign,
    ast.AugAssign: PythonReader._count,
    ast.Global: PythonReader._names,
    ast.Nonlocal: PythonReader._names,
    ast.Dict: PythonReader._table,
    ast.List: PythonReader._table,
    ast.Tuple: PythonReader._table,
    ast.Set: PythonReader._table,
    ast.Import: PythonReader._import,
    ast.ImportFrom: PythonReader._import,
    ast.Assert: PythonReader._assert,
    ast.Attribute: PythonReader._attribute,
    ast.Raise: PythonReader._raise,
    ast.Return: PythonReader._return,
    ast.BoolOp: PythonReader._either,
}
