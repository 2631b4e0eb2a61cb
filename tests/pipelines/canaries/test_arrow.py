"""No byte of text in a table is out of the scanner's sight."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.canaries import find_ids, scan, table_bytes
from schemas.canary import CANARY, marked_id
from schemas.digest import digest

ALERT = marked_id("alert", digest("a finding", "a monitor"))
NESTED = pa.list_(pa.struct([("name", pa.string()), ("parts", pa.list_(pa.map_(pa.string(), pa.binary())))]))
ARRAYS = {
    "strings": pa.array(["one", None, "two"]),
    "string views": pa.array(["one", None, "two"], pa.string_view()),
    "binary views": pa.array([b"one", None, b"two"], pa.binary_view()),
    "large binary": pa.array([b"one", b"two", None], pa.large_binary()),
    "fixed width": pa.array([b"one", None, b"two"], pa.binary(3)),
    "dictionary": pa.array(["one", "two", "one"]).dictionary_encode(),
    "run ends": pa.RunEndEncodedArray.from_arrays([1, 3], ["one", "two"]),
    "lists": pa.array([["one"], None, ["x", "two"]]),
    "list views": pa.array([["one"], None, ["x", "two"]], pa.list_view(pa.string())),
    "fixed lists": pa.array([["one", "two"], None, ["x", "y"]], pa.list_(pa.string(), 2)),
    "maps": pa.array([[("one", "x")], None, [("y", "two")]], pa.map_(pa.string(), pa.string())),
    "nested": pa.array([[{"name": "one", "parts": [[("k", b"two")]]}], [], None], NESTED),
    "extension": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['"one"', None, '"two"'])),
}


def read(data: pa.RecordBatch | pa.Table) -> bytes:
    return b" ".join(bytes(piece) for _, piece in table_bytes(data))


@pytest.mark.parametrize("name", ARRAYS)
def test_every_type_of_column_is_read(name: str) -> None:
    batch = pa.record_batch({"column": ARRAYS[name]})
    assert {word for word in (b"one", b"two") if word in read(batch)} == {b"one", b"two"}
    assert {word for word in (b"one", b"two") if word in read(pa.Table.from_batches([batch, batch]))} == {
        b"one",
        b"two",
    }


@pytest.mark.parametrize("name", ARRAYS)
def test_each_slice_is_read(name: str) -> None:
    batch = pa.record_batch({"column": ARRAYS[name]})
    slices = b" ".join(read(batch.slice(i, 1)) for i in range(3))
    assert {word for word in (b"one", b"two") if word in slices} == {b"one", b"two"}


def test_a_slice_of_strings_is_only_itself() -> None:
    assert b"one" not in read(pa.record_batch({"column": ARRAYS["strings"]}).slice(1))


def test_values_stand_apart() -> None:
    """The end of one would hide where the next begins."""
    texts = pa.record_batch({"text": ["a word", None, "TG08.lookup-table", "0" * 32, ALERT.removeprefix("alert-")]})
    found = [hit.text for _, piece in table_bytes(texts) for hit in find_ids(piece)]
    assert found == ["TG08.lookup-table", ALERT.removeprefix("alert-")]


def test_a_canary_cut_into_several_values_is_one() -> None:
    half = len(CANARY) // 2
    pieces = pa.record_batch({"parts": [[{"text": CANARY[:half]}, {"text": CANARY[half:]}]]})
    assert [hit.how for _, piece in table_bytes(pieces) for hit in scan(piece)] == ["letters"]


def test_names_and_metadata_are_read_and_say_where_they_stood() -> None:
    inner = pa.field("inside", pa.string(), metadata={"key2": "value2"})
    schema = pa.schema([pa.field("outside", pa.list_(pa.struct([inner])))], metadata={"key1": "value1"})
    pieces = dict(table_bytes(pa.RecordBatch.from_pylist([{"outside": [{"inside": "text"}]}], schema)))
    assert set(pieces) == {"schema", "outside.inside"}
    for word in (b"inside", b"outside", b"key1", b"value1", b"key2", b"value2"):
        assert word in bytes(pieces["schema"])
    assert bytes(pieces["outside.inside"]) == b"text"
