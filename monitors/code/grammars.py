"""Tree-sitter grammars, each loaded when a piece of its language is met."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache

from tree_sitter import Language, Node, Parser

from monitors.code.language import GO, JAVA, PYTHON, RUST, SCRIPT, SHELL, TYPED, C
from monitors.code.offsets import Offsets

_MODULES = {
    PYTHON: ("tree_sitter_python", "language"),
    SHELL: ("tree_sitter_bash", "language"),
    SCRIPT: ("tree_sitter_javascript", "language"),
    TYPED: ("tree_sitter_typescript", "language_typescript"),
    C: ("tree_sitter_cpp", "language"),
    JAVA: ("tree_sitter_java", "language"),
    GO: ("tree_sitter_go", "language"),
    RUST: ("tree_sitter_rust", "language"),
}
GRAMMARS = tuple(_MODULES)


@cache
def parser(language: str) -> Parser:
    """The parser of a language of `GRAMMARS`."""
    module, function = _MODULES[language]
    return Parser(Language(getattr(importlib.import_module(module), function)()))


def parsed(language: str, text: str) -> tuple[Node, Offsets]:
    """The tree of a text, broken or not, and the way from its bytes to characters."""
    data = text.encode("utf-8", "replace")
    return parser(language).parse(data).root_node, Offsets(text, data)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in order, without recursion."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.named_children))
