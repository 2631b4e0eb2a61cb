from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.layouts.flat import SCAN_BYTES, rows_with_tags
from schemas.layouts.thinking import split_thinking
from tests.schemas.layouts.reading import Steps, adapt, not_utf8, read, reasons, steps


def test_columns_become_steps_in_order() -> None:
    adapted = read(output=["o"], actions=["a"], reasoning=["r"], prompt=["p"], trace_id=["t"])
    assert adapted.traces.column("steps").to_pylist() == [
        [
            {"role": "user", "channel": "prompt", "name": None, "text": "p", "redacted": False},
            {"role": "assistant", "channel": "reasoning", "name": None, "text": "r", "redacted": False},
            {"role": "assistant", "channel": "action", "name": None, "text": "a", "redacted": False},
            {"role": "assistant", "channel": "output", "name": None, "text": "o", "redacted": False},
        ]
    ]


def test_null_and_empty_texts_give_no_step() -> None:
    adapted = read(trace_id=["a", "b", "c"], reasoning=[None, "r", ""], output=["", None, None])
    assert steps(adapted) == [[], [("reasoning", "r")], []]


STRINGS = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "dictionary of large strings": pa.dictionary(pa.int8(), pa.large_string()),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
}


@pytest.mark.parametrize("kind", STRINGS.values(), ids=STRINGS.keys())
def test_any_string_type_reads_the_same_even_in_a_slice(kind: pa.DataType) -> None:
    def column(values: list[str | None]) -> pa.Array:
        array = pa.array(values, pa.string())
        return array.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else array.cast(kind)

    ids = pa.array(["a", "b", "c", "d", "e"])
    reasoning = column(["no", "é", None, "漢字 🙂", "no"])
    output = column(["no", "<think>x</think>y", "z", "", "no"])
    batch = pa.record_batch({"trace_id": ids, "reasoning": reasoning, "output": output, "model": column(["m"] * 5)})
    adapted = adapt(batch.slice(1, 3))
    assert steps(adapted) == [
        [("reasoning", "é"), ("reasoning", "x"), ("output", "y")],
        [("output", "z")],
        [("reasoning", "漢字 🙂")],
    ]
    assert adapted.traces.column("model").to_pylist() == ["m"] * 3
    assert adapted.rows.tolist() == [0, 1, 2]


def test_an_empty_batch() -> None:
    batch = pa.record_batch({"trace_id": ["a"], "reasoning": ["r"], "output": ["<think>"], "tag": [1]}).slice(0, 0)
    adapted = adapt(batch)
    assert adapted.traces.num_rows == 0
    assert not adapted.dead


def test_a_column_of_nothing_but_null() -> None:
    batch = pa.record_batch({"trace_id": ["a"], "reasoning": pa.nulls(1), "output": ["o"], "tag": pa.nulls(1)})
    adapted = adapt(batch)
    assert steps(adapted) == [[("output", "o")]]
    assert adapted.traces.column("metadata").to_pylist() == [None]


def test_only_null_texts() -> None:
    assert steps(adapt(pa.record_batch({"trace_id": ["a", "b"], "output": pa.nulls(2)}))) == [[], []]


def test_numbers_are_written_out_and_lists_are_steps() -> None:
    adapted = adapt(pa.record_batch({"trace_id": ["a", "b"], "actions": [["x", None, "y"], None], "output": [3, None]}))
    assert steps(adapted) == [[("action", "x"), ("action", "y"), ("output", "3")], []]


def test_objects_in_a_list_of_actions_are_json() -> None:
    adapted = read(trace_id=["a"], actions=[[{"tool": "sh", "args": 'say "é"'}]])
    assert steps(adapted) == [[("action", '{"tool": "sh", "args": "say \\"é\\""}')]]


def test_tags_in_the_output_are_cut_out_row_by_row() -> None:
    texts = [
        "plain",
        "<think>r</think>o",
        None,
        "r</think>",
        "`<think>` is a tag",
        "",
        "<think>cut",
        "<THINK>R</Think>o",
    ]
    adapted = read(trace_id=list("abcdefgh"), prompt=["p"] * 8, output=texts)
    assert [row[1:] for row in steps(adapted)] == [
        [("output", "plain")],
        [("reasoning", "r"), ("output", "o")],
        [],
        [("reasoning", "r")],
        [("output", "`<think>` is a tag")],
        [],
        [("reasoning", "cut")],
        [("reasoning", "R"), ("output", "o")],
    ]


def test_tags_are_found_across_stretches_and_in_slices() -> None:
    filler = "é" * ((SCAN_BYTES - 7) // 2)
    text = pa.array(["think>", "think", "", filler + "<think>", "x>", None, "</thinking>", "<THINK>", "<Thinking>"])
    assert rows_with_tags(text).tolist() == [0, 3, 6, 7, 8]
    assert rows_with_tags(text.slice(1, 3)).tolist() == [2]
    assert rows_with_tags(text.slice(0, 0)).tolist() == []


def test_dead_rows_leave_the_others() -> None:
    ids = pa.array(["a", None, "", "d", "e"])
    output = not_utf8(b"1", b"2", b"3", b"<think>\xff\xfe", b"</think>5")
    adapted = adapt(pa.record_batch({"trace_id": ids, "output": output, "reward": ["1", "2", "3", "4", "5"]}))
    assert reasons(adapted) == {1: "null_id", 2: "null_id", 3: "invalid_utf8"}
    assert adapted.rows.tolist() == [0, 4]
    assert steps(adapted) == [[("output", "1")], [("output", "5")]]
    assert adapted.traces.column("reward").to_pylist() == [1.0, 5.0]
    broken = adapted.dead[2]
    assert broken.message == "output is not UTF-8: invalid start byte at byte 7"
    assert broken.payload == r'{"trace_id": "d", "output": "<think>\\xff\\xfe", "reward": "4"}'


@pytest.mark.parametrize("column", ["trace_id", "model", "note"])
def test_broken_utf8_anywhere_makes_the_row_dead(column: str) -> None:
    columns = {"trace_id": pa.array(["a", "b"]), "model": pa.array(["m", "m"]), "note": pa.array(["n", "n"])}
    columns[column] = not_utf8(b"ok", b"\xff")
    assert reasons(adapt(pa.record_batch({**columns, "output": ["x", "y"]}))) == {1: "invalid_utf8"}


def test_broken_utf8_in_a_dictionary_makes_only_its_rows_dead() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None], pa.int8()), not_utf8(b"ok", b"\xff"))
    adapted = adapt(pa.record_batch({"trace_id": list("abcd"), "output": words}))
    assert reasons(adapted) == {1: "invalid_utf8"}


TEXT = st.one_of(
    st.none(),
    st.lists(
        st.sampled_from(
            ["a", "é", "🙂", "\n", " ", "<think>", "</think>", "<THINK>", "</Thinking>", "think>", ">", "`", "<"]
        ),
        max_size=8,
    ).map("".join),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=6), st.integers(0, 3), st.booleans())
def test_the_same_as_row_by_row(rows: list[tuple[str | None, ...]], start: int, wide: bool) -> None:
    names = ("prompt", "reasoning", "actions", "output")
    kind = pa.large_string() if wide else pa.string()
    columns = {name: pa.array([row[i] for row in rows], kind) for i, name in enumerate(names)}
    batch = pa.record_batch({"trace_id": pa.array([f"t{i}" for i in range(len(rows))], pa.string()), **columns}).slice(
        start
    )
    assert steps(adapt(batch)) == [_one(row) for row in rows[start:]]


def _one(row: tuple[str | None, ...]) -> Steps:
    whole = [(channel, text) for channel, text in zip(("prompt", "reasoning", "action"), row[:3], strict=True) if text]
    return [*whole, *((channel, text) for channel, _, text in split_thinking(row[3] or "") if text)]
