"""Branches, loops and handlers of a Python program."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from monitors.code import facts as f
from monitors.code.python_tests import pattern_tests, tests_of
from monitors.code.python_values import answers_of, body_kind, constant, dotted, dressed
from monitors.code.python_walk import PythonWalk, Where, lines

_GUESSES = ("random", "randint", "choice", "randrange", "uniform")
_SMALLEST_GATE = 8  # what is smaller is an edge case


def branch(reader: PythonWalk, node: ast.If, where: Where, depth: int) -> Where:
    """`if n == 14: return 211`, and `if n > 1000: return -1`."""
    tests, exact = tests_of(node.test, reader.known(where))
    if tests:
        answers, fixed = answers_of(node.body)
        end = reader.span(node.body[-1])[1]
        reader.facts.branches.append(f.Branch(tests, answers, fixed, reader.start(node.test), end, exact))
    elif isinstance(node.test, ast.Compare) and where.within and not reader.brief:
        _gate(reader, node, node.test)
    named = isinstance(node.test, ast.Compare) and dotted(node.test.left) == "__name__"
    return replace(where, guarded=True) if named else where


def _gate(reader: PythonWalk, node: ast.If, test: ast.Compare) -> None:
    if len(test.ops) != 1 or not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        return
    limit, subject, upward = constant(test.comparators[0]).literal, test.left, isinstance(test.ops[0], ast.Gt | ast.GtE)
    if limit is None:
        limit, subject, upward = constant(test.left).literal, test.comparators[0], not upward
    if not isinstance(limit, int | float) or isinstance(limit, bool) or limit < _SMALLEST_GATE:
        return
    body = node.body if upward else node.orelse
    if not body:
        return
    answers, fixed = answers_of(body)
    guesses = any(
        isinstance(n, ast.Call) and dotted(n.func).rsplit(".", 1)[-1] in _GUESSES for s in body for n in ast.walk(s)
    )
    if fixed or guesses:
        start, end = reader.start(test), reader.span(body[-1])[1]
        reader.facts.gates.append(f.Gate(reader.written(subject)[:80], limit, answers, guesses, start, end))


def choice(reader: PythonWalk, node: ast.IfExp, where: Where, depth: int) -> Where:
    """`211 if n == 14 else ...`."""
    value = dressed(node.body)
    if value.fixed:
        _expression(reader, node, node.test, (value.literal,), where)
    return where


def either(reader: PythonWalk, node: ast.BoolOp, where: Where, depth: int) -> Where:
    """`n == 14 and 211` is a branch too."""
    value = dressed(node.values[-1])
    if isinstance(node.op, ast.And) and value.fixed and not isinstance(value.literal, bool):
        parts = [tests_of(v, reader.known(where)) for v in node.values[:-1]]
        if tests := tuple(t for found, _ in parts for t in found):
            start, end = reader.span(node)
            exact = all(found for found, _ in parts)
            reader.facts.branches.append(f.Branch(tests, (value.literal,), True, start, end, exact))
    return where


def selection(reader: PythonWalk, node: ast.Subscript, where: Where, depth: int) -> Where:
    """`[f(n), 211][n == 14]` and `{True: 211}[n == 14]` are branches, `B[A.index(n)]` is a table."""
    held, key = node.value, node.slice
    if isinstance(held, ast.List | ast.Tuple) and held.elts and isinstance(key, ast.Compare | ast.BoolOp | ast.Call):
        values = [v.literal for e in held.elts[-1:] if (v := dressed(e)).fixed]
        _expression(reader, node, key, tuple(values), where)
    elif isinstance(held, ast.Dict) and isinstance(key, ast.Compare):
        chosen = [dressed(e) for k, e in zip(held.keys, held.values, strict=True) if _true(k)]
        _expression(reader, node, key, tuple(v.literal for v in chosen if v.fixed), where)
    elif isinstance(key, ast.Call) and isinstance(key.func, ast.Attribute) and key.func.attr in ("index", "find"):
        asked, answers = _listed(reader, key.func.value), _listed(reader, held)
        if asked and answers and len(asked) == len(answers):
            reader.facts.tables.append(f.Table(asked, answers, "it", *reader.span(node)))
    return where


def _true(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value is True


def _listed(reader: PythonWalk, node: ast.expr) -> tuple[f.Literal, ...]:
    """The constants in a list, or in the list that has this name."""
    if isinstance(node, ast.Name):
        return reader.lists.get(node.id, ())
    literal = constant(node).literal
    return literal if isinstance(literal, tuple) else ()


def product(reader: PythonWalk, node: ast.BinOp, where: Where, depth: int) -> Where:
    """`(n == 14) * 211` is a branch."""
    if isinstance(node.op, ast.Mult):
        for test, answer in ((node.left, node.right), (node.right, node.left)):
            value = constant(answer) if isinstance(test, ast.Compare | ast.BoolOp) else None
            if value is not None and value.fixed:
                _expression(reader, node, test, (value.literal,), where)
    return where


def _expression(reader: PythonWalk, node: ast.expr, test: ast.expr, answers: tuple[f.Literal, ...], at: Where) -> None:
    tests, exact = tests_of(test, reader.known(at))
    if tests and answers:
        reader.facts.branches.append(f.Branch(tests, answers, True, *reader.span(node), exact))


def match(reader: PythonWalk, node: ast.Match, where: Where, depth: int) -> Where:
    """Each `case` with a literal is a branch."""
    subject = dotted(node.subject) or "?"
    for case in node.cases:
        tests = pattern_tests(case.pattern, subject)
        if not tests and case.guard is not None:
            tests = tests_of(case.guard, reader.known(where))[0]
        if tests and case.body:
            answers, fixed = answers_of(case.body)
            start, end = reader.start(case.pattern), reader.span(case.body[-1])[1]
            reader.facts.branches.append(f.Branch(tests, answers, fixed, start, end))
    return where


def loop(reader: PythonWalk, node: ast.For, where: Where, depth: int) -> Where:
    """The counters of a loop are known within it."""
    counted = constant(node.iter).fixed or (
        isinstance(node.iter, ast.Call) and dotted(node.iter.func) in ("range", "enumerate")
    )
    if not counted:
        return where
    target = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
    return replace(where, loops=where.loops | {n.id for n in target if isinstance(n, ast.Name)})


def handlers(reader: PythonWalk, node: ast.Try, where: Where, depth: int) -> Where:
    """What each handler catches, does and protects."""
    count = lines(node.body)
    asserts = _asserts(node.body)
    for handler in node.handlers:
        types = handler.type
        named = types.elts if isinstance(types, ast.Tuple) else [types] if types is not None else []
        kind, value = body_kind(handler.body)
        share = count / where.size if where.size else 0.0
        caught = tuple(dotted(t) for t in named)
        span = reader.span(handler)
        reader.facts.handlers.append(f.Handler(caught, kind, value, count, share, asserts, where.within, *span))
    return where


_SUPPRESSES = ("suppress", "contextlib.suppress")


def suppression(reader: PythonWalk, node: ast.With, where: Where, depth: int) -> Where:
    """`with suppress(Exception):` is a handler that does nothing."""
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and dotted(call.func) in _SUPPRESSES:
            caught = tuple(dotted(a) for a in call.args)
            count = lines(node.body)
            share = count / where.size if where.size else 0.0
            asserts, span = _asserts(node.body), reader.span(node)
            handler = f.Handler(caught, f.EMPTY, None, count, share, asserts, where.within, *span)
            reader.facts.handlers.append(handler)
    return where


def _asserts(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(s, ast.Assert) for s in body)
