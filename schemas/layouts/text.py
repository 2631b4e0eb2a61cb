"""Columns of any type read as text, with the rows that cannot be so read set aside."""

from __future__ import annotations

import json
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.adapter import Faults

INVALID_UTF8 = "invalid_utf8"


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text: any string or binary, plain or dictionary-encoded."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def text_column(column: pa.Array, name: str, faults: Faults) -> pa.Array:
    """A column as `string` or `large_string`, checked to be UTF-8: no copy where it is either already.

    Numbers and times are written out, nested values become JSON, bytes are taken for UTF-8. A row whose bytes are
    not is null here and dead in `faults`.
    """
    if isinstance(column, pa.ExtensionArray):
        if isinstance(column.type, pa.UuidType):
            return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
        column = column.storage
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if is_text(kind):
        return _valid(_plain(column), name, faults)
    if pa.types.is_fixed_size_binary(kind):
        return pa.array([None if v is None else _bytes_as_text(v) for v in column.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return _as_json(column, name, faults)
    try:
        return column.cast(pa.string())
    except (
        pa.ArrowNotImplementedError
    ):  # calendar intervals, run-end encoding: rare, and each value has a name in Python
        values = python_values(column, name, faults)
        return _valid(pa.array([None if v is None else str(v) for v in values], pa.string()), name, faults)


def _plain(column: pa.Array) -> pa.Array:
    """A text column as string or large_string without a look at its bytes."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.binary_view()).cast(pa.large_binary())
    wide = pa.types.is_large_binary(column.type)
    return pc.cast(column, options=pc.CastOptions(pa.large_string() if wide else pa.string(), allow_invalid_utf8=True))


def _valid(column: pa.Array, name: str, faults: Faults) -> pa.Array:
    try:
        column.validate(full=True)
        return column
    except pa.ArrowInvalid:
        pass
    wide = pa.types.is_large_string(column.type)
    binary = column.cast(pa.large_binary() if wide else pa.binary())
    good = np.ones(len(column), dtype=bool)
    for row, value in enumerate(binary):
        data = value.as_buffer()
        if data is not None:
            try:
                str(memoryview(data), "utf-8")
            except UnicodeDecodeError as error:
                good[row] = False
                faults.add(row, INVALID_UTF8, f"{name} is not UTF-8: {error.reason} at byte {error.start}")
    return pc.if_else(pa.array(good), column, pa.scalar(None, column.type))


def python_values(column: pa.Array, name: str, faults: Faults) -> list[object]:
    """A column as Python values; a row that holds broken UTF-8 anywhere is None here and dead in `faults`."""
    try:
        return list(column.to_pylist(maps_as_pydicts="lossy"))
    except UnicodeDecodeError:
        pass
    values: list[object] = []
    for row in range(len(column)):
        try:
            values.append(column[row].as_py(maps_as_pydicts="lossy"))
        except UnicodeDecodeError as error:
            values.append(None)
            faults.add(row, INVALID_UTF8, f"{name} is not UTF-8: {error.reason} at byte {error.start}")
    return values


def _as_json(column: pa.Array, name: str, faults: Faults) -> pa.Array:
    values = python_values(column, name, faults)
    return pa.array([None if v is None else as_json(v) for v in values], pa.string())


def as_json(value: object) -> str:
    """A value as JSON in readable characters; what JSON has no word for is written as text."""
    return without_surrogates(json.dumps(value, ensure_ascii=False, default=_named))


def _named(value: object) -> str:
    return _bytes_as_text(value) if isinstance(value, bytes) else str(value)


def _bytes_as_text(value: bytes) -> str:
    """Sixteen bytes are a UUID as other tools store it; any others are text as far as they are."""
    return str(uuid.UUID(bytes=value)) if len(value) == 16 else value.decode("utf-8", "backslashreplace")


def without_surrogates(text: str) -> str:
    """Text that can be stored: half a surrogate pair, which JSON can escape and UTF-8 cannot hold, becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
