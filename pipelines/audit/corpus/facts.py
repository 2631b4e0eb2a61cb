"""What a row of a corpus says of itself besides its text: its id, its values, its messages and what of them trains."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.digest import DIGEST_CHARS

Scalar = bool | int | float | str | dt.datetime | None
IDS = ("sample_id", "trace_id", "id")
CHATS = ("messages", "conversations", "conversation", "chat")
PAIRS = (("prompt", "user", "prompt"), ("completion", "assistant", "output"), ("response", "assistant", "output"))
CHANNEL_OF = {
    **dict.fromkeys(("system", "developer", "user", "human", "prompt"), "prompt"),
    **dict.fromkeys(("assistant", "gpt", "model", "ai", "bot"), "output"),
    **dict.fromkeys(("tool", "function", "ipython", "observation", "environment"), "observation"),
}
SUMS = ("sum", "least", "most", "first", "last")
TOKENS = re.compile(r"(?:^|_)(?:input_ids|token_ids|tokens|ids|position_ids)$")
PAIRED = tuple(name for name, _, _ in PAIRS)
THINKING = ("reasoning_content", "reasoning", "thinking", "thoughts")
WEIGHTS = ("train", "weight", "loss_weight", "loss")
OWN_FIELDS = (  # of a message, which other checks look at
    *("role", "from", "type", "channel", "name", "text", "content", "value", "spans", "tool_calls", "tool_call_id"),
    *("redacted", *THINKING, *WEIGHTS),
)
MASK = re.compile(r"(?:^|_)(?:masks?|labels?|weights?)$")
IGNORED = -100  # the label of a token that does not train, as trainers have it
STRING_CHARS = 200  # of a text that are kept as a value: its beginning, and its last TAIL_CHARS
TAIL_CHARS = 48
DEPTH = 8  # objects within objects whose values become columns
EACH = 8  # values of a list that become a column each; of a longer list, what sums it up
LISTED = 64  # objects of a list that are looked into
LARGEST = 1 << 63
VALUES = ("reward", "success")  # columns that are told even where they are null in every row


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """A message without its text; `trained` is how many of its characters train, None if that is not said."""

    role: str | None
    channel: str | None
    chars: int
    trained: int | None
    text_digest: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message with its text."""

    role: str | None
    channel: str | None
    text: str
    trained: int | None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a row without its text."""

    sample_id: str | None
    scalars: dict[str, Scalar]
    messages: tuple[MessageFacts, ...] | None


NOTHING = Facts(None, {}, None)


def facts(row: Mapping[str, object], id_column: str | None = None) -> Facts:
    """The facts of one row.

    >>> facts({"id": 7, "reward": 0.5, "messages": [{"role": "user", "content": "Hi"}]}).scalars
    {'id': 7, 'reward': 0.5}
    """
    name = next((n for n in ((id_column,) if id_column else IDS) if row.get(n) is not None), None)
    given = row[name] if name else None
    scalars: dict[str, Scalar] = {}
    for key, value in row.items():
        if value is None and key in VALUES:
            scalars[key] = None
        for column, scalar in _leaves(str(key), value):
            scalars[column] = scalar
    return Facts(str(given) if isinstance(given, str | int) else None, scalars, _messages(row))


def text_digest(text: str) -> str:
    """The digest of one text.

    >>> text_digest("a") == text_digest("b")
    False
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]


def _leaves(name: str, value: object) -> Iterator[tuple[str, Scalar]]:
    """All values of a column, however nested; of messages only what is none of a message's own fields."""
    if name in CHATS or name in PAIRED:
        chat = _chat(value)
        if chat is not None:
            yield f"{name}[].role", ",".join(sorted({str(m.get("role") or m.get("from") or "") for m in chat}))
            value = [{k: v for k, v in m.items() if k not in OWN_FIELDS or _weighs(k, v)} for m in chat]
    yield from _scalars(name, value, DEPTH)


def _weighs(name: str, value: object) -> bool:
    """Whether a field that says if a message trains says how much as well."""
    return name in WEIGHTS and isinstance(value, int | float) and value not in (0, 1)


def _scalars(name: str, value: object, depth: int) -> Iterator[tuple[str, Scalar]]:
    if value is None:
        return
    if isinstance(value, str):
        long = len(value) > STRING_CHARS
        yield name, f"{value[: STRING_CHARS - TAIL_CHARS]}…{value[-TAIL_CHARS:]}" if long else value
    elif isinstance(value, bool | float):
        yield name, value
    elif isinstance(value, int):
        yield name, value if -LARGEST <= value < LARGEST else float(value)
    elif isinstance(value, decimal.Decimal):
        yield name, float(value)
    elif isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        yield name, value if isinstance(value, dt.datetime) else str(value)
    elif isinstance(value, Mapping):
        if depth:
            for key, inner in value.items():
                yield from _scalars(f"{name}.{key}", inner, depth - 1)
    elif isinstance(value, Sequence) and not isinstance(value, bytes) and depth and value:
        yield from _listed(name, value, depth)


def _listed(name: str, value: Sequence[object], depth: int) -> Iterator[tuple[str, Scalar]]:
    """A list's values: one by one where it is short, else summed up; of objects, each field over all of them."""
    first = value[0]
    if isinstance(first, int | float) and MASK.search(name):
        numbers = [v for v in value if isinstance(v, int | float)]
        off = IGNORED if name.endswith(("label", "labels")) else 0
        yield f"{name}.ones", sum(v != off for v in numbers)
        yield f"{name}.length", len(numbers)
        if not off and not {0, 1}.issuperset(numbers):
            yield f"{name}.sum", float(sum(numbers))
    elif isinstance(first, tuple) and all(_is_entry(v) for v in value):
        for entry in value:  # a map, as Arrow gives it
            if isinstance(entry, tuple):
                yield from _scalars(f"{name}.{entry[0]}", entry[1], depth - 1)
    elif isinstance(first, Mapping):
        fields: dict[str, list[object]] = {}
        for item in value[:LISTED]:
            for key, inner in item.items() if isinstance(item, Mapping) else ():
                fields.setdefault(str(key), []).append(inner)
        for key, inners in fields.items():
            yield from _scalars(f"{name}[].{key}", inners, depth - 1)
    else:
        yield f"{name}.length", len(value)
        numbers = [float(v) for v in value if isinstance(v, int | float | decimal.Decimal)]
        if len(value) <= EACH:
            for i, inner in enumerate(value):
                yield from _scalars(f"{name}[{i}]", inner, depth - 1)
        elif numbers and not TOKENS.search(name):
            sums = (sum(numbers), min(numbers), max(numbers), numbers[0], numbers[-1])
            yield from ((f"{name}.{what}", v) for what, v in zip(SUMS, sums, strict=True))


def _is_entry(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


def _messages(row: Mapping[str, object]) -> tuple[MessageFacts, ...] | None:
    spoken = said(row)
    if spoken is None:
        return None
    return tuple(MessageFacts(m.role, m.channel, len(m.text), m.trained, text_digest(m.text), m.name) for m in spoken)


def said(row: Mapping[str, object]) -> tuple[Said, ...] | None:
    """The messages of a row with their texts, in the order of its facts; None if it has none."""
    for name in CHATS:
        chat = _chat(row.get(name))
        if chat is not None:
            return tuple(m for message in chat for m in _message(message, None))
    found: list[Said] = []
    for name, role, channel in PAIRS:
        value = row.get(name)
        chat = _chat(value)
        if chat is not None:
            found += (m for message in chat for m in _message(message, None))
        elif isinstance(value, str):
            found.append(Said(role, channel, value, None))
    return tuple(found) or None


def _chat(value: object) -> list[dict[str, object]] | None:
    """A list of messages, also one that is written as JSON."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list) and value and all(isinstance(m, dict) for m in value):
        return value
    return None


def _message(message: Mapping[str, object], parent: str | None) -> Iterator[Said]:
    """A message, after the reasoning and before the calls that stand in fields of their own."""
    said = message.get("role") or message.get("from") or message.get("type")
    role = str(said).lower() if said is not None else parent
    channel, named = message.get("channel"), message.get("name")
    name = named if isinstance(named, str) and named else None
    where = str(channel) if isinstance(channel, str) else CHANNEL_OF.get(role or "")
    for key in THINKING:
        if isinstance(text := message.get(key), str) and text:
            yield Said(role, "reasoning", text, _trained(message, len(text)))
    content = next((message[k] for k in ("text", "content", "value") if message.get(k) is not None), None)
    text = _text(content)
    if text or not message.get("tool_calls"):
        spans = message.get("spans") is not None
        yield Said(role, where, text, _spans(message) if spans else _trained(message, len(text)), name)
    calls = message.get("tool_calls")
    if calls:
        text = calls if isinstance(calls, str) else json.dumps(calls, ensure_ascii=False, sort_keys=True, default=str)
        yield Said(role, "action", text, _trained(message, len(text)), name)


def _spans(message: Mapping[str, object]) -> int | None:
    """What trains by spans; none of them does where a flag or weight beside them says that nothing trains."""
    spans = message["spans"]
    if not isinstance(spans, list):
        return None
    if _trained(message, 1) == 0:
        return 0
    pairs = [(s.get("start"), s.get("end")) if isinstance(s, dict) else tuple(s) for s in spans]
    return sum(max(0, end - start) for start, end in pairs if isinstance(start, int) and isinstance(end, int))


def _trained(message: Mapping[str, object], chars: int) -> int | None:
    """What trains by flags and weights of the whole message: nothing where one of them says so."""
    told = [value for name in WEIGHTS if isinstance(value := message.get(name), int | float)]
    return (chars if all(told) else 0) if told else None


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(t for t in map(_text, content) if t)
    if isinstance(content, dict):
        return next((v for k in ("text", "content", "thinking") if isinstance(v := content.get(k), str)), "")
    return "" if content is None else str(content)
