"""A message that is no text of its trace, looked at word by word: shortened, added to like others, or changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.audit.text.index import FACTORS, quoted_words
from pipelines.audit.text.words import U64, words_of

Kind = Literal["respaced", "shortened", "template", "changed"]
KINDS: tuple[Kind, ...] = ("respaced", "shortened", "template", "changed")  # from the least to the most
# what stands where words were taken out or parts were put together: [withheld], <EMAIL>, <think>, <|im_end|>
PLACEHOLDER = re.compile(
    r"\[{1,2}[A-Za-z][\w .:-]{0,40}\]{1,2}|</?\|?[A-Za-z_][\w .:-]{0,40}\|?>|\{\{\w{1,40}\}\}|…|\.{3}|\*{3,}"
)
LEAST_ROWS = 5  # that have the same word in more than they, for it to be a template's ...
TEMPLATE_SHARE = 0.05  # ... or this share of all that were looked at, where that is more


@dataclass(frozen=True, slots=True)
class Looked:
    """One message beside its trace: which of its words the trace lacks (foreign), and what it is but for these.

    `kept` says that the others stand in the trace in this order, `runs` that they do without a gap. `alone` are words
    that stand in no run of three of the trace's, foreign or not.
    """

    row: int
    foreign: frozenset[int]
    alone: frozenset[int]
    runs: bool
    kept: bool


def look(row: int, message: str, trace: Sequence[str]) -> Looked:
    """A message (its text) beside the texts of its trace, in order."""
    whole = "\n".join(trace)
    own = _words(whole)
    best = _compared(row, message, own)
    for other in (PLACEHOLDER.sub(" ", message), _uncut(message, whole)):
        if not best.foreign and best.kept:
            break
        again = _compared(row, other, own)
        if len(again.foreign) < len(best.foreign) or (again.kept and not best.kept):
            best = again
    return best


def _uncut(message: str, whole: str) -> str:
    """The message without the word at its end, or its beginning, of which only a part may be left."""
    words = message.split()
    if words and words[-1] in whole:
        words.pop()
    if words and words[0] in whole:
        words.pop(0)
    return " ".join(words)


def _compared(row: int, message: str, own: U64) -> Looked:
    words = _words(message)
    foreign = ~np.isin(words, own)
    alone = ~quoted_words(words, own)
    if not _in_order(words[~foreign], own):  # a word that was put in may stand elsewhere in the trace
        foreign = alone
    rest = words[~foreign]
    runs = bool(np.isin(_runs(rest), _runs(own)).all())
    alien, single = (frozenset(words[which].tolist()) for which in (foreign, alone))
    return Looked(row, alien, single, runs, _in_order(rest, own))


def _runs(words: U64) -> U64:
    """Three words in a row, as one number each."""
    return words[:-2] * FACTORS[0] + words[1:-1] * FACTORS[1] + words[2:] * FACTORS[2]


def _in_order(words: U64, own: U64) -> bool:
    rest = iter(own.tolist())
    return all(word in rest for word in words.tolist())


def _words(text: str) -> U64:
    return words_of(text.encode("utf-8", "surrogatepass")).hashes


def kinds(found: Iterable[Looked], rows: int) -> dict[int, Kind]:
    """The kind of each row that was looked at, by its worst message; words that many rows share are a template's."""
    looked = list(found)
    shared: Counter[int] = Counter()
    for words in _by_row(looked).values():
        shared.update(words)
    least = max(LEAST_ROWS, TEMPLATE_SHARE * rows)
    worst: dict[int, Kind] = {}
    for one in looked:
        kind: Kind
        if any(shared[word] < least for word in one.foreign) or not one.kept:
            kind = "changed"
        elif one.foreign:
            kind = "template"
        else:
            kind = "respaced" if one.runs else "shortened"
        known = worst.get(one.row)
        worst[one.row] = kind if known is None or KINDS.index(kind) > KINDS.index(known) else known
    return worst


def _by_row(looked: Sequence[Looked]) -> dict[int, set[int]]:
    rows: dict[int, set[int]] = {}
    for one in looked:
        rows.setdefault(one.row, set()).update(one.alone)
    return rows
