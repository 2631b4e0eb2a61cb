"""What a Python condition asks for: equalities with literals, in all the ways in which they can be spelled."""

from __future__ import annotations

import ast
from typing import NamedTuple

from monitors.code.facts import HASHED, LOOP, Literal, Test
from monitors.code.python_values import constant, dotted

_HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b", "crc32", "adler32", "hexdigest", "digest", "hash")
_DERIVES = frozenset(("len", "sum", "max", "min"))
_EQUALS = frozenset(
    ("startswith", "endswith", "__eq__", "array_equal", "eq", "isclose", "allclose", "fullmatch", "issubset", "equals")
)
_NOTHING: tuple[tuple[Test, ...], bool] = ((), False)


def written(node: ast.expr) -> str:
    """An expression as it could be written, nothing where it is nested too deeply."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


class Known(NamedTuple):
    """Names that a condition may use: counters of loops, and what others were made of (`total = sum(xs)`)."""

    loops: frozenset[str] = frozenset()
    made: dict[str, str] = {}  # noqa: RUF012 - a reader's own, grown while it reads


def made_of(node: ast.expr | None) -> str:
    """`sum` for `sum(xs)`, `hash` for a digest of something, else nothing."""
    if not isinstance(node, ast.Call):
        return ""
    name = dotted(node.func)
    if name in _DERIVES and len(node.args) == 1 and not constant(node.args[0]).fixed:
        return name
    for _ in range(4):  # int(hashlib.md5(s).hexdigest(), 16)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if last in _HASHES:
            return HASHED
        if not node.args or not isinstance(node.args[0], ast.Call):
            return ""
        node = node.args[0]
    return ""


def tests_of(test: ast.expr, known: Known) -> tuple[tuple[Test, ...], bool]:
    """The equalities with literals that a condition asks for, and whether it asks for nothing else."""
    if isinstance(test, ast.BoolOp):
        return _all_of([tests_of(v, known) for v in test.values])
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _negated(test.operand, known)
    if isinstance(test, ast.Call):
        return _called(test, known)
    if isinstance(test, ast.NamedExpr):
        return tests_of(test.value, known)
    if not isinstance(test, ast.Compare):
        return _NOTHING
    found: list[Test] = []
    if between := _between(test):
        return (between,), True
    left = test.left
    for op, right in zip(test.ops, test.comparators, strict=True):
        found += _compared(left, op, right, known)
        left = right
    exact = len(found) >= len(test.ops) and not any(isinstance(op, ast.NotEq) for op in test.ops)
    return tuple(found), exact


def _all_of(parts: list[tuple[tuple[Test, ...], bool]]) -> tuple[tuple[Test, ...], bool]:
    return tuple(t for tests, _ in parts for t in tests), all(exact and tests for tests, exact in parts)


def _negated(operand: ast.expr, known: Known) -> tuple[tuple[Test, ...], bool]:
    """`not n != 14`, `not n - 14` and `not n ^ 14` ask for 14."""
    if isinstance(operand, ast.Compare) and all(isinstance(op, ast.NotEq) for op in operand.ops):
        return tests_of(operand, known)[0], True
    moved = _moved(operand)
    return ((moved,), True) if moved else _NOTHING


def _moved(node: ast.expr) -> Test | None:
    """The test for which `n - 29` or `n ^ 29` is zero."""
    if isinstance(node, ast.Call) and dotted(node.func) == "abs" and node.args:
        node = node.args[0]
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub | ast.BitXor):
        return None
    right = constant(node.right)
    return Test(written(node.left)[:80], (right.literal,)) if right.fixed and not constant(node.left).fixed else None


def _between(test: ast.Compare) -> Test | None:
    """`13 < n < 15` asks for 14."""
    if len(test.ops) != 2 or not all(isinstance(op, ast.Lt | ast.LtE) for op in test.ops):
        return None
    low, high = constant(test.left).literal, constant(test.comparators[1]).literal
    if not isinstance(low, int) or not isinstance(high, int):
        return None
    low += isinstance(test.ops[0], ast.Lt)
    high -= isinstance(test.ops[1], ast.Lt)
    return Test(written(test.comparators[0])[:80], (low,)) if low == high else None


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, known: Known) -> list[Test]:
    if isinstance(op, ast.Lt) and constant(right).literal == 1 and (moved := _moved(left)):
        return [moved]  # abs(n - 29) < 1
    if isinstance(op, ast.In):
        value, subject = constant(right), left
        if not value.fixed or not isinstance(value.literal, tuple):
            return _in_range(left, right)
        literals = value.literal
    elif isinstance(op, ast.Eq | ast.Is | ast.NotEq):
        value, subject = constant(right), left
        if not value.fixed:
            value, subject = constant(left), right
        literals = (value.literal,)
        # (n, k) == (4, 4) compares each with its own
        whole = value.literal if value.fixed and isinstance(subject, ast.Tuple) else None
        if isinstance(subject, ast.Tuple) and isinstance(whole, tuple) and len(whole) == len(subject.elts):
            pairs = zip(subject.elts, whole, strict=True)
            return [Test(written(e)[:60], (v,), made_of(e) or "eq") for e, v in pairs]
    else:
        return []
    if not value.fixed or constant(subject).fixed:
        return []
    if value.literal == 0 and isinstance(subject, ast.BinOp | ast.Call) and (moved := _moved(subject)):
        return [moved]
    if isinstance(subject, ast.BinOp) and isinstance(subject.op, ast.Mod | ast.BitAnd | ast.BitXor):
        return []
    words = written(subject)[:80]
    made = known.made.get(words) or made_of(subject)
    if made == HASHED or any(f"{h}(" in words for h in _HASHES):
        return [Test(words, literals, HASHED)]
    if isinstance(subject, ast.Name) and subject.id in known.loops:
        return [Test(words, literals, LOOP)]
    return [Test(words, literals, made or "eq")]


def _in_range(left: ast.expr, right: ast.expr) -> list[Test]:
    """`n in range(14, 15)` asks for 14."""
    if not isinstance(right, ast.Call) or dotted(right.func) != "range" or len(right.args) != 2:
        return []
    low, high = (constant(a).literal for a in right.args)
    single = isinstance(low, int) and isinstance(high, int) and high - low == 1
    return [Test(written(left)[:80], (low,))] if single else []


def pattern_tests(pattern: ast.pattern, subject: str) -> tuple[Test, ...]:
    """The equalities of a `case`: alternatives are one test, the elements of a sequence one each."""
    if isinstance(pattern, ast.MatchSequence):
        return tuple(t for i, p in enumerate(pattern.patterns) for t in pattern_tests(p, f"{subject}[{i}]"))
    if isinstance(pattern, ast.MatchOr) and any(isinstance(p, ast.MatchSequence) for p in pattern.patterns):
        return pattern_tests(pattern.patterns[0], subject)
    values = [v for p in ast.walk(pattern) if isinstance(p, ast.MatchValue) if (v := constant(p.value)).fixed]
    return (Test(subject, tuple(v.literal for v in values)),) if values else ()


def _called(call: ast.Call, known: Known) -> tuple[tuple[Test, ...], bool]:
    """`data.startswith("3\\n")`, `np.array_equal(a, [1, 2])` and `all([n == 14, k == 3])` are comparisons too."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    if name in ("all", "any") and len(call.args) == 1 and isinstance(call.args[0], ast.List | ast.Tuple):
        return _all_of([tests_of(e, known) for e in call.args[0].elts])
    if name == "bool" and call.args:
        return tests_of(call.args[0], known)
    given = [v for a in call.args if (v := constant(a)).fixed]
    if name in _EQUALS and given:
        literals: tuple[Literal, ...] = tuple(v.literal for v in given)
        return (Test(written(call.func)[:60], literals),), True
    return (), True
