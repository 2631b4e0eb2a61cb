"""Masks held to a real tokenizer: from characters to tokens and back, for every message in which something trains.

A token trains where every character it stands for lies in a span; one that straddles a border does not, so that no
character outside the spans is ever learnt, at the price of some within. What a token stands for is asked of the
tokenizer with its habit turned off of leaving blanks out of what it says (`trim_offsets`): a blank that belongs to the
reasoning before it would else be trained with the first word after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.errors import Fault, InputError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Span = tuple[int, int]
Flags = npt.NDArray[np.bool_]
TOGETHER = 4 << 20  # characters tokenized at a time: an encoding takes some fifty times its text


@dataclass(frozen=True, slots=True)
class TokenReport:
    """What the round trip of some rows found, in numbers; of the messages with spans, for the others train nothing.

    Violations, of which there must be none: `outside`, training tokens that stand for a character outside the spans;
    `missed`, tokens within a span that do not train; `all_ones`, rows of which every token trains; `not_restored`,
    messages that decode to something else though the tokenizer knows all their characters.
    The others are as they are: `straddling` tokens, `uncovered` characters of spans that no training token stands for,
    messages `normalised` on the way (blanks, case, accents), messages with characters `unknown` to the tokenizer, and
    messages whose text holds one of its `special` tokens.
    """

    rows: int = 0
    messages: int = 0
    characters: int = 0
    tokens: int = 0
    trained: int = 0
    straddling: int = 0
    uncovered: int = 0
    normalised: int = 0
    unknown: int = 0
    special: int = 0
    outside: int = 0
    missed: int = 0
    all_ones: int = 0
    not_restored: int = 0

    def __add__(self, other: TokenReport) -> TokenReport:
        return TokenReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def violations(self) -> dict[str, int]:
        """What must not be, by name; empty when all is well."""
        names = ("outside", "missed", "all_ones", "not_restored")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def round_trip(rows: pa.RecordBatch, tokenizer_file: Path) -> TokenReport:
    """The report on training rows (n rows with `messages`), by a `tokenizer.json`.

    Raises InputError if the file cannot be read, or the library `tokenizers` is not there.
    """
    return RoundTrip.read(tokenizer_file).check(rows)


@dataclass(frozen=True)
class RoundTrip:
    """A tokenizer, made to say all of what its tokens stand for; read once for many batches."""

    tokenizer: Tokenizer

    @classmethod
    def read(cls, path: Path) -> RoundTrip:
        """The tokenizer of a file such as `tokenizer.json`."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            what = f"the tokenizer cannot be read: {error.strerror or error}"
            raise InputError([Fault(str(path), None, what, "give a tokenizer.json")]) from error
        return cls.of(data, str(path))

    @classmethod
    def of(cls, data: bytes, where: str) -> RoundTrip:
        """The tokenizer that a file's bytes describe; `where` is the file's name for errors."""
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            todo = "pip install 'cotmonitor[tokenizer]', or leave --tokenizer out"
            raise InputError([Fault("tokenizer", None, "the library tokenizers is not installed", todo)]) from error
        try:
            tokenizer = Tokenizer.from_str(json.dumps(_untrimmed(json.loads(data))))
        except Exception as error:  # the library raises nothing narrower
            what = f"this is no tokenizer: {str(error).splitlines()[0]}"
            raise InputError([Fault(where, None, what, "give a tokenizer.json, as model hubs have it")]) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer)

    def check(self, rows: pa.RecordBatch) -> TokenReport:
        """The report on training rows (n rows with `messages`)."""
        report = TokenReport()
        for some in _together(rows.column("messages")):
            report += self._check(some)
        return report

    def _check(self, rows: list[list[dict[str, Any]]]) -> TokenReport:
        texts = [message["text"] for row in rows for message in row if message["spans"]]
        encodings = iter(self.tokenizer.encode_batch(texts, add_special_tokens=False))
        report = TokenReport(rows=len(rows))
        for row in rows:
            found = TokenReport()
            others = any(message["text"].strip() and not message["spans"] for message in row)
            for message in row:
                if spans := [(span["start"], span["end"]) for span in message["spans"]]:
                    found += self._message(message["text"], spans, next(encodings))
            report = report + found + TokenReport(all_ones=int(0 < found.tokens == found.trained and not others))
        return report

    def _message(self, text: str, spans: list[Span], encoding: Encoding) -> TokenReport:
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        trains = token_mask(offsets, spans)
        allowed = np.zeros(len(text) + 1, np.int64)  # how many characters before each place lie in a span
        for start, end in spans:
            allowed[start + 1 : end + 1] = 1
        within = np.cumsum(allowed)
        covered = within[offsets[:, 1]] - within[offsets[:, 0]]
        length = offsets[:, 1] - offsets[:, 0]
        inside = (length > 0) & (covered == length)
        size = len(text) + 1
        edges = np.bincount(offsets[trains, 0], minlength=size) - np.bincount(offsets[trains, 1], minlength=size)
        reached = np.cumsum(edges) > 0
        normalised, unknown, not_restored = self._restored(text, encoding)
        return TokenReport(
            messages=1,
            characters=len(text),
            tokens=len(trains),
            trained=int(trains.sum()),
            straddling=int(np.count_nonzero((covered > 0) & (covered < length))),
            uncovered=int(within[-1]) - int(reached.sum()),
            normalised=normalised,
            unknown=unknown,
            special=int(any(token in text for token in self._special)),
            outside=int(np.count_nonzero(trains & ~inside)),
            missed=int(np.count_nonzero(inside & ~trains)),
            not_restored=not_restored,
        )

    def _restored(self, text: str, encoding: Encoding) -> tuple[bool, bool, bool]:
        """Whether the tokens give the text back only as the tokenizer normalises it; hold unknown ones; or neither."""
        unknown = self._unknown is not None and self._unknown in encoding.ids
        decoded = self.tokenizer.decode(encoding.ids, skip_special_tokens=False)
        if decoded == text or unknown:
            return False, unknown, False
        same = _letters(self._normal(decoded)) == _letters(self._normal(text))
        return same, False, not same

    def _normal(self, text: str) -> str:
        normalizer = self.tokenizer.normalizer
        return text if normalizer is None else normalizer.normalize_str(text)

    @cached_property
    def _unknown(self) -> int | None:
        token = getattr(self.tokenizer.model, "unk_token", None)
        if token is None:
            at = json.loads(self.tokenizer.to_str())["model"].get("unk_id")
            return at if isinstance(at, int) else None
        return self.tokenizer.token_to_id(token)

    @cached_property
    def _special(self) -> tuple[str, ...]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return tuple(token.content for token in added if token.special)


def token_mask(offsets: Sequence[Span] | npt.NDArray[np.int64], spans: Sequence[Span]) -> Flags:
    """Which tokens (n) train: those that stand for one character at least, and whose every character lies in a span.

    `offsets` are the characters of each token; `spans` are sorted and disjoint. Spans that touch are one.

    >>> token_mask([(0, 2), (2, 4), (4, 4)], [(1, 4)]).tolist()
    [False, True, False]
    """
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    if not joined or not len(offsets):
        return np.zeros(len(offsets), bool)
    places = np.asarray(offsets, np.int64)
    starts, ends = np.array(joined, np.int64).T
    at = np.searchsorted(starts, places[:, 0], side="right") - 1
    return (at >= 0) & (places[:, 1] <= ends[at]) & (places[:, 0] < places[:, 1])


def _untrimmed(spec: object) -> object:
    """A tokenizer's description with each `trim_offsets` off."""
    if isinstance(spec, dict):
        return {k: False if k == "trim_offsets" else _untrimmed(v) for k, v in spec.items()}
    return [_untrimmed(v) for v in spec] if isinstance(spec, list) else spec


def _together(messages: pa.ListArray) -> Iterator[list[list[dict[str, Any]]]]:
    """The rows' messages, some rows at a time."""
    rows: list[list[dict[str, Any]]] = []
    size = 0
    for row in messages:
        rows.append(row.as_py() or [])
        size += sum(len(message["text"]) for message in rows[-1] if message["spans"])
        if size > TOGETHER:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _letters(text: str) -> str:
    """A text without its blanks."""
    return "".join(text.split())
