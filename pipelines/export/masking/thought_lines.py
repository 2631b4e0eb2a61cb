"""Thoughts that a line announces: `Thought:` of agents that reason and act in turns, `### Thinking` of chat models.

In an output, `Thought:`, `Inner monologue:`, `思考：` and the like begin reasoning; `Reasoning:` and `Rationale:` do
where a line such as `Answer:` or `Action:` follows; `Analysis:` and `Reflection:` never do, for essays have them. In an
action, any name that means thoughts does: arguments are spelled like that.

A heading is such a word alone on its line, with `#`, in bold, or bare (`Thinking...`). Bare, it has to be the first
line or to be followed by a heading such as `Answer`.

What a label began ends at a line such as `Action:` or `Final Answer:`, in an action also at the next argument (a name
in small letters, no further in than the label); what a heading began, at one such as `Answer` or, if there is none,
at the next of its level. Else it ends at the code block with which the text ends, else with the text. A block of YAML
(`thoughts: |`) ends with its lines. A heading in the middle of a thought, such as `Note:`, does not end it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.export.masking.thought_names import means_thoughts
from pipelines.export.masking.thought_words import (
    ALWAYS,
    BEFORE_ANSWER,
    CLOSERS,
    ENDS,
    HEADING_ENDS,
    LABELS,
    trimmed,
)

Span = tuple[int, int]
_ORNAMENT = r"[ \t>*_#\-=~|\[【(\u2010-\u2bff\ufe0f\U0001f000-\U0001faff]{0,12}(?:\d{1,3}[.)][ \t*_]{0,4})?"
LINE = re.compile(
    rf"^{_ORNAMENT}(?P<label>[^\W\d][\w \-]{{0,60}}?)[ \t]{{0,3}}"
    r"(?:[\])】”»」]?[*_]{0,3}[ \t]{0,3}[:：]|(?P<bracket>】|\](?=[ \t]{0,3}[^\s(:\[])))",
    re.MULTILINE,
)
# a line that is a heading or could be one
HEADING = re.compile(
    r"^[ \t>]{0,12}(?P<mark>#{1,6}[ \t]*)?(?P<dress>[ \t*_=~.\-|\[【(\u2010-\u2bff\ufe0f\U0001f000-\U0001faff]{0,12})"
    r"(?:\d{1,3}[.)][ \t*_]{0,4})?(?P<label>[^\W\d][\w '’\-]{0,40}?)"
    r"(?P<after>[ \t]{0,3}(?:\.{2,3}|…)?[ \t*_=~.\-|\])】:：#\u2010-\u2bff\ufe0f\U0001f000-\U0001faff]{0,16})$",
    re.MULTILINE,
)
LEVEL = re.compile(r"^[ \t>]{0,12}(#{1,6})[ \t]+\S", re.MULTILINE)
UNDERLINE = re.compile(r"\n[ \t]{0,3}[=\-]{3,}[ \t]*(?:\n|\Z)")
DISCUSSION = re.compile(r"^DISCUSSION[ \t]*$", re.MULTILINE)  # SWE-agent's first prompts
FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)", re.MULTILINE)
ASSIGNED = re.compile(
    r"[ \t]{0,8}[\w.\[\]| ]{1,40}=[ \t]{0,8}[(\[]?[rfbuRFBU]{0,2}[\"'`]"
)  # Python's, see `thought_fields`
ARGUMENT = re.compile(r"[a-z_][a-z0-9_\-]*")
YAML = re.compile(
    r"^(?P<indent>[ \t]*(?:- +)?)[\"']?(?P<key>[^\W\d][\w \-]{0,60})[\"']?[ \t]*:[ \t]*[|>][+\-0-9]{0,2}[ \t]*\n",
    re.MULTILINE,
)


KNOWN_LABELS = ALWAYS | LABELS | BEFORE_ANSWER | ENDS
KNOWN = KNOWN_LABELS | HEADING_ENDS | CLOSERS


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that may begin or end reasoning; `heading` is its level, 7 for one without `#`, 0 for a label."""

    start: int
    end: int
    label: str
    name: str
    indent: int
    heading: int = 0
    bare: bool = False


def line_spans(text: str, channel: str) -> Iterator[Span]:
    """Stretches from a line that announces thoughts to where they end."""
    blocks = list(_yaml(text))
    yield from blocks
    lines = _lines(text, channel)
    ends = [line.start for line in lines if line.name in ENDS]
    last_end = ends[-1] if ends else -1
    heading_ends = [line.start for line in lines if line.name in HEADING_ENDS and (line.heading or line.name in ENDS)]
    levels: list[tuple[int, int]] | None = None
    opened: _Line | None = None
    done = 0
    block = 0
    for line in lines:
        while block < len(blocks) and blocks[block][1] <= line.start:
            block += 1
        if line.start < done or (block < len(blocks) and blocks[block][0] <= line.end and opened is None):
            continue
        if opened is not None:
            if _ends(opened, line, channel):
                yield opened.start, line.end if line.name in CLOSERS else line.start
                opened = None
        elif line.heading:
            if not _opens(line, text, last_end, heading_ends):
                continue
            after = bisect_right(heading_ends, line.start)
            if line.heading < 7 and after == len(heading_ends):
                levels = _levels(text) if levels is None else levels
                done = _next_level(levels, line, len(text))
                yield line.start, done
            else:
                opened = line
        elif ASSIGNED.match(text, line.end):
            continue
        elif (
            line.name in ALWAYS
            or line.name in LABELS
            or (line.name in BEFORE_ANSWER and line.start < last_end)
            or (channel == "action" and " " not in line.label and means_thoughts(line.label))
        ):
            opened = line
    if opened is None and channel == "output" and (found := DISCUSSION.search(text)):
        opened = _Line(found.start(), found.end(), "", "", 0)
    if opened is not None:
        yield opened.start, _last_block(text, opened.start)


def _lines(text: str, channel: str) -> list[_Line]:
    """The labels and headings of a text that may matter, in their order."""
    found: dict[int, _Line] = {}
    for heading in HEADING.finditer(text):
        name = trimmed(heading["label"])
        if name in KNOWN:
            level = len((heading["mark"] or "").strip()) or 7
            dressed = heading["mark"] or heading["dress"].strip() or UNDERLINE.match(text, heading.end())
            found[heading.start()] = _Line(
                heading.start(), heading.end(), heading["label"], name, 0, level, not dressed
            )
    for label in LINE.finditer(text):
        if label.start() in found and text[label.end() : found[label.start()].end].strip(" \t*_#"):
            continue
        name = trimmed(label["label"])
        if name in KNOWN_LABELS or (channel == "action" and not label["bracket"]):
            indent = label.start("label") - label.start()
            found[label.start()] = _Line(label.start(), label.end(), label["label"], name, indent)
    return [found[at] for at in sorted(found)]


def _opens(line: _Line, text: str, last_end: int, heading_ends: list[int]) -> bool:
    """Whether a heading begins reasoning."""
    if line.name in ALWAYS:
        first = not line.bare or not text[: line.start].strip()
        return first or line.start < (heading_ends[-1] if heading_ends else -1)
    return (line.name in LABELS or line.name in BEFORE_ANSWER) and not line.bare and line.start < last_end


def _ends(opened: _Line, line: _Line, channel: str) -> bool:
    if line.name in ENDS or line.name in CLOSERS:
        return True
    if opened.heading:
        return bool(line.heading) and line.name in HEADING_ENDS and (opened.bare or not line.bare)
    argument = channel == "action" and not line.heading and ARGUMENT.fullmatch(line.label)
    return bool(argument) and line.indent <= opened.indent and not means_thoughts(line.label)


def _levels(text: str) -> list[tuple[int, int]]:
    """Where the headings with `#` are that stand in no code, and of which level."""
    fences = [fence.start() for fence in FENCE.finditer(text)]
    marks = ((m.start(), len(m[1])) for m in LEVEL.finditer(text))
    return [(at, level) for at, level in marks if bisect_right(fences, at) % 2 == 0]


def _next_level(levels: list[tuple[int, int]], line: _Line, end: int) -> int:
    for at, level in levels[bisect_right(levels, (line.start, 7)) :]:
        if level <= line.heading:
            return at
    return end


def _yaml(text: str) -> Iterator[Span]:
    """Blocks of YAML whose key means thoughts, from the key's line to the last line that is further in."""
    done = 0
    for key in YAML.finditer(text):
        if key.start() < done or not means_thoughts(key["key"]):
            continue
        indent = len(key["indent"])
        at = done = key.end()
        while at < len(text):
            stop = text.find("\n", at)
            stop = len(text) if stop < 0 else stop + 1
            line = text[at:stop]
            if line.strip():
                if len(line) - len(line.lstrip(" \t")) <= indent:
                    break
                done = stop
            at = stop
        if done > key.end():
            yield key.start(), done


def _last_block(text: str, start: int) -> int:
    """Where the code block begins with which the text ends, or the end of the text."""
    fences = [fence.start() for fence in FENCE.finditer(text, start)]
    if len(fences) >= 2 and len(fences) % 2 == 0 and text[fences[-1] :].strip() in ("```", "~~~"):
        return fences[-2]
    return len(text)
