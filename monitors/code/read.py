"""The facts of a piece of code, whichever its language and however broken it is."""

from __future__ import annotations

from monitors.code.facts import Facts
from monitors.code.language import PYTHON
from monitors.code.piece import Piece
from monitors.code.python_facts import PythonReader
from monitors.code.recover import python_modules

MAX_CHARS = 100_000  # of one piece that are parsed; what is longer is cut, and the verdict says so
NESTED = 2  # programs in strings in programs


def facts_of(piece: Piece, depth: int = 0) -> Facts:
    """What the piece does."""
    text = piece.text[:MAX_CHARS]
    found = Facts()
    if piece.language == PYTHON:
        modules, lost = python_modules(text)
        for parsed in modules:
            found.add(PythonReader(parsed).facts)
    return found
