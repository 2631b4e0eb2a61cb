from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.masking.masks import (
    NamedArgument,
    Policy,
    expected_mask,
    is_left_out,
    json_arguments,
    may_train,
    parse_arguments,
    policy,
    shown_action,
    split_reasoning,
    without_reasoning,
)
from pipelines.export.masking.thoughts import reasoning_spans
from schemas.errors import InputError
from schemas.layouts.chat import Stretch, spelled, stretches
from schemas.trace import CHANNELS, ROLES
from schemas.training import AUDIENCES

NAMED = policy("sft", ("bash.command", "*.path"))
PLAIN = policy("rl", (), True)


def trains(
    channel: str, text: str, asked: Policy, name: str | None = None, known: tuple[Stretch, ...] = ()
) -> list[str]:
    return [text[a:b] for a, b in expected_mask("assistant", channel, name, text, asked, known)]


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_only_what_an_assistant_puts_out_can_train(audience: str, role: str, channel: str) -> None:
    expected = audience in ("sft", "rl") and role == "assistant" and channel in ("output", "action")
    asked = policy(audience, ("*.command",), True)
    assert bool(expected_mask(role, channel, None, "ls", asked)) is expected
    assert may_train(role, channel, asked) is expected
    if channel == "action":
        assert not expected_mask(role, channel, None, "ls", policy(audience))
        assert not may_train(role, channel, policy(audience))


CALL = {"thoughts": "s", "command": "ls\npwd", "path": "a", "timeout": 3}

# what trains: (name, arguments or plain text, policy)
ACTIONS: dict[str, tuple[str | None, object, Policy, list[str]]] = {
    "a named argument": ("bash", CALL, NAMED, ["ls\npwd", "a"]),
    "of another tool": ("zsh", CALL, NAMED, ["a"]),
    "of no tool": (None, CALL, NAMED, ["a"]),
    "nothing named": ("bash", CALL, policy("sft"), []),
    "plain actions are without arguments": ("bash", CALL, PLAIN, []),
    "plain": ("bash", "ls -la", PLAIN, ["ls -la"]),
    "plain, not asked for": ("bash", "ls -la", NAMED, []),
    "plain with reasoning": ("bash", "<think>s</think>ls", PLAIN, ["ls"]),
    "a test in a shell is plain": ("bash", '[ -f "a" ] && { ls; }', PLAIN, ['[ -f "a" ] && { ls; }']),
    "JSON cut short is not plain": ("bash", '{"command": "l', PLAIN, []),
    "a list of calls is not plain": ("bash", '[{"command": "ls"}]', PLAIN, []),
    "reasoning within an argument": ("bash", {"command": "ls <think>s</think>pwd", "n": 1}, NAMED, ["ls ", "pwd"]),
    "a thought within an argument": ("bash", {"command": 'f(thought="s")', "n": 1}, NAMED, ['f(thought="', '")']),
    "a field of an argument": ("x", {"path": {"thought": "s", "to": "a"}}, NAMED, ['{"thought": "', '", "to": "a"}']),
    "a line within an argument": ("bash", {"n": 1, "command": "Thought: s\nAction: ls"}, NAMED, ["Action: ls"]),
    "after a tag that nothing closes": ("bash", {"note": "<think>s", "command": "ls"}, NAMED, []),
    "a tool that thinks": ("think", {"path": "s"}, NAMED, []),
    "a tool that thinks aloud": ("think", "s", PLAIN, []),
    "an argument without characters": ("bash", {"command": "", "n": 1}, NAMED, []),
}


@pytest.mark.parametrize(("name", "given", "asked", "expected"), ACTIONS.values(), ids=ACTIONS)
def test_what_of_an_action_trains(name: str | None, given: object, asked: Policy, expected: list[str]) -> None:
    text = spelled(given) if isinstance(given, dict) else str(given)
    known = stretches(given) if isinstance(given, dict) else ()
    assert trains("action", text, asked, name, known) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(CALL), ["ls\\npwd", "a"]),
        ('\n { "command" : "ls" , "path":["a"] } ', ["ls", '["a"]']),
        ('{"command": "a", "command": "b"}', ["a", "b"]),
        ('{"command": "<think>s</think>ls"}', ["ls"]),
        ('{"command": "Thought: s\\nAction: ls"}', []),
        ('{"command": "x\\nThought: s"}', []),
        ('{"command": "\\u003cthink\\u003es\\u003c/think\\u003els"}', ["ls"]),
        ('{"command": "😀é\\ud83d"}', ["😀é\\ud83d"]),
        ("{}", []),
        ("ls", []),
    ],
)
def test_arguments_are_found_in_json_where_no_layout_knew_them(text: str, expected: list[str]) -> None:
    assert trains("action", text, NAMED, "bash") == expected


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=4), st.text(max_size=4) | st.integers() | st.lists(st.text(max_size=3)) | st.none()
    )
)
def test_each_argument_in_json_is_found_to_the_letter(values: dict[str, object]) -> None:
    for text in (json.dumps(values), json.dumps(values, indent=2, ensure_ascii=False)):
        found = json_arguments(text)
        inside = [text[s.start : s.end] for s in found]
        read = [
            json.loads(f'"{t}"' if isinstance(values[s.name], str) else t) for s, t in zip(found, inside, strict=True)
        ]
        assert [s.name for s in found] == list(values)
        assert read == list(values.values())


@pytest.mark.parametrize("deep", ['{"a":' * 100_000, "[" * 100_000, '{"a": ' + "9" * 5_000 + "}"])
def test_json_that_cannot_be_read_has_no_arguments(deep: str) -> None:
    assert json_arguments(deep) == []
    assert shown_action(deep, None, policy("grader", ("*.a",))) == ""


NOT_NAMED = {
    "command": "'command' names no argument. Write TOOL.ARGUMENT or *.ARGUMENT",
    "bash.": "names no argument",
    ".command": "names no argument",
    "": "names no argument",
    "bash.*": "arguments are named one by one",
    "*.*": "arguments are named one by one",
    "ba*.command": "arguments are named one by one",
    "bash.thoughts": "an argument called thoughts holds reasoning, which neither trains nor goes to graders",
    "*.chain_of_thought": "holds reasoning",
    "think.text": "a tool called think takes thoughts",
}


@pytest.mark.parametrize(("text", "says"), NOT_NAMED.items())
def test_what_names_no_argument_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_arguments([text])
    assert says in str(refused.value)


def test_all_wrong_names_are_told_at_once() -> None:
    with pytest.raises(InputError) as refused:
        parse_arguments(["command", "bash.command", "*.cot"])
    assert len(refused.value.faults) == 2


def test_an_argument_that_means_thoughts_is_never_taken_whatever_was_named() -> None:
    asked = Policy("sft", (NamedArgument(None, "thoughts"), NamedArgument(None, "command")))
    assert trains("action", spelled(CALL), asked, "bash", stretches(CALL)) == ["ls\npwd"]


def test_a_tool_may_have_dots_in_its_name() -> None:
    (named,) = parse_arguments([" browser.search.query "])
    assert (named.tool, named.argument) == ("browser.search", "query")


GRADER = policy("grader", ("bash.command", "*.path"))

# what a grader sees of a call
SHOWN: dict[str, tuple[str | None, object, Policy, str]] = {
    "the named arguments, spelled again": ("bash", CALL, GRADER, "command:\nls\npwd\npath: a"),
    "a single one stands bare": ("zsh", CALL, GRADER, "a"),
    "none": ("bash", {"n": 1, "thoughts": "s"}, GRADER, ""),
    "without the reasoning in them": ("bash", {"command": "<think>s</think>ls", "n": 1}, GRADER, "ls"),
    "plain": ("bash", "ls", policy("grader", (), True), "ls"),
    "plain, without reasoning": ("bash", "Thought: s\nAction: ls", policy("grader", (), True), "Action: ls"),
    "plain, not asked for": ("bash", "ls", GRADER, ""),
    "JSON as read": ("bash", json.dumps(CALL), GRADER, "command:\nls\npwd\npath: a"),
    "JSON whose escapes hid a thought": ("bash", '{"command": "x\\nThought: s"}', GRADER, "x"),
    "JSON is not plain": ("bash", json.dumps(CALL), policy("grader", (), True), ""),
}


@pytest.mark.parametrize(("name", "given", "asked", "expected"), SHOWN.values(), ids=SHOWN)
def test_what_a_grader_sees_of_an_action(name: str | None, given: object, asked: Policy, expected: str) -> None:
    text = spelled(given) if isinstance(given, dict) else str(given)
    known = stretches(given) if isinstance(given, dict) else ()
    assert shown_action(text, name, asked, known) == expected


LEFT_OUT = {
    ("reasoning", None, False): True,
    ("memory", "notes", False): True,
    ("output", None, True): True,
    ("action", "think", False): True,
    ("observation", "think", False): True,
    ("observation", "memory_read", False): True,
    ("action", "bash", False): False,
    ("output", "think", False): False,
    ("prompt", None, False): False,
    ("observation", None, False): False,
}


@pytest.mark.parametrize(("step", "gone"), LEFT_OUT.items())
def test_steps_that_graders_never_see(step: tuple[str, str | None, bool], gone: bool) -> None:
    assert is_left_out(*step) is gone


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<thi<think>s</think>nk>s</think>4", "<thi4"),
        ("Tho<think></think>ught: s\nAction: ls", "Action: ls"),
        ("a <think>s</think> b", "a  b"),
        (" \n<think>s</think>\n4\n", "4"),
        ("4\n", "4\n"),
    ],
)
def test_a_cut_that_brings_parts_of_a_tag_together_is_cut_again(text: str, left: str) -> None:
    assert without_reasoning(text, "output") == left


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["<", "think>", "<think>", "</think>", "</", "Thought:", "\n", "a", "`", "{", '"cot":', '"'])
    )
)
def test_nothing_marked_is_left(pieces: list[str]) -> None:
    for channel in ("output", "action", "prompt"):
        assert reasoning_spans(without_reasoning("".join(pieces), channel), channel) == []


@pytest.mark.parametrize(("depth", "left"), [(0, "xy"), (3, "xy"), (20, "")])
def test_tags_within_the_halves_of_tags_come_to_an_end(depth: int, left: str) -> None:
    text = f"<think>{'s' * 20}</think>"
    for i in range(depth):
        begin, middle, end = [("[TH", "INK]", "[/THINK]"), ("<th", "ink>", "</think>")][i % 2]
        text = begin + text + middle + "s" * 20 + end
    shown, own = split_reasoning(f"x{text}y", "prompt")
    assert shown == left
    assert "".join(own).count("s" * 20) == depth + 1
