from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from schemas.layouts.adapter import Faults
from schemas.layouts.metadata import metadata_column
from schemas.trace import METADATA, METADATA_VALUE_CHARS
from tests.schemas.layouts.reading import not_utf8


def metadata(**columns: Any) -> list[dict[str, str] | None]:
    batch = pa.record_batch(columns)
    faults = Faults(batch.num_rows)
    column = metadata_column(batch, batch.schema.names, faults)
    column.validate(full=True)
    assert column.type == METADATA
    assert not faults.by_row
    return [None if row is None else dict(row) for row in column.to_pylist()]


VALUES = {
    "text": ("x", "x"),
    "empty text": ("", ""),
    "int": (3, "3"),
    "float": (0.5, "0.5"),
    "bool": (True, "true"),
    "date": (dt.date(2026, 1, 2), "2026-01-02"),
    "object": ({"a": [1], "b": "é"}, '{"a": [1], "b": "é"}'),
    "list": (["a"], '["a"]'),
    "bytes that are text": (b"x", "x"),
    "bytes that are not": (b"\xff\xfe", "<2 bytes>"),
}


@pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES.keys())
def test_values_become_text(value: object, text: str) -> None:
    assert metadata(col=[value, None]) == [{"col": text}, None]


def test_long_values_are_cut_by_characters() -> None:
    (row,) = metadata(a=["é" * 300], b=[["x" * 300]])
    assert row is not None
    assert row["a"] == "é" * METADATA_VALUE_CHARS
    assert len(row["b"]) == METADATA_VALUE_CHARS


def test_no_columns_and_no_rows() -> None:
    assert metadata_column(pa.record_batch({"a": ["x"]}), [], Faults(1)).to_pylist() == [None]
    assert metadata(a=pa.array([], pa.string())) == []


def test_each_row_has_the_entries_that_are_not_null() -> None:
    assert metadata(a=["1", None, None], b=[None, "2", None], c=["3", "4", None]) == [
        {"a": "1", "c": "3"},
        {"b": "2", "c": "4"},
        None,
    ]


def test_a_map_of_strings_gives_its_entries() -> None:
    maps = pa.array([[("a", "1"), ("b", None)], None, [], [("b", "x" * 300), ("c", "3")]], METADATA)
    assert metadata(metadata=maps, other=["o", None, "o", None]) == [
        {"a": "1", "other": "o"},
        None,
        {"other": "o"},
        {"b": "x" * METADATA_VALUE_CHARS, "c": "3"},
    ]


def test_a_slice_of_maps() -> None:
    maps = pa.array([[("no", "0")], [("a", "1")], [("no", "2")]], METADATA)
    batch = pa.record_batch({"metadata": maps}).slice(1, 1)
    assert metadata_column(batch, ["metadata"], Faults(1)).to_pylist() == [[("a", "1")]]


def test_a_struct_called_metadata_gives_its_fields() -> None:
    assert metadata(metadata=[{"a": 1, "b": None}, None]) == [{"a": "1"}, None]


def test_broken_utf8_in_a_map_kills_its_row() -> None:
    maps = pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["k", "k"]), not_utf8(b"ok", b"\xff"))
    faults = Faults(2)
    metadata_column(pa.record_batch({"metadata": maps}), ["metadata"], faults)
    assert {row: reason for row, (reason, _) in faults.by_row.items()} == {1: "invalid_utf8"}


RARE = {
    "a duration": (pa.array([1], pa.duration("s")), "1"),
    "a time of day": (pa.array([1], pa.time32("s")), "00:00:01"),
    "nanoseconds": (pa.array([1], pa.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
    "half precision": (pa.array([1.5], pa.float32()).cast(pa.float16()), "1.5"),
    "run ends": (pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["x"])), "x"),
    "numbers in a dictionary": (pa.array([3]).dictionary_encode(), "3"),
    "a dictionary of nothing": (
        pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), pa.array([], pa.string())),
        None,
    ),
    "a list of fixed size": (pa.array([[1, 2]], pa.list_(pa.int8(), 2)), "[1, 2]"),
    "bytes of fixed size": (pa.array([b"ab"], pa.binary(2)), "ab"),
    "broken bytes in an object": (pa.array([{"a": b"\xff"}]), '{"a": "\\\\xff"}'),
    "a JSON column": (pa.array(["{}"], pa.json_()), "{}"),
}


@pytest.mark.parametrize(("column", "text"), RARE.values(), ids=RARE.keys())
def test_rare_types(column: pa.Array, text: str | None) -> None:
    assert metadata(col=column) == [None if text is None else {"col": text}]
