"""Columns side by side become lists row by row, with one copy of the text and no Python object per value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.adapter import Ints, check_size
from schemas.trace import STEP, STEPS


@dataclass(frozen=True, slots=True)
class Cells:
    """A text column whose values may each be cut into pieces that lie side by side.

    `text` has one value a row; `rows`, `lengths` (bytes) and `labels` have one entry a piece, by ascending row.
    The pieces of a row make up its whole value.
    """

    text: pa.Array
    rows: Ints
    lengths: Ints
    labels: Ints


def whole(text: pa.Array, label: int, keep_empty: bool = False) -> Cells:
    """Cells of a column that is not cut: one piece for each value that is not null, nor empty unless `keep_empty`."""
    lengths = byte_lengths(text)
    rows = np.flatnonzero(text.is_valid().to_numpy(zero_copy_only=False) if keep_empty else lengths)
    return Cells(text, rows, lengths[rows], np.full(len(rows), label, np.int64))


def byte_lengths(text: pa.Array) -> Ints:
    lengths: Ints = pc.binary_length(text).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Per row a list of texts: list offsets, all texts in row order, and the label of each."""

    offsets: pa.Int32Array
    texts: pa.StringArray
    labels: Ints


def interleave(columns: Sequence[Cells], rows: int) -> Interleaved:
    """The pieces of all columns in row order; within a row, in the order of `columns`."""
    if not columns:
        return Interleaved(pa.array(np.zeros(rows + 1, np.int32)), pa.array([], pa.string()), np.zeros(0, np.int64))
    data = _joined([c.text for c in columns])
    row = np.concatenate([c.rows for c in columns])
    order = np.argsort(row, kind="stable")
    lengths = np.concatenate([c.lengths for c in columns])[order]
    labels = np.concatenate([c.labels for c in columns])[order]
    texts = pa.StringArray.from_buffers(len(lengths), pa.py_buffer(_offsets(lengths)), data)
    return Interleaved(pa.array(_offsets(np.bincount(row, minlength=rows))), texts, labels)


def _joined(texts: list[pa.Array]) -> pa.Buffer:
    """The bytes of all columns row by row: the one copy."""
    check_size(sum(int(byte_lengths(t).sum()) for t in texts))
    kind = pa.large_string() if any(pa.types.is_large_string(t.type) for t in texts) else pa.string()
    joined = pc.binary_join_element_wise(
        *(t.cast(kind) for t in texts), pa.scalar("", kind), null_handling="replace", null_replacement=""
    )
    return joined.buffers()[2] or pa.py_buffer(b"")


def _offsets(lengths: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def steps_array(
    offsets: pa.Array,
    role: pa.Array,
    channel: pa.Array,
    name: pa.Array | None,
    text: pa.Array,
    redacted: pa.Array | None,
) -> pa.ListArray:
    """Columns of steps as the `steps` of traces; no names and nothing redacted unless given."""
    count = len(text)
    values = pa.StructArray.from_arrays(
        [
            role,
            channel,
            pa.nulls(count, pa.string()) if name is None else name,
            text,
            pa.repeat(pa.scalar(False), count) if redacted is None else redacted,
        ],
        fields=list(STEP),
    )
    return pa.ListArray.from_arrays(offsets, values, type=STEPS)
