from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from schemas.layouts.adapter import Faults
from schemas.layouts.dimensions import TYPES, dimension

NOON = dt.datetime(2026, 1, 2, 12, 0, tzinfo=dt.UTC)
SIXTEEN = uuid.UUID("12345678-1234-5678-1234-567812345678")


def convert(target: str, values: Any, kind: pa.DataType | None = None) -> tuple[list[object], Faults]:
    column = values if isinstance(values, pa.Array) else pa.array(values, kind)
    faults = Faults(len(column))
    array = dimension(column, target, "col", faults)
    assert array.type == TYPES[target]
    assert len(array) == len(column)
    return array.to_pylist(), faults


LOSSLESS: dict[str, tuple[str, Any, pa.DataType | None, object]] = {
    "int to string": ("task_id", [7], pa.int64(), "7"),
    "unsigned int to string": ("trace_id", [2**64 - 1], pa.uint64(), "18446744073709551615"),
    "whole float to string, as pandas writes ints with nulls": ("trace_id", [7.0], None, "7"),
    "float to string": ("training_run", [0.5], None, "0.5"),
    "bool to string": ("task_id", [True], None, "true"),
    "uuid": ("trace_id", pa.array([SIXTEEN.bytes], pa.uuid()), None, str(SIXTEEN)),
    "sixteen bytes": ("trace_id", [SIXTEEN.bytes], pa.binary(16), str(SIXTEEN)),
    "date to string": ("checkpoint", [dt.date(2026, 1, 2)], None, "2026-01-02"),
    "small int": ("training_step", [3], pa.int16(), 3),
    "digits": ("training_step", [" 3 "], None, 3),
    "whole float to int": ("training_step", [3000.0], None, 3000),
    "decimal to int": ("training_step", [Decimal("3.00")], None, 3),
    "int to reward": ("reward", [1], pa.int8(), 1.0),
    "half precision reward": ("reward", pa.array([0.5], pa.float32()).cast(pa.float16()), None, 0.5),
    "bool to reward": ("reward", [True], None, 1.0),
    "text to reward": ("reward", ["-1.5e0"], None, -1.5),
    "decimal reward": ("reward", [Decimal("0.25")], None, 0.25),
    "number to success": ("success", [1], None, True),
    "float to success": ("success", [0.0], None, False),
    "word to success": ("success", ["True"], None, True),
    "nothing written": ("reward", [" "], None, None),
    "Z": ("started_at", ["2026-01-02T12:00:00Z"], None, NOON),
    "offset": ("started_at", ["2026-01-02T13:00:00+01:00"], None, NOON),
    "nanoseconds in text": ("started_at", ["2026-01-02T12:00:00.000000123Z"], None, NOON),
    "naive text is UTC": ("started_at", ["2026-01-02 12:00:00"], None, NOON),
    "date text": ("started_at", ["2026-01-02"], None, NOON.replace(hour=0)),
    "date": ("started_at", [dt.date(2026, 1, 2)], None, NOON.replace(hour=0)),
    "naive timestamp is UTC": ("started_at", [NOON.replace(tzinfo=None)], pa.timestamp("ms"), NOON),
    "timestamp elsewhere": ("started_at", [NOON], pa.timestamp("ns", tz="Asia/Tokyo"), NOON),
    "seconds since 1970": ("started_at", [int(NOON.timestamp())], None, NOON),
    "milliseconds since 1970": ("started_at", [NOON.timestamp() * 1e3], None, NOON),
    "nanoseconds since 1970": ("started_at", [int(NOON.timestamp()) * 10**9], None, NOON),
}


@pytest.mark.parametrize(("target", "values", "kind", "expected"), LOSSLESS.values(), ids=LOSSLESS.keys())
def test_lossless(target: str, values: Any, kind: pa.DataType | None, expected: object) -> None:
    converted, faults = convert(target, values, kind)
    assert converted == [expected]
    assert not faults.by_row


LOSSY: dict[str, tuple[str, Any, pa.DataType | None]] = {
    "half a step": ("training_step", [3.5], None),
    "words for a number": ("training_step", ["three"], None),
    "a step beyond 64 bits": ("training_step", [2**63], pa.uint64()),
    "a flag for a step": ("training_step", [True], None),
    "an integer no float holds": ("reward", [2**53 + 1], None),
    "words for a reward": ("reward", ["high"], None),
    "two for a flag": ("success", [2], None),
    "a word for a flag": ("success", ["maybe"], None),
    "no date": ("started_at", ["yesterday"], None),
    "a number that is no time since 1970": ("started_at", [3], None),
    "an object for a name": ("model", [{"name": "m"}], None),
    "a list for a name": ("environment", [["a"]], None),
    "a flag for a time": ("started_at", [True], None),
}


@pytest.mark.parametrize(("target", "values", "kind"), LOSSY.values(), ids=LOSSY.keys())
def test_a_lossy_value_kills_its_row_and_no_other(target: str, values: Any, kind: pa.DataType | None) -> None:
    _, faults = convert(target, pa.array([*values, None], kind))
    assert {row: reason for row, (reason, _) in faults.by_row.items()} == {0: "wrong_type"}
    assert target in faults.by_row[0][1]


def test_null_stays_null() -> None:
    for target in TYPES:
        if target != "trace_id":
            assert convert(target, pa.nulls(2)) == ([None, None], Faults(2))


def test_missing_ids() -> None:
    _, faults = convert("trace_id", ["a", None, "", " "])
    assert faults.by_row == {1: ("null_id", "col is null"), 2: ("null_id", "col is empty")}
