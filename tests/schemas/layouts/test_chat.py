from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.layouts.chat import Conversation, MessageFault, ThoughtArgument, spelled


def ai(content: object = None, **more: object) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def call(name: str, arguments: object, **more: object) -> dict[str, Any]:
    return ai(tool_calls=[{"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}], **more)


R, T, A, P, B, M = "reasoning", "output", "action", "prompt", "observation", "memory"

# name: (messages, [(role, channel, name, text), ...]) with a fifth True where the step is redacted
CASES: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {
    "system, user, assistant": (
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, ai("a")],
        [("system", P, None, "s"), ("user", P, None, "u"), ("assistant", T, None, "a")],
    ),
    "developer is system": ([{"role": "developer", "content": "s"}], [("system", P, None, "s")]),
    "content null, empty, or no parts gives no step": ([ai(None), ai(""), ai([])], []),
    "parts of text are one step": (
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
        [("user", P, None, "a\nb")],
    ),
    "bare strings as parts": ([ai(["a", "b"])], [("assistant", T, None, "a\nb")]),
    "an image is named and not read": (
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:..."}}]}],
        [("user", P, None, "[image_url]")],
    ),
    "a refusal is output": ([ai(None, refusal="No.")], [("assistant", T, None, "No.")]),
    # reasoning by what stands beside it
    "gpt-oss's channels as fields": (
        [ai("r", channel="analysis"), ai("a", channel="final")],
        [("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "a type, though there is a role": ([ai("r", type="reasoning")], [("assistant", R, None, "r")]),
    "a title in its metadata": ([ai("r", metadata={"title": "🧠 Thinking"})], [("assistant", R, None, "r")]),
    "a flag": ([ai("r", thought=True), ai("r", is_thinking=True)], [("assistant", R, None, "r")] * 2),
    "an author": ([ai("r", author={"role": "assistant", "name": "thoughts"})], [("assistant", R, None, "r")]),
    "parts with a channel, a flag or a subtype": (
        [
            ai(
                [
                    {"type": "text", "text": "r", "channel": "analysis"},
                    {"type": "text", "text": "r", "is_reasoning": True},
                    {"type": "text", "text": "r", "subtype": "thinking"},
                    {"type": "text", "text": "a"},
                ]
            )
        ],
        [*[("assistant", R, None, "r")] * 3, ("assistant", T, None, "a")],
    ),
    "content that is called thoughts": (
        [ai({"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "r"}]})],
        [("assistant", R, None, "r")],
    ),
    "marks that mean something else": (
        [ai("a", channel="final", name="writer", metadata={"title": "Answer"}), {"role": "user", "content": "think"}],
        [("assistant", T, None, "a"), ("user", P, None, "think")],
    ),
    "tools that are called while it thinks": (
        [call("bash", '{"command": "ls"}', channel="analysis")],
        [("assistant", A, "bash", "ls")],
    ),
    "a tag that goes on in the next message": (
        [ai("<think>"), ai("r")],
        [("assistant", R, None, "r")],
    ),
    "a tag over three messages": (
        [ai("<think>q"), ai("r"), ai("s</think>a"), ai("b")],
        [*[("assistant", R, None, t) for t in "qrs"], ("assistant", T, None, "a"), ("assistant", T, None, "b")],
    ),
    "a tag that was cut, and then somebody else": (
        [ai("<think>q"), {"role": "user", "content": "u"}, ai("a")],
        [("assistant", R, None, "q"), ("user", P, None, "u"), ("assistant", T, None, "a")],
    ),
    "rows that this program wrote": (
        [
            {"role": "user", "channel": P, "text": "u"},
            {"role": "assistant", "channel": A, "name": "bash", "text": "ls"},
            {"role": "assistant", "channel": T, "text": "a"},
        ],
        [("user", P, None, "u"), ("assistant", A, "bash", "ls"), ("assistant", T, None, "a")],
    ),
    # reasoning beside the content
    "reasoning_content": ([ai("a", reasoning_content="r")], [("assistant", R, None, "r"), ("assistant", T, None, "a")]),
    "reasoning": ([ai("a", reasoning="r")], [("assistant", R, None, "r"), ("assistant", T, None, "a")]),
    "the same reasoning under two names once": (
        [ai("a", reasoning="r", reasoning_content="r")],
        [("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "other reasoning under two names twice": (
        [ai(None, reasoning="r", reasoning_content="q")],
        [("assistant", R, None, "q"), ("assistant", R, None, "r")],
    ),
    "reasoning that the tags repeat once": (
        [ai("<think>r</think>a", reasoning_content="r")],
        [("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "reasoning_details of text, repeated whole in reasoning": (
        [
            ai(
                "a",
                reasoning="onetwo",
                reasoning_details=[{"type": "reasoning.text", "text": t} for t in ("one", "two")],
            )
        ],
        [("assistant", R, None, "one"), ("assistant", R, None, "two"), ("assistant", T, None, "a")],
    ),
    "reasoning_details with a summary and the opaque rest": (
        [
            ai(
                None,
                reasoning="s",
                reasoning_details=[
                    {"type": "reasoning.summary", "summary": "s"},
                    {"type": "reasoning.encrypted", "data": "gAAA"},
                ],
            )
        ],
        [("assistant", R, None, "s", True)],
    ),
    "reasoning_details with nothing to read": (
        [ai("a", reasoning_details=[{"type": "reasoning.encrypted", "data": "gAAA"}])],
        [("assistant", R, None, None, True), ("assistant", T, None, "a")],
    ),
    # reasoning in the content
    "a thinking block": (
        [ai([{"type": "thinking", "thinking": "r", "signature": "x"}, {"type": "text", "text": "a"}])],
        [("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "a thinking block of parts": (
        [ai([{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}])],
        [("assistant", R, None, "r")],
    ),
    "a thinking block that shows nothing": (
        [ai([{"type": "thinking", "thinking": "", "signature": "x"}])],
        [("assistant", R, None, None, True)],
    ),
    "a redacted thinking block": (
        [ai([{"type": "redacted_thinking", "data": "EmwK"}])],
        [("assistant", R, None, None, True)],
    ),
    "a transcript's reasoning part": ([ai([{"type": "reasoning", "reasoning": "r"}])], [("assistant", R, None, "r")]),
    "a transcript's redacted part keeps its summary only": (
        [ai([{"type": "reasoning", "reasoning": "gAAA", "summary": "s", "redacted": True}])],
        [("assistant", R, None, "s", True)],
    ),
    "a transcript's redacted part without a summary": (
        [ai([{"type": "reasoning", "reasoning": "gAAA", "summary": None, "redacted": True}])],
        [("assistant", R, None, None, True)],
    ),
    "think tags": ([ai("<think>r</think>a")], [("assistant", R, None, "r"), ("assistant", T, None, "a")]),
    "think tags in capitals": ([ai("<THINK>r</THINK>a")], [("assistant", R, None, "r"), ("assistant", T, None, "a")]),
    "think tags of a user are text": (
        [{"role": "user", "content": "<think>x</think>"}],
        [("user", P, None, "<think>x</think>")],
    ),
    "a thought part": (
        [{"role": "model", "parts": [{"text": "r", "thought": True}, {"text": "a"}]}],
        [("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "a message whose role is reasoning": ([{"role": "reasoning", "content": "r"}], [("assistant", R, None, "r")]),
    "gpt-oss channels with a call": (
        [
            ai(
                "<|channel|>analysis<|message|>r<|end|>"
                "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}"
            )
        ],
        [("assistant", R, None, "r"), ("assistant", A, "f", "")],
    ),
    # tools
    "a call with arguments as JSON text": (
        [call("bash", '{"command": "ls\\npwd"}')],
        [("assistant", A, "bash", "ls\npwd")],
    ),
    "a call with arguments as an object": ([call("bash", {"command": "ls"})], [("assistant", A, "bash", "ls")]),
    "a call with broken arguments keeps them": (
        [call("bash", '{"command": ')],
        [("assistant", A, "bash", '{"command": ')],
    ),
    "a call without arguments": ([call("list_files", {})], [("assistant", A, "list_files", "")]),
    "null arguments are absent": ([call("f", {"a": "x", "b": None})], [("assistant", A, "f", "x")]),
    "thoughts come before text, text before calls": (
        [call("f", {"x": "1"}, content="a", reasoning="r")],
        [("assistant", R, None, "r"), ("assistant", T, None, "a"), ("assistant", A, "f", "1")],
    ),
    "a transcript's call names the function directly": (
        [ai("", tool_calls=[{"id": "c", "function": "bash", "arguments": {"cmd": "ls"}, "type": "function"}])],
        [("assistant", A, "bash", "ls")],
    ),
    "the old function_call": (
        [ai(None, function_call={"name": "f", "arguments": '{"a": "x"}'})],
        [("assistant", A, "f", "x")],
    ),
    "a custom tool": (
        [ai(None, tool_calls=[{"type": "custom", "custom": {"name": "sh", "input": "ls"}}])],
        [("assistant", A, "sh", "ls")],
    ),
    "a memory tool writes memory": ([call("save_memory", {"text": "n"})], [("assistant", M, "save_memory", "n")]),
    "a result is named by the call it answers": (
        [call("bash", {"command": "ls"}), {"role": "tool", "tool_call_id": "c1", "content": "a.py"}],
        [("assistant", A, "bash", "ls"), ("tool", B, "bash", "a.py")],
    ),
    "a result that is an error": (
        [{"role": "tool", "function": "bash", "content": "", "error": {"type": "timeout", "message": "too slow"}}],
        [("tool", B, "bash", "too slow")],
    ),
    "tool_use and tool_result blocks": (
        [
            ai([{"type": "tool_use", "id": "t", "name": "bash", "input": {"command": "ls"}}]),
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a.py"}]},
        ],
        [("assistant", A, "bash", "ls"), ("tool", B, "bash", "a.py")],
    ),
    "a tool_result of parts, and the user's words after it": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a.py"}]},
                    {"type": "text", "text": "go on"},
                ],
            }
        ],
        [("tool", B, None, "a.py"), ("user", P, None, "go on")],
    ),
    # OpenAI Responses
    "responses: reasoning with a summary": (
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "gAAA"}],
        [("assistant", R, None, "s", True)],
    ),
    "responses: reasoning with nothing to read": (
        [{"type": "reasoning", "id": "rs_1", "summary": []}],
        [("assistant", R, None, None, True)],
    ),
    "responses: reasoning in the open": (
        [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "r"}]}],
        [("assistant", R, None, "r")],
    ),
    "responses: a message": (
        [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}],
        [("assistant", T, None, "a")],
    ),
    "responses: a call and its output": (
        [
            {"type": "function_call", "name": "f", "arguments": '{"a": "x"}', "call_id": "k"},
            {"type": "function_call_output", "call_id": "k", "output": "y"},
        ],
        [("assistant", A, "f", "x"), ("tool", B, "f", "y")],
    ),
    "responses: a shell call": (
        [{"type": "local_shell_call", "call_id": "k", "action": {"type": "exec", "command": ["ls"]}}],
        [("assistant", A, "local_shell", 'type: exec\ncommand: ["ls"]')],
    ),
    # other families
    "sharegpt": (
        [{"from": "human", "value": "u"}, {"from": "gpt", "value": "<think>r</think>a"}],
        [("user", P, None, "u"), ("assistant", R, None, "r"), ("assistant", T, None, "a")],
    ),
    "sharegpt calls": (
        [
            {"from": "function_call", "value": '{"name": "f", "arguments": {"a": "x"}}'},
            {"from": "observation", "value": "y"},
        ],
        [("assistant", A, "f", "x"), ("tool", B, None, "y")],
    ),
    "function call parts": (
        [
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": "x"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"content": "y"}}}]},
        ],
        [("assistant", A, "f", "x"), ("tool", B, "f", "y")],
    ),
    "messages that are JSON themselves": ([json.dumps(ai("a"))], [("assistant", T, None, "a")]),
}


@pytest.mark.parametrize(("messages", "expected"), CASES.values(), ids=CASES.keys())
def test_messages_become_steps(messages: list[Any], expected: list[tuple[Any, ...]]) -> None:
    assert [tuple(s)[:5] for s in Conversation().steps(messages)] == [(*e, False)[:5] for e in expected]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param({"role": "critic", "content": "x"}, "unknown_role", id="a role nobody knows"),
        pytest.param({"content": "x"}, "unknown_role", id="no role at all"),
        pytest.param({"type": "item_reference"}, "unknown_role", id="a type nobody knows"),
        pytest.param("hi", "unparsable_messages", id="a string"),
        pytest.param("{broken", "unparsable_messages", id="broken JSON"),
        pytest.param(None, "unparsable_messages", id="null"),
    ],
)
def test_what_cannot_be_read_is_told(message: object, reason: str) -> None:
    with pytest.raises(MessageFault, match="message 1") as caught:
        Conversation().steps([ai("fine"), message])
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("thought", "expected"),
    [
        pytest.param(ThoughtArgument(None, "thoughts"), [(R, "plan"), (A, "ls")], id="an argument of any tool"),
        pytest.param(ThoughtArgument("run", "thoughts"), [(R, "plan"), (A, "ls")], id="an argument of this tool"),
        pytest.param(ThoughtArgument("other", "thoughts"), [(A, "thoughts: plan\ncommand: ls")], id="of another tool"),
    ],
)
def test_a_tool_argument_may_be_mapped_to_reasoning(thought: ThoughtArgument, expected: list[tuple[str, str]]) -> None:
    steps = Conversation((thought,)).steps([call("run", {"thoughts": "plan", "command": "ls"})])
    assert [(s.channel, s.text) for s in steps] == expected


def test_a_tool_that_only_thinks_is_no_action() -> None:
    steps = Conversation((ThoughtArgument("think", "thought"),)).steps([call("think", {"thought": "plan"})])
    assert [tuple(s)[:5] for s in steps] == [("assistant", R, "think", "plan", False)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"command": 'echo "a"\nls'}, 'echo "a"\nls'),
        ({"path": "a.py", "line": 3}, "path: a.py\nline: 3"),
        ({"path": "a.py", "new": "x\ny"}, "path: a.py\nnew:\nx\ny"),
        ({"files": ["a", "b"]}, 'files: ["a", "b"]'),
        ({}, ""),
    ],
)
def test_arguments_are_spelled_without_escapes(arguments: dict[str, object], text: str) -> None:
    assert spelled(arguments) == text
