"""The facts of a Python program, from its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import replace

from monitors.code import facts as f
from monitors.code import python_control as control
from monitors.code import python_data as data
from monitors.code.python_values import body_kind, dotted, is_docstring
from monitors.code.python_walk import LEAVES, PythonWalk, Where, lines


class PythonReader(PythonWalk):
    """Reads one parsed module into facts, with places in the text it was cut from."""

    def _class(self, node: ast.ClassDef, where: Where, depth: int) -> None:
        inner = replace(where, owner=node.name, bases=tuple(dotted(b) for b in node.bases))
        self.block(node.body, inner, depth + 1)

    def _names(self, node: ast.Global | ast.Nonlocal, where: Where, depth: int) -> None:
        self.globals.update(node.names)

    def _import(self, node: ast.Import | ast.ImportFrom, where: Where, depth: int) -> None:
        module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        self.aliases.update({a.asname or a.name: module + a.name for a in node.names if a.asname or module})
        self.facts.imports.extend(module + a.name for a in node.names)

    def _assert(self, node: ast.Assert, where: Where, depth: int) -> Where:
        start, end = self.span(node.test)
        self.facts.asserts.append((self.written(node.test), start, end))
        return replace(where, asserted=True)

    def _return(self, node: ast.Return, where: Where, depth: int) -> Where:
        if node.value is not None:
            self.given[id(node.value)] = "return"
        return where

    def _attribute(self, node: ast.Attribute, where: Where, depth: int) -> Where | None:
        if node.attr in ("stdin", "argv") and dotted(node) in data.READS:
            self.facts.reads_input.append(1)
        return None if type(node.value) in LEAVES else where

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, where: Where, depth: int) -> None:
        body = [s for s in node.body if not is_docstring(s)]
        kind, value = body_kind(body)
        given = node.args
        params = tuple(a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        start, end = self.span(node)
        size = lines(body)
        marks = tuple(self.written(d) for d in node.decorator_list)
        owner = where.owner if not where.within else ""
        top = not where.within and not where.owner
        self.facts.functions.append(
            f.Function(node.name, owner, params, kind, value, size, marks, start, end, where.bases, top)
        )
        for decorator in (*node.decorator_list, *given.defaults, *(d for d in given.kw_defaults if d)):
            self.visit(decorator, where, depth + 1)
        within = (*where.within, f"{owner}.{node.name}" if owner else node.name)
        self.block(body, replace(where, within=within, loops=frozenset(), size=size), depth + 1)

    def _raise(self, node: ast.Raise, where: Where, depth: int) -> Where:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = dotted(raised) if raised is not None else ""
        if not isinstance(node.exc, ast.Call):
            self.facts.calls.append(f.Call(name, (), "", where.within, where.guarded, *self.span(node)))
        return where


PythonReader.takes = {
    ast.FunctionDef: PythonReader._function,
    ast.AsyncFunctionDef: PythonReader._function,
    ast.ClassDef: PythonReader._class,
    ast.If: control.branch,
    ast.IfExp: control.choice,
    ast.BoolOp: control.either,
    ast.Subscript: control.selection,
    ast.BinOp: control.product,
    ast.Match: control.match,
    ast.Try: control.handlers,
    ast.With: control.suppression,
    ast.For: control.loop,
    ast.Call: data.call,
    ast.Assign: data.assign,
    ast.AnnAssign: data.assign,
    ast.NamedExpr: data.assign,
    ast.AugAssign: data.count,
    ast.Dict: data.table,
    ast.List: data.table,
    ast.Tuple: data.table,
    ast.Set: data.table,
    ast.Global: PythonReader._names,
    ast.Nonlocal: PythonReader._names,
    ast.Import: PythonReader._import,
    ast.ImportFrom: PythonReader._import,
    ast.Assert: PythonReader._assert,
    ast.Attribute: PythonReader._attribute,
    ast.Raise: PythonReader._raise,
    ast.Return: PythonReader._return,
}
