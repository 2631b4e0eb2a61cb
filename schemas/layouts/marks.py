"""What says, beside a text and not in it, that the text is reasoning: a channel, a type, a flag, a title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = frozenset(
    {
        *("analysis", "reasoning", "thinking", "think", "thought", "thoughts", "chain_of_thought", "cot", "scratchpad"),
        *("redacted_thinking", "redacted_reasoning", "reasoning_recap", "reasoning_content", "reasoning_summary"),
        *("reasoning_text", "inner_monologue", "internal_monologue", "inner_thoughts", "extended_thinking"),
    }
)
NAMED = (
    *("channel", "type", "kind", "part_kind", "subtype", "sub_type", "phase", "recipient", "name", "source", "title"),
    *("content_type", "message_type", "block_type"),
)
FLAGS = ("thought", "is_thought", "is_thinking", "is_reasoning", "is_cot", "thinking", "reasoning", "hidden_reasoning")
INSIDE = ("metadata", "author", "extra", "additional_kwargs", "annotations", "attributes", "provider_specific_fields")


def marked(value: Mapping[str, Any], depth: int = 2) -> bool:
    """Whether a message or a part of one is called reasoning by a field of its own.

    >>> marked({"role": "assistant", "channel": "analysis", "content": "..."})
    True
    >>> marked({"role": "assistant", "metadata": {"title": "Thinking"}, "content": "..."})
    True
    >>> marked({"role": "assistant", "channel": "final", "content": "..."})
    False
    """
    if any(value.get(flag) is True for flag in FLAGS):
        return True
    if any(isinstance(word := value.get(key), str) and _word(word) in WORDS for key in NAMED):
        return True
    return depth > 0 and any(
        isinstance(inner := value.get(key), Mapping) and marked(inner, depth - 1) for key in INSIDE
    )


def _word(text: str) -> str:
    """A name as it is listed: `Inner-Thoughts ` and `inner_thoughts` are one, an emoji before it is none of it."""
    return "_".join("".join(c if c.isalnum() or c in "_- " else " " for c in text).lower().replace("-", "_").split())
