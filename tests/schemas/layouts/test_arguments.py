"""Where the arguments of tool calls stand in the text of their steps."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.plan import WHOLE, Task
from pipelines.read import ReadSettings, TraceBatch, read_shard, without_arguments
from schemas.digest import trace_digests
from schemas.layouts import LayoutSettings, adapter_for
from schemas.layouts.chat import spelled, stretches
from schemas.trace import ADAPTED

TEXT = st.text(st.sampled_from('ab: \n"{}[]é😀́\r'), max_size=12)
VALUES = st.one_of(TEXT, st.integers(), st.none(), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2))


def as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@settings(deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_each_stretch_is_its_argument_to_the_letter(arguments: dict[str, Any]) -> None:
    text = spelled(arguments)
    found = stretches(arguments)
    assert [s.name for s in found] == list(arguments)
    assert [text[s.start : s.end] for s in found] == [as_text(value) for value in arguments.values()]


def chat(*calls: tuple[str, object]) -> list[dict[str, Any]]:
    tool_calls = [{"id": "c", "function": {"name": name, "arguments": given}} for name, given in calls]
    return [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a", "tool_calls": tool_calls}]


CALLS: dict[str, tuple[tuple[str, object], list[tuple[str, str]]]] = {
    "one argument is the whole text": (("bash", '{"command": "ls"}'), [("command", "ls")]),
    "several": (("edit", {"path": "a.py", "line": 3}), [("path", "a.py"), ("line", "3")]),
    "of several lines": (("edit", {"text": "a\nb", "at": "x"}), [("text", "a\nb"), ("at", "x")]),
    "beyond the basic plane": (("edit", {"old": "😀é", "new": "b😀"}), [("old", "😀é"), ("new", "b😀")]),
    "half a surrogate pair": (("edit", '{"old": "\\ud83d", "new": "b"}'), [("old", "\ufffd"), ("new", "b")]),
    "plain text has none": (("bash", "ls -la"), []),
    "broken JSON has none": (("bash", '{"command": "ls'), []),
    "nothing given": (("bash", {}), []),
}


@pytest.mark.parametrize(("call", "expected"), CALLS.values(), ids=CALLS)
def test_stretches_as_they_come_from_a_row(call: tuple[str, object], expected: list[tuple[str, str]]) -> None:
    batch = pa.record_batch({"trace_id": ["t"], "messages": [json.dumps(chat(call))]})
    adapted = adapter_for(batch.schema, LayoutSettings(arguments=True), "a.parquet").adapt(batch)
    (steps,) = adapted.traces.column("steps").to_pylist()
    assert adapted.arguments is not None
    (found,) = adapted.arguments.to_pylist()
    assert [len(f) for f in found[:-1]] == [0, 0]
    assert [(s["name"], steps[-1]["text"][s["start"] : s["end"]]) for s in found[-1]] == expected


def test_asking_changes_no_trace_and_dead_rows_have_no_entry(tmp_path: Any) -> None:
    rows = [json.dumps(chat(("bash", {"command": "ls", "n": i}))) for i in range(40)]
    rows[3] = "not JSON"
    pq.write_table(pa.table({"trace_id": [f"t{i}" for i in range(40)], "messages": rows}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["f"], "output": ["o"]}), tmp_path / "b.parquet")
    tasks = [Task(n, str(tmp_path / n), "", WHOLE, 0, WHOLE, None, ("x",)) for n in ("a.parquet", "b.parquet")]
    seen = {}
    for asked in (False, True):
        settings = ReadSettings(LayoutSettings(), 300, arguments=asked)
        batches = [e.traces for e in read_shard(0, tasks, settings) if isinstance(e, TraceBatch)]
        assert len(batches) > 3
        seen[asked] = [without_arguments(b) for b in batches]
    plain, asked_for = (pa.Table.from_batches([t for t, _ in seen[a]]) for a in (False, True))
    assert plain.equals(asked_for, check_metadata=True) and plain.schema == ADAPTED.arrow()
    assert all(a is None for _, a in seen[False])
    entries = [e for _, a in seen[True] if a is not None for e in a.to_pylist()]
    assert len(entries) == 40 and entries[-1] is None
    assert [len(e[-1]) for e in entries[:-1]] == [2] * 39
    steps = plain.column("steps").combine_chunks()
    assert plain.column("trace_digest").to_pylist() == trace_digests(steps)
