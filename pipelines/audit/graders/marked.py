"""Reasoning in a request to a grader that is marked as such: by tags, or by the name of a field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from pipelines.export.masking.thought_names import means_thoughts
from pipelines.export.masking.thoughts import MENTION, may_hold, reasoning_spans

How = Literal["tag", "field"]
GIVEN = ("system", "developer", "user", "human")  # roles whose text speaks of tags more often than it uses them
PARTS = ("reasoning", "thinking", "thought", "redacted_thinking")  # types of parts of a message
RETURNED = ("response", "choices", "usage", "grader_response")  # what came back: a grader may well reason


@dataclass(frozen=True, slots=True)
class Marked:
    """A text that is marked as reasoning, how, and the name or the place of the mark."""

    how: How
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Text:
    name: str
    channel: str
    text: str


def marked(value: object) -> list[Marked]:
    """All that is marked as reasoning in one request, in whatever form it is kept.

    >>> [(m.how, m.name) for m in marked({"messages": [{"role": "user", "reasoning_content": "I will " * 9}]})]
    [('field', 'reasoning_content')]
    """
    texts: list[_Text] = []
    found = list(_walk(value, "output", "", False, texts))
    maybe = may_hold(pa.array([t.text for t in texts], pa.string())).to_pylist() if texts else []
    for text, hold in zip(texts, maybe, strict=True):
        if hold:
            for start, end in reasoning_spans(text.text, text.channel):
                if end - start >= MENTION:
                    found.append(Marked("tag", text.name, text.text[start:end]))
    return found


def _walk(value: object, channel: str, name: str, returned: bool, texts: list[_Text]) -> Iterator[Marked]:
    if isinstance(value, str):
        opened = _opened(value)
        if opened is not None:
            yield from _walk(opened, channel, name, returned, texts)
        else:
            texts.append(_Text(name, channel, value.encode("utf-8", "replace").decode()))
    elif isinstance(value, dict):
        role = value.get("role") or value.get("from")
        if isinstance(role, str):
            channel = "prompt" if role.lower() in GIVEN else "output"
        is_part = value.get("type") in PARTS
        for key, inner in value.items():
            key = str(key)
            thought = means_thoughts(key) or (is_part and key in ("text", "content", "summary"))
            if thought and not returned and isinstance(inner, str) and len(inner) >= MENTION:
                yield Marked("field", key, inner)
            elif thought and not returned and isinstance(inner, list) and all(isinstance(v, str) for v in inner):
                text = "\n".join(inner)
                yield from (Marked("field", key, text),) if len(text) >= MENTION else ()
            else:
                yield from _walk(inner, channel, key, returned or key in RETURNED, texts)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _walk(inner, channel, name, returned, texts)


def _opened(text: str) -> object | None:
    """What a text holds that is JSON of its own: requests are often kept as strings."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
