from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from schemas.trace import CANONICAL, STEPS
from tests.schemas.layouts.reading import adapt, not_utf8, reasons, steps


def step(
    text: str | None, role: str | None = "assistant", channel: str | None = "reasoning", **more: Any
) -> dict[str, Any]:
    return {"role": role, "channel": channel, "name": None, "text": text, "redacted": False, **more}


def batch(*rows: list[dict[str, Any]] | None, kind: pa.DataType = STEPS) -> pa.RecordBatch:
    return pa.record_batch({"trace_id": [f"t{i}" for i in range(len(rows))], "steps": pa.array(rows, kind)})


def test_canonical_traces_read_back_as_they_were() -> None:
    columns = {
        "trace_id": ["a", "b"],
        "window_index": [0, None],
        "reward": [0.5, None],
        "metadata": [{"k": "v"}, None],
        "steps": [[step("x"), step(None, redacted=True)], []],
    }
    traces = CANONICAL.batch(columns)
    assert adapt(traces).traces.equals(traces)


def test_text_is_not_copied() -> None:
    traces = CANONICAL.batch({"trace_id": ["a"], "steps": [[step("x" * 1000)]]})
    before = traces.column("steps").values.field("text").buffers()[2].address
    assert adapt(traces).traces.column("steps").values.field("text").buffers()[2].address == before


def test_null_steps_are_a_trace_without_steps_and_slices_keep_their_rows() -> None:
    given = batch([step("no")], [step("a"), step("b")], None, [], [step("c")], [step("no")])
    adapted = adapt(given.slice(1, 4))
    assert [[text for _, text in row] for row in steps(adapted)] == [["a", "b"], [], [], ["c"]]


def _kind(text: pa.DataType, outer: Any = pa.list_, word: pa.DataType | None = None) -> pa.DataType:
    word = word or pa.string()
    return outer(pa.struct([("text", text), ("role", word), ("extra", pa.int64()), ("channel", word)]))


KINDS = {
    "large strings in large lists": _kind(pa.large_string(), pa.large_list),
    "fields in other order, one extra, two missing": _kind(pa.string()),
    "string views": _kind(pa.string_view()),
    "list views": _kind(pa.string(), pa.list_view),
    "lists of fixed size": pa.list_(_kind(pa.string()).value_type, 1),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_kindred_types_are_brought_to_the_canonical_one(kind: pa.DataType) -> None:
    row = [{"text": "é", "role": "user", "extra": 1, "channel": "prompt"}]
    adapted = adapt(batch(row, None, row, kind=kind).slice(1))
    assert steps(adapted) == [[], [("prompt", "é")]]
    assert adapted.traces.column("steps").type == STEPS


def test_roles_in_a_dictionary() -> None:
    word = pa.array(["user", "tool"]).dictionary_encode()
    values = pa.StructArray.from_arrays(
        [word, pa.array(["prompt", "output"]), pa.array(["a", "b"])], ["role", "channel", "text"]
    )
    column = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values)
    adapted = adapt(pa.record_batch({"trace_id": ["a", "b"], "steps": column}))
    assert [row[0]["role"] for row in adapted.traces.column("steps").to_pylist()] == ["user", "tool"]


FAULTS = {
    "an unknown role": ([step("x", role="critic")], "unknown_role", "step 0: steps has role 'critic'"),
    "no role": ([step("x"), step("x", role=None)], "unknown_role", "step 1: steps has role None"),
    "an unknown channel": ([step("x", channel="thoughts")], "unknown_channel", "step 0: steps has channel 'thoughts'"),
}
LOOSE = pa.list_(
    pa.struct([("role", pa.string()), ("channel", pa.string()), ("text", pa.string()), ("redacted", pa.bool_())])
)


@pytest.mark.parametrize(("bad", "reason", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_bad_step_makes_its_row_dead(bad: list[dict[str, Any]], reason: str, message: str) -> None:
    adapted = adapt(batch([step("a")], bad, [], [step("b")], kind=LOOSE))
    assert reasons(adapted) == {1: reason}
    assert adapted.dead[0].message.startswith(message)
    assert steps(adapted) == [[("reasoning", "a")], [], [("reasoning", "b")]]


def test_a_null_step_and_a_redacted_flag_of_another_type_are_dead() -> None:
    assert reasons(adapt(batch([step("a")], [step("b"), None], kind=LOOSE))) == {1: "null_step"}  # type: ignore[list-item]
    kind = pa.list_(
        pa.struct([("role", pa.string()), ("channel", pa.string()), ("text", pa.string()), ("redacted", pa.string())])
    )
    assert reasons(adapt(batch([step("a", redacted=None)], [step("b", redacted="yes")], kind=kind))) == {
        1: "wrong_type"
    }


def test_broken_utf8_in_a_step_makes_its_row_dead() -> None:
    texts = not_utf8(b"a", b"b", b"\xff", b"c")
    word = pa.array(["user"] * 4), pa.array(["prompt"] * 4)
    values = pa.StructArray.from_arrays([*word, texts], ["role", "channel", "text"])
    column = pa.ListArray.from_arrays(pa.array([0, 1, 3, 4], pa.int32()), values)
    adapted = adapt(pa.record_batch({"trace_id": ["x", "y", "z"], "steps": column}))
    assert reasons(adapted) == {1: "invalid_utf8"}
    assert steps(adapted) == [[("prompt", "a")], [("prompt", "c")]]
