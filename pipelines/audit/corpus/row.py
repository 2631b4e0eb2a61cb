"""A row of a corpus: all text in it, and its facts, out of JSON or of what Arrow makes of its own values."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.audit.corpus.facts import IDS, NOTHING, Facts, facts
from schemas.digest import DIGEST_CHARS

State = Literal["read", "broken", "long"]
PIECE = 1 << 20
OVERLAP = 1 << 14  # bytes of one piece of a long text that are seen again with the next
KEYS = 100_000  # names that are remembered as seen
TWICE = "\0"  # under this name stand all values of an object that has a name twice
_ESCAPE = re.compile(rb'\\u([0-9A-Fa-f]{4})|\\([nrtbf"\\/])')
_PLAIN = {b'"': b'"', b"\\": b"\\", b"/": b"/"}


@dataclass(slots=True)
class Row:
    """One row: `data` is all its text as UTF-8, value by value on lines of their own, or, where the row is long, comes
    in `pieces`, of which each repeats the last OVERLAP bytes of the one before it. `value` is the row itself, if asked
    for.
    """

    facts: Facts
    chars: int = 0
    digest: str = ""
    data: bytes = b""
    pieces: Iterator[bytes] | None = None
    state: State = "read"
    value: object = None


@dataclass(frozen=True, slots=True)
class Around:
    """Text that belongs to no row: names and metadata of a file; `where` says which."""

    where: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Unseen:
    """A column that holds text in a form that nobody here can read, or an end of a file that could not be read."""

    what: str


Read = Row | Around | Unseen


def plain_row(data: bytes, state: State = "read") -> Row:
    """A row that is text and nothing else."""
    chars = len(data.decode("utf-8", "surrogateescape"))
    return Row(NOTHING, chars, hashlib.sha256(data).hexdigest()[:DIGEST_CHARS], data, state=state)


def from_json(data: bytes) -> object:
    """The value that stands in JSON, nothing of it lost; ValueError or RecursionError where there is none."""
    return _DECODER.decode(data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass"))


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        found[TWICE] = [value for _, value in pairs]
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


class Objects:
    """Rows from JSON values or from what Arrow makes of its own."""

    def __init__(self, id_column: str | None, values: bool) -> None:
        self._id_column, self._values = id_column, values
        self._ids = (id_column,) if id_column else IDS
        self._seen: set[str] = set()

    def rows(self, found: Iterator[bytes | Iterator[bytes]]) -> Iterator[Row]:
        for line in found:
            if not isinstance(line, bytes):
                yield Row(NOTHING, pieces=overlapping(map(unescaped, line)), state="long")
                continue
            try:
                value = from_json(line)
            except (ValueError, RecursionError):
                yield plain_row(unescaped(line), "broken")
                continue
            yield self.row(value)

    def parsed(self, values: list[object]) -> Iterator[Row]:
        yield from map(self.row, values)

    def row(self, value: object) -> Row:
        """A row from one value; only an object has facts."""
        texts: list[str] = []
        binary: list[bytes] = []
        own: list[str] = []
        if isinstance(value, dict):
            name = next((n for n in self._ids if value.get(n) is not None), None)
            for key, inner in value.items():
                self._key(key, own)
                self._walk(inner, own if key == name else texts, binary)
            known = facts(value, self._id_column)
        else:
            self._walk(value, texts, binary)
            known = NOTHING
        text = "\n".join(texts)
        data = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(data if known.messages is None else _digests(known)).hexdigest()[:DIGEST_CHARS]
        chars = len(text) - max(0, len(texts) - 1) + sum(map(len, own))
        if own or binary:
            data = b"\n".join((data, *(t.encode("utf-8", "surrogatepass") for t in own), *binary))
        return Row(known, chars, digest, data, value=value if self._values else None)

    def _key(self, key: object, into: list[str]) -> None:
        """The name of a value, once in a shard: it is the same in every row, or ought to be."""
        if isinstance(key, str) and key not in self._seen and key != TWICE:
            if len(self._seen) < KEYS:
                self._seen.add(key)
            into.append(key)

    def _walk(self, value: object, texts: list[str], binary: list[bytes]) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                self._key(key, texts)
                self._walk(inner, texts, binary)
        elif isinstance(value, list | tuple):
            if value and isinstance(value[0], int | float) and not any(isinstance(v, str | dict | list) for v in value):
                # text as codes of its letters or bytes is text
                codes = [v for v in value if isinstance(v, int) and 0 < v < 0x80]
                if len(codes) == len(value) > 20:
                    texts.append("".join(map(chr, codes)))
                return
            for inner in value:
                self._walk(inner, texts, binary)
        elif isinstance(value, bytes):
            binary.append(value)


def _digests(known: Facts) -> bytes:
    return "\n".join(m.text_digest for m in known.messages or ()).encode()


def unescaped(data: bytes) -> bytes:
    r"""JSON that cannot be parsed, as text: its escapes are replaced, one level of them.

    >>> unescaped(rb'{"a": "caf\u00e9\n')
    b'{"a": "caf\xc3\xa9\n'
    """
    if b"\\" not in data:
        return data
    return _ESCAPE.sub(_letter, data)


def _letter(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return chr(int(match[1], 16)).encode("utf-8", "surrogatepass")
    return _PLAIN.get(match[2], b"\n")


def overlapping(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of about PIECE bytes, each of which repeats the end of the one before."""
    tail = b""
    for piece in pieces:
        for at in range(0, len(piece), PIECE):
            part = piece[at : at + PIECE]
            yield tail + part
            tail = (tail + part)[-OVERLAP:]
