from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.layouts.detect import SCOUT_HEAVY
from tests.schemas.layouts.reading import adapt, not_utf8, read, reasons, steps

FIELDS = (
    *("role", "from", "type", "content", "value", "parts", "text", "tool_calls", "function", "name", "arguments", "id"),
    *("reasoning", "reasoning_content", "reasoning_details", "thinking", "summary", "redacted", "error", "output"),
)
CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "u"},
    {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "r",
        "tool_calls": [{"name": "f", "arguments": {"x": "1"}}],
    },
]
STEPS = [("prompt", "u"), ("reasoning", "r"), ("output", "a"), ("action", "1")]


@pytest.mark.parametrize("name", ["messages", "conversation", "conversations", "trajectory"])
def test_a_list_of_messages_or_its_json_read_the_same(name: str) -> None:
    assert steps(adapt(pa.record_batch({"id": ["t"], name: [CHAT]}))) == [STEPS]
    assert steps(adapt(pa.record_batch({"id": ["t"], name: [json.dumps(CHAT)]}))) == [STEPS]
    assert steps(adapt(pa.record_batch({"id": ["t"], name: [[json.dumps(m) for m in CHAT]]}))) == [STEPS]


CELLS: dict[str, tuple[object, list[tuple[str, str]] | str]] = {
    "null": (None, []),
    "JSON null": ("null", []),
    "no messages": ("[]", []),
    "an object that holds them": (json.dumps({"messages": CHAT}), STEPS),
    "half a surrogate pair": (r'[{"role": "user", "content": "\ud83d!"}]', [("prompt", "\ufffd!")]),
    "a whole surrogate pair": (r'[{"role": "user", "content": "\ud83d\ude42"}]', [("prompt", "🙂")]),
    "broken JSON": ("[{", "unparsable_messages"),
    "empty text": ("", "unparsable_messages"),
    "a number": ("3", "unparsable_messages"),
    "JSON too deep to read": ("[" * 100_000, "unparsable_messages"),
    "an unknown role": ('[{"role": "critic", "content": "x"}]', "unknown_role"),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS.keys())
def test_cells(cell: object, expected: list[tuple[str, str]] | str) -> None:
    adapted = adapt(pa.record_batch({"id": ["a", "b"], "messages": pa.array([cell, json.dumps(CHAT)], pa.string())}))
    if isinstance(expected, str):
        assert reasons(adapted) == {0: expected}
        assert steps(adapted) == [STEPS]
        assert adapted.dead[0].payload is not None
    else:
        assert steps(adapted) == [expected, STEPS]


def test_slices_and_empty_batches() -> None:
    batch = pa.record_batch({"id": ["a", "b", "c"], "messages": [[], CHAT, []]})
    assert steps(adapt(batch.slice(1, 1))) == [STEPS]
    assert steps(adapt(batch.slice(1, 0))) == []
    assert steps(adapt(pa.record_batch({"id": ["a"], "messages": pa.nulls(1)}), "messages")) == [[]]


def test_broken_utf8_in_json_and_in_structs() -> None:
    good = json.dumps(CHAT).encode()
    assert reasons(adapt(pa.record_batch({"id": ["a", "b"], "messages": not_utf8(b'["\xff"]', good)}))) == {
        0: "invalid_utf8"
    }
    values = pa.StructArray.from_arrays([pa.array(["user"] * 2), not_utf8(b"\xff", b"u")], ["role", "content"])
    column = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values)
    adapted = adapt(pa.record_batch({"id": ["a", "b"], "messages": column}))
    assert reasons(adapted) == {0: "invalid_utf8"}
    assert steps(adapted) == [[("prompt", "u")]]


def test_a_thoughts_argument_is_mapped() -> None:
    chat = json.dumps(
        [{"role": "assistant", "tool_calls": [{"name": "act", "arguments": {"thoughts": "r", "do": "x"}}]}]
    )
    adapted = adapt(pa.record_batch({"id": ["t"], "messages": [chat]}), reasoning="tool:thoughts")
    assert steps(adapted) == [[("reasoning", "r"), ("action", "x")]]


def test_arguments_that_are_a_map() -> None:
    kind = pa.struct([("name", pa.string()), ("arguments", pa.map_(pa.string(), pa.string()))])
    message = pa.struct([("role", pa.string()), ("tool_calls", pa.list_(kind))])
    chat = [{"role": "assistant", "tool_calls": [{"name": "sh", "arguments": [("command", "ls")]}]}]
    adapted = adapt(pa.record_batch({"id": ["t"], "messages": pa.array([chat], pa.list_(message))}))
    assert steps(adapted) == [[("action", "ls")]]


def test_a_struct_that_has_every_field_of_every_message() -> None:
    """As tools write it: all the other messages' fields are there, and null."""
    chat = [
        {"content": None, "tool_calls": None, "reasoning_content": None, "name": None, **message} for message in CHAT
    ]
    assert steps(adapt(pa.record_batch({"id": ["t"], "messages": [chat]}))) == [STEPS]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(
        ["", "a", "{", "[1]", "text", "assistant", "tool", "reasoning", "\ud83d", "<think>", "<|channel|>"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5) | JSON, max_size=4))
def test_whatever_is_in_a_cell_it_is_a_trace_or_a_dead_row(messages: list[object]) -> None:
    adapted = adapt(pa.record_batch({"id": ["a"], "messages": [json.dumps(messages)]}))
    assert set(reasons(adapted).values()) <= {"unparsable_messages", "unknown_role"}


def transcripts(**changed: list[Any]) -> pa.RecordBatch:
    """Rows as Inspect Scout 0.6.1 writes them: large strings, and JSON wherever something is nested."""
    said = [
        {"id": "m1", "role": "system", "content": "s", "source": None, "metadata": None},
        {
            "id": "m2",
            "role": "user",
            "content": [
                {"internal": None, "type": "text", "text": "u", "refusal": None, "citations": None},
                {"internal": None, "type": "image", "image": "data:image/png;base64,AAAA", "detail": "auto"},
            ],
            "tool_call_id": None,
        },
        {
            "id": "m3",
            "role": "assistant",
            "content": [
                {"type": "reasoning", "reasoning": "r", "summary": None, "signature": "x", "redacted": False},
                {"type": "text", "text": "a"},
            ],
            "tool_calls": [
                {"id": "c1", "function": "bash", "arguments": {"cmd": "ls"}, "parse_error": None, "type": "function"}
            ],
        },
        {"id": "m4", "role": "tool", "content": "a.py", "tool_call_id": "c1", "function": "bash", "error": None},
        {
            "id": "m5",
            "role": "assistant",
            "content": [
                {"type": "reasoning", "reasoning": "gAAA", "summary": "s", "redacted": True},
                {"type": "reasoning", "reasoning": "gAAB", "summary": None, "redacted": True},
            ],
            "tool_calls": None,
        },
    ]
    row: dict[str, list[Any]] = {
        "transcript_id": ["T1", "T2"],
        "source_type": ["eval_log"] * 2,
        "date": ["2026-01-02T03:04:05+01:00"] * 2,
        "task_set": ["swe-fix"] * 2,
        "task_id": ["7"] * 2,
        "task_repeat": [1] * 2,
        "model": ["m"] * 2,
        "score": ["0.5", '{"accuracy": 1}'],
        "success": [True, None],
        "messages": [json.dumps(said), None],
        "events": ["[]"] * 2,
        "timelines": ["[]"] * 2,
        "events_data": ["[]"] * 2,
        "nested": ['{"k":[1,2]}', None],
    }
    arrays = {name: pa.array(values) for name, values in (row | changed).items()}
    wide = {name: a.cast(pa.large_string()) if a.type == pa.string() else a for name, a in arrays.items()}
    return pa.record_batch(wide)


def test_a_transcript_database() -> None:
    first, second = adapt(transcripts()).traces.to_pylist()
    assert [(s["role"], s["channel"], s["name"], s["text"], s["redacted"]) for s in first["steps"]] == [
        ("system", "prompt", None, "s", False),
        ("user", "prompt", None, "u", False),
        ("user", "prompt", None, "[image]", False),
        ("assistant", "reasoning", None, "r", False),
        ("assistant", "output", None, "a", False),
        ("assistant", "action", "bash", "ls", False),
        ("tool", "observation", "bash", "a.py", False),
        ("assistant", "reasoning", None, "s", True),
        ("assistant", "reasoning", None, None, True),
    ]
    assert (first["trace_id"], first["environment"], first["task_id"], first["model"]) == ("T1", "swe-fix", "7", "m")
    assert first["started_at"].isoformat() == "2026-01-02T02:04:05+00:00"
    assert (first["reward"], first["success"]) == (0.5, True)
    assert dict(first["metadata"]) == {
        "source_type": "eval_log",
        "task_repeat": "1",
        "score": "0.5",
        "nested": '{"k":[1,2]}',
    }
    # null messages: a trace that nobody can look at, not a row that is gone
    assert (second["trace_id"], second["steps"], second["reward"], second["success"]) == ("T2", [], None, None)
    assert dict(second["metadata"])["score"] == '{"accuracy": 1}'


def test_heavy_columns_of_a_transcript_database_are_not_read() -> None:
    from schemas.layouts import LayoutSettings, adapter_for

    adapter = adapter_for(transcripts().schema, LayoutSettings(), "a.parquet")
    assert adapter.layout == "scout"
    assert not set(SCOUT_HEAVY) & set(adapter.columns)


def test_older_names_of_a_transcript_database() -> None:
    batch = transcripts()
    older = {"date": "eval_created", "task_set": "task_name"}
    batch = batch.rename_columns([older.get(name, name) for name in batch.schema.names])
    trace = adapt(batch).traces.to_pylist()[0]
    assert trace["environment"] == "swe-fix"
    assert trace["started_at"] is not None


@pytest.mark.parametrize(
    ("score", "reward"),
    [("1", 1.0), ("0.25", 0.25), ("C", None), ('"C"', None), ("true", None), ("", None), (None, None), ("NaN", None)],
)
def test_scores_that_are_numbers_are_rewards(score: str | None, reward: float | None) -> None:
    traces = adapt(transcripts(score=[score, "2"])).traces
    assert traces.column("reward").to_pylist() == [reward, 2.0]


def test_a_transcript_database_with_a_number_for_a_score() -> None:
    assert adapt(transcripts(score=[0.5, None])).traces.column("reward").to_pylist() == [0.5, None]


def test_only_an_id_and_messages() -> None:
    assert steps(read(transcript_id=["a"], messages=[json.dumps(CHAT)])) == [STEPS]
