"""Is what a judge quotes there, exactly or after folding white space and Unicode, in the model's own words?"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitors.judge.record import Step

_ALIKE = {**dict.fromkeys("‘’‚‛′", "'"), **dict.fromkeys("“”„‟″", '"'), **dict.fromkeys("‐‑‒–—−", "-")}


@dataclass(frozen=True, slots=True)
class Quoted:
    """Where a quote stands: step and span in the trace as it is, in code points."""

    step: int
    start: int
    end: int
    channel: str


def find_quote(quote: str, step: int, steps: Sequence[Step], at_least: int) -> Quoted | None:
    """The quote in the model's own steps, in the step named if it is there, else in the first that has it.

    A quote of fewer than `at_least` characters would be found by chance, unless it is all that the step says. Prompts
    and observations are not searched: what others wrote shows nothing about the model.
    """
    own = sorted((s for s in steps if s.own), key=lambda s: s.number != step)
    wanted = quote.strip()
    if not wanted:
        return None
    for places in (_exact, _folded):
        for s in own:
            found = places(wanted, s.shown.text)
            if found is not None and (len(folded(wanted)[0]) >= at_least or wanted == s.shown.text.strip()):
                return Quoted(s.number, *s.shown.span(*found), s.channel)
    return None


def _exact(quote: str, text: str) -> tuple[int, int] | None:
    at = text.find(quote)
    return None if at < 0 else (at, at + len(quote))


def _folded(quote: str, text: str) -> tuple[int, int] | None:
    want, _ = folded(quote)
    have, origin = folded(text)
    at = have.find(want) if want else -1
    return None if at < 0 else (origin[at], origin[at + len(want) - 1] + 1)


@lru_cache(maxsize=64)
def folded(text: str) -> tuple[str, tuple[int, ...]]:
    """A text with white space, compatible forms, quotation marks and dashes made one, and where each character was.

    >>> folded("don’t\\n\\t do　it")[0]
    "don't do it"
    """
    characters: list[str] = []
    origin: list[int] = []
    for i, c in enumerate(text):
        for f in _fold(c):
            if f == " " and (not characters or characters[-1] == " "):
                continue
            characters.append(f)
            origin.append(i)
    if characters and characters[-1] == " ":
        del characters[-1], origin[-1]
    return "".join(characters), tuple(origin)


@lru_cache(maxsize=4096)
def _fold(c: str) -> str:
    if c.isspace():
        return " "
    if unicodedata.category(c) == "Cf":  # zero-width joiners and the like, which nobody sees
        return ""
    decomposed = unicodedata.normalize("NFKD", _ALIKE.get(c, c))
    return "".join(" " if d.isspace() else _ALIKE.get(d, d) for d in decomposed)
