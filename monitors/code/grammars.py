"""Tree-sitter grammars, each loaded when a piece of its language is met."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache

from tree_sitter import Language, Node, Parser

from monitors.code.language import GO, JAVA, PYTHON, SCRIPT, SHELL, C

_MODULES = {
    PYTHON: "tree_sitter_python",
    SHELL: "tree_sitter_bash",
    SCRIPT: "tree_sitter_javascript",
    C: "tree_sitter_cpp",
    JAVA: "tree_sitter_java",
    GO: "tree_sitter_go",
}
GRAMMARS = tuple(_MODULES)


@cache
def parser(language: str) -> Parser:
    """The parser of a language of `GRAMMARS`."""
    return Parser(Language(importlib.import_module(_MODULES[language]).language()))


def parsed(language: str, text: str) -> tuple[Node, Offsets]:
    """The tree of a text, broken or not, and the way from its bytes to characters."""
    data = text.encode("utf-8", "replace")
    return parser(language).parse(data).root_node, Offsets(text, data)


class Offsets:
    """From bytes to characters of one text."""

    def __init__(self, text: str, data: bytes) -> None:
        self.text = text
        self.data = data
        self._plain = len(text) == len(data)

    def at(self, byte: int) -> int:
        return byte if self._plain else len(self.data[:byte].decode("utf-8", "replace"))

    def span(self, node: Node) -> tuple[int, int]:
        return self.at(node.start_byte), self.at(node.end_byte)

    def read(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def walk(node: Node, into: frozenset[str] | None = None) -> Iterator[Node]:
    """The node and all below it, in order, without recursion."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        if into is None or here.type in into or here is node:
            stack.extend(reversed(here.named_children))
