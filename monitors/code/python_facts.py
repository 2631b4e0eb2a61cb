"""The facts of a Python program, from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from monitors.code import facts as f
from monitors.code.facts import Facts, Literal
from monitors.code.python_values import (
    answers_of,
    body_kind,
    constant,
    dotted,
    entries,
    fixed_function,
    is_docstring,
    printed,
    tests_of,
)
from monitors.code.recover import Parsed

MAX_DEPTH = 150
_READS = frozenset("input sys.stdin sys.argv argparse.ArgumentParser sys.stdin.read sys.stdin.readline open".split())
_RUNS = frozenset(("exec", "eval", "compile"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a node stands."""

    within: tuple[str, ...] = ()
    owner: str = ""
    bases: tuple[str, ...] = ()
    guarded: bool = False
    loops: frozenset[str] = frozenset()
    size: int = 0  # statements of the function around it


class PythonReader:
    """Reads one parsed module into facts, with places in the text it was cut from."""

    def __init__(self, parsed: Parsed) -> None:
        self.facts = Facts()
        self._starts = parsed.line_starts()
        self._source = parsed.text
        self._at = parsed.at
        self._ascii = parsed.text.isascii()
        self._globals: set[str] = set()
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

    def _visit(self, node: ast.AST, where: _Where, depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        if isinstance(node, _FUNCTIONS):
            self._function(node, where, depth)
            return
        if isinstance(node, ast.ClassDef):
            inner = replace(where, owner=node.name, bases=tuple(dotted(b) for b in node.bases))
            self._block(node.body, inner, depth + 1)
            return
        if isinstance(node, ast.If):
            self._branch(node, node.test, node.body, where)
            if "__name__" in ast.dump(node.test):
                where = replace(where, guarded=True)
        elif isinstance(node, ast.IfExp):
            value = constant(node.body)
            if value.fixed and (tests := tests_of(node.test, where.loops))[0]:
                start, end = self._span(node)
                self.facts.branches.append(f.Branch(tests[0], (value.literal,), True, start, end, tests[1]))
        elif isinstance(node, ast.Match):
            self._match(node)
        elif isinstance(node, ast.Try):
            self._try(node, where)
        elif isinstance(node, ast.For):
            loops = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
            counted = constant(node.iter).fixed or (
                isinstance(node.iter, ast.Call) and dotted(node.iter.func) in ("range", "enumerate")
            )
            where = replace(where, loops=where.loops | loops) if counted else where
        elif isinstance(node, ast.Call):
            self._call(node, where)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            self._assign(node, where)
        elif isinstance(node, ast.AugAssign):
            name = dotted(node.target)
            if where.within and isinstance(node.op, ast.Add) and (name in self._globals or "." in name):
                self.facts.counters.append((name, *self._span(node)))
        elif isinstance(node, ast.Global | ast.Nonlocal):
            self._globals.update(node.names)
        elif isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set):
            self._table(node, "")
        elif isinstance(node, ast.Import):
            self.facts.imports.extend(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            self.facts.imports.extend(f"{node.module or ''}.{a.name}" for a in node.names)
        elif isinstance(node, ast.Assert):
            start, end = self._span(node.test)
            self.facts.asserts.append((self._written(node.test), start, end))
        elif isinstance(node, ast.Attribute):
            if dotted(node) in _READS:
                self.facts.reads_input.append(1)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            self._raise(node, where)
        for child in ast.iter_child_nodes(node):
            self._visit(child, where, depth + 1)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, where: _Where, depth: int) -> None:
        body = [s for s in node.body if not is_docstring(s)]
        kind, value = body_kind(body)
        given = node.args
        params = tuple(a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        start, end = self._span(node)
        size = sum(isinstance(n, ast.stmt) for s in body for n in ast.walk(s))
        marks = tuple(self._written(d) for d in node.decorator_list)
        owner = where.owner if not where.within else ""
        top = not where.within and not where.owner
        self.facts.functions.append(
            f.Function(node.name, owner, params, kind, value, size, marks, start, end, where.bases, top)
        )
        for decorator in (*node.decorator_list, *given.defaults, *(d for d in given.kw_defaults if d)):
            self._visit(decorator, where, depth + 1)
        within = (*where.within, f"{owner}.{node.name}" if owner else node.name)
        self._block(body, _Where(within, where.owner, where.bases, where.guarded, frozenset(), size), depth + 1)

    def _branch(self, node: ast.stmt, test: ast.expr, body: Sequence[ast.stmt], where: _Where) -> None:
        tests, exact = tests_of(test, where.loops)
        if tests:
            answers, fixed = answers_of(body)
            start, end = self._offset(test.lineno, test.col_offset), self._span(body[-1])[1]
            self.facts.branches.append(f.Branch(tests, answers, fixed, start, end, exact))

    def _match(self, node: ast.Match) -> None:
        subject = dotted(node.subject) or "?"
        for case in node.cases:
            values = [v for p in ast.walk(case.pattern) if isinstance(p, ast.MatchValue) if (v := constant(p.value)).fixed]
            if values and case.body:
                answers, fixed = answers_of(case.body)
                tests = (f.Test(subject, tuple(v.literal for v in values)),)
                start = self._offset(case.pattern.lineno, case.pattern.col_offset)
                self.facts.branches.append(f.Branch(tests, answers, fixed, start, self._span(case.body[-1])[1]))

    def _try(self, node: ast.Try, where: _Where) -> None:
        protects = [n for s in node.body for n in ast.walk(s)]
        count = sum(isinstance(n, ast.stmt) for n in protects)
        asserts = any(isinstance(n, ast.Assert) for n in protects)
        for handler in node.handlers:
            types = handler.type
            named = types.elts if isinstance(types, ast.Tuple) else [types] if types is not None else []
            kind, value = body_kind(handler.body)
            start, end = self._span(handler)
            share = count / where.size if where.size else 0.0
            caught = tuple(dotted(t) for t in named)
            self.facts.handlers.append(
                f.Handler(caught, kind, value, count, share, asserts, where.within, start, end)
            )

    def _call(self, node: ast.Call, where: _Where) -> None:
        name = dotted(node.func)
        if not name and not isinstance(node.func, ast.Attribute):
            return
        name = name or f"?.{node.func.attr}" if isinstance(node.func, ast.Attribute) else name
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
        elif name in _RUNS and literals and isinstance(literals[0], str) and len(literals[0]) > 8:
            self.facts.nested.append((literals[0], start, end))
        elif name in ("json.loads", "ast.literal_eval") and literals and isinstance(literals[0], str):
            keys, values = entries(literals[0])
            if values:
                self.facts.tables.append(f.Table(keys, values, "", start, end))

    def _raise(self, node: ast.Raise, where: _Where) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = dotted(raised) if raised is not None else ""
        if not isinstance(node.exc, ast.Call):
            start, end = self._span(node)
            self.facts.calls.append(f.Call(name, (), "", where.within, where.guarded, start, end))

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, where: _Where) -> None:
        if node.value is None:
            return
        targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = constant(node.value)
        start, end = self._span(node)
        fixed = value.fixed or fixed_function(node.value)
        written = self._written(node.value)[:300]
        for target in targets:
            name = dotted(target) or (self._written(target)[:80] if isinstance(target, ast.Subscript) else "")
            if name:
                self.facts.assignments.append(
                    f.Assignment(name, written, fixed, value.literal, where.within, start, end)
                )
                if isinstance(node.value, ast.Dict | ast.List | ast.Tuple):
                    self._table(node.value, name)

    def _table(self, node: ast.Dict | ast.List | ast.Tuple | ast.Set, name: str) -> None:
        start, end = self._span(node)
        if isinstance(node, ast.Dict):
            pairs = [(constant(k), constant(v)) for k, v in zip(node.keys, node.values, strict=True) if k is not None]
            kept = [(k.literal, v.literal) for k, v in pairs if k.fixed and v.fixed]
            if kept:
                keys, values = zip(*kept, strict=True)
                self.facts.tables.append(f.Table(keys, values, name, start, end))
        elif len(node.elts) > 1 and (value := constant(node)).fixed and isinstance(value.literal, tuple):
            self.facts.tables.append(f.Table((), value.literal, name, start, end))
