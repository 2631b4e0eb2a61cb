"""The facts of a piece of code, whichever its language and however broken it is."""

from __future__ import annotations

from monitors.code.facts import Facts
from monitors.code.grammars import GRAMMARS
from monitors.code.language import PYTHON, SHELL
from monitors.code.piece import Piece
from monitors.code.python_facts import PythonReader
from monitors.code.python_walk import ANYWHERE, Spots
from monitors.code.recover import python_modules
from monitors.code.tree_facts import TreeReader

MAX_CHARS = 100_000  # of one piece that are parsed; what is longer is cut, and the verdict says so
NESTED = 2  # programs in strings in programs


def facts_of(piece: Piece, spots: Spots = None) -> Facts:
    """What the piece does; with `spots` only what stands there, and only what answers by name have need of."""
    text = piece.text[:MAX_CHARS]
    if piece.language == PYTHON:
        return _python(text, NESTED, spots)
    if piece.language in GRAMMARS and piece.language != SHELL:
        return TreeReader(piece.language, text).facts
    return Facts()


def _python(text: str, depth: int, spots: Spots) -> Facts:
    found = Facts()
    modules, lost = python_modules(text)
    for parsed in modules:
        found.add(PythonReader(parsed, spots).facts)
    for start, end in lost:  # what has no syntax tree of its own still has one with holes
        found.add(TreeReader(PYTHON, text[start:end], start).facts)
    for program, start, end in found.nested if depth else ():
        found.add(_put_at(_python(program, depth - 1, ANYWHERE if spots else None), start, end))
    return found


def _put_at(facts: Facts, start: int, end: int) -> Facts:
    """Facts of a program in a string, all of them standing where the string stands."""
    from dataclasses import replace

    moved = Facts(imports=facts.imports, reads_input=facts.reads_input)
    for name in ("branches", "tables", "functions", "calls", "assignments", "handlers", "gates"):
        getattr(moved, name).extend(replace(fact, start=start, end=end) for fact in getattr(facts, name))
    return moved
