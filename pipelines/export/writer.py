"""One file of training rows: written so that its bytes depend on its rows alone, and read again to drop some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.digest import text_buffer

GROUP_ROWS = 8_192
GROUP_BYTES = 32 << 20  # of text in a row group: what a writer holds, and what a trainer has to read at once
MESSAGE_BYTES = 64  # beside its text; a row of many empty messages is not empty
READ_ROWS = 1_024
REPEATED = ("role", "channel", "name")  # columns of few values, worth a dictionary


class RowWriter:
    """Writes training rows; how they come in batches changes nothing of the file.

    Row groups are cut by the rows themselves, and nothing else stands in the file: no time, no name, no run.
    """

    def __init__(self, sink: BinaryIO, schema: pa.Schema) -> None:
        few = [f.name for f in schema if f.name not in ("messages", "sample_id") and _is_text(f.type)]
        plain = [f.name for f in schema if f.name not in ("messages", "sample_id")]
        nested = [f"messages.list.element.{name}" for name in REPEATED]
        self._schema = schema
        self._file = pq.ParquetWriter(
            sink, schema, compression="zstd", use_dictionary=[*few, *nested], write_statistics=[*plain, *nested]
        )
        self._pending: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self.rows = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Append rows (schema as given)."""
        sizes = row_bytes(rows)
        ends = np.cumsum(sizes)
        start, before = 0, 0
        while start < len(rows):
            room = max(GROUP_BYTES - self._bytes, 0)
            stop = min(
                int(np.searchsorted(ends, before + room, side="right")), start + GROUP_ROWS - self._rows, len(rows)
            )
            if stop <= start and not self._rows:
                stop = start + 1  # one row larger than a group is a group
            if stop > start:
                self._pending.append(rows.slice(start, stop - start))
                self._rows += stop - start
                self._bytes += int(ends[stop - 1]) - before
                start, before = stop, int(ends[stop - 1])
            if start < len(rows):
                self._flush()
        self.rows += len(rows)

    def close(self) -> None:
        """Write what is left and the footer."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._pending:
            # one chunk per column: pages are cut by chunks as well
            group = pa.Table.from_batches(self._pending, self._schema).combine_chunks()
            self._pending, self._rows, self._bytes = [], 0, 0
            self._file.write_table(group, row_group_size=max(len(group), 1))


def row_bytes(rows: pa.RecordBatch) -> np.ndarray:
    """For each row, the bytes of its messages' text and a little for each message: a function of the row alone."""
    messages = rows.column("messages")
    _, starts = text_buffer(messages.values.field("text"))
    offsets = messages.offsets.to_numpy()
    return (starts[offsets[1:]] - starts[offsets[:-1]]) + MESSAGE_BYTES * (np.diff(offsets) + 1)


def without(source: BinaryIO, dropped: np.ndarray, sink: BinaryIO, schema: pa.Schema) -> int:
    """Copy a staged file but for the rows `dropped` (sorted, from 0), and say how many it has now."""
    file = pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20)
    writer = RowWriter(sink, schema)  # the file's own schema has numbers of fields, which are no part of it
    for first, batch in _numbered(file):
        at = dropped[np.searchsorted(dropped, first) : np.searchsorted(dropped, first + len(batch))] - first
        keep = np.ones(len(batch), dtype=bool)
        keep[at] = False
        writer.add(batch.filter(pa.array(keep)))
    writer.close()
    return writer.rows


def _numbered(file: pq.ParquetFile) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = 0
    for group in range(file.num_row_groups):  # a batch may span groups, and rows of 1 MB would then be a gigabyte
        for batch in file.iter_batches(READ_ROWS, row_groups=[group], use_threads=False):
            yield first, batch
            first += len(batch)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)
