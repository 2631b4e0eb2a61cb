"""Flattened transcripts: what in an action's text the model wrote, and what its environment answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# lines that begin somebody else's turn, and lines that begin the model's own again
_THEIRS = (
    r"(?:-> |\[(?:tool|user|system|observation|environment)\][ \n]|# \[(?:tool|user|system)\]"
    r"|OBSERVATION:|Observation:)"
)
_OURS = r"(?:\$ |CALL \{|>>> \$ |\[assistant\][ \n]|ACTION:|Action:)"
_TURN = re.compile(rf"^(?:(?P<theirs>{_THEIRS})|(?P<ours>{_OURS}))", re.M)
_COMMENTED = re.compile(r"(?:[ \t]*#[^\n]*(?:\n|\Z)|[ \t]*\n)*")


@dataclass(frozen=True, slots=True)
class Turn:
    """`text[start:end]`, written by the model or (`own` False) given to it."""

    own: bool
    start: int
    end: int


def turns(text: str) -> Iterator[Turn]:
    """The turns of a text, in order; a text without marks is one turn of the model's own."""
    at, own = 0, True
    for mark in _TURN.finditer(text):
        if mark.start() < at:
            continue
        if mark.start() > at:
            yield Turn(own, at, mark.start())
        at, own = mark.start(), mark["ours"] is not None
        if mark["theirs"] and mark["theirs"].startswith("# "):
            # feedback kept as a comment ends where the comment does
            stop = _COMMENTED.match(text, at)
            end = stop.end() if stop and stop.end() > at else mark.end()
            yield Turn(False, at, end)
            at, own = end, True
    if at < len(text):
        yield Turn(own, at, len(text))
