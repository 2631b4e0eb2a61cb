"""The rows of a shard, whatever its format: all text in them, and their facts. Nothing that is text stays unread."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.corpus import ARRAY_BYTES, Shard, corpus_files, shards_of
from pipelines.audit.facts import IDS, MASK, NOTHING, Facts, facts
from pipelines.audit.lines import LONG, lines, opened, stretches
from pipelines.canaries import schema_bytes, table_bytes
from schemas.digest import DIGEST_CHARS

State = Literal["read", "broken", "long"]
BATCH_BYTES = 4 << 20  # decoded at a time
BATCH_ROWS = 2_048
WIDE = 64 << 20  # a batch from which on its rows are looked at one by one
SMALL = 1 << 20  # of a column of a long row whose value is still read as a fact
PIECE = 1 << 20
OVERLAP = 1 << 14  # bytes of one piece of a long text that are seen again with the next
KEYS = 100_000  # names that are remembered as seen
TOKENS = re.compile(r"(?:^|_)(?:input_ids|token_ids|tokens|ids)$")
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


def read_shard(shard: Shard, id_column: str | None = None, values: bool = False) -> Iterator[Read]:
    """All rows of a shard in order, and the text around them; OSError or ValueError where the file is damaged.

    With `values` each row that is not too long comes with its value.
    """
    objects = _Objects(id_column, values)
    file = shard.file
    if shard.start == 0 and (shard.first == 0):
        yield Around("file name", file.name.encode())
    if file.kind == "parquet":
        yield from _Table(id_column, objects).rows(shard)
        return
    with opened(file) as stream:
        if file.kind == "json":
            head = stream.read(ARRAY_BYTES + 1)
            elements = _elements(head)
            if elements is not None:
                yield from objects.parsed(elements)
                return
            stream.seek(0)
        if file.kind == "lines":
            yield from objects.rows(lines(stream, shard.start, shard.stop))
        else:
            yield from (plain_row(data) for data in stretches(stream, shard.start, shard.stop))


def plain_row(data: bytes, state: State = "read") -> Row:
    """A row that is text and nothing else."""
    chars = len(data.decode("utf-8", "surrogateescape"))
    return Row(NOTHING, chars, hashlib.sha256(data).hexdigest()[:DIGEST_CHARS], data, state=state)


def _elements(data: bytes) -> list[object] | None:
    if len(data) > ARRAY_BYTES:
        return None
    try:
        value = json.loads(data, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else [value]


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        found[TWICE] = [value for _, value in pairs]
    return found


class _Objects:
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
                value = json.loads(line, object_pairs_hook=_pairs)
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


class _Table:
    """Rows from Parquet."""

    def __init__(self, id_column: str | None, objects: _Objects) -> None:
        self._id_column, self._objects = id_column, objects

    def rows(self, shard: Shard) -> Iterator[Read]:
        with pq.ParquetFile(shard.file.path, buffer_size=PIECE, pre_buffer=False) as file:
            if shard.first == 0:
                yield Around("metadata", _metadata(file))
                yield from (Unseen(f"column {name} holds tokens, not text") for name in _tokens(file.schema_arrow))
            for group in shard.groups:
                meta = file.metadata.row_group(group)
                width = max(1, meta.total_byte_size // max(meta.num_rows, 1))
                size = int(min(BATCH_ROWS, max(1, BATCH_BYTES // width)))
                for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
                    yield from self._batch(batch)

    def _batch(self, batch: pa.RecordBatch) -> Iterator[Row]:
        if batch.nbytes <= WIDE:
            yield from self._plain(batch)
            return
        for i in range(len(batch)):
            row = batch.slice(i, 1)
            if row.nbytes <= LONG:
                yield from self._plain(row)
            else:
                yield self._long(row)

    def _plain(self, batch: pa.RecordBatch) -> Iterator[Row]:
        kept, masks = [], {}
        for at, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
            if not _is_numbers(column.type):
                kept.append(at)
            elif MASK.search(name):
                masks[name] = column.to_pylist()
        rows = _python(batch.select(kept))
        for i, row in enumerate(rows):
            for name, values in masks.items():
                row[name] = values[i]
            yield self._objects.row(row)

    def _long(self, row: pa.RecordBatch) -> Row:
        """A row too long to be taken apart: its text goes by in pieces, and only small values become facts."""
        small = [at for at, column in enumerate(row.columns) if column.nbytes <= SMALL]
        (known,) = _python(row.select(small)) or [{}]
        pieces = itertools.chain.from_iterable(_cut(data) for where, data in table_bytes(row) if where != "schema")
        return Row(facts(known, self._id_column), pieces=overlapping(pieces), state="long")


def _cut(data: memoryview) -> Iterator[bytes]:
    for at in range(0, len(data), PIECE):
        yield bytes(data[at : at + PIECE])
    yield b"\n"


def _is_numbers(kind: pa.DataType) -> bool:
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not listed:
        return False
    inner = kind.value_type
    return bool(pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner))


def _tokens(schema: pa.Schema) -> Iterator[str]:
    yield from (f.name for f in schema if _is_numbers(f.type) and TOKENS.search(f.name))


def _python(batch: pa.RecordBatch) -> list[dict[str, object]]:
    """The rows of a batch; text that is no UTF-8 as bytes. Columns of one name are kept apart."""
    columns = []
    for column in batch.columns:
        try:
            columns.append(column.to_pylist())
        except (ValueError, OverflowError, pa.ArrowException):  # no UTF-8; a time that Python has not; a name twice
            columns.append([bytes(data) or None for data in _binary(column)])
    names: list[str] = []
    for name in batch.schema.names:
        names.append(name if name not in names else f"{name}.{len(names)}")
    return (
        [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        if columns
        else [{} for _ in range(len(batch))]
    )


def _binary(column: pa.Array) -> Iterator[bytes]:
    for i in range(len(column)):
        yield b"\n".join(bytes(d) for w, d in table_bytes(pa.table({"v": column.slice(i, 1)})) if w != "schema")


def _metadata(file: pq.ParquetFile) -> bytes:
    """Names, metadata and writer of a file; its statistics repeat what is in rows."""
    parts = [data for _, data in schema_bytes(file.schema_arrow)]
    for key, value in (file.metadata.metadata or {}).items():
        parts += (key, value)
    return b"\n".join((*map(bytes, parts), str(file.metadata.created_by).encode()))


def chunks(path: Path) -> Iterator[bytes]:
    """All text of one file, as the audit reads it: what the scanner's own test is made with."""
    shards, known = shards_of(corpus_files(str(path)))
    unread = [f for f in known if f.kind == "unread"]
    if unread:
        raise OSError(unread[0].why)
    for shard in shards:
        for read in read_shard(shard):
            if isinstance(read, Row):
                yield from (read.data,) if read.pieces is None else read.pieces
                yield b"\n"
            elif isinstance(read, Around):
                yield read.data + b"\n"
