"""From the steps of a trace to numbers: what fitting and judging share, so that they cannot differ.

A trace is a row for each window: dense features of the whole trace and of the window, and words in hashed buckets, of
what was thought and of what was said and done apart. No word is kept, so a model holds no text that it was fitted on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from monitors.classifier.answers import Answers, answers
from monitors.classifier.lexicon import GROUPS, MASKED, TOGETHER
from monitors.classifier.windows import THOUGHT, Window, ends, windows
from monitors.classifier.words import numbers_of, pairs, words
from monitors.rules.scan import Batch

FEATURES_VERSION = 1  # raise it when a change alters any number: models fitted before are then refused
BUCKET_BITS = 14
BUCKETS = 1 << BUCKET_BITS  # for each of the two voices
PROMPT = 1 << 15  # bytes of the prompt that are read at each end
REASONING = 1 << 16  # and of the reasoning, for its conclusions
CLOSING = 1_536  # bytes at the end of what was thought, and of what was said, that are looked at by themselves
NEAR_WORDS = 12
HINT_GROUPS = ("leak", "check", "self", "doubt")
FRESH_GROUPS = ("leak", "check")  # of which it counts whether the prompt had used the word already
_SHIFT = np.uint64(64 - BUCKET_BITS)
_NUMBER = words(b"1")[0][0]
_NAMES = list(GROUPS)
_BIT = {name: 1 << i for i, name in enumerate(_NAMES)}
_ONE_BY_ONE = np.array(list(_BIT.values()))
_FIRST, _SECOND = (np.array([_BIT[pair[side]] for pair in TOGETHER]) for side in (0, 1))

_KEYED = ("keyed", "keyed unanswered", "matches", "others", "changed", "last other", "key named", "key over answer")
_MORE = ("not key first", "denied", "other affirmed", "late other", "key from", "unconcluded", "concluded", "spurned")
ANSWER_NAMES = (*_KEYED, *_MORE, *(f"{w} hint {g}" for w in ("taken", "given") for g in HINT_GROUPS))
TEXT_NAMES = (
    *GROUPS,
    *(f"{a} near {b}" for a, b in TOGETHER),
    *("length", "questions", "lines", "numbers"),
    *(f"fresh {g}" for g in FRESH_GROUPS),
    "late conflict",
)
PARTS = ("closing thought", "closing told", "thought", "told")
DENSE_NAMES = (*ANSWER_NAMES, *(f"{part}: {name}" for part in PARTS for name in TEXT_NAMES))
ANSWERS = len(ANSWER_NAMES)
DENSE = len(DENSE_NAMES)


@dataclass(frozen=True, slots=True)
class Rows:
    """n windows: dense features (n, DENSE), buckets with their weights for each voice, the trace each belongs to, and
    how many windows that trace has."""

    dense: Any
    thought: tuple[tuple[Any, Any], ...]  # (bucket, 1 + log count) of each window
    told: tuple[tuple[Any, Any], ...]
    trace: Any
    window: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One window of a trace in numbers."""

    trace: int
    window: int
    dense: Any
    thought: tuple[Any, Any]
    told: tuple[Any, Any]


def rows(batch: Batch, traces: Iterable[int]) -> Iterator[Row]:
    """The windows of the given traces, one after another, each made when it is asked for."""
    for trace in traces:
        texts, channels = batch.texts_of(trace), batch.channels_of(trace)
        prompt = ends(texts, channels, ("prompt",), PROMPT, PROMPT)
        reader = _Reader(np.unique(words(prompt)[0]))
        shared = _of_trace(texts, channels, prompt, reader)
        for number, window in enumerate(windows(texts, channels)):
            yield _row(trace, number, window, texts, reader, shared)


def stacked(found: Sequence[Row]) -> Rows:
    """Rows side by side."""
    return Rows(
        np.array([r.dense for r in found], np.float32).reshape(len(found), DENSE),
        tuple(r.thought for r in found),
        tuple(r.told for r in found),
        np.array([r.trace for r in found], np.int64),
        np.array([r.window for r in found], np.int64),
    )


class _Reader:
    """Reads the texts of one trace; of a short one the end is the whole, and is read once."""

    def __init__(self, asked: Any) -> None:
        self._asked = asked
        self._last: dict[bytes, tuple[Any, Any]] = {}

    def read(self, data: bytes) -> tuple[Any, Any]:
        """The words of a text, and its TEXT_NAMES."""
        found = self._last.get(data)
        if found is None:
            numbers = words(data)[0]
            found = numbers, _dense(numbers, data, self._asked)
            if len(data) <= CLOSING:
                self._last = {**self._last, data: found} if len(self._last) < 2 else {data: found}
        return found


def _of_trace(texts: Sequence[memoryview], channels: Sequence[str], prompt: bytes, reader: _Reader) -> Any:
    """The features that all windows of a trace share."""
    thought = ends(texts, channels, THOUGHT, REASONING, REASONING)
    output = ends(texts, channels, ("output",), 0, CLOSING)
    told = output or ends(texts, channels, ("action",), 0, CLOSING)
    last = thought[-CLOSING:]
    return np.concatenate(
        [
            _answered(answers(prompt, thought, told)),
            reader.read(last)[1],
            reader.read(told)[1],
        ]
    )


def _row(trace: int, number: int, window: Window, texts: Sequence[memoryview], reader: _Reader, shared: Any) -> Row:
    thinking, thought = reader.read(window.text(texts, True))
    telling, told = reader.read(window.text(texts, False))
    dense = np.concatenate([shared, thought, told])
    return Row(trace, number, dense.astype(np.float32), _counted(thinking), _counted(telling))


def _counted(numbers: Any) -> tuple[Any, Any]:
    """(bucket, 1 + log count) of words and pairs of words; masked words are left out."""
    places = buckets(numbers)
    counts = np.bincount(places, minlength=1)
    found = np.flatnonzero(counts)
    return found.astype(np.int32), (1 + np.log(counts[found])).astype(np.float32)


def buckets(numbers: Any) -> Any:
    """The buckets of the words that are not masked, then of their pairs."""
    return buckets_at(numbers)[0]


def buckets_at(numbers: Any) -> tuple[Any, Any]:
    """The same, and which word each stands at."""
    at = np.flatnonzero(_places(numbers, _lexicon()[2]) < 0)
    kept = numbers[at]
    return (np.concatenate([kept, pairs(kept)]) >> _SHIFT).astype(np.int64), np.concatenate([at, at[:-1]])


@lru_cache(maxsize=1)
def _lexicon() -> tuple[Any, Any, Any]:
    """The sorted numbers of all words in groups, the groups of each as bits, and the numbers of masked words."""
    groups = [numbers_of(listed) for listed in GROUPS.values()]
    every = np.unique(np.concatenate(groups))
    bits = np.zeros(len(every), np.int64)
    for i, numbers in enumerate(groups):
        bits[np.searchsorted(every, numbers)] |= 1 << i
    return every, bits, numbers_of(MASKED)


def _places(numbers: Any, known: Any) -> Any:
    """For each number its place among the sorted `known`, or -1."""
    if not len(known):
        return np.full(len(numbers), -1)
    at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    return np.where(known[at] == numbers, at, -1)


def _dense(numbers: Any, data: bytes, asked: Any) -> Any:
    """TEXT_NAMES of one text: rates a word, square-rooted so that the first mention counts most."""
    every, bits, _ = _lexicon()
    at = _places(numbers, every)
    hits = (at >= 0).nonzero()[0]
    marks = bits[at[hits]]
    n, size = max(1, len(numbers)), max(1, len(data))
    near = _neighbours(hits, marks)
    fresh = _places(numbers[hits], asked) < 0
    counts = [
        *((marks[:, None] & _ONE_BY_ONE) != 0).sum(axis=0).tolist(),
        *(((marks[:, None] & _FIRST) != 0) & ((near[:, None] & _SECOND) != 0)).sum(axis=0).tolist(),
        *(int(((marks & _BIT[g] != 0) & fresh).sum()) for g in FRESH_GROUPS),
        int(((marks & _BIT["conflict"] != 0) & (hits > 0.8 * n)).sum()),
        int((numbers == _NUMBER).sum()),
    ]
    rates = np.sqrt(np.array(counts) / n)
    marked = np.sqrt(np.array([data.count(b"?"), data.count(b"\n")]) / size)
    plain = len(_NAMES) + len(TOGETHER)
    return np.concatenate([rates[:plain], [np.log1p(len(numbers)) / 10], marked, rates[-1:], rates[plain:-1]])


def _neighbours(hits: Any, marks: Any) -> Any:
    """For each hit the groups of all others within NEAR_WORDS of it, as bits; places are sorted."""
    near = np.zeros_like(marks)
    for apart in range(1, min(len(hits), NEAR_WORDS + 1)):
        close = hits[apart:] - hits[:-apart] <= NEAR_WORDS
        if not close.any():
            break
        near[:-apart] |= np.where(close, marks[apart:], 0)
        near[apart:] |= np.where(close, marks[:-apart], 0)
    return near


def _answered(a: Answers) -> Any:
    """ANSWER_NAMES; all zero where the prompt singles out no option."""
    if not a.keys:
        return np.zeros(ANSWERS)
    every, bits, _ = _lexicon()
    at = _places(words(a.hint)[0], every)
    marks = np.bitwise_or.reduce(bits[at[at >= 0]]) if (at >= 0).any() else 0
    hint = [float(marks & _BIT[g] != 0) for g in HINT_GROUPS]
    m = float(a.matches)
    taken = (
        *(1, a.others, a.changed, a.last_other, a.key_named, a.key_named - a.answer_named, not a.key_first, a.denied),
        *(a.other_affirmed, a.late_other, a.key_from, a.concluded == 0, min(1.0, a.concluded / 20)),
    )
    return np.array([1, a.final is None, *(m * float(t) for t in taken), 1 - m, *(m * h for h in hint), *hint], float)
