"""Every byte of text in Arrow data, wherever it is nested: what a scanner of tables reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LINE_BREAK = pa.scalar(b"\n", pa.large_binary())


def table_bytes(data: pa.RecordBatch | pa.Table) -> Iterator[tuple[str, memoryview]]:
    """(where, bytes) of every text in a table: each column's, however nested, the schema's names and its metadata.

    The values of a column come as one piece, a line each; `where` is `messages.text` or `schema`.
    """
    yield from schema_bytes(data.schema)
    for field, column in zip(data.schema, data.columns, strict=True):
        for array in column.chunks if isinstance(column, pa.ChunkedArray) else (column,):
            yield from _array(array, field.name)


def schema_bytes(schema: pa.Schema) -> Iterator[tuple[str, memoryview]]:
    """The names and the metadata of a schema, those of nested fields too."""
    words = [*_metadata(schema.metadata)]
    for field in schema:
        words += _field(field)
    yield "schema", memoryview(b"\n".join(words))


def _field(field: pa.Field) -> Iterator[bytes]:
    yield field.name.encode()
    yield from _metadata(field.metadata)
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    for i in range(kind.num_fields):
        yield from _field(kind.field(i))


def _metadata(metadata: dict[bytes, bytes] | None) -> Iterator[bytes]:
    for key, value in (metadata or {}).items():
        yield from (key, value)


def _array(array: Any, where: str) -> Iterator[tuple[str, memoryview]]:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        yield from _array(array.storage, where)
    elif pa.types.is_dictionary(kind):
        yield from _array(array.dictionary, where)
    elif pa.types.is_run_end_encoded(kind):
        yield from _array(array.values, where)
    elif pa.types.is_struct(kind):
        for i in range(kind.num_fields):
            yield from _array(array.field(i), f"{where}.{kind.field(i).name}")
    elif pa.types.is_map(kind):
        yield from _array(array.keys, f"{where}.key")
        yield from _array(array.items, f"{where}.value")
    elif pa.types.is_union(kind):
        for i in range(kind.num_fields):
            yield from _array(array.field(i), f"{where}.{kind.field(i).name}")
    elif kind.num_fields:  # lists of every sort
        yield from _array(array.flatten(), where)
    elif pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        yield from _array(array.cast(pa.large_binary()), where)
    elif _is_bytes(kind):
        yield where, _joined(array)


def _is_bytes(kind: pa.DataType) -> bool:
    plain = pa.types.is_string(kind) or pa.types.is_binary(kind)
    fixed = pa.types.is_fixed_size_binary(kind) and not pa.types.is_decimal(kind)
    return bool(plain or fixed or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind))


def _joined(array: Any) -> memoryview:
    """The array's values with line breaks between: the end of one must not hide the beginning of the next."""
    values = array.drop_null().cast(pa.large_binary())
    one = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    return memoryview(pc.binary_join(one, LINE_BREAK)[0].as_buffer())
