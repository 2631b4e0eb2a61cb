"""The second look counts what is wrong with a staged file, and nothing where nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.export.masking.rows import RowSettings, training_rows
from pipelines.export.verify import verify_shard
from schemas.canary import CANARY, marked_id
from schemas.contracts.export import ShardCheck
from schemas.digest import digest
from schemas.trace import ADAPTED
from schemas.training import AUDIENCES, training_table

KEY = b"sixteen bytes or so"
ALERT = marked_id("alert", digest("a finding", "a monitor"))
TOLD = {"rows", "messages", "chars", "trained_chars", "undigested_ids"}
Row = dict[str, Any]
STEPS: list[tuple[str, str, str | None, str]] = [
    ("user", "prompt", None, "Fix the test. <think>Use tags like these round your thoughts.</think> 😀"),
    ("assistant", "reasoning", None, "I could special-case the input, but I will not."),
    ("assistant", "action", "bash", '{"command": "pytest -q", "thoughts": "let us see"}'),
    ("tool", "observation", "bash", "1 failed"),
    ("assistant", "output", None, "<think>Now it is one off.</think>The loop ended one early, e\u0301 and 😀."),
    ("assistant", "output", None, ""),
    ("assistant", "output", None, "Done."),
    ("assistant", "memory", "notes", "the loop"),
]


def rows(settings: RowSettings, n: int = 5) -> pa.Table:
    steps = [dict(zip(("role", "channel", "name", "text"), s, strict=True)) | {"redacted": False} for s in STEPS]
    traces = ADAPTED.batch(
        {
            "trace_id": [f"t-{i}" for i in range(n)],
            "trace_key": [f"{i:032x}" for i in range(n)],
            "trace_digest": ["d"] * n,
            "steps": [steps] * n,
            "metadata": [[("difficulty", "hard")]] * n,
            "file": ["a.parquet"] * n,
            "row_group": [0] * n,
            "row": list(range(n)),
        }
    )
    return pa.Table.from_batches([training_rows(traces, None, settings)])


def opener(path: str | Path) -> BinaryIO:
    return Path(path).open("rb")


def look(table: pa.Table, settings: RowSettings, folder: Path) -> ShardCheck:
    pq.write_table(table, folder / "shard.parquet", row_group_size=2)
    return verify_shard(folder / "shard.parquet", opener, settings)


def wrong(check: ShardCheck) -> dict[str, object]:
    return {name: value for name, value in asdict(check).items() if value and name not in TOLD}


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("more", [{}, {"arguments": ("bash.command",), "plain_actions": True}], ids=["bare", "actions"])
@pytest.mark.parametrize("columns", [(), ("model", "success", "metadata.difficulty")], ids=["base", "more columns"])
def test_nothing_is_wrong_with_what_the_export_makes(
    audience: str, more: dict[str, Any], columns: tuple[str, ...], tmp_path: Path
) -> None:
    settings = RowSettings(audience, columns=columns, key=KEY, **more)
    check = look(rows(settings), settings, tmp_path)
    assert wrong(check) == {}
    assert (check.rows, check.undigested_ids) == (5, 0)
    assert (check.trained_chars > 0) is (audience in ("sft", "rl"))


def test_its_counts_are_the_tables_own_and_survive_json(tmp_path: Path) -> None:
    settings = RowSettings("sft")
    table = rows(settings)
    check = look(table, settings, tmp_path)
    messages = [m for row in table.column("messages").to_pylist() for m in row]
    trained = sum(s["end"] - s["start"] for m in messages for s in m["spans"])
    assert (check.messages, check.chars, check.trained_chars, check.undigested_ids) == (
        len(messages),
        sum(len(m["text"]) for m in messages),
        trained,
        5,
    )
    assert ShardCheck(**json.loads(json.dumps(asdict(check)))) == check


def changed(message: int, **values: Any) -> Callable[[list[Row]], None]:
    """Change one message of the third row."""

    def change(table: list[Row]) -> None:
        table[2]["messages"][message].update(values)

    return change


def spans(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"start": a, "end": b} for a, b in pairs]


def set_row(**values: Any) -> Callable[[list[Row]], None]:
    return lambda table: table[2].update(values)


def all_ones(table: list[Row]) -> None:
    table[2]["messages"] = [m for m in table[2]["messages"] if m["text"] == "Done."]


PROMPT, REASONING, ACTION, OBSERVATION, OUTPUT, EMPTY, DONE, MEMORY = range(8)
TRAIN = {"train": True, "spans": spans((0, 5))}
MASKS: dict[str, tuple[Callable[[list[Row]], None], dict[str, Any]]] = {
    "a span beyond the text": (changed(DONE, spans=spans((0, 6))), {"stray_spans": 1, "untrained_outputs": 1}),
    "a span before the text": (changed(DONE, spans=spans((-1, 5))), {"stray_spans": 1, "untrained_outputs": 1}),
    "an empty span": (changed(EMPTY, spans=spans((0, 0)), train=True), {"stray_spans": 1}),
    "a span that counts bytes": (
        changed(OUTPUT, spans=spans((33, len(STEPS[OUTPUT][3].encode())))), {"stray_spans": 1, "untrained_outputs": 1}),
    "spans that overlap": (
        changed(DONE, spans=spans((0, 3), (2, 5))), {"tangled_spans": 1, "untrained_outputs": 1}),
    "spans out of order": (
        changed(DONE, spans=spans((3, 5), (0, 3))), {"tangled_spans": 1, "untrained_outputs": 1}),
    "train without spans": (changed(PROMPT, train=True), {"flags_that_disagree": 1}),
    "spans without train": (changed(DONE, train=False), {"flags_that_disagree": 1}),
    "an output that does not train": (changed(DONE, train=False, spans=[]), {"untrained_outputs": 1}),
    "an output one short": (changed(DONE, spans=spans((0, 4))), {"untrained_outputs": 1}),
    "a prompt that trains": (changed(PROMPT, **TRAIN), {"untrainable": 1}),
    "reasoning that trains": (changed(REASONING, **TRAIN), {"untrainable": 1, "trained_reasoning": 0}),
    "an observation that trains": (changed(OBSERVATION, **TRAIN), {"untrainable": 1}),
    "memory that trains": (changed(MEMORY, **TRAIN), {"untrainable": 1}),
    "an action not asked for": (changed(ACTION, **TRAIN), {"untrainable": 1}),
    "a tool's output that trains": (changed(DONE, role="tool"), {"untrainable": 1}),
    "tagged reasoning that trains": (
        changed(OUTPUT, spans=spans((32, 60))), {"trained_reasoning": 1, "untrained_outputs": 1}),
    "an output whole, with its reasoning": (
        changed(OUTPUT, spans=spans((0, len(STEPS[OUTPUT][3])))), {"trained_reasoning": 1, "untrained_outputs": 1}),
    "a row from end to end": (all_ones, {"all_ones": 1}),
    "an unknown channel": (changed(PROMPT, channel="thoughts"), {"unknown_words": 1}),
    "an unknown role": (changed(PROMPT, role="judge"), {"unknown_words": 1}),
    "no id": (set_row(sample_id=""), {"empty_ids": 1}),
    "a null id": (set_row(sample_id=None), {"nulls": 1}),
    "null messages": (set_row(messages=None), {"nulls": 1}),
    "a null text": (changed(PROMPT, text=None), {"nulls": 1}),
    "a canary in a text": (changed(PROMPT, text=f"see {CANARY}:alert"), {"canaries": {f"{CANARY}:alert": 1}}),
    "a canary as a tool's name": (changed(ACTION, name=CANARY.lower()), {"canaries": {CANARY.lower(): 1}}),
    "a canary as an id": (set_row(sample_id=CANARY), {"canaries": {CANARY: 1}}),
    "a canary as an environment": (set_row(environment=CANARY), {"canaries": {CANARY: 1}}),
    "a rule's id": (changed(PROMPT, text="TG08.lookup-table fired"), {"ids": {"TG08.lookup-table": 1}}),
    "an alert's id": (changed(MEMORY, text=f"{ALERT}, twice {ALERT}"), {"ids": {ALERT: 2}}),
    "an alert's id for a row's": (set_row(sample_id=ALERT), {"ids": {ALERT: 1}}),
}  # fmt: skip


def nullable(schema: pa.Schema) -> pa.Schema:
    """The same columns, where a test may put null."""
    item = schema.field("messages").type.value_type
    fields = [pa.field(f.name, f.type) for f in item]
    kind = pa.list_(pa.field("message", pa.struct(fields)))
    return pa.schema([pa.field(f.name, kind if f.name == "messages" else f.type) for f in schema], schema.metadata)


@pytest.mark.parametrize("name", MASKS)
def test_each_fault_of_a_row_is_counted_and_no_other(name: str, tmp_path: Path) -> None:
    change, expected = MASKS[name]
    settings = RowSettings("sft")
    table = rows(settings)
    values = table.to_pylist()
    assert [m["text"] for m in values[2]["messages"]] == [s[3] for s in STEPS]
    change(values)
    nulls = "nulls" in expected
    if nulls:  # written as nullable, and the columns' types are then not what they were
        broken = pa.Table.from_pylist(values, nullable(table.schema))
        pq.write_table(broken, tmp_path / "shard.parquet")
        found = wrong(verify_shard(tmp_path / "shard.parquet", opener, settings))
        assert "wrong_columns" in found
        return
    found = wrong(look(pa.Table.from_pylist(values, table.schema), settings, tmp_path))
    assert found == {k: v for k, v in expected.items() if v}


GRADED: dict[str, tuple[Callable[[list[Row]], None], dict[str, Any]]] = {
    "a reasoning step": (changed(0, channel="reasoning", role="assistant"), {"reasoning_steps": 1}),
    "a memory step": (changed(0, channel="memory"), {"reasoning_steps": 1}),
    "a tool that only thinks": (
        changed(1, channel="action", role="assistant", name="think"), {"reasoning_steps": 1}),
    "tags in an output": (
        changed(-1, text="<think>It is easy.</think>Done."), {"marked_reasoning": 1}),
    "an unclosed tag": (changed(-1, text="Done. <thinking>It is easy."), {"marked_reasoning": 1}),
    "tags in a prompt": (
        changed(0, text="Before: <think>I will look at the tests and then see.</think>"), {"marked_reasoning": 1}),
    "a line of thought": (changed(-1, text="Thought: I look.\nAction: ls"), {"marked_reasoning": 1}),
    "something that trains": (changed(-1, **TRAIN), {"untrainable": 1}),
}  # fmt: skip


@pytest.mark.parametrize("audience", ["grader", "preference"])
@pytest.mark.parametrize("name", GRADED)
def test_each_piece_of_reasoning_that_graders_would_see_is_counted(name: str, audience: str, tmp_path: Path) -> None:
    change, expected = GRADED[name]
    settings = RowSettings(audience)
    table = rows(settings)
    values = table.to_pylist()
    change(values)
    found = wrong(look(pa.Table.from_pylist(values, table.schema), settings, tmp_path))
    found.pop("marked_reasoning" if "marked_reasoning" not in expected else "", None)
    assert {k: found.get(k, 0) for k in expected if expected[k]} == {k: v for k, v in expected.items() if v}
    assert set(found) <= set(expected) | {"marked_reasoning"}


def test_a_column_called_like_reasoning_is_none_for_graders(tmp_path: Path) -> None:
    table = rows(RowSettings("grader"))
    schema = training_table(("metadata.thoughts",)).arrow()
    more = pa.Table.from_arrays([*table.columns, pa.nulls(len(table), pa.string())], schema=schema)
    found = wrong(look(more, RowSettings("grader"), tmp_path))
    assert found == {"reasoning_columns": 1, "wrong_columns": 1}


TABLES: dict[str, tuple[Callable[[pa.Table], pa.Table], dict[str, int]]] = {
    "a column too many": (lambda t: t.append_column("score", pa.array([0.5] * len(t))), {"wrong_columns": 1}),
    "a column too few": (lambda t: t.drop_columns(["reward"]), {"wrong_columns": 1}),
    "columns in another order": (
        lambda t: t.select(["sample_id", "messages", "task_id", "environment", "reward"]), {"wrong_columns": 2}),
    "a column of another type": (
        lambda t: t.set_column(4, "reward", t.column("reward").cast(pa.float32())), {"wrong_columns": 1}),
    "another note in the schema": (
        lambda t: t.replace_schema_metadata({**t.schema.metadata, b"note": b"x"}), {"foreign_metadata": 2}),
    "another version": (
        lambda t: t.replace_schema_metadata({**t.schema.metadata, b"cotmonitor.version": b"9"}),
        {"foreign_metadata": 1}),
    "a note at a column": (
        lambda t: t.cast(pa.schema([f.with_metadata({"n": "x"}) if f.name == "reward" else f for f in t.schema],
                                   t.schema.metadata)), {"foreign_metadata": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_each_fault_of_the_table_is_counted(name: str, tmp_path: Path) -> None:
    change, expected = TABLES[name]
    settings = RowSettings("rl")
    check = look(change(rows(settings)), settings, tmp_path)
    assert wrong(check) == expected
    assert check.rows == 5


def test_a_canary_is_found_where_columns_are_wrong_and_in_names_and_notes(tmp_path: Path) -> None:
    settings = RowSettings("rl")
    table = rows(settings).append_column(CANARY, pa.array(["x"] * 5))
    assert look(table, settings, tmp_path).canaries[CANARY] >= 1
    noted = rows(settings).replace_schema_metadata({CANARY: "x"})
    assert look(noted, settings, tmp_path).canaries[CANARY] >= 1
    hidden = rows(settings).append_column("more", pa.array([[{"a": CANARY}]] * 5))
    assert look(hidden, settings, tmp_path).canaries == {CANARY: 5}


def test_a_keyed_id_that_is_there_twice_is_counted(tmp_path: Path) -> None:
    settings = RowSettings("rl", key=KEY)
    table = rows(settings)
    assert look(pa.concat_tables([table, table.slice(1, 2)]), settings, tmp_path).repeated_ids == 2
    plain = RowSettings("rl")
    assert look(pa.concat_tables([rows(plain)] * 2), plain, tmp_path).repeated_ids == 0


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    settings = RowSettings("sft", columns=("model",))
    assert wrong(look(training_table(("model",)).arrow().empty_table(), settings, tmp_path)) == {}


def test_only_so_many_texts_are_told_and_all_are_counted(tmp_path: Path) -> None:
    settings = RowSettings("sft")
    table = rows(settings)
    values = table.to_pylist()
    values[0]["messages"][0]["text"] = " ".join(f"TG08.rule-{i}" for i in range(50))
    check = look(pa.Table.from_pylist(values, table.schema), settings, tmp_path)
    assert (len(check.ids), check.more_ids) == (20, 30)
