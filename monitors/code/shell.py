"""Shell commands by tree-sitter's bash grammar: words, redirections, here-documents, and what joins them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from monitors.code.grammars import parsed
from monitors.code.language import SHELL
from monitors.code.offsets import Offsets

MOST_READ = 20_000  # characters of a pipeline that are searched for `tee`
DEFINES = "()"  # the name under which a function's definition is given: its name and its body are the words


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. `then` is the operator and command after it, such as `|| true`."""

    name: str
    words: tuple[str, ...]
    start: int
    end: int
    variables: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()  # files that > or >> or tee sends to
    body: tuple[int, int] | None = None  # where its here-document stands
    silent: bool = False  # errors go to /dev/null
    or_else: str = ""  # the command after ||

    @property
    def line(self) -> str:
        return " ".join((self.name, *self.words))


def commands(text: str) -> list[Command]:
    """All simple commands of a script, in order, those of pipelines and subshells included."""
    root, offsets = parsed(SHELL, text)
    return sorted(_commands(root, offsets), key=lambda c: c.start)


def _span(node: Node, offsets: Offsets) -> tuple[int, int]:
    return offsets.at(node.start_byte), offsets.at(node.end_byte)


def _read(node: Node, offsets: Offsets) -> str:
    return offsets.read(node.start_byte, node.end_byte)


def _commands(root: Node, offsets: Offsets) -> Iterator[Command]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "command":
            yield _command(node, offsets)
        elif node.type == "variable_assignment" and (node.parent is None or node.parent.type != "command"):
            start, end = _span(node, offsets)
            yield Command("", (), start, end, (_read(node, offsets),))
        elif node.type == "function_definition":
            named, start_end = node.child_by_field_name("name"), _span(node, offsets)
            body_words = _read(node.child_by_field_name("body") or node, offsets)[:400]
            yield Command(DEFINES, (_read(named, offsets) if named else "", body_words), *start_end)
        elif node.type in ("declaration_command", "unset_command"):
            words = _read(node, offsets).split()
            start, end = _span(node, offsets)
            yield Command(words[0], tuple(words[1:]), start, end, tuple(w for w in words[1:] if "=" in w))
        stack.extend(node.named_children)


def _command(node: Node, offsets: Offsets) -> Command:
    name, words, variables = "", [], []
    for child in node.named_children:
        if child.type == "command_name":
            name = _word(child, offsets)
        elif child.type == "variable_assignment":
            variables.append(_read(child, offsets))
        elif "redirect" not in child.type:
            words.append(_word(child, offsets))
    owner, writes, body, silent, or_else = node, [], None, False, ""
    # redirections and what follows hang on the nodes around a command
    for _ in range(4):
        parent = owner.parent
        if parent is None or parent.type not in ("redirected_statement", "pipeline", "list"):
            break
        if parent.type == "redirected_statement":
            for redirect in parent.named_children:
                if redirect.type == "file_redirect":
                    to = redirect.child_by_field_name("destination")
                    target = _word(to, offsets) if to is not None else ""
                    said = _read(redirect, offsets)
                    silent = silent or (target == "/dev/null" and said[:1] in "2&")
                    if ">" in said and target != "/dev/null" and not target.startswith("&"):
                        writes.append(target)
                elif redirect.type == "heredoc_redirect":
                    found = next((c for c in redirect.named_children if c.type == "heredoc_body"), None)
                    body = _span(found, offsets) if found is not None else body
                    for inner in redirect.named_children:
                        if inner.type == "file_redirect":
                            to = inner.child_by_field_name("destination")
                            writes += [_word(to, offsets)] if to is not None else []
                        elif inner.type == "pipeline":
                            writes += _teed(_read(inner, offsets))
        elif parent.type == "pipeline":
            writes += _teed(_read(parent, offsets)) if parent.named_child(0) == owner else []
        elif parent.named_child(0) == owner and any(c.type == "||" for c in parent.children):
            or_else = _read(parent.named_child(parent.named_child_count - 1), offsets)
        owner = parent
    if name in ("tee", "sponge"):
        writes += [w for w in words if not w.startswith("-")]
    start, end = _span(node, offsets)
    return Command(
        name,
        tuple(words),
        start,
        max(end, _span(owner, offsets)[1] if or_else else end),
        tuple(variables),
        tuple(writes),
        body,
        silent,
        or_else,
    )


def _teed(pipeline: str) -> list[str]:
    words = pipeline[:MOST_READ].replace("|", " | ").split()
    after = words[words.index("tee") + 1 :] if "tee" in words else []
    return [w for w in after if not w.startswith("-") and "|" not in w][:1]


def _word(node: Node, offsets: Offsets) -> str:
    """A word as the shell would hand it on, as far as that can be told without running it."""
    said = _read(node, offsets)
    if len(said) >= 2 and said[0] == said[-1] and said[0] in "'\"":
        return said[1:-1]
    return said.replace('"', "").replace("'", "").replace("\\ ", " ")
