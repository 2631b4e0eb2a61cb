"""Thoughts that a line announces, as agents that reason and act in turns write them (ReAct, SWE-agent).

In an output, `Thought:`, `Inner monologue:`, `Scratchpad:` and the like begin reasoning; `Reasoning:` and `Rationale:`
do where a line such as `Answer:` or `Action:` follows; `Analysis:` and `Reflection:` never do, for essays have them.
In an action, any name that means thoughts does: arguments are spelled like that.

It ends at a line such as `Action:` or `Final Answer:`, in an action also at the next argument (a name in small
letters); else at the code block with which the text ends, else with the text. A heading in the middle of a thought,
such as `Note:`, does not end it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.export.masking.thought_names import means_thoughts

Span = tuple[int, int]
LINE = re.compile(
    r"^[ \t>*_#\-]{0,12}(?P<label>[A-Za-z_][\w \-]{0,60}?)[ \t]{0,3}[*_]{0,3}[ \t]{0,3}:", re.MULTILINE | re.ASCII
)
DISCUSSION = re.compile(r"^DISCUSSION[ \t]*$", re.MULTILINE)  # SWE-agent's first prompts
FENCE = re.compile(r"^[ \t]{0,3}```", re.MULTILINE)
NUMBER = re.compile(r"[\s_#]*\d{1,3}$")
THOUGHT = {
    *("thought", "thoughts", "my thoughts", "thinking", "thought process", "chain of thought", "cot", "scratchpad"),
    *("inner thought", "inner thoughts", "inner monologue", "internal monologue", "internal thought"),
    *("internal thoughts", "internal reasoning", "private reasoning", "hidden reasoning", "inner reasoning"),
}
THOUGHT_BEFORE_ANSWER = {"reasoning", "rationale"}
ENDS = {
    *("action", "actions", "action input", "act", "observation", "final answer", "answer", "final response"),
    *("response", "command", "tool", "tool call", "tool input", "function call", "final output"),
}
ARGUMENT = re.compile(r"[a-z_][a-z0-9_\-]*")


def line_spans(text: str, channel: str) -> Iterator[Span]:
    """Stretches from a line that announces thoughts to where they end."""
    opened = -1
    labels = [(m.start(), m["label"], _plain(m["label"])) for m in LINE.finditer(text)]
    last_end = max((at for at, _, name in labels if name in ENDS), default=-1)
    for at, label, name in labels:
        if opened >= 0:
            argument = channel == "action" and ARGUMENT.fullmatch(label) and not means_thoughts(label)
            if name in ENDS or argument:
                yield opened, at
                opened = -1
        elif (
            name in THOUGHT
            or (name in THOUGHT_BEFORE_ANSWER and at < last_end)
            or (channel == "action" and " " not in label and means_thoughts(label))
        ):
            opened = at
    if opened < 0 and channel == "output" and (found := DISCUSSION.search(text)):
        opened = found.start()
    if opened >= 0:
        yield opened, _last_block(text, opened)


def _plain(label: str) -> str:
    """A label in small letters, with blanks between its words and without its number."""
    return NUMBER.sub("", label.lower().replace("-", " ").replace("_", " ")).strip()


def _last_block(text: str, start: int) -> int:
    """Where the code block begins with which the text ends, or the end of the text."""
    fences = [fence.start() for fence in FENCE.finditer(text, start)]
    if len(fences) >= 2 and len(fences) % 2 == 0 and text[fences[-1] :].strip() == "```":
        return fences[-2]
    return len(text)
