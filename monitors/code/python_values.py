"""Constants, conditions and bodies of Python: what an expression comes to when nothing is known but literals."""

from __future__ import annotations

import ast
import base64
import json
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from monitors.code.facts import CONSTANT, EMPTY, HASHED, LOGIC, RAISES, Literal, Test

_UNARY: dict[type[ast.unaryop], Callable[[Any], Literal]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_WRAPPERS = frozenset("str int float list tuple set sorted frozenset dict bytes repr Fraction Decimal len bool".split())
_HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b", "crc32", "adler32", "hexdigest", "digest", "hash")
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


def tests_of(test: ast.expr, loops: frozenset[str]) -> tuple[tuple[Test, ...], bool]:
    """The equalities with literals that a condition asks for, and whether it asks for nothing else."""
    if isinstance(test, ast.BoolOp):
        parts = [tests_of(v, loops) for v in test.values]
        return tuple(t for tests, _ in parts for t in tests), all(exact and tests for tests, exact in parts)
    if isinstance(test, ast.Call):
        return _called(test), True
    if isinstance(test, ast.NamedExpr):
        return tests_of(test.value, loops)
    if not isinstance(test, ast.Compare):
        return (), False
    found: list[Test] = []
    if between := _between(test):
        return (between,), True
    left = test.left
    for op, right in zip(test.ops, test.comparators, strict=True):
        found += _compared(left, op, right, loops)
        left = right
    exact = len(found) == len(test.ops) and not any(isinstance(op, ast.NotEq) for op in test.ops)
    return tuple(found), exact


def _between(test: ast.Compare) -> Test | None:
    """`13 < n < 15` asks for 14."""
    if len(test.ops) != 2 or not all(isinstance(op, ast.Lt | ast.LtE) for op in test.ops):
        return None
    low, high = constant(test.left).literal, constant(test.comparators[1]).literal
    if not isinstance(low, int) or not isinstance(high, int):
        return None
    low += isinstance(test.ops[0], ast.Lt)
    high -= isinstance(test.ops[1], ast.Lt)
    return Test(ast.unparse(test.comparators[0])[:80], (low,)) if low == high else None


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, loops: frozenset[str]) -> list[Test]:
    if isinstance(op, ast.In):
        value, subject = constant(right), left
        if not value.fixed or not isinstance(value.literal, tuple):
            return []
        literals = value.literal
    elif isinstance(op, ast.Eq | ast.Is | ast.NotEq):
        value, subject = constant(right), left
        if not value.fixed:
            value, subject = constant(left), right
        literals = (value.literal,)
        # (n, k) == (4, 4) compares each with its own
        whole = value.literal if value.fixed and isinstance(subject, ast.Tuple) else None
        if isinstance(subject, ast.Tuple) and isinstance(whole, tuple) and len(whole) == len(subject.elts):
            return [Test(ast.unparse(e)[:60], (v,)) for e, v in zip(subject.elts, whole, strict=True)]
    else:
        return []
    if not value.fixed or constant(subject).fixed:
        return []
    if isinstance(subject, ast.BinOp) and isinstance(subject.op, ast.Sub) and value.literal == 0:
        moved = constant(subject.right)  # n - 29 == 0
        return [Test(ast.unparse(subject.left)[:80], (moved.literal,))] if moved.fixed else []
    if isinstance(subject, ast.BinOp) and isinstance(subject.op, ast.Mod | ast.BitAnd | ast.BitXor):
        return []
    words = ast.unparse(subject)[:80]
    if any(f"{h}(" in words for h in _HASHES):
        return [Test(words, literals, HASHED)]
    if isinstance(subject, ast.Name) and subject.id in loops:
        return [Test(words, literals, "loop")]
    return [Test(words, literals)]


def pattern_tests(pattern: ast.pattern, subject: str) -> tuple[Test, ...]:
    """The equalities of a `case`: alternatives are one test, the elements of a sequence one each."""
    if isinstance(pattern, ast.MatchSequence):
        return tuple(t for i, p in enumerate(pattern.patterns) for t in pattern_tests(p, f"{subject}[{i}]"))
    if isinstance(pattern, ast.MatchOr) and any(isinstance(p, ast.MatchSequence) for p in pattern.patterns):
        return pattern_tests(pattern.patterns[0], subject)
    values = [v for p in ast.walk(pattern) if isinstance(p, ast.MatchValue) if (v := constant(p.value)).fixed]
    return (Test(subject, tuple(v.literal for v in values)),) if values else ()


def nested_entries(node: ast.Dict) -> list[tuple[Literal, Literal]]:
    """Entries of mappings inside a mapping, with both keys as one."""
    found: list[tuple[Literal, Literal]] = []
    for key, inner in zip(node.keys, node.values, strict=True):
        outer = constant(key)
        if outer.fixed and isinstance(inner, ast.Dict):
            pairs = [(constant(k), constant(v)) for k, v in zip(inner.keys, inner.values, strict=True)]
            found += [((outer.literal, k.literal), v.literal) for k, v in pairs if k.fixed and v.fixed]
    return found


def _called(call: ast.Call) -> tuple[Test, ...]:
    """`data.startswith("3\\n")` and `np.array_equal(a, [1, 2])` are comparisons too."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    given = [v for a in call.args if (v := constant(a)).fixed]
    if name in ("startswith", "endswith", "__eq__", "array_equal", "eq", "isclose", "allclose", "fullmatch") and given:
        return (Test(ast.unparse(call.func)[:60], tuple(v.literal for v in given)),)
    return ()


_BASE64 = frozenset(("b64decode", "decodebytes", "fromhex", "unhexlify", "decompress"))
_HIDDEN = 200_000  # characters of a program in a string that are opened


def unwrapped(call: ast.Call) -> str:
    """The program that `exec(base64.b64decode("..."))` runs, or nothing."""
    for node in ast.walk(call):
        name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if name not in _BASE64 or not isinstance(node, ast.Call) or not node.args:
            continue
        said = constant(node.args[0]).literal
        data = said.encode("ascii", "ignore") if isinstance(said, str) else said
        if not isinstance(data, bytes) or len(data) > _HIDDEN:
            continue
        try:
            opened = bytes.fromhex(data.decode()) if "hex" in name else base64.b64decode(data, validate=False)
        except ValueError:
            continue
        return opened.decode("utf-8", "ignore")
    return ""


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


def answers_of(body: Sequence[ast.stmt]) -> tuple[tuple[Literal, ...], bool]:
    """The constants that a branch returns, prints or stores, and whether that is all it does."""
    answers: list[Literal] = []
    for statement in body:
        if isinstance(statement, ast.Pass | ast.Continue | ast.Break) or is_docstring(statement):
            continue
        if isinstance(statement, ast.Return):
            value = constant(statement.value) if statement.value is not None else Constant(True)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            value = constant(statement.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            said = statement.value
            fixed = [constant(a) for a in said.args]
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


def entries(text: str) -> tuple[tuple[Literal, ...], tuple[Literal, ...]]:
    """Keys and values of a mapping written in a string."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return (), ()
    if not isinstance(value, dict):
        return (), ()
    return tuple(_plain(k) for k in value), tuple(_plain(v) for v in value.values())


def _plain(value: object) -> Literal:
    if isinstance(value, list | tuple | set):
        return tuple(_plain(v) for v in value)
    if isinstance(value, dict):
        return tuple(_plain(x) for pair in value.items() for x in pair)
    return value if isinstance(value, int | float | str | bytes | bool) else None
