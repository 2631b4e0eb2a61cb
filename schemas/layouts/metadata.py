"""Columns that a layout does not know become metadata: short strings for grouping, never the text itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.adapter import Faults
from schemas.layouts.interleave import Cells, byte_lengths, interleave, whole
from schemas.layouts.text import text_column
from schemas.trace import METADATA, METADATA_VALUE_CHARS


def metadata_column(batch: pa.RecordBatch, names: Sequence[str], faults: Faults) -> pa.Array:
    """The named columns as one map per row, values cut; a null value has no entry, a row without entries is null.

    A map of strings gives its entries, a struct its fields, so that metadata written by this pipeline reads back
    as it was.
    """
    keys: list[str] = []
    cells: list[Cells] = []
    for name in names:
        for key, column in _fields(batch.column(name), name):
            if pa.types.is_map(column.type):
                cells.append(_entries(column, name, keys, faults))
            else:
                keys.append(key)
                cells.append(whole(_short(column, name, faults), len(keys) - 1, keep_empty=True))
    if not any(len(c.rows) for c in cells):
        return pa.nulls(batch.num_rows, METADATA)
    table = interleave(cells, batch.num_rows)
    empty = pa.array(np.diff(table.offsets.to_numpy()) == 0)
    named = pa.array(keys, pa.string()).take(pa.array(table.labels))
    return pa.MapArray.from_arrays(table.offsets, named, table.texts, mask=empty)


def _fields(column: pa.Array, name: str) -> list[tuple[str, pa.Array]]:
    """A struct called `metadata` field by field; any other column as it is."""
    if name != "metadata" or not pa.types.is_struct(column.type):
        return [(name, column)]
    return [(field.name, pc.struct_field(column, field.name)) for field in column.type]


def _entries(column: pa.Array, name: str, keys: list[str], faults: Faults) -> Cells:
    """The entries of a map column as cells; their keys are appended to `keys`."""
    field = pa.struct([("key", column.type.key_type), ("value", column.type.item_type)])
    lists = column.cast(pa.list_(field))
    counts = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    entries = lists.flatten()
    owners = np.repeat(np.arange(len(column)), counts)
    inner = Faults(len(entries))
    values = _short(pc.struct_field(entries, "value"), name, inner)
    coded = text_column(pc.struct_field(entries, "key"), name, inner).cast(pa.string()).dictionary_encode()
    for entry, (reason, message) in inner.by_row.items():
        faults.add(int(owners[entry]), reason, message)
    present = values.is_valid().to_numpy(zero_copy_only=False) & coded.is_valid().to_numpy(zero_copy_only=False)
    blank = pa.scalar("", values.type)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    texts = pc.if_else(pa.array(present), values, blank)
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), blank)
    labels = coded.indices.fill_null(0).to_numpy().astype(np.int64) + len(keys)
    keys.extend(coded.dictionary.to_pylist())
    return Cells(joined, owners[present], byte_lengths(values)[present], labels[present])


def _short(column: pa.Array, name: str, faults: Faults) -> pa.Array:
    """A column as text of at most METADATA_VALUE_CHARS characters. Bytes that are no text are a size, not a fault."""
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type) or pa.types.is_binary_view(column.type):
        harmless = Faults(len(column))
        text = text_column(column, name, harmless)
        if harmless.by_row:
            sizes = pc.binary_join_element_wise("<", pc.binary_length(column).cast(pa.string()), " bytes>", "")
            bad = np.zeros(len(column), dtype=bool)
            bad[list(harmless.by_row)] = True
            text = pc.if_else(pa.array(bad), sizes.cast(text.type), text)
    else:
        text = text_column(column, name, faults)
    return pc.utf8_slice_codeunits(text, 0, METADATA_VALUE_CHARS)
