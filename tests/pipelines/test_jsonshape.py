from __future__ import annotations

import json
from functools import reduce
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.jsonshape import MAX_FIELDS, NULL, arrow_type, as_value, merge, shape_of

MANY = {f"k{i}": 1 for i in range(MAX_FIELDS + 1)}
CASES: dict[str, tuple[list[Any], pa.DataType, list[Any]]] = {
    "whole numbers": ([1, None, 2], pa.int64(), [1, None, 2]),
    "whole and broken numbers": ([1, 0.5], pa.float64(), [1.0, 0.5]),
    "numbers that a float would round": ([2**60 + 1, 1], pa.int64(), [2**60 + 1, 1]),
    "numbers that neither holds": ([2**60 + 1, 0.5], pa.string(), ["1152921504606846977", "0.5"]),
    "numbers beyond 64 bits": ([2**70], pa.string(), ["1180591620717411303424"]),
    "flags": ([True, None], pa.bool_(), [True, None]),
    "text": (["a", "é"], pa.string(), ["a", "é"]),
    "half a surrogate pair": (["\ud83d"], pa.string(), ["\ufffd"]),
    "text and numbers: text stays as it is": (["a", 3, True], pa.string(), ["a", "3", "true"]),
    "nothing but null": ([None], pa.string(), [None]),
    "lists": ([["a"], [], None], pa.list_(pa.string()), [["a"], [], None]),
    "lists of a mixture": ([["a", 1]], pa.string(), ['["a", 1]']),
    "objects, keys united": (
        [{"a": 1}, {"b": "x"}],
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        [{"a": 1, "b": None}, {"a": None, "b": "x"}],
    ),
    "objects that disagree": ([{"a": 1}, {"a": "x"}], pa.string(), ['{"a": 1}', '{"a": "x"}']),
    "an object without keys": ([{}, {"a": 1}], pa.string(), ["{}", '{"a": 1}']),
    "objects and lists": ([{"a": 1}, [1]], pa.string(), ['{"a": 1}', "[1]"]),
    "keys used as data": ([{"a": 1}, MANY], pa.string(), ['{"a": 1}', json.dumps(MANY)]),
}


def convert(values: list[Any]) -> pa.Array:
    shape = reduce(merge, map(shape_of, values), NULL)
    return pa.array([as_value(value, shape) for value in values], arrow_type(shape))


@pytest.mark.parametrize(("values", "kind", "expected"), CASES.values(), ids=CASES.keys())
def test_values_get_one_type(values: list[Any], kind: pa.DataType, expected: list[Any]) -> None:
    column = convert(values)
    assert column.type == kind
    assert column.to_pylist() == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(JSON, max_size=4))
def test_any_values_fit_and_none_is_lost(values: list[Any]) -> None:
    column = convert(values)
    column.validate(full=True)
    assert [v is None for v in column.to_pylist()] == [v is None for v in values]


@settings(max_examples=100, deadline=None)
@given(st.lists(JSON, max_size=4))
def test_the_type_does_not_depend_on_the_order(values: list[Any]) -> None:
    def kinds(given: list[Any]) -> str:
        kind = arrow_type(reduce(merge, map(shape_of, given), NULL))
        return "".join(sorted(str(kind)))  # the order of an object's keys is that of their coming

    assert kinds(values) == kinds(values[::-1])
