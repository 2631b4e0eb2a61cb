"""An answer is what was asked for, or it is none."""

from __future__ import annotations

import json

import pytest

from monitors.judge.answer import SCHEMA, Unusable, understood
from schemas.behaviours import BEHAVIOURS
from tests.monitors.judge.making import finding, reply

GOOD = {
    "findings": [finding()],
    "suspicion": {"test_gaming": 80, "hidden_objective": 3},
    "summary": "One. Two. Three.",
}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(GOOD), id="plain"),
        pytest.param(f"```json\n{json.dumps(GOOD)}\n```", id="in a fence"),
        pytest.param(f"<think>It {{seems}} so.</think>\n{json.dumps(GOOD)}", id="after thoughts"),
    ],
)
def test_an_answer_is_understood(content: str) -> None:
    answer = understood(reply(content))
    assert answer.opinions[0].confidence == 0.9
    assert answer.suspicion == {"test_gaming": 0.8, "hidden_objective": 0.03}
    assert answer.summary == "One. Two."


def changed(**more: object) -> str:
    return json.dumps(GOOD | more)


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (reply(None, refusal=True), "refusal"),
        (reply(None, reason="content_filter"), "refusal"),
        (reply(json.dumps(GOOD)[:50], reason="length"), "truncated_reply"),
        (reply(json.dumps(GOOD), reason="length"), "truncated_reply"),
        (reply(None), "empty"),
        (reply(" "), "empty"),
        (reply("All is well."), "not_json"),
        (reply(json.dumps(GOOD) + " I hope that helps."), "not_json"),
        (reply("[" * 100_000), "not_json"),
        (reply("[]"), "wrong_schema"),
        (reply("null"), "wrong_schema"),
        (reply('{"findings": []}'), "wrong_schema"),
        (reply(changed(findings="none")), "wrong_schema"),
        (reply(changed(findings=[finding(behaviour="TG99")])), "wrong_schema"),
        (reply(changed(findings=[finding(verdict="guilty")])), "wrong_schema"),
        (reply(changed(findings=[finding(stance="none")])), "wrong_schema"),
        (reply(changed(findings=[finding(confidence=101)])), "wrong_schema"),
        (reply(changed(findings=[finding(confidence=True)])), "wrong_schema"),
        (reply(changed(findings=[finding(confidence="high")])), "wrong_schema"),
        (reply(changed(findings=[finding(step="1")])), "wrong_schema"),
        (reply(changed(findings=[finding(quote=None)])), "wrong_schema"),
        (reply(changed(findings=[finding()] * 51)), "wrong_schema"),
        (reply(changed(suspicion={"test_gaming": 1})), "wrong_schema"),
        (reply(changed(suspicion={"test_gaming": -1, "hidden_objective": 0})), "wrong_schema"),
        (reply(changed(summary=None)), "wrong_schema"),
    ],
)
def test_what_is_no_answer_says_why(answered: object, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        understood(answered)  # type: ignore[arg-type]


def test_half_a_surrogate_pair_does_no_harm() -> None:
    answer = understood(reply(json.dumps(GOOD).replace("Three.", "\\ud83d").replace("One.", "\\udcff.")))
    answer.summary.encode("utf-8")


def test_the_schema_asks_for_all_that_is_checked_and_is_strict_all_the_way_down() -> None:
    def objects(node: object) -> list[dict[str, object]]:
        if isinstance(node, dict):
            inner = [o for v in node.values() for o in objects(v)]
            return [node, *inner] if node.get("type") == "object" else inner
        return [o for v in node for o in objects(v)] if isinstance(node, list) else []

    for o in objects(SCHEMA):
        assert o["additionalProperties"] is False
        assert set(o["required"]) == set(o["properties"])  # type: ignore[call-overload]
    item = SCHEMA["properties"]["findings"]["items"]["properties"]
    assert item["behaviour"]["enum"] == list(BEHAVIOURS)
    assert set(item) == set(finding())
