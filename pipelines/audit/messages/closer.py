"""A message that is no text of its trace, looked at word by word: shortened, added to like others, or changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.audit.text.index import quoted_words
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

    `kept` says that the others stand in the trace in this order, `runs` that they do without a gap.
    """

    row: int
    foreign: frozenset[int]
    runs: bool
    kept: bool


def look(row: int, message: str, trace: Sequence[str]) -> Looked:
    """A message (its text) beside the texts of its trace, in order."""
    own = _words("\n".join(trace))
    first = _compared(row, message, own)
    if not first.foreign and first.kept:
        return first
    again = _compared(row, PLACEHOLDER.sub(" ", message), own)
    return again if len(again.foreign) < len(first.foreign) or (again.kept and not first.kept) else first


def _compared(row: int, message: str, own: U64) -> Looked:
    words = _words(message)
    foreign = ~np.isin(words, own)
    rest = words[~foreign]
    # a run of fewer than three words stands by itself: whether it is in order is all that can be said
    runs = bool(quoted_words(rest, own).all()) if len(rest) >= 3 else True
    return Looked(row, frozenset(words[foreign].tolist()), runs, runs or _in_order(rest, own))


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
        rows.setdefault(one.row, set()).update(one.foreign)
    return rows
