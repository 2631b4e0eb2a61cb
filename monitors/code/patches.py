"""Unified diffs, apply_patch envelopes and SEARCH/REPLACE blocks as edits: what was there, and what replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import whatthepatch

from monitors.code.language import OTHER, guess, of_path
from monitors.code.piece import Piece, Placed, joined

_UNIFIED = re.compile(r"^(?:diff --git |--- [^\n]+\n\+\+\+ |@@ -\d)", re.M)
_FILE = re.compile(r"^(?:diff --git [^\n]*|--- (?!\d)[^\n]*\n(?=\+\+\+ ))", re.M)
_TARGET = re.compile(
    r"^\+\+\+ (?:b/)?([^\t\n]+)|^diff --git a/\S+ b/(\S+)|^\*\*\* (?:Update|Add|Delete) File: " r"([^\n]+)", re.M
)
_ENVELOPE = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: ([^\n]+)\n", re.M)
_SEARCH = re.compile(
    r"^<{5,9} ?SEARCH[^\n]*\n(?P<old>.*?)\n?^={5,9}[^\n]*\n(?P<new>.*?)(?:^>{5,9} ?REPLACE|\Z)", re.M | re.S
)
_NAME = re.compile(r"^[ \t]*([\w./-]+\.\w{1,6})[ \t:]*$", re.M)
_MARKED = re.compile(r"^([+-])(?!\+\+ |-- )(.*)$")


def is_patch(text: str) -> bool:
    """Whether a text is a patch of some kind."""
    if not any(sign in text for sign in ("@@", "+++ ", "*** ", "<<<<<", "diff --git")):
        return False
    return bool(_UNIFIED.search(text) or _ENVELOPE.search(text) or _SEARCH.search(text))


def edits(code: Placed) -> Iterator[Piece]:
    """The edits of a patch, one a hunk; half patches give what can be read of them."""
    text = code.text
    if _SEARCH.search(text):
        yield from _blocks(code)
        return
    heads = list(_ENVELOPE.finditer(text)) or list(_FILE.finditer(text))
    bounds = [m.start() for m in heads] or [0]
    for start, end in zip(bounds, [*bounds[1:], len(text)], strict=True):
        part = code.part(start, end)
        target = _TARGET.search(part.text)
        path = next((g.strip() for g in target.groups() if g), None) if target else _header(part.text)
        for hunk in _hunks(part):
            yield from _edit(hunk, path)


def _header(text: str) -> str | None:
    """The file that a diff names in a way of its own, by the library that knows them all."""
    try:
        diff = next(iter(whatthepatch.parse_patch(text)), None)
    except (ValueError, whatthepatch.exceptions.WhatThePatchException):
        return None
    return (diff.header.new_path or diff.header.old_path) if diff is not None and diff.header else None


def _hunks(part: Placed) -> Iterator[Placed]:
    starts = [m.start() for m in re.finditer(r"^@@", part.text, re.M)] or [0]
    for start, end in zip(starts, [*starts[1:], len(part.text)], strict=True):
        yield part.part(start, end)


def _edit(hunk: Placed, path: str | None) -> Iterator[Piece]:
    """A hunk as it reads afterwards; only added lines keep their places, since only they were written."""
    new: list[Placed] = []
    old: list[str] = []
    at, changed = 0, False
    for line in hunk.text.split("\n"):
        marked = _MARKED.match(line)
        if marked and marked[1] == "+":
            new.append(hunk.part(at + 1, at + len(line)) if len(line) > 1 else Placed("", (0,), (hunk.place(at),)))
            changed = True
        elif marked:
            old.append(marked[2])
            changed = True
        at += len(line) + 1
    if changed:
        added = joined(new) if new else Placed("", (0,), (hunk.place(0),))
        yield Piece("edit", of_path(path) or guess(added.text) or OTHER, added, path, "\n".join(old))


def _blocks(code: Placed) -> Iterator[Piece]:
    for m in _SEARCH.finditer(code.text):
        names = _NAME.findall(code.text[max(0, m.start() - 200) : m.start()])
        path = names[-1] if names else None
        new = code.part(m.start("new"), m.end("new"))
        yield Piece("edit", of_path(path) or guess(new.text), new, path, m["old"])
