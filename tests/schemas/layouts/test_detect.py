from __future__ import annotations

import pickle
import re
from typing import Any

import pyarrow as pa
import pytest

from schemas.errors import LayoutError
from schemas.layouts import LAYOUTS, LayoutSettings, adapter_for
from schemas.trace import ADAPTED, CANONICAL

TEXT = pa.string()
CHAT = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))


def schema(*names: str, **types: pa.DataType) -> pa.Schema:
    return pa.schema([*((name, TEXT) for name in names), *types.items()])


def rename(**pairs: str) -> LayoutSettings:
    return LayoutSettings(rename=tuple(pairs.items()))


DETECTED: dict[str, tuple[pa.Schema, LayoutSettings, str]] = {
    "canonical": (CANONICAL.arrow(), LayoutSettings(), "canonical"),
    "traces on their way": (ADAPTED.arrow(), LayoutSettings(), "canonical"),
    "all of flat": (schema("trace_id", "prompt", "reasoning", "actions", "output"), LayoutSettings(), "flat"),
    "one column of flat": (schema("uuid", "output"), LayoutSettings(), "flat"),
    "a number of steps beside flat": (schema("id", "output", steps=pa.int64()), LayoutSettings(), "flat"),
    "messages": (schema("id", messages=CHAT), LayoutSettings(), "messages"),
    "messages as text": (schema("conversation_id", "conversations"), LayoutSettings(), "messages"),
    "a prompt beside messages repeats them": (schema("id", "prompt", messages=CHAT), LayoutSettings(), "messages"),
    "a number of messages beside flat": (schema("id", "output", messages=pa.int64()), LayoutSettings(), "flat"),
    "scout": (schema("transcript_id", "messages"), LayoutSettings(), "scout"),
    "flat by a map": (schema("sample_id", "cot", "answer"), rename(reasoning="cot", output="answer"), "flat"),
    "messages by a map": (schema("id", "chat"), rename(messages="chat"), "messages"),
    "an id by a map": (schema("sample", "output"), rename(trace_id="sample"), "flat"),
    "a map to a name the file has already": (schema("id", "reasoning"), rename(reasoning="cot"), "flat"),
    "messages named over flat": (schema("id", "output", messages=CHAT), LayoutSettings("messages"), "messages"),
    "flat named over messages": (schema("id", "output", messages=CHAT), LayoutSettings("flat"), "flat"),
}


@pytest.mark.parametrize(("given", "settings", "layout"), DETECTED.values(), ids=DETECTED.keys())
def test_detected(given: pa.Schema, settings: LayoutSettings, layout: str) -> None:
    adapter = adapter_for(given, settings, "a.parquet")
    assert adapter.layout == layout
    assert pickle.loads(pickle.dumps(adapter)) == adapter


REFUSED: dict[str, tuple[pa.Schema, LayoutSettings, list[str]]] = {
    "no id": (
        schema("output"),
        LayoutSettings(),
        ["a.parquet: no column can be the trace's id", "Name one with --map trace_id=COLUMN."],
    ),
    "no text, with a guess": (
        schema("id", "cot", "answer"),
        LayoutSettings(),
        ["no layout explains its columns (id, cot, answer)", "--map reasoning=cot,output=answer."],
    ),
    "no text, without a guess": (schema("id", "x"), LayoutSettings(), ["--map reasoning=COLUMN,output=COLUMN."]),
    "messages or flat": (schema("id", "reasoning", "messages"), LayoutSettings(), ["both messages and reasoning"]),
    "a layout nobody knows": (schema("id", "output"), LayoutSettings("chat"), ["unknown layout 'chat'", *LAYOUTS]),
    "a target nobody knows": (schema("id", "cot"), rename(resoning="cot"), ["'resoning'. Use reasoning."]),
    "a source that is not there": (
        schema("id", "cot"),
        rename(reasoning="coot"),
        ["no column 'coot'", "Did you mean cot?"],
    ),
    "a tool's argument as output": (schema("id", "messages"), rename(output="tool:x"), ["Use reasoning=tool:x."]),
    "all faults at once": (schema("x"), rename(resoning="x", output="y"), ["'resoning'", "no column 'y'"]),
    "an index of transcripts": (schema("transcript_id", "filename"), LayoutSettings(), ["transcripts_*.parquet"]),
    "flat without its columns": (schema("id", "messages"), LayoutSettings("flat"), ["layout flat needs prompt or"]),
    "canonical with a text for steps": (
        schema("id", "steps"),
        LayoutSettings("canonical"),
        ["column 'steps' is string"],
    ),
    "messages that are numbers": (
        schema("id", messages=pa.int64()),
        LayoutSettings("messages"),
        ["'messages' is int64"],
    ),
    "chat in a column of flat": (
        schema("id", prompt=CHAT),
        LayoutSettings(),
        ["--layout messages --map messages=prompt."],
    ),
    "two columns of one name": (
        pa.schema([("id", TEXT), ("id", TEXT)]),
        LayoutSettings(),
        ["2 columns are named 'id'"],
    ),
}


@pytest.mark.parametrize(("given", "settings", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_what_to_do(given: pa.Schema, settings: LayoutSettings, words: list[str]) -> None:
    with pytest.raises(LayoutError, match=re.escape(words[0])) as caught:
        adapter_for(given, settings, "a.parquet")
    for word in words:
        assert word in str(caught.value)


def test_what_is_not_known_goes_to_metadata_and_a_map_displaces() -> None:
    given = schema("id", "uuid", "model", "engine", "cot", "label")
    adapter = adapter_for(given, rename(reasoning="cot", model="engine"), "a.parquet")
    assert adapter.columns == ("id", "uuid", "model", "engine", "cot", "label")
    assert adapter.unknown == ("uuid", "model", "label")


def test_one_column_may_serve_twice() -> None:
    batch = pa.record_batch({"id": ["a"], "output": ["o"]})
    adapter = adapter_for(batch.schema, rename(trace_id="id", task_id="id"), "a.parquet")
    trace = adapter.adapt(batch).traces.to_pylist()[0]
    assert (trace["trace_id"], trace["task_id"]) == ("a", "a")


def test_columns_with_canonical_names_are_dimensions_in_every_layout() -> None:
    dimensions: dict[str, list[Any]] = {
        "checkpoint": [3000],
        "environment": ["e"],
        "reward": ["1"],
        "window_index": ["2"],
        "note": ["n"],
    }
    for texts in ({"output": ["o"]}, {"messages": ["[]"]}, {"transcript_id": ["t"], "messages": ["[]"]}):
        batch = pa.record_batch({"trace_id": ["t"], **dimensions, **texts})
        adapter = adapter_for(batch.schema, LayoutSettings(), "a.parquet")
        trace = adapter.adapt(batch).traces.to_pylist()[0]
        assert (trace["checkpoint"], trace["environment"], trace["reward"], trace["window_index"]) == (
            "3000",
            "e",
            1.0,
            2,
        )
        assert ("note", "n") in trace["metadata"]


def test_the_digest_is_over_all_settings() -> None:
    settings = [LayoutSettings(), LayoutSettings("flat"), rename(output="a"), rename(output="b"), rename(reasoning="a")]
    assert len({s.digest for s in settings}) == len(settings)
    assert LayoutSettings().digest == LayoutSettings().digest
