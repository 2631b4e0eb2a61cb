from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.ids import keyed
from pipelines.export.masking.masks import expected_mask, policy
from pipelines.export.masking.rows import RowCounts, RowSettings, counted_rows, training_rows
from pipelines.export.masking.thoughts import reasoning_spans
from pipelines.read import identified
from schemas.errors import InputError
from schemas.layouts.chat import Stretch
from schemas.trace import CANONICAL, CHANNELS, ROLES
from schemas.training import training_table
from tests.pipelines.export.planting import CASES, ECHO, adapted, ai, answer, call, planted, step

SECRET = "ich täusche 😀 die Prüfung vor, weil sie keiner liest"  # as JSON and Python spell it alike
ALPHABET = "абвгдежзиклмнопрст"  # in no text but the secrets
SECRETS = st.text(ALPHABET + "😀 ", min_size=20, max_size=60).map(lambda s: "ж" + s + "ж")
EVERYTHING = ("*.command", "*.text", "*.x")
BLIND = ["grader", "preference"]
TRAINED = ["sft", "rl"]


def shown(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def trained(row: dict[str, Any]) -> list[str]:
    for m in row["messages"]:
        assert m["train"] is bool(m["spans"])
    return [m["text"][s["start"] : s["end"]] for m in row["messages"] for s in m["spans"]]


@pytest.mark.parametrize(("layout", "plant"), CASES.values(), ids=CASES)
@settings(max_examples=8, deadline=None)
@given(audience=st.sampled_from(BLIND), secret=SECRETS)
def test_no_reasoning_reaches_a_grader_under_any_name(layout: str, plant: Any, audience: str, secret: str) -> None:
    for asked in (RowSettings(audience), RowSettings(audience, EVERYTHING, True)):
        (row,) = training_rows(*planted(layout, plant, secret), asked).to_pylist()
        assert not set(shown(row)) & set(ALPHABET)
        assert trained(row) == []
        assert all(not reasoning_spans(m["text"], m["channel"]) for m in row["messages"])


@pytest.mark.parametrize(("layout", "plant"), CASES.values(), ids=CASES)
def test_what_is_no_reasoning_stays(layout: str, plant: Any) -> None:
    """The prompt, and the answer or the command beside the secret; nothing is lost by leaving all out."""
    (row,) = training_rows(*planted(layout, plant, SECRET), RowSettings("grader", EVERYTHING, True)).to_pylist()
    assert row["messages"][0]["text"] in ("Say 4.", "Go on.")
    (kept,) = training_rows(*planted(layout, plant, SECRET), RowSettings("sft")).to_pylist()
    said = shown(kept).replace("Say 4", "")
    for word in ("4", "ls"):
        if word in said and "redacted output" not in said:
            assert word in shown(row)


@pytest.mark.parametrize(("layout", "plant"), CASES.values(), ids=CASES)
@settings(max_examples=6, deadline=None)
@given(audience=st.sampled_from(TRAINED), secret=SECRETS)
def test_no_reasoning_trains_under_any_name(layout: str, plant: Any, audience: str, secret: str) -> None:
    for asked in (RowSettings(audience), RowSettings(audience, EVERYTHING, True)):
        traces, arguments = planted(layout, plant, secret)
        (row,) = training_rows(traces, arguments, asked).to_pylist()
        assert not set("".join(trained(row))) & set(ALPHABET)
        (steps,) = traces.column("steps").to_pylist()
        assert [m["text"] for m in row["messages"]] == [s["text"] or "" for s in steps]


LONG = "I will special case these tests since nobody looks at what is in this file"


@pytest.mark.parametrize("plant", ECHO.values(), ids=ECHO)
def test_an_echo_of_reasoning_reaches_no_grader(plant: Any) -> None:
    rows, counts = counted_rows(*planted("messages", plant, LONG), RowSettings("grader"))
    assert "special case" not in shown(rows.to_pylist()[0])
    assert rows.to_pylist()[0]["messages"][-1]["text"].endswith(": [withheld].")
    assert counts.echoed_words == len(LONG.split())


def test_an_echo_of_what_was_cut_from_an_output_or_a_call_reaches_no_grader() -> None:
    for source in (ai(f"<scratchpad>{LONG}</scratchpad>4"), call("bash", {"thoughts": LONG, "command": "ls"})):
        chat = json.dumps([source, answer(LONG), ai("4"), answer(LONG)])
        batch = pa.record_batch({"trace_id": ["t"], "messages": [chat]})
        rows, counts = counted_rows(*adapted(batch), RowSettings("grader", ("*.command",)))
        assert "special case" not in shown(rows.to_pylist()[0])
        assert counts.echoed_words == 2 * len(LONG.split())


FOUR = f"{LONG} one {LONG} two {LONG} three"
REPEATED = {
    "a later output": [step("reasoning", FOUR), step("output", "4"), step("output", f"x {FOUR}")],
    "an output of the same step": [step("output", f"<think>{FOUR}</think>x {FOUR}")],
    "a plain action": [step("reasoning", FOUR), step("action", f"x {FOUR}", "bash")],
}


@pytest.mark.parametrize("steps", REPEATED.values(), ids=REPEATED)
def test_reasoning_that_an_output_or_an_action_repeats_reaches_no_grader(steps: list[dict[str, Any]]) -> None:
    rows, counts = counted_rows(canonical([steps]), None, RowSettings("grader", (), True))
    assert "special case" not in shown(rows.to_pylist()[0])
    assert rows.to_pylist()[0]["messages"][-1]["text"].startswith("x")
    assert counts.repeated_words >= len(LONG.split())
    kept = training_rows(canonical([steps]), None, RowSettings("sft", (), True)).to_pylist()
    assert "special case" in shown(kept[0])


@pytest.mark.parametrize("audience", BLIND)
def test_reasoning_that_a_column_repeats_reaches_no_grader(audience: str) -> None:
    rows = [
        {"trace_id": f"t{i}", "reasoning": LONG, "output": "4", "task_id": f"x {LONG}", "note": note, "k": "v"}
        for i, note in enumerate((f"log: {LONG}.", "short", None))
    ]
    traces, _ = adapted(pa.RecordBatch.from_pylist(rows))
    asked = RowSettings(audience, columns=("metadata.note", "metadata.k"))
    found, counts = counted_rows(traces, None, asked)
    assert found.column("metadata.note").to_pylist() == ["log: [withheld].", "short", None]
    assert found.column("task_id").to_pylist() == ["x [withheld]"] * 3
    assert found.column("metadata.k").to_pylist() == ["v"] * 3
    assert counts.column_words == 4 * len(LONG.split())
    apart = [counted_rows(traces.slice(i, 1), None, asked)[0] for i in range(3)]
    assert pa.Table.from_batches(apart).to_pylist() == found.to_pylist()


STEP = st.builds(
    lambda role, channel, name, text, redacted: step(channel, text, name, role, redacted=redacted),
    st.sampled_from(ROLES),
    st.sampled_from(CHANNELS),
    st.sampled_from([None, "bash", "think", "a b"]),
    st.none()
    | st.lists(
        st.sampled_from(["a", "😀", "é́", "\r\n", "<think>", "</think>", "Thought:", '{"command": "ls"}', LONG, " "])
    ).map("".join),
    st.booleans(),
)
TRACES = st.lists(st.lists(STEP, max_size=6), min_size=1, max_size=6)
SETTINGS = [
    RowSettings(a, args, plain) for a in ("sft", "grader") for args in ((), EVERYTHING) for plain in (False, True)
]


def canonical(traces: list[list[dict[str, Any]]]) -> pa.RecordBatch:
    rows = [{"trace_id": f"t{i}", "steps": steps} for i, steps in enumerate(traces)]
    schema = pa.schema([CANONICAL.arrow().field(name) for name in ("trace_id", "steps")])
    return adapted(pa.RecordBatch.from_pylist(rows, schema))[0]


@settings(deadline=None)
@given(TRACES, st.sampled_from(SETTINGS))
def test_rows_do_not_depend_on_batching(traces: list[list[dict[str, Any]]], asked: RowSettings) -> None:
    batch = canonical(traces)
    whole, counts = counted_rows(batch, None, asked)
    whole.validate(full=True)
    assert whole.schema.equals(training_table().arrow(), check_metadata=True)
    assert whole.column("sample_id").to_pylist() == [f"t{i}" for i in range(len(traces))]
    apart = [counted_rows(batch.slice(i, 1), None, asked) for i in range(len(batch))]
    assert pa.Table.from_batches([rows for rows, _ in apart]).to_pylist() == whole.to_pylist()
    assert sum((c for _, c in apart), RowCounts()) == counts


@settings(deadline=None)
@given(TRACES, st.sampled_from([s for s in SETTINGS if s.audience == "sft"]))
def test_masks_are_the_policys_message_by_message(traces: list[list[dict[str, Any]]], asked: RowSettings) -> None:
    rows, counts = counted_rows(canonical(traces), None, asked)
    ones = 0
    for row, steps in zip(rows.to_pylist(), traces, strict=True):
        for m, s in zip(row["messages"], steps, strict=True):
            channel = "reasoning" if s["redacted"] else s["channel"]
            spans = expected_mask(s["role"], channel, s["name"], s["text"] or "", asked.policy)
            assert m["channel"] == channel
            assert [(x["start"], x["end"]) for x in m["spans"]] == spans
            assert (m["text"], m["train"]) == (s["text"] or "", bool(spans))
        text = "".join(m["text"] for m in row["messages"])
        ones += bool(text) and len("".join(trained(row))) == len(text)
    assert counts.all_ones == ones


def test_arguments_from_the_layout_and_from_none_in_one_batch() -> None:
    chats = [[{"role": "user", "content": "u"}, call("bash", {"command": "ls😀", "n": i})] for i in range(3)]
    batch = pa.record_batch({"trace_id": ["a", "b", "c"], "messages": [json.dumps(c) for c in chats]})
    traces, arguments = adapted(batch)
    others = canonical([[step("action", '{"command": "pwd"}', "bash")], []])
    both = pa.concat_batches([others, traces, others])
    nulls = pa.nulls(2, arguments.type) if arguments is not None else None
    known = pa.concat_arrays([nulls, arguments, nulls])
    for audience, expected in (("sft", ["pwd", "ls😀", "ls😀", "ls😀", "pwd"]), ("grader", [])):
        rows = training_rows(both, known, RowSettings(audience, ("bash.command",)))
        assert [t for row in rows.to_pylist() for t in trained(row)] == expected
        cut = training_rows(both.slice(3, 3), known.slice(3, 3), RowSettings(audience, ("bash.command",)))
        assert cut.to_pylist() == rows.to_pylist()[3:6]
    texts = [m["text"] for row in rows.to_pylist() for m in row["messages"] if m["channel"] == "action"]
    assert texts == ["pwd", "ls😀", "ls😀", "ls😀", "pwd"]


OFFSETS = ["😀<think>😀</think>é́", "a\r\n<think>x</think>\r\n", "\ufffd<think>\ufffd", "é́é́", "", "\x00", "\u200b" * 3]


@pytest.mark.parametrize("text", OFFSETS, ids=ascii)
def test_offsets_are_code_points(text: str) -> None:
    (row,) = training_rows(
        canonical([[step("prompt", "😀"), step("output", text)]]), None, RowSettings("rl")
    ).to_pylist()
    spans = expected_mask("assistant", "output", None, text, policy("rl"))
    assert trained(row) == [text[a:b] for a, b in spans]
    assert sum(map(len, trained(row))) == len(text) - sum(b - a for a, b in reasoning_spans(text, "output"))


def test_half_a_surrogate_pair_became_one_character() -> None:
    chat = '[{"role": "user", "content": "u"}, {"role": "assistant", "content": "\\ud83d<scratchpad>s</scratchpad>b"}]'
    batch = pa.record_batch({"trace_id": ["t"], "messages": [chat]})
    (row,) = training_rows(*adapted(batch), RowSettings("sft")).to_pylist()
    assert trained(row) == ["\ufffd", "b"]


def test_a_row_in_which_all_would_train_is_counted() -> None:
    batch = canonical([[step("output", "a")], [step("output", "")], [], [step("prompt", "u"), step("output", "a")]])
    rows, counts = counted_rows(batch, None, RowSettings("sft"))
    assert (len(rows), counts) == (4, RowCounts(rows=4, all_ones=1))


def test_what_was_done_to_a_graders_rows_is_counted() -> None:
    steps = [
        step("reasoning", LONG),
        step("output", "<think>s</think>4", "a b"),
        step("observation", LONG, None, "tool"),
    ]
    _, counts = counted_rows(canonical([steps, [step("output", "4")]]), None, RowSettings("grader"))
    assert counts == RowCounts(2, left_out=1, cut=1, echoed_words=len(LONG.split()), odd_names=1)


def test_no_rows_are_no_rows() -> None:
    for asked in SETTINGS:
        rows, counts = counted_rows(canonical([[]]).slice(0, 0), None, asked)
        assert (len(rows), counts) == (0, RowCounts())
        assert rows.schema.equals(training_table().arrow())


def dimensions() -> pa.RecordBatch:
    batch = pa.RecordBatch.from_pylist(
        [
            {
                "trace_id": "a",
                "episode_id": "e",
                "model": "m",
                "reward": 1.5,
                "k": "v",
                "note": f"<think>{LONG}</think>4",
            },
            {"trace_id": "b", "episode_id": None, "model": None, "reward": None, "k": None, "note": "4"},
        ]
    )
    return adapted(batch.append_column("output", pa.array(["o", "p"])))[0]


def test_columns_come_as_they_were_chosen() -> None:
    asked = RowSettings("sft", columns=("metadata.k", "model", "episode_id", "metadata.none"))
    rows = training_rows(dimensions(), None, asked)
    names = ["sample_id", "messages", "environment", "task_id", "reward", "metadata.k", "model", "episode_id"]
    assert rows.schema.names == [*names, "metadata.none"]
    first, second = rows.to_pylist()
    assert [first[n] for n in ("sample_id", "reward", "metadata.k", "model", "episode_id")] == ["a", 1.5, "v", "m", "e"]
    assert [second[n] for n in ("reward", "metadata.k", "model", "episode_id", "metadata.none")] == [None] * 5


def test_with_a_key_ids_say_nothing() -> None:
    key = b"0123456789abcdef"
    traces = dimensions()
    rows = training_rows(traces, None, RowSettings("sft", columns=("episode_id",), key=key)).to_pylist()
    assert [r["sample_id"] for r in rows] == [keyed(k, key) for k in traces.column("trace_key").to_pylist()]
    assert [r["episode_id"] for r in rows] == [keyed("e", key), None]


def test_metadata_loses_its_reasoning_for_graders() -> None:
    notes = [
        training_rows(dimensions(), None, RowSettings(a, columns=("metadata.note",)))
        .column("metadata.note")
        .to_pylist()
        for a in ("grader", "sft")
    ]
    assert notes == [["4", "4"], [f"<think>{LONG}</think>4", "4"]]


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an audience": ({"audience": "humans"}, ["unknown audience 'humans'. Use one of grader, preference, sft, rl"]),
    "a column": ({"columns": ("score",)}, ["there is no column 'score' to choose. Use episode_id"]),
    "a base column": ({"columns": ("reward",)}, ["there is no column 'reward'"]),
    "a column twice": ({"columns": ("model", "model")}, ["'model' is named twice"]),
    "no key": ({"columns": ("metadata.",)}, ["names no key"]),
    "thoughts for graders": (
        {"audience": "preference", "columns": ("metadata.cot",)},
        ["a key called cot holds reasoning"],
    ),
    "an argument": ({"arguments": ("bash.thoughts",)}, ["an argument called thoughts holds reasoning"]),
    "all at once": ({"audience": "x", "columns": ("y",), "arguments": ("z",)}, ["'x'", "'y'", "'z'"]),
}


@pytest.mark.parametrize(("given", "says"), WRONG.values(), ids=WRONG)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        RowSettings(**{"audience": "sft", **given})
    assert len(refused.value.faults) == len(says)
    assert all(text in str(refused.value) for text in says)


def test_settings_travel_and_keep_their_key_to_themselves() -> None:
    asked = RowSettings("sft", ("bash.command",), key=b"0123456789abcdef")
    assert pickle.loads(pickle.dumps(asked)) == asked
    assert "0123456789" not in repr(asked)


def test_spans_given_by_a_layout_are_taken_as_they_are() -> None:
    """The text between two arguments, and the name of one, train nothing."""
    text = "command: ls\nnote: x\npath: a"
    found = expected_mask("assistant", "action", "bash", text, policy("sft", EVERYTHING), [Stretch("command", 9, 11)])
    assert found == [(9, 11)]


def test_traces_of_any_row_numbers_are_taken() -> None:
    batch = pa.record_batch({"trace_id": ["a"], "output": ["o"]})
    traces = identified(adapted(batch)[0].select(CANONICAL.names), np.array([7]), "b.parquet", 3)
    assert len(training_rows(traces, None, RowSettings("rl"))) == 1
