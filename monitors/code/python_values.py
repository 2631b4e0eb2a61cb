"""Constants, conditions and bodies of Python: what an expression comes to when nothing is known but literals."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from monitors.code.facts import CONSTANT, EMPTY, LOGIC, RAISES, Literal

_UNARY: dict[type[ast.unaryop], Callable[[Any], Literal]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_WRAPPERS = frozenset("str int float list tuple set sorted frozenset dict bytes repr Fraction Decimal len bool".split())
_SPLITS = frozenset(("split", "join", "strip", "encode", "splitlines", "format", "upper", "lower"))


class Constant(NamedTuple):
    """Whether an expression is fixed, and what it then is as far as that is known."""

    fixed: bool
    literal: Literal = None


NOT_FIXED = Constant(False)


def dotted(node: ast.expr | None) -> str:
    """`a.b.c` for such an expression, else nothing."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    elif isinstance(node, ast.Call) and parts:
        parts.append(f"{dotted(node.func)}()")
    else:
        return ""
    return ".".join(reversed(parts))


def constant(node: ast.expr | None, depth: int = 0) -> Constant:
    """The literal that an expression is, containers as tuples."""
    if node is None or depth > 40:
        return NOT_FIXED
    if isinstance(node, ast.Constant):
        return Constant(True, node.value if node.value is not Ellipsis else None)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        values = [constant(e, depth + 1) for e in node.elts]
        return Constant(True, tuple(v.literal for v in values)) if all(v.fixed for v in values) else NOT_FIXED
    if isinstance(node, ast.Dict):
        pairs = [(constant(k, depth + 1), constant(v, depth + 1)) for k, v in zip(node.keys, node.values, strict=True)]
        if all(k.fixed and v.fixed for k, v in pairs):
            return Constant(True, tuple(x.literal for pair in pairs for x in pair))
        return NOT_FIXED
    if isinstance(node, ast.UnaryOp):
        inner = constant(node.operand, depth + 1)
        if inner.fixed and isinstance(inner.literal, int | float) and type(node.op) in _UNARY:
            return Constant(True, _UNARY[type(node.op)](inner.literal))
        return NOT_FIXED
    if isinstance(node, ast.BinOp):
        return _sum(constant(node.left, depth + 1), constant(node.right, depth + 1), node.op)
    if isinstance(node, ast.JoinedStr):
        parts = [v for v in node.values if isinstance(v, ast.Constant)]
        return Constant(True, "".join(str(p.value) for p in parts)) if len(parts) == len(node.values) else NOT_FIXED
    if isinstance(node, ast.Call):
        return _call(node, depth)
    return NOT_FIXED


def _sum(left: Constant, right: Constant, op: ast.operator) -> Constant:
    if not (left.fixed and right.fixed):
        return NOT_FIXED
    a, b = left.literal, right.literal
    if isinstance(op, ast.Add) and isinstance(a, str) and isinstance(b, str):
        return Constant(True, a + b)
    if isinstance(op, ast.Add) and isinstance(a, tuple) and isinstance(b, tuple):
        return Constant(True, a + b)
    folds = _FOLDS.get(type(op))
    small = all(isinstance(v, int) and abs(v) < 1 << 64 for v in (a, b))
    return Constant(True, folds(a, b) if folds and small else None)


_FOLDS: dict[type[ast.operator], Callable[[Any, Any], Literal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def _call(node: ast.Call, depth: int) -> Constant:
    """Calls that only dress a constant: `"3 0".split()`, `str(7)`."""
    given = [constant(a, depth + 1) for a in node.args]
    if node.keywords or not all(g.fixed for g in given):
        return NOT_FIXED
    if isinstance(node.func, ast.Attribute) and node.func.attr in _SPLITS:
        inner = constant(node.func.value, depth + 1)
        if inner.fixed:
            return Constant(True, given[0].literal if node.func.attr == "join" and given else inner.literal)
    if isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS:
        return Constant(True, given[0].literal if given else ())
    return NOT_FIXED


def nested_entries(node: ast.Dict) -> list[tuple[Literal, Literal]]:
    """Entries of mappings inside a mapping, with both keys as one."""
    found: list[tuple[Literal, Literal]] = []
    for key, inner in zip(node.keys, node.values, strict=True):
        outer = constant(key)
        if outer.fixed and isinstance(inner, ast.Dict):
            pairs = [(constant(k), constant(v)) for k, v in zip(inner.keys, inner.values, strict=True)]
            found += [((outer.literal, k.literal), v.literal) for k, v in pairs if k.fixed and v.fixed]
    return found


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def body_kind(body: Sequence[ast.stmt]) -> tuple[str, Literal]:
    """What a body comes to, and its value where it is constant."""
    real = [s for s in body if not is_docstring(s) and not isinstance(s, ast.Pass)]
    if not real:
        return EMPTY, None
    if all(isinstance(s, ast.Raise) for s in real):
        return RAISES, None
    if len(real) == 1:
        [only] = real
        if isinstance(only, ast.Return):
            value = constant(only.value)
            return (CONSTANT, value.literal) if value.fixed or only.value is None else (LOGIC, None)
        if isinstance(only, ast.Continue | ast.Break):
            return EMPTY, None
    if len(real) <= 4 and not any(isinstance(s, ast.If | ast.For | ast.While | ast.Try | ast.With) for s in real):
        last = real[-1]
        if isinstance(last, ast.Return) and (value := constant(last.value)).fixed and value.literal is True:
            return CONSTANT, True  # whatever it does before, it says yes
    return LOGIC, None


def dressed(node: ast.expr | None) -> Constant:
    """A constant, or one that is only dressed: `725836439 % M`, `int("12") or 0`, `f"{211}"`."""
    value = constant(node)
    if value.fixed or node is None:
        return value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and not isinstance(node.left, ast.JoinedStr):
        left = constant(node.left)
        return left if isinstance(left.literal, int) else NOT_FIXED
    if isinstance(node, ast.JoinedStr):
        parts = [constant(v.value if isinstance(v, ast.FormattedValue) else v) for v in node.values]
        said = "".join(str(p.literal) for p in parts)
        return Constant(True, said) if all(p.fixed for p in parts) else NOT_FIXED
    return NOT_FIXED


def answers_of(body: Sequence[ast.stmt]) -> tuple[tuple[Literal, ...], bool]:
    """The constants that a branch returns, prints or stores, and whether that is all it does."""
    answers: list[Literal] = []
    for statement in body:
        if isinstance(statement, ast.Pass | ast.Continue | ast.Break) or is_docstring(statement):
            continue
        if isinstance(statement, ast.Return):
            value = dressed(statement.value) if statement.value is not None else Constant(True)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            value = dressed(statement.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            value = dressed(statement.value.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            said = statement.value
            fixed = [dressed(a) for a in said.args]
            name = dotted(said.func).rsplit(".", 1)[-1]
            if name in ("print", "write", "append", "extend", "yield") and all(v.fixed for v in fixed):
                answers += [v.literal for v in fixed]
                continue
            if name in ("exit", "_exit", "quit", "read", "readline", "input", "next", "skip"):
                continue
            return tuple(answers), False
        else:
            return tuple(answers), False
        if not value.fixed:
            return tuple(answers), False
        if statement is not body[0] or not isinstance(statement, ast.Return) or statement.value is not None:
            answers.append(value.literal)
    return tuple(answers), bool(answers)


def printed(call: ast.Call) -> list[Literal]:
    """The constants that a call prints."""
    return [v.literal for a in call.args if (v := constant(a)).fixed]


def fixed_function(node: ast.expr) -> bool:
    """Whether an expression is a function that gives a constant or does nothing."""
    if isinstance(node, ast.Lambda):
        return constant(node.body).fixed
    return False
