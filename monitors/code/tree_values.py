"""Constants, conditions and answers in the trees of tree-sitter, whichever the language."""

from __future__ import annotations

import ast
import re
from itertools import islice

from tree_sitter import Node

from monitors.code import facts as f
from monitors.code.facts import Literal
from monitors.code.grammars import walk
from monitors.code.offsets import Offsets

NUMBER = frozenset(
    "number number_literal integer float decimal_integer_literal int_literal float_literal integer_literal "
    "decimal_floating_point_literal hex_integer_literal imaginary_literal".split()
)
STRING = frozenset(
    "string string_literal char_literal character_literal interpreted_string_literal raw_string_literal "
    "rune_literal template_string concatenated_string".split()
)
WORD = {"true": True, "false": False, "null": None, "nil": None, "none": None, "True": True, "False": False}
LIST = frozenset(
    "array initializer_list array_initializer list tuple set literal_value expression_list tuple_pattern "
    "argument_list arguments array_expression tuple_expression slice_pattern".split()
)
WRAPPED = frozenset(
    "parenthesized_expression condition_clause composite_literal literal_element expression_statement "
    "object_creation_expression array_creation_expression new_expression else_clause pattern case_pattern "
    "match_pattern subscript_argument_list reference_expression return_expression as_expression "
    "type_cast_expression".split()
)
NAMES = frozenset(
    "identifier property_identifier field_identifier type_identifier shorthand_property_identifier "
    "namespace_identifier primitive_type".split()
)
CALLS = frozenset("call call_expression method_invocation macro_invocation".split())
BLOCKS = frozenset("statement_block compound_statement block switch_block_statement_group".split())
ASSIGNS = frozenset(
    "assignment_expression variable_declarator assignment assignment_statement short_var_declaration init_declarator "
    "augmented_assignment var_spec let_declaration const_item".split()
)
PAIRS = frozenset("pair keyed_element".split())
_PRINTS = frozenset(
    "cout endl std printf puts putchar println print System out console log fmt Println Print Printf write process "
    "stdout ans res result answer ret output append push add push_back String from to_string into vec Some Ok Vec "
    "Arrays asList List of Integer valueOf parseInt BigInt int64 int string Number make_pair".split()
)
_EQUALS = frozenset(
    "equals compareTo startsWith startswith strcmp HasPrefix equalsIgnoreCase includes contains has DeepEqual "
    "isEqual starts_with eq containsKey".split()
)
_MADE = (
    ("len", re.compile(r"(?:\.(?:length|size|len|count|Length)(?:\(\))?|^len\(.*\))$", re.S)),
    ("sum", re.compile(r"^(?:sum|total)$|\.sum\(|\baccumulate\(|\.reduce\(", re.S)),
)
_ESCAPES = re.compile(r"\\([ntr\"'\\])")
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_MOST_NODES = 300  # of a branch's body that are looked at; a longer one is no bare answer
_MOST_READ = 20_000  # bytes of a literal

Fixed = tuple[bool, Literal]  # whether an expression is a constant, and which
NOT_FIXED: Fixed = (False, None)


class TreeValues:
    """Reads what expressions of one text come to."""

    def __init__(self, offsets: Offsets) -> None:
        self._offsets = offsets

    def read(self, node: Node | None, most: int = _MOST_READ) -> str:
        return self._offsets.read(node.start_byte, node.end_byte, most) if node is not None else ""

    def called(self, node: Node) -> str:
        """The dotted name of what is called."""
        if node.type == "method_invocation":
            parts = (self.read(node.child_by_field_name("object"), 200), self.read(node.child_by_field_name("name")))
            return ".".join(filter(None, parts))
        function = node.child_by_field_name("function") or node.child_by_field_name("macro")
        return self.read(function, 200).replace("::", ".").replace("->", ".")[:120]

    def given(self, node: Node) -> list[Literal]:
        """The constants among a call's arguments."""
        arguments = node.child_by_field_name("arguments")
        if arguments is None and node.type == "macro_invocation" and node.named_children:
            arguments = node.named_children[-1]
        found = (self.constant(a) for a in (arguments.named_children if arguments is not None else ()))
        return [value for fixed, value in found if fixed]

    def constant(self, node: Node | None, depth: int = 0) -> Fixed:
        """Whether a node is a literal, and which."""
        if node is None or depth > 20:
            return NOT_FIXED
        kind = node.type
        if kind in NUMBER:
            return True, _number(self.read(node))
        if kind in STRING:
            if any(c.type in ("template_substitution", "interpolation") for c in node.named_children):
                return NOT_FIXED
            return True, _unquoted(self.read(node))
        if kind in WORD or kind == "boolean_literal" or (kind in NAMES and self.read(node, 6) in WORD):
            return True, WORD.get(self.read(node, 6))
        if kind in ("unary_expression", "unary_operator", "negative_literal"):
            fixed, value = self.constant(node.named_children[-1] if node.named_children else None, depth + 1)
            return (True, -value) if fixed and isinstance(value, int | float) else (fixed, value)
        if kind in LIST:
            values = [self.constant(c, depth + 1) for c in node.named_children if c.type != "comment"]
            return (True, tuple(v for _, v in values)) if values and all(fixed for fixed, _ in values) else NOT_FIXED
        if kind in WRAPPED or kind in PAIRS:
            inner = [c for c in node.named_children if not c.type.endswith("type") and c.type not in NAMES]
            return self.constant(inner[-1], depth + 1) if inner else NOT_FIXED
        if kind in ("call_expression", "method_invocation") and self.called(node).rsplit(".", 1)[-1] in (
            "from",
            "String",
            "to_string",
            "to_owned",
            "into",
            "asList",
            "BigInt",
            "Some",
        ):
            return self._dressed(node, depth)
        return NOT_FIXED

    def _dressed(self, node: Node, depth: int) -> Fixed:
        """`String::from("14")`, `"14".to_string()` and `Arrays.asList(1, 2)` are constants too."""
        given = self.given(node)
        if len(given) == 1:
            return True, given[0]
        function = node.child_by_field_name("function")
        return (
            self.constant(function.named_children[0], depth + 1) if function and function.named_children else NOT_FIXED
        )

    def tests(self, node: Node, depth: int = 0) -> tuple[list[f.Test], bool]:
        """The equalities with literals in a condition, and whether it asks for nothing else."""
        if depth > 60:
            return [], False
        if node.type in WRAPPED and len(node.named_children) == 1:
            return self.tests(node.named_children[0], depth + 1)
        operator = node.child_by_field_name("operator") or node.child_by_field_name("operators")
        said = self.read(operator, 8)
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type == "comparison_operator" and len(node.named_children) == 2:
            left, right = node.named_children
        if said in ("&&", "||", "and", "or") and left is not None and right is not None:
            a, exact_a = self.tests(left, depth + 1)
            b, exact_b = self.tests(right, depth + 1)
            return a + b, exact_a and exact_b and bool(a and b)
        if said in ("==", "===", "in") and left is not None and right is not None:
            return self._equality(left, right, said)
        if node.type in CALLS and (given := self.given(node)):
            return self._asked(node, given)
        if said == "!" or node.type in ("unary_expression", "not_operator"):
            inner = node.named_children[0] if node.named_children else None
            strings = inner is not None and "strcmp" in self.read(inner, 200)
            return self.tests(inner, depth + 1) if strings and inner is not None else ([], False)
        return [], False

    def _equality(self, left: Node, right: Node, operator: str) -> tuple[list[f.Test], bool]:
        value, subject = self.constant(right), left
        if not value[0]:
            value, subject = self.constant(left), right
        words = self.read(subject, 120)
        if not value[0] or self.constant(subject)[0] or "%" in words:
            return [], False
        parts = subject.named_children if subject.type in LIST else []
        if isinstance(value[1], tuple) and len(parts) == len(value[1]):  # (n, k) == (14, 3)
            return [f.Test(self.read(p, 60), (v,)) for p, v in zip(parts, value[1], strict=True)], True
        literals = value[1] if operator == "in" and isinstance(value[1], tuple) else (value[1],)
        if value[1] == 0 and " - " in words and (moved := _MOVED.search(words)):
            literals = (int(moved[1]),)
        hashed = "hash" in words.lower() or "digest" in words.lower()
        made = next((kind for kind, looks in _MADE if looks.search(words)), "eq")
        return [f.Test(words[:80], literals, f.HASHED if hashed else made)], True

    def _asked(self, node: Node, given: list[Literal]) -> tuple[list[f.Test], bool]:
        """`s.equals("14 3")`, `[14, 29].includes(n)`, `Set.of(14, 29).contains(n)`, `matches!(n, 14 | 29)`."""
        name = self.called(node).rsplit(".", 1)[-1].rsplit(">", 1)[-1]
        return ([f.Test(name, tuple(given))], True) if name in _EQUALS else ([], False)

    def membership(self, node: Node) -> list[f.Test]:
        """`[14, 29].includes(n)` and the like: the literals stand before the dot."""
        name = self.called(node).rsplit(".", 1)[-1]
        if name not in ("includes", "contains", "has"):
            return []
        holder = node.child_by_field_name("object")
        function = node.child_by_field_name("function")
        if holder is None and function is not None and function.named_children:
            holder = function.named_children[0]
        if holder is None:
            return []
        fixed, value = self.constant(holder)
        if not fixed:
            value = tuple(v for n in islice(walk(holder), 60) if n.type in CALLS for v in self.given(n))
        return [f.Test(name, value)] if isinstance(value, tuple) and value else []

    def answers(self, body: Node, expression: bool) -> tuple[tuple[Literal, ...], bool]:
        """The constants that a body returns, prints or stores, and whether it does nothing else."""
        if expression:
            fixed, value = self.constant(body)
            return (value,) if fixed else (), fixed
        statements = body.named_children if body.type in BLOCKS else [body]
        answers: list[Literal] = []
        for statement in statements[:8]:
            if statement.type in ("comment", "break_statement", "continue_statement", "pass_statement"):
                continue
            nodes = list(islice(walk(statement), _MOST_NODES))
            words = {self.read(n, 40) for n in nodes if n.type in NAMES}
            target = next((c for n in nodes if n.type in ASSIGNS and (c := n.child_by_field_name("left"))), None)
            if target is not None:
                words -= {self.read(n, 40) for n in islice(walk(target), 20)}
            if words - _PRINTS or len(nodes) == _MOST_NODES:
                return tuple(answers), False
            answers += [v for n in nodes if n.type in NUMBER | STRING and (v := self.constant(n)[1]) is not None]
            answers += [WORD.get(self.read(n, 6)) for n in nodes if n.type in WORD or n.type == "boolean_literal"]
        return tuple(answers), bool(answers)


_MOVED = re.compile(r"- (\d{1,18})\)?$")


def _number(said: str) -> Literal:
    cleaned = said.replace("_", "")
    cleaned = re.sub(r"(?<=[0-9a-fA-F])(?:[uif](?:8|16|32|64|128|size)|[lLuUnfFdD]+)$", "", cleaned) or cleaned
    try:
        value = ast.literal_eval(cleaned)
    except (ValueError, SyntaxError, MemoryError):
        return None
    return value if isinstance(value, int | float | complex) else None


def _unquoted(said: str) -> str:
    said = said[1:] if said[:1] in ("b", "r", "f") and said[1:2] in ('"', "'") else said
    inner = said[3:-3] if said[:3] in ('"""', "'''") else said[1:-1] if len(said) >= 2 else said
    return _ESCAPES.sub(lambda m: _UNESCAPED.get(m[1], m[1]), inner)
