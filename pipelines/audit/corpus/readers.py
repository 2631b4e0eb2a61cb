"""The rows of a shard, whatever its format: all text in them, and their facts. Nothing that is text stays unread."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.audit.corpus.facts import EACH, MASK, SUMS, TOKENS, facts
from pipelines.audit.corpus.files import ARRAY_BYTES, Shard, corpus_files, shards_of
from pipelines.audit.corpus.lines import LONG, lines, opened, stretches
from pipelines.audit.corpus.row import PIECE, Around, Objects, Read, Row, Unseen, from_json, overlapping, plain_row
from pipelines.canaries import schema_bytes, table_bytes

BATCH_BYTES = 4 << 20  # decoded at a time
BATCH_ROWS = 2_048
WIDE = 64 << 20  # a batch from which on its rows are looked at one by one
SMALL = 1 << 20  # of a column of a long row whose value is still read as a fact


def read_shard(shard: Shard, id_column: str | None = None, values: bool = False) -> Iterator[Read]:
    """All rows of a shard in order, and the text around them; OSError or ValueError where the file is damaged.

    With `values` each row that is not too long comes with its value.
    """
    objects = Objects(id_column, values)
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


def _elements(data: bytes) -> list[object] | None:
    if len(data) > ARRAY_BYTES:
        return None
    try:
        value = from_json(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else [value]


class _Table:
    """Rows from Parquet."""

    def __init__(self, id_column: str | None, objects: Objects) -> None:
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
            elif MASK.search(name) or _is_short(column):
                masks[name] = column.to_pylist()
            else:
                masks[name] = _summed(column, bool(TOKENS.search(name)))
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


def _is_short(column: pa.Array) -> bool:
    """Whether no list of a column is too long for each of its numbers to be a value."""
    return (pc.max(pc.list_value_length(column)).as_py() or 0) <= EACH


def _summed(column: pa.Array, tokens: bool) -> list[object]:
    """Long lists of numbers, as what `facts` would make of each; of tokens, how many they are."""
    length = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    made: list[object] = [{"length": int(n)} if n else None for n in length.tolist()]
    flat = column.flatten()
    if tokens or not len(flat):
        return made
    numbers = np.nan_to_num(flat.cast(pa.float64()).to_numpy(zero_copy_only=False))
    some = np.flatnonzero(length)
    starts = np.concatenate([[0], np.cumsum(length)[:-1]])[some]
    ends = starts + length[some] - 1
    sums = (np.add, np.minimum, np.maximum)
    columns = [*(f.reduceat(numbers, starts) for f in sums), numbers[starts], numbers[ends]]
    for row, *values in zip(some.tolist(), *(c.tolist() for c in columns), strict=True):
        made[row] |= dict(zip(SUMS, values, strict=True))  # type: ignore[operator]
    return made


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
