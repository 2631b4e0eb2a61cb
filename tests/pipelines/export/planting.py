"""Reasoning planted under every name that we know of, in each of the four layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.read import identified
from schemas.layouts import LayoutSettings, adapter_for
from schemas.trace import CANONICAL

Message = dict[str, Any]


def ai(content: object = None, **more: object) -> Message:
    return {"role": "assistant", "content": content, **more}


def call(name: str, arguments: object, content: object = None) -> Message:
    return ai(
        content, tool_calls=[{"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}]
    )


def answer(content: object) -> Message:
    return {"role": "tool", "tool_call_id": "c1", "content": content}


# name: the messages of a conversation in which `s` is reasoning
CHAT: dict[str, Callable[[str], list[Message]]] = {
    "reasoning_content": lambda s: [ai("4", reasoning_content=s)],
    "reasoning": lambda s: [ai("4", reasoning=s)],
    "thinking": lambda s: [ai("4", thinking=s)],
    "thoughts": lambda s: [ai("4", thoughts=[s])],
    "reasoning_details": lambda s: [ai("4", reasoning_details=[{"type": "reasoning.text", "text": s}])],
    "a thinking block": lambda s: [
        ai([{"type": "thinking", "thinking": s, "signature": "x"}, {"type": "text", "text": "4"}])
    ],
    "a reasoning part": lambda s: [ai([{"type": "reasoning", "reasoning": s}, {"type": "text", "text": "4"}])],
    "a redacted part's summary": lambda s: [ai([{"type": "reasoning", "redacted": True, "summary": s}, "4"])],
    "a part that is a thought": lambda s: [{"role": "model", "parts": [{"text": s, "thought": True}, {"text": "4"}]}],
    "a message that is reasoning": lambda s: [{"role": "reasoning", "content": s}, ai("4")],
    "an item of reasoning": lambda s: [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": s}]},
        ai("4"),
    ],
    "<think>": lambda s: [ai(f"<think>{s}</think>4")],
    "<think>, unclosed": lambda s: [ai(f"4<think>{s}")],
    "</think> alone": lambda s: [ai(f"{s}</think>4")],
    "<think> in a part": lambda s: [ai([{"type": "text", "text": f"<THINKING>{s}</THINKING>4"}])],
    "<scratchpad>": lambda s: [ai(f"<scratchpad>{s}</scratchpad>4")],
    "[THINK]": lambda s: [ai(f"[THINK]{s}[/THINK]4")],
    "gpt-oss": lambda s: [ai(f"<|channel|>analysis<|message|>{s}<|end|><|channel|>final<|message|>4<|return|>")],
    "ReAct": lambda s: [ai(f"Thought: {s}\nAction: look")],
    "JSON that is the output": lambda s: [ai(json.dumps({"reasoning": s, "answer": "4"}))],
    "thoughts argument": lambda s: [call("bash", {"thoughts": s, "command": "ls"})],
    "thoughts argument alone": lambda s: [call("bash", {"thoughts": s})],
    "thoughts argument as JSON": lambda s: [call("bash", json.dumps({"reasoning": s, "command": "ls"}))],
    "thoughts within an argument": lambda s: [call("bash", {"command": {"thought": s, "run": "ls"}})],
    "<think> in an argument": lambda s: [call("bash", {"command": f"<think>{s}</think>ls"})],
    "arguments cut short": lambda s: [call("bash", f'{{"thoughts": "{s}')],
    "think tool": lambda s: [call("think", {"text": s}), answer(f"logged: {s}")],
    "think tool in plain text": lambda s: [call("think", s)],
    "memory tool": lambda s: [call("memory", {"command": "create", "text": s}), answer(s)],
}
ECHO = {
    "a tool that prints it": lambda s: [
        ai("4", reasoning_content=s),
        call("bash", {"command": "ls"}),
        answer(f"log: {s}."),
    ],
    "a prompt that quotes it": lambda s: [
        ai("4", reasoning_content=s),
        {"role": "user", "content": f"you thought: {s}."},
    ],
}


def step(channel: str, text: str | None, name: str | None = None, role: str = "assistant", **more: object) -> Message:
    return {"role": role, "channel": channel, "name": name, "text": text, "redacted": False, **more}


CANON: dict[str, Callable[[str], list[Message]]] = {
    "a step": lambda s: [step("reasoning", s), step("output", "4")],
    "memory": lambda s: [step("memory", s), step("output", "4")],
    "a redacted step's summary": lambda s: [step("reasoning", s, redacted=True), step("output", "4")],
    "a redacted output": lambda s: [step("output", s, redacted=True)],
    "an output with tags": lambda s: [step("output", f"<think>{s}</think>4")],
    "an output cut short": lambda s: [step("output", f"4 <thinking>{s}")],
    "an output that Go escaped": lambda s: [step("output", rf"\u003cthink\u003e{s}\u003c/think\u003e4")],
    "a call as JSON": lambda s: [step("action", json.dumps({"thoughts": s, "command": "ls"}), "bash")],
    "a call in a call": lambda s: [step("action", json.dumps({"command": json.dumps({"thoughts": s})}), "bash")],
    "a call whose escapes hide it": lambda s: [
        step("action", json.dumps({"command": f"ls\nInner monologue: {s}"}), "bash")
    ],
    "a call spelled out": lambda s: [step("action", f"thoughts: {s}\ncommand: ls", "bash")],
    "a call in Python": lambda s: [step("action", f"click(3, thought='{s}')", "browser")],
    "a plain think tool": lambda s: [step("action", s, "think")],
    "a tool's name": lambda s: [step("action", "ls", f"bash: {s}"), step("observation", "4", f"bash: {s}", "tool")],
    "an observation of a subagent": lambda s: [step("observation", f"<think>{s}</think>4", "agent", "tool")],
    "a prompt with its history": lambda s: [step("prompt", f"assistant: <think>{s}</think>4\nGo on.", None, "user")],
}
FLAT: dict[str, Callable[[str], dict[str, object]]] = {
    "the column": lambda s: {"reasoning": s, "output": "4"},
    "an output with tags": lambda s: {"output": f"<think>{s}</think>4"},
    "an output cut short": lambda s: {"output": f"4<think>{s}"},
    "an output in ReAct's manner": lambda s: {"output": f"Thought: {s}\nFinal Answer: 4"},
    "actions as JSON": lambda s: {"actions": json.dumps([{"name": "bash", "thought": s}]), "output": "4"},
    "actions as a list": lambda s: {"actions": [{"command": "ls", "thoughts": s}], "output": "4"},
    "a prompt with its history": lambda s: {"prompt": f"<think>{s}</think> Go on.", "output": "4"},
}

PROMPT = "Say 4."
CASES: dict[str, tuple[str, Callable[[str], object]]] = {
    **{f"messages: {name}": ("messages", plant) for name, plant in CHAT.items()},
    **{f"scout: {name}": ("scout", plant) for name, plant in CHAT.items()},
    **{f"canonical: {name}": ("canonical", plant) for name, plant in CANON.items()},
    **{f"flat: {name}": ("flat", plant) for name, plant in FLAT.items()},
}


def planted(layout: str, plant: Callable[[str], Any], secret: str) -> tuple[pa.RecordBatch, pa.ListArray | None]:
    """One trace with the secret in it, as `pipelines.read` would hand it on."""
    content = plant(secret)
    if layout == "canonical":
        rows: Message = {"trace_id": "t", "steps": [step("prompt", PROMPT, None, "user"), *content]}
        schema = pa.schema([CANONICAL.arrow().field(name) for name in rows])
        batch = pa.RecordBatch.from_pylist([rows], schema)
    elif layout == "flat":
        batch = pa.RecordBatch.from_pylist([{"trace_id": "t", "prompt": PROMPT, **content}])
    else:
        chat = json.dumps([{"role": "user", "content": PROMPT}, *content])
        batch = pa.record_batch({"trace_id" if layout == "messages" else "transcript_id": ["t"], "messages": [chat]})
    return adapted(batch)


def adapted(batch: pa.RecordBatch, layout: str = "auto") -> tuple[pa.RecordBatch, pa.ListArray | None]:
    adapter = adapter_for(batch.schema, LayoutSettings(layout, arguments=True), "a.parquet")
    found = adapter.adapt(batch.select(list(adapter.columns)))
    assert not found.dead
    return identified(found.traces, np.arange(len(found.traces)), "a.parquet", 0), found.arguments
