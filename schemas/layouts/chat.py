"""Chat messages become steps, whichever provider or server wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.layouts.marks import marked
from schemas.layouts.text import as_json
from schemas.layouts.thinking import left_open, may_think, split_thinking
from schemas.trace import CHANNELS

UNKNOWN_ROLE = "unknown_role"
UNPARSABLE = "unparsable_messages"

ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "gpt", "model", "bot", "chatgpt"), "assistant"),
    **dict.fromkeys(("tool", "function", "ipython", "observation", "environment"), "tool"),
    **dict.fromkeys(("function_response", "tool_response", "tool_result"), "tool"),
}
THINKING_ROLES = ("reasoning", "thinking", "thought", "analysis")
CALL_ROLES = ("function_call", "tool_call")
CONTENT_FIELDS = ("content", "value", "parts", "text")
ARGUMENT_FIELDS = ("arguments", "input", "args", "action", "code", "queries")
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "thoughts")
PLAIN_PARTS = ("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text")
READABLE = ("thinking", "reasoning", "text", "content", "thoughts", "parts")
OPENED = "<think>"
MEMORY = re.compile(r"memor(?:y|ies)", re.IGNORECASE)


class Stretch(NamedTuple):
    """Where one argument of a tool call stands in its step's text, in code points."""

    name: str
    start: int
    end: int


class Step(NamedTuple):
    """A step before it is put in columns; the fields of `schemas.trace.STEP`, and where a call's arguments stand."""

    role: str
    channel: str
    name: str | None
    text: str | None
    redacted: bool = False
    arguments: tuple[Stretch, ...] = ()


class MessageFault(ValueError):
    """Messages that cannot be read: a reason code and what was found."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ThoughtArgument:
    """A tool argument that holds reasoning; `tool` is None for that argument of any tool."""

    tool: str | None
    argument: str


@dataclass(slots=True)
class Conversation:
    """Reads the messages of one trace. `thoughts` are tool arguments that the user said hold reasoning.

    With `locate`, a step that calls a tool says where each argument stands in its text.
    """

    thoughts: Sequence[ThoughtArgument] = ()
    locate: bool = False
    tools: dict[str, str] = field(default_factory=dict)  # call id -> name of the tool
    thinking: bool = False  # the assistant's last message opened a tag, and nothing has closed it

    def steps(self, messages: Iterable[object]) -> list[Step]:
        """All steps, in order; MessageFault if a message has no role or shape that is known."""
        return [step for i, message in enumerate(messages) for step in self._message(message, i)]

    def _message(self, message: object, index: int) -> Iterator[Step]:
        if isinstance(message, str) and message.lstrip().startswith("{"):
            try:
                message = json.loads(message)
            except ValueError as error:
                raise MessageFault(UNPARSABLE, f"message {index} is not JSON: {error}") from error
        if not isinstance(message, dict):
            raise MessageFault(UNPARSABLE, f"message {index} is a {type(message).__name__}, not an object")
        said = message.get("role") or message.get("from")
        if said is None and isinstance(message.get("type"), str):
            yield from self._item(message, index)
            return
        word = str(said).lower()
        content = next((message[k] for k in CONTENT_FIELDS if message.get(k) is not None), None)
        if isinstance(message.get("text"), str) and message.get("channel") in CHANNELS and word in ROLES:
            # a step as this program writes them: its own training rows, say
            yield from _shown(ROLES[word], message["channel"], _word(message.get("name")), message["text"])
            self.thinking = False
        elif word in THINKING_ROLES:
            yield from _shown("assistant", "reasoning", None, text_of(content))
        elif word in CALL_ROLES:
            call = parsed(content)
            yield from self._call(call if isinstance(call, dict) else {"arguments": content})
        elif word not in ROLES:
            raise MessageFault(UNKNOWN_ROLE, f"message {index} has role {said!r}; known are {', '.join(sorted(ROLES))}")
        elif ROLES[word] == "assistant":
            yield from self._assistant(message, content)
            return
        elif ROLES[word] == "tool":
            yield from self._tool(message, content)
        else:
            yield from self._parts(content, ROLES[word], "prompt")
        self.thinking = False

    def _assistant(self, message: dict[str, Any], content: object) -> Iterator[Step]:
        before = list(_reasoning_fields(message))
        known = {step.text for step in before}
        yield from before
        called_so = marked(message) or (isinstance(content, dict) and marked(content))
        if called_so:
            content = [{"type": "reasoning", "text": text_of(content)}] if content else None
        elif self.thinking and isinstance(content, str) and not content.lstrip().startswith(OPENED):
            content = f"{OPENED}{content}"  # it goes on where the message before was cut
        self.thinking = isinstance(content, str) and left_open(content)
        for step in self._parts(content, "assistant", "output"):
            if step.channel != "reasoning" or step.text is None or step.text not in known:
                yield step
        yield from _shown("assistant", "output", None, text_of(message.get("refusal")))
        calls = message.get("tool_calls")
        if isinstance(calls, str):
            calls = parsed(calls)
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield from self._call(call)
        if isinstance(message.get("function_call"), dict):
            yield from self._call(message["function_call"])

    def _tool(self, message: dict[str, Any], content: object) -> Iterator[Step]:
        called = self.tools.get(str(message.get("tool_call_id")))
        name = _word(message.get("function")) or _word(message.get("name")) or called
        steps = list(self._parts(content, "tool", "observation", name))
        error = text_of(message.get("error"))
        yield from steps
        if error and not any(error in (step.text or "") for step in steps):
            yield Step("tool", "observation", name, error)

    def _parts(self, content: object, role: str, channel: str, name: str | None = None) -> Iterator[Step]:
        """Content that is null, a string, or parts. Texts that follow each other are one step."""
        plain: list[str] = []
        for part in content if isinstance(content, list) else [content]:
            text = None if role == "assistant" and isinstance(part, dict) and marked(part) else _plain_text(part)
            if text is not None:
                plain.append(text)
                continue
            yield from self._text("\n".join(plain), role, channel, name)
            plain.clear()
            if isinstance(part, dict):
                yield from self._part(part, role, channel, name)
        yield from self._text("\n".join(plain), role, channel, name)

    def _text(self, text: str, role: str, channel: str, name: str | None) -> Iterator[Step]:
        if channel == "output" and may_think(text):
            for kind, called, piece in split_thinking(text):
                yield from self._called(called, piece) if kind == "action" else _shown(role, kind, name, piece)
        else:
            yield from _shown(role, channel, name, text)

    def _part(self, part: dict[str, Any], role: str, channel: str, name: str | None) -> Iterator[Step]:
        kind = part.get("type")
        if kind in ("thinking", "redacted_thinking", "reasoning") or (role == "assistant" and marked(part)):
            yield _reasoning(part)
        elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
            yield from self._call(part)
            yield from _shown("tool", "observation", _word(part.get("name")), text_of(part.get("result")))
        elif isinstance(kind, str) and kind.endswith("tool_result"):
            called = self.tools.get(str(part.get("tool_use_id")))
            yield from self._parts(part.get("content"), "tool", "observation", called)
        elif isinstance(call := part.get("functionCall") or part.get("function_call"), dict):
            yield from self._call(call)
        elif isinstance(answer := part.get("functionResponse") or part.get("function_response"), dict):
            yield from _shown("tool", "observation", _word(answer.get("name")), text_of(answer.get("response")))
        else:
            yield Step(role, channel, name, f"[{kind or 'unknown part'}]")  # an image, a sound, a file: named, not read

    def _call(self, call: dict[str, Any]) -> Iterator[Step]:
        """A tool call of any provider as an action, or as memory where the tool is called so."""
        inner = next((call[k] for k in ("function", "custom") if isinstance(call.get(k), dict)), call)
        name = _word(inner.get("name")) or _word(call.get("function")) or _word(call.get("name"))
        for key in ("id", "call_id", "tool_call_id"):
            if name and call.get(key) is not None:
                self.tools[str(call[key])] = name
        given = next((inner[k] for k in ARGUMENT_FIELDS if inner.get(k) is not None), None)
        yield from self._called(name, given)

    def _called(self, name: str | None, given: object) -> Iterator[Step]:
        arguments = parsed(given)
        channel = "memory" if name and MEMORY.search(name) else "action"
        if not isinstance(arguments, dict):
            yield Step("assistant", channel, name, text_of(given))
            return
        thoughts = [k for k in arguments if any(t.argument == k and t.tool in (None, name) for t in self.thoughts)]
        for key in thoughts:
            yield from _shown("assistant", "reasoning", name, text_of(arguments[key]))
        rest = {k: v for k, v in arguments.items() if k not in thoughts and v is not None}
        if rest or not thoughts:
            yield Step("assistant", channel, name, spelled(rest), False, stretches(rest) if self.locate else ())

    def _item(self, item: dict[str, Any], index: int) -> Iterator[Step]:
        """An item of OpenAI's Responses format, which has a type in place of a role."""
        kind = str(item["type"])
        name = _word(item.get("name")) or self.tools.get(str(item.get("call_id")))
        if kind == "reasoning":
            yield _reasoning(item)
        elif kind.endswith("_output"):
            yield from self._parts(item.get("output"), "tool", "observation", name)
        elif kind.endswith("_call"):
            yield from self._call({"name": kind.removesuffix("_call"), **_present(item)})
            yield from self._parts(item.get("output", item.get("outputs")), "tool", "observation", name)
        elif kind in ROLES:
            yield from self._message({"role": kind, **item}, index)
        else:
            raise MessageFault(UNKNOWN_ROLE, f"message {index} has no role, and a type {kind!r} that is not known")


def _present(item: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in item.items() if v is not None}


def _reasoning_fields(message: dict[str, Any]) -> Iterator[Step]:
    """Reasoning beside the content. What a server sends under two names, whole or in parts, is one reasoning."""
    details = message.get("reasoning_details")
    found = [_reasoning(d) for d in details if isinstance(d, dict)] if isinstance(details, list) else []
    texts = [step.text for step in found if step.text]
    found = [step for step in found if step.text] or found[:1]
    told = {*texts, "".join(texts), "\n".join(texts), "\n\n".join(texts)}
    for value in (message.get(name) for name in REASONING_FIELDS):
        if value:
            step = _reasoning(value if isinstance(value, dict) else {"text": value})
            if step.text not in told:
                told.add(step.text or "")
                found.append(step)
    yield from found


def _reasoning(part: Mapping[str, Any]) -> Step:
    """A block of reasoning. Where only a summary can be read, or nothing, the step is redacted."""
    readable = next((text for k in READABLE if (text := text_of(part.get(k)))), "")
    withheld = part.get("redacted") is True or part.get("type") == "redacted_thinking" or not readable
    if not withheld:
        return Step("assistant", "reasoning", None, readable)
    return Step("assistant", "reasoning", None, text_of(part.get("summary")) or None, True)


def _shown(role: str, channel: str, name: str | None, text: str) -> Iterator[Step]:
    if text:
        yield Step(role, channel, name, text)


def _plain_text(part: object) -> str | None:
    """The text of a part that is nothing but text, else None."""
    if part is None:
        return ""
    if not isinstance(part, dict):
        return part if isinstance(part, str) else as_json(part)
    if part.get("type") in (None, *PLAIN_PARTS):
        return next((part[k] for k in ("text", "refusal") if isinstance(part.get(k), str)), None)
    return None


def text_of(value: object) -> str:
    """All text in a value that may be null, a string, a part or a list of parts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text for text in map(text_of, value) if text)
    if isinstance(value, dict):
        for key in ("text", "content", "summary", "thinking", "reasoning", "refusal", "message", "thoughts", "parts"):
            if isinstance(value.get(key), str | list):
                return text_of(value[key])
    return as_json(value)


def parsed(value: object) -> object:
    """A string that holds a JSON object or list as that; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def spelled(arguments: Mapping[str, object]) -> str:
    """Arguments as a person would read them: JSON's escapes would hide quotes and line breaks from the rules.

    >>> spelled({"command": "ls\\npwd"})
    'ls\\npwd'
    >>> spelled({"path": "a.py", "line": 3})
    'path: a.py\\nline: 3'
    """
    if len(arguments) == 1 and isinstance(only := next(iter(arguments.values())), str):
        return only
    return "\n".join(_labelled(key, value) for key, value in arguments.items())


def _labelled(key: str, value: object) -> str:
    text = value if isinstance(value, str) else as_json(value)
    return f"{key}:\n{text}" if "\n" in text else f"{key}: {text}"


def stretches(arguments: Mapping[str, object]) -> tuple[Stretch, ...]:
    """Where the value of each argument stands in what `spelled` makes of them.

    >>> stretches({"path": "a.py", "line": 3})
    (Stretch(name='path', start=6, end=10), Stretch(name='line', start=17, end=18))
    """
    if len(arguments) == 1 and isinstance(only := next(iter(arguments.values())), str):
        return (Stretch(next(iter(arguments)), 0, len(only)),)
    found = []
    at = 0
    for key, value in arguments.items():
        end = at + len(_labelled(key, value))
        found.append(Stretch(key, at + len(f"{key}: "), end))
        at = end + 1
    return tuple(found)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
