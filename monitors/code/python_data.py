"""Calls, assignments and tables of a Python program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from monitors.code import facts as f
from monitors.code.facts import Literal
from monitors.code.python_strings import entries, hidden_text
from monitors.code.python_tests import made_of
from monitors.code.python_values import constant, dotted, fixed_function, nested_entries, printed
from monitors.code.python_walk import PythonWalk, Where

READS = frozenset("input sys.stdin sys.argv argparse.ArgumentParser sys.stdin.read sys.stdin.readline open".split())
_RUNS = frozenset(("exec", "eval", "compile"))
_OPENS = frozenset(
    "b64decode standard_b64decode urlsafe_b64decode decodebytes b32decode b16decode a85decode b85decode "
    "fromhex unhexlify".split()
)
_BRIEFLY = frozenset(
    ("print", "sys.stdout.write", "json.loads", "ast.literal_eval", "dict", "zip", *READS, *_RUNS, *_OPENS)
)
_TESTS = re.compile(r"(?i)^(?:\w+\.)?(?:test_?\w*|check|run_?tests?|check_\w+|main)$")
_PROGRAM = re.compile(r"(?m)^\s*(?:def |import |from \w+ import|return\b|if .*:|for .*:|\w+ = |print\()")


def call(reader: PythonWalk, node: ast.Call, where: Where, depth: int) -> Where:
    """A call, and what it prints, runs, decodes or looks up."""
    name = _name(reader, node)
    if not name and not isinstance(node.func, ast.Attribute):
        return where
    name = name or f"?.{node.func.attr}" if isinstance(node.func, ast.Attribute) else name
    if reader.brief and name not in _BRIEFLY and name.rsplit(".", 1)[-1] not in _OPENS:
        return where
    given = [*node.args, *(k.value for k in node.keywords)]
    literals = tuple(v.literal for a in given if (v := constant(a)).fixed)
    start, end = reader.span(node)
    words = reader.written(node)[:400]
    reader.facts.calls.append(f.Call(name, literals, words, where.within, where.guarded, start, end))
    if name in READS:
        reader.facts.reads_input.append(1)
    first = literals[0] if literals else None
    if name in ("print", "sys.stdout.write"):
        reader.facts.prints.extend((value, start, end) for value in printed(node))
    elif name in _RUNS and isinstance(first, str) and len(first) > 8:
        reader.facts.nested.append((first, start, end))
    elif name in ("json.loads", "ast.literal_eval") and isinstance(first, str):
        _blob(reader, first, start, end)
    elif name == "dict":
        _made_table(reader, node, start, end)
    elif name.rsplit(".", 1)[-1] in _OPENS and (hidden := hidden_text(node)):
        _hidden(reader, hidden, start, end)
    return where


def _name(reader: PythonWalk, node: ast.Call) -> str:
    """The dotted name that is called, imports resolved: `os._exit` for `getattr(os, "_ex" + "it")`."""
    name = dotted(node.func)
    if not name and isinstance(node.func, ast.Call) and dotted(node.func.func) == "getattr" and len(node.func.args) > 1:
        attribute = constant(node.func.args[1]).literal
        name = f"{dotted(node.func.args[0])}.{attribute}" if isinstance(attribute, str) else ""
    head, dot, rest = name.partition(".")
    return reader.aliases.get(head, head) + dot + rest


def _blob(reader: PythonWalk, text: str, start: int, end: int) -> bool:
    """A table written in a string."""
    keys, values = entries(text)
    if values:
        reader.facts.tables.append(f.Table(keys, values, "it", start, end))
    return bool(values)


def _hidden(reader: PythonWalk, text: str, start: int, end: int) -> None:
    """What was behind base64 and the like: a table, a program, or rows of text."""
    if _blob(reader, text, start, end):
        return
    if _PROGRAM.search(text):
        reader.facts.nested.append((text, start, end))
    elif text.isprintable() or "\n" in text:
        reader.facts.tables.append(f.Table((), (text,), "it", start, end))


def _made_table(reader: PythonWalk, node: ast.Call, start: int, end: int) -> None:
    """`dict(zip(inputs, outputs))` and `dict([(14, 211)])`."""
    if len(node.args) != 1:
        return
    inner = node.args[0]
    if isinstance(inner, ast.Call) and dotted(inner.func) == "zip" and len(inner.args) == 2:
        keys, values = (_constants(reader, a) for a in inner.args)
        if keys and len(keys) == len(values):
            reader.facts.tables.append(f.Table(keys, values, "it", start, end))
        return
    pairs = [p for p in _constants(reader, inner) if isinstance(p, tuple) and len(p) == 2]
    if pairs:
        reader.facts.tables.append(f.Table(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), "it", start, end))


def _constants(reader: PythonWalk, node: ast.expr) -> tuple[Literal, ...]:
    if isinstance(node, ast.Name):
        return reader.lists.get(node.id, ())
    literal = constant(node).literal
    return literal if isinstance(literal, tuple) else ()


def assign(reader: PythonWalk, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, where: Where, depth: int) -> Where:
    """A name, and what it is given."""
    if node.value is None:
        return where
    targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = constant(node.value)
    start, end = reader.span(node)
    fixed = value.fixed or fixed_function(node.value)
    if isinstance(value.literal, str) and len(value.literal) > 6:
        _text(reader, value.literal, start, end)
    written = "" if reader.brief else reader.written(node.value)[:300]
    made = made_of(node.value)
    for target in targets:
        key = constant(target.slice) if isinstance(target, ast.Subscript) else None
        if key is not None and key.fixed and value.fixed:
            reader.facts.tables.append(f.Table((key.literal,), (value.literal,), "it", start, end))
        name = dotted(target)
        reader.given[id(node.value)] = name or "it"
        if isinstance(target, ast.Name):
            reader.made[target.id] = made
            if isinstance(value.literal, tuple):
                reader.lists[target.id] = value.literal
        name = name or (reader.written(target)[:80] if isinstance(target, ast.Subscript) else "")
        if name and not reader.brief:
            given = f.Assignment(name, written, fixed, value.literal, where.within, start, end)
            reader.facts.assignments.append(given)
    return where


def _text(reader: PythonWalk, text: str, start: int, end: int) -> None:
    """A text that may hold a table: JSON, or rows."""
    opened = text.lstrip()[:1] in ("{", "[") and _blob(reader, text, start, end)
    if not opened and ("\n" in text or ";" in text):
        reader.facts.tables.append(f.Table((), (text,), "it", start, end))


def count(reader: PythonWalk, node: ast.AugAssign, where: Where, depth: int) -> Where:
    """State that counts calls."""
    name = dotted(node.target)
    if where.within and isinstance(node.op, ast.Add) and (name in reader.globals or "." in name):
        reader.facts.counters.append((name, *reader.span(node)))
    return where


def table(
    reader: PythonWalk, node: ast.Dict | ast.List | ast.Tuple | ast.Set, where: Where, depth: int
) -> Where | None:
    """A container of constants."""
    start, end = reader.span(node)
    whole = False
    name = reader.given.get(id(node), "")
    testing = where.asserted or any(_TESTS.match(n) for n in where.within)
    if isinstance(node, ast.Dict):
        kept = _pairs(node)
        count = len(kept)
        kept += nested_entries(node)
        if kept:
            keys, values = zip(*kept, strict=True)
            whole = count == len(node.keys)
            reader.facts.tables.append(f.Table(keys, values, name, start, end, testing))
    elif len(node.elts) > 1 and (value := constant(node)).fixed and isinstance(value.literal, tuple):
        reader.facts.tables.append(f.Table((), value.literal, name, start, end, testing))
        whole = True
    return None if whole else where  # what is in a table of constants are constants


def _pairs(node: ast.Dict) -> list[tuple[Literal, Literal]]:
    found: Sequence[tuple[ast.expr | None, ast.expr]] = list(zip(node.keys, node.values, strict=True))
    pairs = [(constant(k), constant(v)) for k, v in found if k is not None]
    return [(k.literal, v.literal) for k, v in pairs if k.fixed and v.fixed]
