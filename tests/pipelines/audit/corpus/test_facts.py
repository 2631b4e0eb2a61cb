from __future__ import annotations

import json

import pytest

from pipelines.audit.corpus.facts import Facts, facts, text_digest

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image"}]},
    {"role": "assistant", "reasoning_content": "Let me see", "content": "Hello", "weight": 1},
    {"role": "assistant", "content": None, "tool_calls": [{"name": "ls"}], "weight": 0},
    {"role": "tool", "content": "a.py"},
]
OURS = [
    {"role": "user", "channel": "prompt", "name": None, "text": "Hi 😀", "train": False, "spans": []},
    {
        **{"role": "assistant", "channel": "output", "name": None, "text": "Hello", "train": True},
        "spans": [{"start": 0, "end": 2}, {"start": 3, "end": 5}],
    },
]


def shown(found: Facts) -> list[tuple[str | None, str | None, int, int | None]]:
    return [(m.role, m.channel, m.chars, m.trained) for m in found.messages or ()]


def test_a_trainers_messages() -> None:
    expected = [
        ("system", "prompt", 9, None),
        ("user", "prompt", 2, None),
        ("assistant", "reasoning", 10, 10),
        ("assistant", "output", 5, 5),
        ("assistant", "action", 16, 0),
        ("tool", "observation", 4, None),
    ]
    assert shown(facts({"messages": CHAT})) == expected
    assert shown(facts({"messages": json.dumps(CHAT)})) == expected


def test_our_own_messages_train_where_their_spans_say() -> None:
    assert shown(facts({"messages": OURS})) == [("user", "prompt", 4, 0), ("assistant", "output", 5, 4)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "completion": "Hello"},
        {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
    ],
    ids=["prompt and completion", "as messages", "conversations"],
)
def test_other_forms_of_a_chat(row: dict[str, object]) -> None:
    assert [(m.channel, m.chars, m.trained) for m in facts(row).messages or ()] == [
        ("prompt", 2, None),
        ("output", 5, None),
    ]


def test_a_messages_digest_is_its_texts() -> None:
    (message,) = facts({"messages": [{"role": "user", "content": "Hi"}]}).messages or ()
    assert message.text_digest == text_digest("Hi")


@pytest.mark.parametrize(
    ("row", "column", "found"),
    [
        ({"sample_id": "s", "trace_id": "t", "id": "i"}, None, "s"),
        ({"trace_id": "t", "id": "i"}, None, "t"),
        ({"id": 7}, None, "7"),
        ({"sample_id": None, "id": "i"}, None, "i"),
        ({"sample_id": "s", "uid": "u"}, "uid", "u"),
        ({"sample_id": "s"}, "uid", None),
        ({"id": [1]}, None, None),
        ({}, None, None),
    ],
)
def test_a_rows_id(row: dict[str, object], column: str | None, found: str | None) -> None:
    assert facts(row, column).sample_id == found


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([0.25, "b"], {"x.length": 2, "x[0]": 0.25, "x[1]": "b"}),
        ([{"score": 0.5}, {"score": 0.25}], {"x[].score.length": 2, "x[].score[0]": 0.5, "x[].score[1]": 0.25}),
        (
            list(range(9)),
            {"x.length": 9, "x.sum": 36.0, "x.least": 0.0, "x.most": 8.0, "x.first": 0.0, "x.last": 8.0},
        ),
        ({"a": [{"b": [0.5]}]}, {"x.a[].b.length": 1, "x.a[].b[0].length": 1, "x.a[].b[0][0]": 0.5}),
    ],
    ids=["a short list", "objects", "a long list", "lists in objects in lists"],
)
def test_every_leaf_of_a_nested_column_is_a_column(column: object, expected: dict[str, object]) -> None:
    assert facts({"x": column}).scalars == expected


def test_a_messages_own_fields_are_no_columns_and_all_others_are() -> None:
    chat = [{"role": "user", "content": "Hi", "quality": 0.5}, {"role": "assistant ", "content": "Ho", "quality": 1}]
    assert facts({"messages": chat}).scalars == {
        "messages[].role": "assistant ,user",
        **{"messages[].quality.length": 2, "messages[].quality[0]": 0.5, "messages[].quality[1]": 1},
    }


@pytest.mark.parametrize("weight", [{"weight": 0.0}, {"loss_weight": 0}, {"train": False}], ids=str)
def test_spans_do_not_train_where_a_weight_beside_them_is_nothing(weight: dict[str, float]) -> None:
    row = {"messages": [{"role": "assistant", "text": "Hello", "spans": [{"start": 0, "end": 5}], **weight}]}
    assert [m.trained for m in facts(row).messages or ()] == [0]
    row["messages"][0] |= dict.fromkeys(weight, 1)
    assert [m.trained for m in facts(row).messages or ()] == [5]


def test_a_weight_that_is_more_than_yes_or_no_is_a_value() -> None:
    chat = [{"role": "user", "content": "Hi", "weight": 0.5, "loss_weight": 1}]
    assert facts({"messages": chat}).scalars == {
        "messages[].role": "user",
        **{"messages[].weight.length": 1, "messages[].weight[0]": 0.5},
    }
    weighed = {"x_weight.ones": 2, "x_weight.length": 2, "x_weight.sum": 1.5}
    assert facts({"x_weight": [1, 0.5]}).scalars == weighed
    assert facts({"loss_mask": [0, 1]}).scalars == {"loss_mask.ones": 1, "loss_mask.length": 2}


def test_a_value_that_is_null_is_there() -> None:
    assert facts({"reward": None, "other": None}).scalars == {"reward": None}


def test_scalars_are_kept_by_name_nested_ones_too() -> None:
    row = {
        **{"reward": 0.5, "n": 3, "ok": True, "none": None, "text": "x" * 500, "big": 2**70},
        **{"extra": {"index": 4, "deep": {"score": 0.1, "deeper": {"deepest": {"no": 1}}}}},
        **{"pairs": [("a", 1), ("b", "two")], "loss_mask": [0, 1, 1], "labels": [-100, 5, 6, -100], "ids": [1, 2]},
    }
    assert facts(row).scalars == {
        **{"reward": 0.5, "n": 3, "ok": True, "text": f"{'x' * 152}…{'x' * 48}", "big": float(2**70)},
        **{"extra.index": 4, "extra.deep.score": 0.1, "pairs.a": 1, "pairs.b": "two"},
        **{"extra.deep.deeper.deepest.no": 1, "ids.length": 2, "ids[0]": 1, "ids[1]": 2},
        **{"loss_mask.ones": 2, "loss_mask.length": 3, "labels.ones": 2, "labels.length": 4},
    }
