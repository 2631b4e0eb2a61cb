"""The facts of a program in any language that tree-sitter reads, broken ones included."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from tree_sitter import Node

from monitors.code import facts as f
from monitors.code.facts import Facts, Literal
from monitors.code.grammars import parsed, walk
from monitors.code.tree_values import ASSIGNS, BLOCKS, CALLS, LIST, NAMES, PAIRS, TreeValues

_BRANCHES = frozenset("if_statement elif_clause ternary_expression conditional_expression if_expression".split())
_FUNCTIONS = frozenset(
    "function_declaration function_definition method_definition method_declaration arrow_function "
    "function_expression generator_function_declaration constructor_declaration function_item".split()
)
_CASES = frozenset(
    "switch_case case_statement switch_block_statement_group switch_rule expression_case case_clause match_arm".split()
)
_CATCHES = frozenset("catch_clause except_clause".split())
_CLASSES = frozenset(
    "class_declaration class_definition class_specifier struct_specifier class impl_item interface_declaration".split()
)
_TABLES = frozenset("object dictionary literal_value initializer_list array array_expression".split())
_PUTS = frozenset("put set insert add emplace Add".split())
_OF = frozenset(("Map.of", "ImmutableMap.of", "Map.ofEntries"))
_READERS = re.compile(
    r"\b(?:cin|scanf|getline|Scanner|BufferedReader|readline|readFileSync|process\.stdin|bufio|Scan\w*|input|stdin)\b"
)
_PRINTS = frozenset("print println printf log puts Println Printf write println! print!".split())
_DEEPEST = 400  # levels of a tree that are followed


class _Where(NamedTuple):
    """What a node stands in."""

    parent: Node | None = None
    within: tuple[str, ...] = ()
    owner: str = ""
    depth: int = 0


class TreeReader(TreeValues):
    """Reads one text of a language into facts; `shift` is where the text begins in its piece."""

    def __init__(self, language: str, text: str, shift: int = 0) -> None:
        root, offsets = parsed(language, text)
        super().__init__(offsets)
        self.facts = Facts()
        self._shift = shift
        if _READERS.search(text):
            self.facts.reads_input.append(1)
        stack = [(root, _Where())]
        while stack:
            node, where = stack.pop()
            inner = self._visit(node, where)
            if where.depth < _DEEPEST:
                below = inner._replace(parent=node, depth=where.depth + 1)
                stack.extend((child, below) for child in reversed(node.named_children))

    def _span(self, node: Node) -> tuple[int, int]:
        at = self._offsets.at
        return at(node.start_byte) + self._shift, at(node.end_byte) + self._shift

    def _visit(self, node: Node, where: _Where) -> _Where:
        kind = node.type
        if kind in _BRANCHES:
            self._branch(node)
        elif kind in _CASES:
            self._case(node)
        elif kind in _TABLES:
            self._table(node, where.parent)
        elif kind in _FUNCTIONS:
            name = self._name(node, where.parent)
            self._function(node, name, where)
            return where._replace(within=(*where.within[-20:], name))
        elif kind in CALLS:
            self._call(node, where)
        elif kind in ASSIGNS:
            self._assign(node, where)
        elif kind in _CATCHES:
            self._catch(node, where)
        elif kind in _CLASSES:
            named = node.child_by_field_name("name") or node.child_by_field_name("type")
            return where._replace(owner=self.read(named, 80))
        elif kind in ("throw_statement", "raise_statement"):
            start, end = self._span(node)
            words = self.read(node, 200)
            name = words.split("(")[0].removeprefix("raise ").removeprefix("throw ").strip()
            self.facts.calls.append(f.Call(name, (), words, where.within, False, start, end))
        elif kind in ("import_statement", "import_declaration", "use_declaration", "preproc_include", "import_spec"):
            self.facts.imports.extend(re.findall(r"[\w./:@-]{2,60}", self.read(node, 200))[:12])
        return where

    def _name(self, function: Node, parent: Node | None) -> str:
        named = function.child_by_field_name("name")
        if named is None:
            declared = function.child_by_field_name("declarator")
            while declared is not None and declared.child_by_field_name("declarator") is not None:
                declared = declared.child_by_field_name("declarator")
            named = declared
        if named is None and parent is not None:
            named = parent.child_by_field_name("name") or parent.child_by_field_name("key")
            named = named or parent.child_by_field_name("left")
        return self.read(named, 80)

    def _branch(self, node: Node) -> None:
        condition = node.child_by_field_name("condition")
        body = node.child_by_field_name("consequence")
        if condition is None and len(node.named_children) >= 2:  # Python's `a if c else b` has no fields
            body, condition = node.named_children[0], node.named_children[1]
        if condition is None or body is None:
            return
        tests, exact = self.tests(condition)
        if not tests:
            calls = [n for n in islice(walk(condition), 12) if n.type in CALLS]
            tests = [t for call in calls[:2] for t in self.membership(call)]
        if tests:
            answers, fixed = self.answers(body, "ternary" in node.type or "conditional" in node.type)
            start, end = self._span(condition)[0], self._span(body)[1]
            self.facts.branches.append(f.Branch(tuple(tests), answers, fixed, start, end, exact))

    def _case(self, node: Node) -> None:
        value = node.child_by_field_name("pattern") or (
            node.child_by_field_name("value") if node.type != "match_arm" else None
        )
        parts = list(node.named_children)
        if value is None and parts:
            value = parts[0]
        rest = [p for p in parts if p != value and p.type not in ("break_statement", "comment")]
        if value is None or not rest:
            return
        if value.type in ("switch_label", "case_pattern", "match_pattern") and value.named_children:
            value = value.named_children[0]
        literals = self._cases(value)
        if not literals:
            return
        answers: list[Literal] = []
        fixed = True
        for part in rest:
            more, part_fixed = self.answers(part, False)
            answers += more
            fixed = fixed and (part_fixed or not self.read(part, 40).strip("; \n"))
        tests = tuple(f.Test("switch", (v,)) for v in literals) if value.type == "tuple_pattern" else None
        start, end = self._span(node)
        tests = tests or (f.Test("switch", literals),)
        self.facts.branches.append(f.Branch(tests, tuple(answers), fixed and bool(answers), start, end))

    def _cases(self, value: Node) -> tuple[Literal, ...]:
        """The literals that a case names."""
        if value.type in ("or_pattern", "expression_list", "tuple_pattern"):
            found = [self.constant(c) for c in value.named_children if not c.type.startswith("_")]
            return tuple(v for fixed, v in found if fixed)
        fixed, literal = self.constant(value)
        return (literal,) if fixed else ()

    def _table(self, node: Node, parent: Node | None) -> None:
        start, end = self._span(node)
        keys: list[Literal] = []
        values: list[Literal] = []
        for pair in node.named_children:
            parts = [c for c in pair.named_children if c.type != "comment"]
            if (pair.type in PAIRS or pair.type in LIST) and len(parts) == 2:
                key, value = self._key(parts[0]), self.constant(parts[1])
                if key[0] and value[0]:
                    keys.append(key[1])
                    values.append(value[1])
        if keys:
            self.facts.tables.append(f.Table(tuple(keys), tuple(values), "", start, end))
        elif parent is not None and parent.type not in ASSIGNS | {"return_statement"}:
            return
        elif (given := self.constant(node))[0] and isinstance(given[1], tuple) and len(given[1]) > 1:
            name = self.read(parent, 60)[:20] if parent is not None else ""
            self.facts.tables.append(f.Table((), given[1], name, start, end))

    def _key(self, node: Node) -> tuple[bool, Literal]:
        if node.type in NAMES:
            return True, self.read(node)
        if node.type in ("computed_property_name", "literal_element") and node.named_children:
            return self.constant(node.named_children[0])
        return self.constant(node)

    def _function(self, node: Node, name: str, where: _Where) -> None:
        body = node.child_by_field_name("body")
        if body is None:
            return
        kind, value = self._body(body)
        start, end = self._span(node)
        given = node.child_by_field_name("parameters")
        params = tuple(self.read(p, 60) for p in given.named_children[:12]) if given is not None else ()
        size = sum("statement" in n.type or n.type.endswith("declaration") for n in islice(walk(body), 2000))
        owner = where.owner if not where.within else ""
        function = f.Function(name, owner, params, kind, value, size, (), start, end, (), not where.owner)
        self.facts.functions.append(function)

    def _body(self, body: Node) -> tuple[str, Literal]:
        fixed, value = self.constant(body)
        if fixed:  # an arrow function that is an expression
            return f.CONSTANT, value
        statements = [c for c in body.named_children if c.type not in ("comment", "pass_statement")]
        if not statements:
            return (f.EMPTY, None) if body.type in BLOCKS else (f.LOGIC, None)
        [first] = statements[:1]
        if len(statements) > 1:
            return f.LOGIC, None
        if first.type in ("throw_statement", "raise_statement"):
            return f.RAISES, None
        if first.type == "return_statement":
            given = [c for c in first.named_children if c.type != "comment"]
            if not given:
                return f.EMPTY, None
            fixed, value = self.constant(given[0])
            return (f.CONSTANT, value) if fixed else (f.LOGIC, None)
        fixed, value = self.constant(first) if body.type == "block" else (False, None)  # Rust's last expression
        return (f.CONSTANT, value) if fixed else (f.LOGIC, None)

    def _call(self, node: Node, where: _Where) -> None:
        name = self.called(node)
        start, end = self._span(node)
        literals = tuple(self.given(node))
        words = self.read(node, 400)
        self.facts.calls.append(f.Call(name, literals, words, where.within, False, start, end))
        last = name.rsplit(".", 1)[-1]
        if last in _PRINTS:
            self.facts.prints.extend((v, start, end) for v in literals)
        elif last in _PUTS and len(literals) == 2 and "." in name:
            self.facts.tables.append(f.Table(literals[:1], literals[1:], "it", start, end))
        elif name in _OF and len(literals) >= 2:
            self.facts.tables.append(f.Table(literals[::2][: len(literals) // 2], literals[1::2], "it", start, end))

    def _assign(self, node: Node, where: _Where) -> None:
        target = next(
            (c for n in ("left", "name", "pattern", "declarator") if (c := node.child_by_field_name(n))), None
        )
        value = next((c for n in ("right", "value") if (c := node.child_by_field_name(n))), None)
        if target is None or value is None:
            return
        fixed, literal = self.constant(value)
        start, end = self._span(node)
        if fixed and target.type in ("subscript_expression", "array_access", "index_expression", "subscript"):
            key = self.constant(target.named_children[-1]) if target.named_children else (False, None)
            if key[0]:
                self.facts.tables.append(f.Table((key[1],), (literal,), "it", start, end))
        if value.type in ("arrow_function", "function_expression", "lambda"):
            body = value.child_by_field_name("body")
            fixed = body is not None and self._body(body)[0] in (f.CONSTANT, f.EMPTY)
        written = self.read(value, 300)
        self.facts.assignments.append(
            f.Assignment(self.read(target, 120), written, fixed, literal, where.within, start, end)
        )

    def _catch(self, node: Node, where: _Where) -> None:
        body = node.child_by_field_name("body") or (node.named_children[-1] if node.named_children else None)
        if body is None:
            return
        kind, value = self._body(body)
        start, end = self._span(node)
        head = self.read(node, 400).split("{")[0]
        broad = not re.search(r"\b\w*(?:Exception|Error|IO|NotFound)\w+\b", head)
        protects = where.parent.child_by_field_name("body") if where.parent is not None else None
        count = sum("statement" in n.type for n in islice(walk(protects), 500)) if protects is not None else 1
        caught = () if broad else (head[:60],)
        asserts = bool(re.search(r"\bassert|\bexpect\(", self.read(protects, 4000)))
        self.facts.handlers.append(f.Handler(caught, kind, value, count, 0.0, asserts, where.within, start, end))
