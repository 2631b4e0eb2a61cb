"""Columns with canonical names become dimensions: converted where nothing is lost, else the row is dead."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.adapter import Faults
from schemas.layouts.text import is_text, python_values, text_column
from schemas.trace import DIMENSIONS

TYPES = {c.name: c.type for c in DIMENSIONS if c.name != "metadata"}
WRONG_TYPE = "wrong_type"
NULL_ID = "null_id"
OUT_OF_RANGE = "out_of_range"
LEAST = {c.name: c.minimum for c in DIMENSIONS if c.minimum is not None}
INTEGER = re.compile(r"[+-]?\d{1,19}")
MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Seconds, milliseconds, micro- and nanoseconds between 2001 and 2100 do not overlap, so a bare number says which it is.
EPOCH_2001, EPOCH_2100 = 978_307_200, 4_102_444_800
# The years 1 to 9999, all that calendars in most programs hold, in seconds; and how many of a unit make a second.
YEAR_1, YEAR_10000 = -62_135_596_800, 253_402_300_800
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def dimension(column: pa.Array, target: str, source: str, faults: Faults) -> pa.Array:
    """A source column as the dimension `target`. A value that has no lossless conversion makes its row dead."""
    kind = TYPES[target]
    if isinstance(column, pa.ExtensionArray) and not isinstance(column.type, pa.UuidType):
        column = column.storage
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type):
        values = _utc(column, source, faults)
    elif column.type == kind or pa.types.is_null(column.type):
        values = column.cast(kind) if kind != pa.string() else text_column(column, source, faults)
    elif kind == pa.string() and _writes_itself(column.type):
        values = text_column(column, source, faults).cast(pa.string())
    elif kind == pa.float64() and (pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        values = column.cast(kind)
    else:
        values = _one_by_one(column, target, source, faults)
    if target == "trace_id":
        _find_missing(values, source, faults)
    if target in LEAST:
        for row in np.flatnonzero(_true(pc.less(values, LEAST[target]))).tolist():
            faults.add(row, OUT_OF_RANGE, f"{source} is {values[row]}, and {target} begins at {LEAST[target]}")
    return values


def _writes_itself(kind: pa.DataType) -> bool:
    is_uuid = pa.types.is_fixed_size_binary(kind) or isinstance(kind, pa.UuidType)
    return is_uuid or is_text(kind) or pa.types.is_integer(kind)


def _true(flags: pa.Array) -> np.ndarray:
    return flags.fill_null(False).to_numpy(zero_copy_only=False)


def _utc(column: pa.Array, source: str, faults: Faults) -> pa.Array:
    """Timestamps in microseconds and UTC; a naive one is UTC already, digits below a microsecond are dropped."""
    unit = column.type.unit
    numbers = column.cast(pa.int64())
    if unit != "ns":  # nanoseconds only reach from 1677 to 2262
        first, end = YEAR_1 * PER_SECOND[unit], YEAR_10000 * PER_SECOND[unit]
        odd = _true(pc.or_(pc.less(numbers, first), pc.greater_equal(numbers, end)))
        for row in np.flatnonzero(odd).tolist():
            what = f"{numbers[row]} {unit} since 1970 lie outside the years 1 to 9999"
            faults.add(row, OUT_OF_RANGE, f"{source}: {what}")
        column = pc.if_else(pa.array(odd), pa.scalar(None, column.type), column)
    if column.type.tz is None:
        column = column.cast(pa.timestamp(unit, tz="UTC"))
    return pc.cast(column, pa.timestamp("us", tz="UTC"), safe=False)


def _find_missing(ids: pa.Array, source: str, faults: Faults) -> None:
    empty = pc.fill_null(pc.equal(pc.binary_length(ids), 0), True).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(empty).tolist():
        faults.add(row, NULL_ID, f"{source} is {'null' if not ids[row].is_valid else 'empty'}")


def _one_by_one(column: pa.Array, target: str, source: str, faults: Faults) -> pa.Array:
    convert = CONVERT[TYPES[target]]
    if is_text(column.type):
        column = text_column(column, source, faults)
    converted: list[object] = []
    for row, value in enumerate(python_values(column, source, faults)):
        try:
            converted.append(None if value is None else convert(value))
        except (ValueError, OverflowError, ArithmeticError):
            converted.append(None)
            shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:80] + "..."
            faults.add(row, WRONG_TYPE, f"{source} is {shown} ({column.type}), and {target} is {TYPES[target]}")
    return pa.array(converted, TYPES[target])


def _string(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return str(int(value))  # an integer column with nulls becomes float in pandas; 3.0 was 3
    if isinstance(value, float | int | Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    raise ValueError


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        if not INTEGER.fullmatch(value.strip()):
            raise ValueError
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value != int(value):
        raise ValueError
    if not -(2**63) <= int(value) < 2**63:
        raise ValueError
    return int(value)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if value.strip() else None
    if not isinstance(value, int | float | Decimal) or (isinstance(value, int) and int(float(value)) != value):
        raise ValueError
    return float(value)


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in ("true", "false", "1", "0", ""):
            raise ValueError
        return None if not word else word in ("true", "1")
    if not isinstance(value, int | float) or value not in (0, 1):
        raise ValueError
    return bool(value)


def _moment(value: object) -> dt.datetime | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _iso(value.strip())
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time(), dt.UTC)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        value = _since_epoch(value)
    if not isinstance(value, dt.datetime):
        raise ValueError
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def _iso(text: str) -> dt.datetime:
    """ISO 8601; more than six digits of a second are cut."""
    return dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _since_epoch(value: float) -> dt.datetime:
    for per_second in (1, 10**3, 10**6, 10**9):
        if EPOCH_2001 <= value / per_second < EPOCH_2100:
            return EPOCH + MICROSECOND * int(value * 10**6 // per_second)
    raise ValueError


CONVERT: dict[pa.DataType, Callable[[object], object]] = {
    pa.string(): _string,
    pa.int64(): _integer,
    pa.float64(): _number,
    pa.bool_(): _flag,
    pa.timestamp("us", tz="UTC"): _moment,
}
