from __future__ import annotations

import json
import time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.export.masking.thought_names import is_thinking_tool, means_thoughts
from pipelines.export.masking.thoughts import may_hold, merged, outside, reasoning_spans
from schemas.layouts.chat import spelled, stretches
from schemas.layouts.thinking import split_thinking


def rest(text: str, channel: str = "output") -> str:
    """A text with what is reasoning in it made a bar."""
    spans = reasoning_spans(text, channel)
    assert spans == merged(spans)
    if spans:
        assert may_hold(pa.array([text])).to_pylist() == [True]
    pieces = [text[a:b] for a, b in outside(spans, 0, len(text))]
    whole = outside(spans, 0, len(text))
    ends = "|" if spans and spans[0][0] == 0 else "", "|" if spans and spans[-1][1] == len(text) else ""
    return ends[0] + "|".join(pieces) + (ends[1] if whole else "")


# text: what is left of it, reasoning being a bar
TAGS = {
    "<think>s</think>4": "|4",
    "4<think>s</think>4": "4|4",
    "<think>s": "|",
    "4 <think>s": "4 |",
    "s</think>4": "|4",
    "s</think>4<think>s": "|4|",
    "<think>s<think>s</think>s</think>4": "|4",
    "<think>s</think>4</think>5": "|5",
    "<THINK>s</Think>4": "|4",
    "<thinking>s</thinking>4": "|4",
    "<think>s</thinking>4": "|4",
    "<thought>s</thoughts>4": "|4",
    "<reasoning>s</reasoning><answer>4</answer>": "|<answer>4</answer>",
    "<scratchpad>s</scratchpad>4": "|4",
    "<scratch_pad>s": "|",
    "<analysis>s</analysis>4": "|4",
    "<reflection>s</reflection>4": "|4",
    "<inner_monologue>s</inner_monologue>4": "|4",
    "<chain-of-thought>s</chain-of-thought>4": "|4",
    "<antThinking>s</antThinking>4": "|4",
    "<seed:think>s</seed:think>4": "|4",
    "<longcat_think>s</longcat_think>4": "|4",
    '<think foo="1">s</think>4': "|4",
    "<think\n a='b' >s</think >4": "|4",
    "< think >s</ think>4": "|4",
    "<thinking>s<scratchpad>s</scratchpad>s</thinking>4": "|4",
    "<thinking>s<scratchpad>s</thinking>4": "|4",
    "[THINK]s[/THINK]4": "|4",
    "[THINK]s": "|",
    "◁think▷s◁/think▷4": "|4",
    "<|START_THINKING|>s<|END_THINKING|>4": "|4",
    "<|begin_of_thought|>s<|end_of_thought|>4": "|4",
    "<|thinking_start|>s<|thinking_end|>4": "|4",
    "<|think|>s<|/think|>4": "|4",
    "<｜begin▁of▁thinking｜>s<｜end▁of▁thinking｜>4": "|4",
    "<unused94>thought\ns<unused95>4": "|4",
    "<|channel>thought\ns<channel|>4": "|4",
    "&lt;think&gt;s&lt;/think&gt;4": "|4",
    r"\u003cthink\u003es\u003c/think\u003e4": "|4",
    r"<think>s<\/think>4": "|4",
    "＜think＞s＜/think＞4": "|4",
    "😀é́<think>😀</think>\r\n4": "😀é́|\r\n4",
    "<think></think>4": "|4",
    # not reasoning
    "Use `<think>` tags.": "Use `<think>` tags.",
    "Use `<think>x</think>` tags.": "Use `<think>x</think>` tags.",
    "Use `<think>` and `</think>`.": "Use `<think>` and `</think>`.",
    "`<think>` is what I use.<think>s</think>4": "`<think>` is what I use.|4",
    "`a`\n`<think>`\n`b` <think>s</think>": "`a`\n`<think>`\n`b` |",
    "`ls`<think>s</think>`pwd`": "`ls`|`pwd`",
    "I think > 4, think>4": "I think > 4, think>4",
    "<thinker>4</thinker>": "<thinker>4</thinker>",
    "<rethink>": "<rethink>",
    "[think] 4": "[think] 4",
    "<thi nk>4": "<thi nk>4",
    "": "",
}
HARMONY = {
    "<|channel|>analysis<|message|>s<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>": (
        "|<|start|>assistant<|channel|>final<|message|>4<|return|>"
    ),
    "<|start|>assistant<|channel|>analysis<|message|>s": "|",
    "<|channel|>commentary<|message|>4<|end|><|channel|>analysis<|message|>s": (
        "<|channel|>commentary<|message|>4<|end|>|"
    ),
    "<|channel|>analysis to=python code<|message|>s<|call|>4": "|4",
    "<|channel|>analysis s": "|",
    "analysis<|message|>s<|end|>4": "|4",
    "analysisWe must s.assistantfinal4": "|4",
    "analysis of 4": "analysis of 4",
    "Here is my thought process: s Here is my response: 4": "| 4",
    "HERE IS MY THOUGHT PROCESS: s": "|",
    "Here are my reasoning steps:\ns\n[BEGIN FINAL RESPONSE]\n4": "|\n4",
}
LINES = {
    "Thought: s\nAction: ls": "|Action: ls",
    "Thought: s\nAction: ls\nThought: s\nFinal Answer: 4": "|Action: ls\n|Final Answer: 4",
    "thought: s\n\ns\nNote: s\nAnswer: 4": "|Answer: 4",
    "4\nThought 1: s\nAction 1: ls": "4\n|Action 1: ls",
    "**Thought:** s\n**Action:** ls": "|**Action:** ls",
    "**Thought**: s": "|",
    "> Thought: s": "|",
    "### Inner monologue: s\nResponse: 4": "|Response: 4",
    "Chain-of-thought: s\r\nFinal answer: 4": "|Final answer: 4",
    "Scratchpad:\ns": "|",
    "THOUGHT: s\n\n```bash\nls\n```": "|```bash\nls\n```",
    "THOUGHT: s\n```bash\ns\n```\ns\n```bash\nls\n```\n": "|```bash\nls\n```\n",
    "THOUGHT: s ``` s": "|",
    "DISCUSSION\ns\n```\nls\n```": "|```\nls\n```",
    "Reasoning: s\nAnswer: 4": "|Answer: 4",
    "Rationale: s\nAction: 4": "|Action: 4",
    # not reasoning
    "Reasoning: it is 4": "Reasoning: it is 4",
    "Analysis:\nIt is 4.": "Analysis:\nIt is 4.",
    "Analysis:\nIt is 4.\nAnswer: 4": "Analysis:\nIt is 4.\nAnswer: 4",
    "## Reflection\nAnswer: 4": "## Reflection\nAnswer: 4",
    "On second thought: 4": "On second thought: 4",
    "I had a thought: 4": "I had a thought: 4",
    "Food for thought:\n4": "Food for thought:\n4",
    "def thought(): 4": "def thought(): 4",
}
OUTPUT_DATA = {
    '{"reasoning": "s", "answer": 4}': '{"reasoning": "|", "answer": 4}',
    '[{"thoughts": "s"}, {"thoughts": "s"}]': '[{"thoughts": "|"}, {"thoughts": "|"}]',
    'So:\n```json\n{"thinking": "s", "answer": 4}\n```': 'So:\n```json\n{"thinking": "|", "answer": 4}\n```',
    '<tool_call>\n{"name": "f", "arguments": {"thought": "s", "x": 4}}\n</tool_call>': (
        '<tool_call>\n{"name": "f", "arguments": {"thought": "|", "x": 4}}\n</tool_call>'
    ),
    "<function=f>\n<parameter=thoughts>\ns\n</parameter>\n<parameter=x>4</parameter>": (
        "<function=f>\n<parameter=thoughts>|</parameter>\n<parameter=x>4</parameter>"
    ),
    '<parameter name="thought">s</parameter>4': '<parameter name="thought">|</parameter>4',
    "<arg_key>thought</arg_key>\n<arg_value>s</arg_value>4": "<arg_key>thought</arg_key>\n<arg_value>|</arg_value>4",
    # not reasoning
    'The key "reasoning": "is" 4': 'The key "reasoning": "is" 4',
    '{"answer": "reasoning: 4"}': '{"answer": "reasoning: 4"}',
    '{"reasoning_effort": "high", "think": true, "thoughts": null}': (
        '{"reasoning_effort": "high", "think": true, "thoughts": null}'
    ),
    '{"sentiment_analysis": "4"}': '{"sentiment_analysis": "4"}',
}
INNER = json.dumps({"thoughts": 's "s" \\ s', "x": 'a "b"'})
ACTIONS = {
    '{"thoughts": "s", "command": "ls"}': '{"thoughts": "|", "command": "ls"}',
    '{"innerMonologue":"s","x":4}': '{"innerMonologue":"|","x":4}',
    '{"thoughts": "s \\" s \\\\", "x": 4}': '{"thoughts": "|", "x": 4}',
    '{"thoughts": "s, "x": 4': '{"thoughts": "|"x": 4',
    '{"thoughts": "s': '{"thoughts": "|',
    '{"thoughts": ["s", "]", {"s": "}"}], "x": 4}': '{"thoughts": [|], "x": 4}',
    '{"thoughts": {"text": "s", "plan": [1, 2]}, "x": 4}': '{"thoughts": {|}, "x": 4}',
    '{"thoughts": ["s", "x": 4': '{"thoughts": [|',
    "{'thought': 'it\\'s s', 'x': 4}": "{'thought': '|', 'x': 4}",
    "{'thought': \"it's s\", 'x': 4}": "{'thought': \"|\", 'x': 4}",
    json.dumps({"name": "f", "arguments": INNER}): (
        '{"name": "f", "arguments": "{\\"thoughts\\": \\"|\\", \\"x\\": \\"a \\\\\\"b\\\\\\"\\"}"}'
    ),
    'click(id=3, thought="s \\" s", x="4")': 'click(id=3, thought="|", x="4")',
    'f(rationale="""s "s" s""")': 'f(rationale="""|""")',
    "thoughts: s\ncommand: ls": "|command: ls",
    "path: a.py\nreasoning:\ns\ns: s\ncommand: ls": "path: a.py\n|s: s\ncommand: ls",
    "analysis: s\nNote: s\ncommand:\nls": "|command:\nls",
    "Thought: s\nAction: ls": "|Action: ls",
    "<think>s</think>ls": "|ls",
    # not reasoning
    "python think.py --reasoning=4": "python think.py --reasoning=4",
    "grep -n 'thought' src": "grep -n 'thought' src",
    'echo {"a": "thoughts"}': 'echo {"a": "thoughts"}',
}
LONG = "This is longer than a mention."
QUOTED = {
    f"Before <think>{LONG}</think> after": "Before | after",
    "Put it in <think></think> and <answer></answer>": "Put it in <think></think> and <answer></answer>",
    "Begin with <think> and go on": "Begin with <think> and go on",
    "and then comes </think> 4": "and then comes </think> 4",
    f"<|start|>assistant<|channel|>analysis<|message|>{LONG}<|end|>4": "|4",
    "Thought: what to do": "Thought: what to do",
    '{"reasoning": "4"}': '{"reasoning": "4"}',
}


@pytest.mark.parametrize(("text", "left"), {**TAGS, **HARMONY, **LINES, **OUTPUT_DATA}.items())
def test_what_is_left_of_an_output(text: str, left: str) -> None:
    assert rest(text) == left


@pytest.mark.parametrize(("text", "left"), {**TAGS, **HARMONY, **ACTIONS}.items())
def test_what_is_left_of_an_action(text: str, left: str) -> None:
    assert rest(text, "action") == left


@pytest.mark.parametrize("channel", ["prompt", "observation"])
@pytest.mark.parametrize(("text", "left"), QUOTED.items())
def test_what_is_left_of_a_text_by_others(text: str, left: str, channel: str) -> None:
    assert rest(text, channel) == left


@pytest.mark.parametrize("channel", ["reasoning", "memory"])
def test_reasoning_and_memory_are_reasoning_from_end_to_end(channel: str) -> None:
    assert reasoning_spans("😀ab", channel) == [(0, 3)]
    assert reasoning_spans("", channel) == []


@pytest.mark.parametrize("level", range(4))
def test_json_in_json_at_any_depth(level: int) -> None:
    text = INNER
    for _ in range(level):
        text = json.dumps({"arguments": text})
    ((start, end),) = reasoning_spans(text, "action")
    cut = text[:start] + text[end:]
    for _ in range(level):
        cut = json.loads(cut)["arguments"]
    assert json.loads(cut) == {"thoughts": "", "x": 'a "b"'}


FRAGMENTS = st.sampled_from(
    "<think> </think> <THINKING> </thinking> <scratchpad> </scratchpad> [THINK] [/THINK] ` ◁think▷ ◁/think▷ <unused94> "
    "<|channel|>analysis<|message|> <|channel|>final<|message|> <|end|> <|channel>thought analysis assistantfinal "
    'Thought: Action: Reasoning: Answer: \n \r\n ``` thoughts: command: note: DISCUSSION { } [ ] " \' \\ \\" : , '
    '"thoughts": \'cot\': \\"reasoning\\": "x": (thought=" <parameter=thought> </parameter> <arg_key>thought</arg_key> '
    "<arg_value> 😀 é s x".split(" ")
)
TEXTS = st.lists(FRAGMENTS, max_size=14).map("".join) | st.lists(FRAGMENTS, max_size=14).map(" ".join)
CHANNELS = st.sampled_from(["output", "action", "prompt", "observation"])


@settings(deadline=None)
@given(TEXTS, CHANNELS)
def test_spans_are_sorted_disjoint_and_found_by_the_first_look_too(text: str, channel: str) -> None:
    rest(text, channel)
    for start, end in reasoning_spans(text, channel):
        assert 0 <= start < end <= len(text)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "note", "text"]), TEXTS, min_size=1))
@example({"note": "Thought: s", "a": ""})
@example({"a": "x", "note": "analysisWe s.assistantfinal"})
def test_a_call_that_is_not_worth_a_look_holds_no_argument_that_is(arguments: dict[str, str]) -> None:
    text = spelled(arguments)
    if not may_hold(pa.array([text]))[0].as_py():
        assert [reasoning_spans(text[s.start : s.end], "action") for s in stretches(arguments)] == [[]] * len(arguments)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["<think>", "</think>", "</thinking>", "<Thinking>", "a ", "\n", "😀"])).map("".join))
def test_tags_that_adapters_cut_are_found_here_too(text: str) -> None:
    """A canonical lake was cut by no adapter; its outputs must not train on more than other lakes' do."""
    spans = reasoning_spans(text, "output")
    kept = "".join(text[a:b] for a, b in outside(spans, 0, len(text)))
    others = "".join(piece for channel, _, piece in split_thinking(text) if channel == "output")
    assert "".join(kept.split()) == "".join(others.split())


HOSTILE = {
    "opening tags": "<think ",
    "tags in backticks": "`<think>",
    "closing tags": "</think>",
    "fields within fields": '"thoughts":[',
    "strings that never end": '"thoughts":"',
    "backslashes": "\\",
    "backslashes and quotes": '\\"',
    "keywords": '(thought="',
    "parameters": "<parameter=thought>",
    "lines": "Reasoning:\n",
    "thought lines": "thoughts:\nx:\n",
    "spaces": "  > ",
    "letters": "thought",
    "fences": "```\n{",
    "channels": "<|channel|>analysis",
    "channels to somebody": "<|start|>assistant<|channel|>analysis<|constrain|>",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("channel", ["output", "action"])
def test_no_text_takes_more_than_linear_time(piece: str, channel: str) -> None:
    def seconds(size: int) -> float:
        text = "{" + piece * (size // len(piece))
        begun = time.process_time()
        reasoning_spans(text, channel)
        return time.process_time() - begun

    assert min(seconds(200_000) for _ in range(3)) < 8 * min(seconds(50_000) for _ in range(3)) + 0.05


NAMES = {
    "thought thoughts thinking reasoning reasoning_content rationale scratchpad analysis chain_of_thought cot": True,
    "inner_monologue innerMonologue reflection chainOfThought chain-of-thought agent_thoughts stepReasoning": True,
    "INNER_THOUGHTS Thought Rationale thought_process thinkingText internal_analysis think scratch_pad": True,
    "command path analyses sentiment_analysis reasoning_effort thinking_budget thinkTokens code query": False,
    "rationalise cottage thoughtful rethinking reason explanation plan note summary reflection_coefficient": False,
}


@pytest.mark.parametrize(("name", "means"), [(name, means) for names, means in NAMES.items() for name in names.split()])
def test_names_that_mean_thoughts(name: str, means: bool) -> None:
    assert means_thoughts(name) is means


TOOLS = {"think": True, "sequentialthinking": True, "mcp__sequential-thinking__sequentialthinking": True, "bash": False}
TOOLS |= {"functions.think": True, "Scratchpad": True, "rethink_plan": False, "thinking_budget": False, "": False}


@pytest.mark.parametrize(("name", "thinks"), TOOLS.items())
def test_tools_that_only_think(name: str, thinks: bool) -> None:
    assert is_thinking_tool(name) is thinks
