"""The one policy of what trains and of what a grader sees, message by message.

`sft` and `rl` keep every text whole. What trains is an allow-list: what the assistant put out, without the reasoning
that stands in it, and of its actions the arguments that were named, without reasoning likewise. Prompts, observations,
reasoning, memory and withheld reasoning's summaries never train, nor does an argument whose own name means thoughts.

`grader` and `preference` train nothing and see no reasoning: steps that are reasoning or memory, or were withheld, are
left out whole, and so are calls of tools that only think or remember, with what these answered. From all other texts
marked reasoning is cut. Of actions only the named arguments remain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.export.masking.thought_names import is_thinking_tool, means_thoughts
from pipelines.export.masking.thoughts import Span, outside, reasoning_spans
from schemas.errors import Fault, InputError
from schemas.layouts.chat import MEMORY, Stretch, spelled
from schemas.training import BLIND

CUTS = 10
LEFT_OUT = ("reasoning", "memory")
JSON_LIKE = r"^\s*(?:\{\s*[\"'}]|\[\s*[{\]])"  # an action with arguments in it, as RE2 and Python read it alike
_JSON_LIKE = re.compile(JSON_LIKE)
_BLANK = re.compile(r"[ \t\n\r]*")
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<letter>.))", re.DOTALL)
_JSON = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class NamedArgument:
    """A tool's argument that is exported to graders and trained on; `tool` is None for that of any tool."""

    tool: str | None
    argument: str

    def matches(self, tool: str | None, argument: str) -> bool:
        return self.argument == argument and self.tool in (None, tool)


@dataclass(frozen=True, slots=True)
class Policy:
    """For whom a row is made, and which actions belong in it."""

    audience: str
    arguments: tuple[NamedArgument, ...] = ()
    plain_actions: bool = False

    @property
    def blind(self) -> bool:
        return self.audience in BLIND

    def takes(self, tool: str | None, argument: str) -> bool:
        """Whether an argument is one of the named ones; one that means thoughts is not, whatever was named."""
        return not means_thoughts(argument) and any(named.matches(tool, argument) for named in self.arguments)


@lru_cache(maxsize=64)
def policy(audience: str, arguments: tuple[str, ...] = (), plain_actions: bool = False) -> Policy:
    """The policy of an export's settings. Raises InputError with all that is wrong with the arguments' names."""
    return Policy(audience, parse_arguments(arguments), plain_actions)


def parse_arguments(texts: Iterable[str]) -> tuple[NamedArgument, ...]:
    """`bash.command`, or `*.command` for that argument of any tool; InputError with all faults at once."""
    faults: list[Fault] = []
    named: list[NamedArgument] = []
    for text in texts:
        tool, dot, argument = text.strip().rpartition(".")
        if not (dot and tool and argument):
            faults.append(Fault("arguments", None, f"{text!r} names no argument", "write TOOL.ARGUMENT or *.ARGUMENT"))
        elif "*" in argument or ("*" in tool and tool != "*"):
            todo = "write TOOL.ARGUMENT, or *.ARGUMENT for that argument of any tool"
            faults.append(Fault("arguments", None, f"{text!r}: arguments are named one by one", todo))
        elif means_thoughts(argument):
            what = f"{text!r}: an argument called {argument} holds reasoning, which neither trains nor goes to graders"
            faults.append(Fault("arguments", None, what, "leave it out"))
        elif is_thinking_tool(tool):
            what = f"{text!r}: a tool called {tool} takes thoughts, which neither train nor go to graders"
            faults.append(Fault("arguments", None, what, "leave it out"))
        else:
            named.append(NamedArgument(None if tool == "*" else tool, argument))
    if faults:
        raise InputError(faults)
    return tuple(named)


def expected_mask(
    role: str,
    channel: str,
    name: str | None,
    text: str,
    policy: Policy,
    arguments: Sequence[Stretch] = (),
    marked: bool = True,
) -> list[Span]:
    """What of a message trains, in code points: sorted, disjoint, none empty.

    `arguments` say where a tool call's arguments stand, where the layout knew; JSON is searched for them otherwise.
    `marked` may be false where `thoughts.may_hold` says so of the text, which saves the search.
    """
    if policy.blind or role != "assistant" or not text:
        return []
    thoughts = reasoning_spans(text, channel) if marked else []
    if channel == "output":
        return outside(thoughts, 0, len(text))
    if channel != "action" or (name is not None and is_thinking_tool(name)):
        return []
    stretches = arguments or [s for s in json_arguments(text) if not _hides_reasoning(text[s.start : s.end])]
    if not stretches:
        plain = policy.plain_actions and not is_json_like(text)
        return outside(thoughts, 0, len(text)) if plain else []
    wanted = [(s.start, s.end) for s in stretches if policy.takes(name, s.name)]
    found: list[Span] = []
    for start, end in sorted(wanted):
        values = reasoning_spans(text[start:end], channel) if marked else []
        inner = [(a + start, b + start) for a, b in values]
        found += [piece for a, b in outside(inner, start, end) for piece in outside(thoughts, a, b)]
    return found


def may_train(role: str, channel: str, policy: Policy) -> bool:
    """Whether any of a message of this kind can train: the bound that needs no text."""
    actions = bool(policy.arguments) or policy.plain_actions
    return not policy.blind and role == "assistant" and (channel == "output" or (channel == "action" and actions))


def is_left_out(channel: str, name: str | None, redacted: bool) -> bool:
    """Whether graders see nothing of a step, not even that it was there."""
    if redacted or channel in LEFT_OUT:
        return True
    if name is None or channel not in ("action", "observation"):
        return False
    return is_thinking_tool(name) or MEMORY.search(name) is not None


def without_reasoning(text: str, channel: str) -> str:
    """The text without the reasoning that is marked in it.

    >>> without_reasoning("<think>Add them.</think> 4", "output")
    '4'
    """
    return split_reasoning(text, channel)[0]


def split_reasoning(text: str, channel: str) -> tuple[str, list[str]]:
    """A text without its marked reasoning, and that reasoning.

    A cut may bring parts of a tag together; then it is cut again. Of a text that is not done with after CUTS rounds,
    which nobody writes by chance, nothing is left.
    """
    cut: list[str] = []
    for _ in range(CUTS):
        spans = reasoning_spans(text, channel)
        if not spans:
            return text, cut
        cut += [text[a:b] for a, b in spans]
        text = "".join(text[a:b] for a, b in outside(spans, 0, len(text))).strip()
    return "", [*cut, text]


def shown_action(
    text: str, name: str | None, policy: Policy, arguments: Sequence[Stretch] = (), marked: bool = True
) -> str:
    """What a grader sees of an action: the named arguments, spelled again, or a plain action; without reasoning."""
    if not arguments:
        values = _json_object(text)
        if values is None:
            plain = policy.plain_actions and not is_json_like(text)
            return without_reasoning(text, "action") if plain else ""
        kept = {key: value for key, value in values.items() if policy.takes(name, key)}
    else:
        kept = {s.name: text[s.start : s.end] for s in arguments if policy.takes(name, s.name)}
    if not marked:
        return spelled(kept) if kept else ""
    cleaned = {k: without_reasoning(v, "action") if isinstance(v, str) else v for k, v in kept.items()}
    return without_reasoning(spelled(cleaned), "action") if cleaned else ""


def is_json_like(text: str) -> bool:
    """Whether an action is spelled as JSON, whole or cut short: then it is not plain."""
    return _JSON_LIKE.search(text) is not None


def json_arguments(text: str) -> list[Stretch]:
    """Where the arguments stand in an action that is a JSON object: of strings, what is between the quotes.

    >>> json_arguments('{"path": "a.py", "line": 3}')
    [Stretch(name='path', start=10, end=14), Stretch(name='line', start=25, end=26)]
    """
    if not is_json_like(text) or _json_object(text) is None:
        return []
    found: list[Stretch] = []
    at = text.index("{") + 1
    while True:
        at = _after_blank(text, at)
        if text[at] == "}":
            return found
        at = _after_blank(text, at + (text[at] == ","))
        key, at = _JSON.raw_decode(text, at)
        at = _after_blank(text, _after_blank(text, at) + 1)
        value, end = _JSON.raw_decode(text, at)
        inside = isinstance(value, str)
        found.append(Stretch(key, at + inside, end - inside))
        at = end


def _hides_reasoning(value: str) -> bool:
    """Whether reasoning shows in a JSON value once its escapes are read, and not before."""
    if "\\" not in value or reasoning_spans(value, "action"):
        return False
    return bool(reasoning_spans(_ESCAPE.sub(_unescaped, value), "action"))


def _unescaped(escape: re.Match[str]) -> str:
    if escape["code"]:
        return chr(int(escape["code"], 16))
    return {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}.get(escape["letter"], escape["letter"])


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _json_object(text: str) -> dict[str, object] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
