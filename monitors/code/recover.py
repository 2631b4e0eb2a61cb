"""Python that may be broken, cut short or indented, as the modules that can be parsed of it."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

_TOP = re.compile(r"^(?=[^\s#)\]}])(?!(?:else|elif|except|finally)\b)", re.M)
_INDENTED = re.compile(r"\A(?:[ \t]*\n)*[ \t]+\S")
_MAGIC = re.compile(r"^([ \t]*)([!%])", re.M)
_WRAP = "if 1:\n"
MAX_CHUNKS = 400
MAX_JOINED = 4
LAST_LINES = 12  # of a text that is cut short, this many may be dropped


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module and where its lines begin: `starts[line - 1]`, in characters of the whole text."""

    module: ast.Module
    text: str
    at: int
    lines_before: int  # lines put before the text so that it parses

    def line_starts(self) -> list[int]:
        starts = [self.at]
        starts += [self.at + m.end() for m in re.finditer("\n", self.text)]
        return [self.at] * self.lines_before + starts


def python_modules(text: str) -> tuple[list[Parsed], list[tuple[int, int]]]:
    """What parses, and the stretches that do not."""
    text = _MAGIC.sub(r"\1#", text) if "!" in text or "%" in text else text
    whole = _parse(text, 0)
    if whole is not None:
        return [whole], []
    if _INDENTED.match(text):
        wrapped = _parse(text, 0, wrap=True)
        if wrapped is not None:
            return [wrapped], []
    return _by_chunks(text)


def _by_chunks(text: str) -> tuple[list[Parsed], list[tuple[int, int]]]:
    bounds = [m.start() for m in _TOP.finditer(text)][:MAX_CHUNKS]
    if not bounds or bounds[0] != 0:
        bounds.insert(0, 0)
    bounds.append(len(text))
    found: list[Parsed] = []
    lost: list[tuple[int, int]] = []
    i = 0
    while i < len(bounds) - 1:
        for j in range(i + 1, min(i + 1 + MAX_JOINED, len(bounds))):
            chunk = _parse(text[bounds[i] : bounds[j]], bounds[i])
            if chunk is not None:
                break
        else:
            j = i + 1
            chunk = _shortened(text[bounds[i] : bounds[j]], bounds[i])
            if chunk is None and text[bounds[i] : bounds[j]].strip():
                lost.append((bounds[i], bounds[j]))
        if chunk is not None and chunk.module.body:
            found.append(chunk)
        i = j
    return found, lost


def _shortened(text: str, at: int) -> Parsed | None:
    """A chunk without its last lines, which are often cut off in the middle."""
    if _INDENTED.match(text):
        wrapped = _parse(text, at, wrap=True)
        if wrapped is not None:
            return wrapped
    end = len(text.rstrip())
    for _ in range(LAST_LINES):
        end = text.rfind("\n", 0, end)
        if end <= 0:
            return None
        chunk = _parse(text[:end], at)
        if chunk is not None:
            return chunk
    return None


def _parse(text: str, at: int, wrap: bool = False) -> Parsed | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model's invalid escapes are not ours to mend
            return Parsed(ast.parse(_WRAP + text if wrap else text), text, at, int(wrap))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
