"""The facts of a program in any language that tree-sitter reads, broken ones included."""

from __future__ import annotations

import ast
import re

from tree_sitter import Node

from monitors.code import facts as f
from monitors.code.facts import Facts, Literal
from monitors.code.grammars import parsed, walk

_NUMBER = frozenset(
    "number number_literal integer float decimal_integer_literal int_literal float_literal "
    "decimal_floating_point_literal hex_integer_literal imaginary_literal".split()
)
_STRING = frozenset(
    "string string_literal char_literal character_literal interpreted_string_literal raw_string_literal "
    "rune_literal template_string concatenated_string".split()
)
_WORD = {"true": True, "false": False, "null": None, "nil": None, "none": None, "True": True, "False": False}
_LIST = frozenset(
    "array initializer_list array_initializer list tuple set literal_value expression_list "
    "argument_list arguments".split()
)
_WRAPPED = frozenset(
    "parenthesized_expression condition_clause composite_literal literal_element expression_statement "
    "object_creation_expression array_creation_expression new_expression else_clause pattern case_pattern".split()
)
_NAMES = frozenset(
    "identifier property_identifier field_identifier type_identifier shorthand_property_identifier".split()
)
_CALLS = frozenset("call call_expression method_invocation".split())
_FUNCTIONS = frozenset(
    "function_declaration function_definition method_definition method_declaration arrow_function "
    "function_expression "
    "generator_function_declaration constructor_declaration".split()
)
_BLOCKS = frozenset("statement_block compound_statement block switch_block_statement_group".split())
_CASES = frozenset(
    "switch_case case_statement switch_block_statement_group switch_rule expression_case case_clause".split()
)
_ASSIGNS = frozenset(
    "assignment_expression variable_declarator assignment assignment_statement short_var_declaration init_declarator "
    "augmented_assignment var_spec".split()
)
_CATCHES = frozenset("catch_clause except_clause".split())
_CLASSES = frozenset("class_declaration class_definition class_specifier struct_specifier class".split())
_PAIRS = frozenset("pair keyed_element".split())
_PRINTS = frozenset(
    "cout endl std printf puts putchar println print System out console log fmt Println Print Printf write process "
    "stdout ans res result answer ret output append push add push_back".split()
)
_READERS = re.compile(
    r"\b(?:cin|scanf|getline|Scanner|BufferedReader|readline|readFileSync|process\.stdin|bufio" r"|Scan\w*|input)\b"
)
_ESCAPES = re.compile(r"\\([ntr\"'\\])")
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class TreeReader:
    """Reads one text of a language into facts; `shift` is where the text begins in its piece."""

    def __init__(self, language: str, text: str, shift: int = 0) -> None:
        self.facts = Facts()
        self._shift = shift
        root, self._offsets = parsed(language, text)
        if _READERS.search(text):
            self.facts.reads_input.append(1)
        for node in walk(root):
            self._visit(node)

    def _span(self, node: Node) -> tuple[int, int]:
        start, end = self._offsets.span(node)
        return start + self._shift, end + self._shift

    def _read(self, node: Node | None) -> str:
        return self._offsets.read(node) if node is not None else ""

    def _visit(self, node: Node) -> None:
        kind = node.type
        if kind in ("if_statement", "elif_clause", "ternary_expression", "conditional_expression"):
            self._branch(node)
        elif kind in _CASES:
            self._case(node)
        elif kind in ("object", "dictionary", "literal_value", "initializer_list", "array"):
            self._table(node)
        elif kind in _FUNCTIONS:
            self._function(node)
        elif kind in _CALLS:
            self._call(node)
        elif kind in _ASSIGNS:
            self._assign(node)
        elif kind in _CATCHES:
            self._catch(node)
        elif kind == "throw_statement" or kind == "raise_statement":
            start, end = self._span(node)
            name = self._read(node).split("(")[0].removeprefix("raise ").removeprefix("throw ").strip()
            self.facts.calls.append(f.Call(name, (), self._read(node)[:200], self._within(node), False, start, end))

    def _within(self, node: Node) -> tuple[str, ...]:
        names: list[str] = []
        above = node.parent
        while above is not None:
            if above.type in _FUNCTIONS:
                names.append(self._name(above))
            above = above.parent
        return tuple(reversed(names))

    def _name(self, function: Node) -> str:
        named = function.child_by_field_name("name")
        if named is None:
            declared = function.child_by_field_name("declarator")
            while declared is not None and declared.child_by_field_name("declarator") is not None:
                declared = declared.child_by_field_name("declarator")
            named = declared
        if named is None and function.parent is not None:
            named = function.parent.child_by_field_name("name") or function.parent.child_by_field_name("key")
            named = named or function.parent.child_by_field_name("left")
        return self._read(named)

    def _branch(self, node: Node) -> None:
        condition = node.child_by_field_name("condition")
        body = node.child_by_field_name("consequence")
        if condition is None and len(node.named_children) >= 2:  # Python's `a if c else b` has no fields
            body, condition = node.named_children[0], node.named_children[1]
        if condition is None or body is None:
            return
        tests, exact = self._tests(condition)
        if tests:
            answers, fixed = self._answers(body, "expression" in node.type)
            start, end = self._span(condition)[0], self._span(body)[1]
            self.facts.branches.append(f.Branch(tuple(tests), answers, fixed, start, end, exact))

    def _case(self, node: Node) -> None:
        value = node.child_by_field_name("value")
        parts = list(node.named_children)
        if value is None and parts:
            value = parts[0]
        rest = [p for p in parts if p != value and p.type not in ("break_statement", "comment")]
        if value is None or not rest:
            return
        if value.type in ("switch_label", "case_pattern") and value.named_children:
            value = value.named_children[0]
        given = self._constant(value)
        if not given[0]:
            return
        answers: list[Literal] = []
        fixed = True
        for part in rest:
            more, part_fixed = self._answers(part, False)
            answers += more
            fixed = fixed and (part_fixed or not self._read(part).strip("; \n"))
        start, end = self._span(node)
        several = value.type == "expression_list" and isinstance(given[1], tuple)
        literals = given[1] if several and isinstance(given[1], tuple) else (given[1],)
        tests = (f.Test("switch", literals),)
        self.facts.branches.append(f.Branch(tests, tuple(answers), fixed and bool(answers), start, end))

    def _tests(self, node: Node) -> tuple[list[f.Test], bool]:
        """The equalities with literals in a condition, and whether it asks for nothing else."""
        if node.type in _WRAPPED and len(node.named_children) == 1:
            return self._tests(node.named_children[0])
        operator = node.child_by_field_name("operator") or node.child_by_field_name("operators")
        said = self._read(operator)
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type == "comparison_operator" and len(node.named_children) == 2:
            left, right = node.named_children
        if said in ("&&", "||", "and", "or") and left is not None and right is not None:
            a, exact_a = self._tests(left)
            b, exact_b = self._tests(right)
            return a + b, exact_a and exact_b and bool(a and b)
        if said in ("==", "===", "in") and left is not None and right is not None:
            value, subject = self._constant(right), left
            if not value[0]:
                value, subject = self._constant(left), right
            words = self._read(subject)
            if not value[0] or self._constant(subject)[0] or "%" in words:
                return [], False
            literals = value[1] if said == "in" and isinstance(value[1], tuple) else (value[1],)
            return [f.Test(words[:80], literals, f.HASHED if "hash" in words.lower() else "eq")], True
        if node.type in _CALLS and (given := self._given(node)):
            name = self._called(node).rsplit(".", 1)[-1].rsplit(">", 1)[-1]
            if name in (
                "equals",
                "compareTo",
                "startsWith",
                "startswith",
                "strcmp",
                "HasPrefix",
                "equalsIgnoreCase",
                "includes",
            ):
                return [f.Test(name, tuple(given))], True
        if said == "!" or node.type in ("unary_expression", "not_operator"):
            inner = node.named_children[0] if node.named_children else None
            return self._tests(inner) if inner is not None and "strcmp" in self._read(inner) else ([], False)
        return [], False

    def _constant(self, node: Node | None, depth: int = 0) -> tuple[bool, Literal]:
        """Whether a node is a literal, and which."""
        if node is None or depth > 20:
            return False, None
        kind = node.type
        if kind in _NUMBER:
            return True, _number(self._read(node))
        if kind in _STRING:
            if any(c.type in ("template_substitution", "interpolation") for c in node.named_children):
                return False, None
            return True, _unquoted(self._read(node))
        if kind in _WORD or self._read(node) in ("True", "False", "None"):
            return True, _WORD.get(kind)
        if kind == "unary_expression" or kind == "unary_operator":
            inner = self._constant(node.named_children[-1] if node.named_children else None, depth + 1)
            value = inner[1]
            return (True, -value) if inner[0] and isinstance(value, int | float) else (inner[0], value)
        if kind in _LIST:
            values = [self._constant(c, depth + 1) for c in node.named_children if c.type != "comment"]
            return (True, tuple(v[1] for v in values)) if values and all(v[0] for v in values) else (False, None)
        if kind in _WRAPPED or kind in _PAIRS:
            inner_nodes = [c for c in node.named_children if not c.type.endswith("type") and c.type not in _NAMES]
            return self._constant(inner_nodes[-1], depth + 1) if inner_nodes else (False, None)
        return False, None

    def _answers(self, body: Node, expression: bool) -> tuple[tuple[Literal, ...], bool]:
        """The constants that a body returns, prints or stores, and whether it does nothing else."""
        if expression:
            fixed, value = self._constant(body)
            return (value,) if fixed else (), fixed
        statements = body.named_children if body.type in _BLOCKS else [body]
        answers: list[Literal] = []
        for statement in statements:
            if statement.type in ("comment", "break_statement", "continue_statement", "pass_statement"):
                continue
            words = {self._read(n) for n in walk(statement) if n.type in _NAMES}
            target = next(
                (c for n in walk(statement) if n.type in _ASSIGNS and (c := n.child_by_field_name("left"))), None
            )
            if target is not None:
                words -= {self._read(n) for n in walk(target)}
            if words - _PRINTS:
                return tuple(answers), False
            answers += [v[1] for n in walk(statement) if n.type in _NUMBER | _STRING and (v := self._constant(n))[0]]
            answers += [_WORD[n.type] for n in walk(statement) if n.type in _WORD]
        return tuple(answers), bool(answers)

    def _table(self, node: Node) -> None:
        start, end = self._span(node)
        keys: list[Literal] = []
        values: list[Literal] = []
        for pair in node.named_children:
            parts = [c for c in pair.named_children if c.type != "comment"]
            if (pair.type in _PAIRS or pair.type in _LIST) and len(parts) == 2:
                key, value = self._key(parts[0]), self._constant(parts[1])
                if key[0] and value[0]:
                    keys.append(key[1])
                    values.append(value[1])
        if keys:
            self.facts.tables.append(f.Table(tuple(keys), tuple(values), "", start, end))
        elif node.parent is not None and node.parent.type not in _ASSIGNS | {"return_statement"}:
            return
        elif (given := self._constant(node))[0] and isinstance(given[1], tuple) and len(given[1]) > 1:
            self.facts.tables.append(
                f.Table((), given[1], self._read(node.parent)[:20] if node.parent is not None else "", start, end)
            )

    def _key(self, node: Node) -> tuple[bool, Literal]:
        if node.type in _NAMES:
            return True, self._read(node)
        if node.type in ("computed_property_name", "literal_element") and node.named_children:
            return self._constant(node.named_children[0])
        return self._constant(node)

    def _function(self, node: Node) -> None:
        body = node.child_by_field_name("body")
        if body is None:
            return
        kind, value = self._body(body)
        start, end = self._span(node)
        given = node.child_by_field_name("parameters")
        params = tuple(self._read(p) for p in given.named_children) if given is not None else ()
        size = sum("statement" in n.type or n.type.endswith("declaration") for n in walk(body))
        owner = node.parent
        while owner is not None and owner.type not in _CLASSES:
            owner = owner.parent
        name = self._name(node)
        class_name = self._read(owner.child_by_field_name("name")) if owner is not None else ""
        function = f.Function(name, class_name, params, kind, value, size, (), start, end, (), not class_name)
        self.facts.functions.append(function)

    def _body(self, body: Node) -> tuple[str, Literal]:
        fixed, value = self._constant(body)
        if fixed:  # an arrow function that is an expression
            return f.CONSTANT, value
        statements = [c for c in body.named_children if c.type not in ("comment", "pass_statement")]
        if not statements:
            return (f.EMPTY, None) if body.type in _BLOCKS else (f.LOGIC, None)
        [first] = statements[:1]
        if len(statements) == 1 and first.type in ("throw_statement", "raise_statement"):
            return f.RAISES, None
        if len(statements) == 1 and first.type == "return_statement":
            given = [c for c in first.named_children if c.type != "comment"]
            if not given:
                return f.EMPTY, None
            fixed, value = self._constant(given[0])
            return (f.CONSTANT, value) if fixed else (f.LOGIC, None)
        return f.LOGIC, None

    def _called(self, node: Node) -> str:
        if node.type == "method_invocation":
            parts = (self._read(node.child_by_field_name("object")), self._read(node.child_by_field_name("name")))
            return ".".join(filter(None, parts))
        return self._read(node.child_by_field_name("function")).replace("::", ".").replace("->", ".")[:120]

    def _given(self, node: Node) -> list[Literal]:
        arguments = node.child_by_field_name("arguments")
        return [
            c[1] for a in (arguments.named_children if arguments is not None else ()) if (c := self._constant(a))[0]
        ]

    def _call(self, node: Node) -> None:
        name = self._called(node)
        start, end = self._span(node)
        literals = tuple(self._given(node))
        self.facts.calls.append(f.Call(name, literals, self._read(node)[:400], self._within(node), False, start, end))
        if name.rsplit(".", 1)[-1] in ("print", "println", "printf", "log", "puts", "Println", "Printf", "write"):
            self.facts.prints.extend((v, start, end) for v in literals)

    def _assign(self, node: Node) -> None:
        target = next((c for n in ("left", "name", "declarator") if (c := node.child_by_field_name(n))), None)
        value = next((c for n in ("right", "value") if (c := node.child_by_field_name(n))), None)
        if target is None or value is None:
            return
        fixed, literal = self._constant(value)
        if value.type in ("arrow_function", "function_expression", "lambda"):
            body = value.child_by_field_name("body")
            fixed = body is not None and self._body(body)[0] in (f.CONSTANT, f.EMPTY)
        start, end = self._span(node)
        written = self._read(value)[:300]
        self.facts.assignments.append(
            f.Assignment(self._read(target)[:120], written, fixed, literal, self._within(node), start, end)
        )

    def _catch(self, node: Node) -> None:
        body = node.child_by_field_name("body") or (node.named_children[-1] if node.named_children else None)
        if body is None:
            return
        kind, value = self._body(body)
        start, end = self._span(node)
        whole = self._read(node)
        broad = not re.search(r"\b\w*(?:Exception|Error|IO|NotFound)\w+\b", whole.split("{")[0])
        protects = node.parent.child_by_field_name("body") if node.parent is not None else None
        count = sum("statement" in n.type for n in walk(protects)) if protects is not None else 1
        text = self._read(protects)
        caught = () if broad else (whole.split("{")[0][:60],)
        asserts = bool(re.search(r"\bassert|\bexpect\(", text))
        self.facts.handlers.append(f.Handler(caught, kind, value, count, 0.0, asserts, self._within(node), start, end))


def _number(said: str) -> Literal:
    cleaned = said.replace("_", "").rstrip("lLuUnfFdD") if not said.lower().startswith("0x") else said.rstrip("lLuUn")
    try:
        value = ast.literal_eval(cleaned)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, int | float | complex) else None


def _unquoted(said: str) -> str:
    inner = said[3:-3] if said[:3] in ('"""', "'''") else said[1:-1] if len(said) >= 2 else said
    return _ESCAPES.sub(lambda m: _UNESCAPED.get(m[1], m[1]), inner)
