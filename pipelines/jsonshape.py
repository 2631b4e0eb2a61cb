"""Which Arrow type holds every value that was seen of a JSON column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import pyarrow as pa

from schemas.layouts.text import as_json, without_surrogates

MAX_FIELDS = 64  # an object with more keys over all lines is a dictionary, not a structure
SCALARS = {"bool": pa.bool_(), "int": pa.int64(), "long": pa.int64(), "float": pa.float64(), "string": pa.string()}


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a JSON value: null, a scalar's kind, list (of `item`), object (of `fields`), json for a mixture."""

    kind: str
    item: Shape | None = None
    fields: tuple[tuple[str, Shape], ...] = ()


NULL = Shape("null")
MIXED = Shape("json")


def shape_of(value: object) -> Shape:
    """The shape of one value; MIXED where no Arrow type holds it."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Shape("bool")
    if isinstance(value, int):
        if abs(value) <= 2**53:
            return Shape("int")
        return Shape("long") if -(2**63) <= value < 2**63 else MIXED  # one that a float could not hold
    if isinstance(value, float):
        return Shape("float")
    if isinstance(value, str):
        return Shape("string")
    if isinstance(value, list):
        item = reduce(merge, map(shape_of, value), NULL)
        return MIXED if item == MIXED else Shape("list", item)
    if isinstance(value, dict):
        fields = tuple((str(name), shape_of(inner)) for name, inner in value.items())
        return _object(fields)
    return MIXED


def merge(a: Shape, b: Shape) -> Shape:
    """The shape that holds both; MIXED where only JSON does."""
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if {a.kind, b.kind} == {"int", "float"}:
        return Shape("float")
    if {a.kind, b.kind} == {"int", "long"}:
        return Shape("long")
    if a.kind != b.kind or a.kind not in ("list", "object"):
        return MIXED
    if a.kind == "list":
        item = merge(a.item or NULL, b.item or NULL)
        return MIXED if item == MIXED else Shape("list", item)
    fields = dict(a.fields)
    for name, shape in b.fields:
        fields[name] = merge(fields.get(name, NULL), shape)
    return _object(tuple(fields.items()))


def _object(fields: tuple[tuple[str, Shape], ...]) -> Shape:
    if not fields or len(fields) > MAX_FIELDS or any(shape == MIXED for _, shape in fields):
        return MIXED
    return Shape("object", fields=fields)


def arrow_type(shape: Shape) -> pa.DataType:
    """The Arrow type of a shape; a mixture is a string of JSON, and so is what was never anything but null."""
    if shape.kind in SCALARS:
        return SCALARS[shape.kind]
    if shape.kind == "list" and shape.item is not None:
        return pa.list_(arrow_type(shape.item))
    if shape.kind == "object":
        return pa.struct([(name, arrow_type(inner)) for name, inner in shape.fields])
    return pa.string()


def as_value(value: object, shape: Shape) -> object:
    """A value as pyarrow takes it for `arrow_type(shape)`. In a mixture, strings stay as they are."""
    if value is None:
        return None
    if isinstance(value, str):
        return without_surrogates(value)
    if shape.kind == "json":
        return as_json(value)
    if shape.kind == "list" and isinstance(value, list):
        return [as_value(inner, shape.item or NULL) for inner in value]
    if shape.kind == "object" and isinstance(value, dict):
        return {name: as_value(value.get(name), inner) for name, inner in shape.fields}
    return float(value) if shape.kind == "float" and isinstance(value, int) else value
