"""Reasoning by any name: stretches of a text in which a model thinks, however they are marked.

What is taken, in what an assistant wrote (outputs and actions):
- tags of all common families, closed or not, with the opening tag left out, nested, in any case, with attributes;
- gpt-oss's channels but for `final` and `commentary`, and the words "analysis...assistantfinal" that they leave when
  the special tokens were dropped;
- fields of JSON, of Python's spelling of it, and of XML-like tool calls, whose name means thoughts; in an output only
  where it holds JSON as such (at its beginning, in a code fence, in a tool call);
- lines such as `Thought:` up to the next line such as `Action:`; see `thought_lines`.

Not taken: a tag in backticks, which is spoken of; "Analysis:" or "Reflection" as a heading of an output, which is what
essays have; reasoning that is marked by nothing.

In prompts and observations, which others wrote, a tag that is never closed is more likely spoken of than used, so only
closed ones are taken, and only round MENTION characters or more: instructions show the tags round a word or two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.masking.thought_fields import field_spans
from pipelines.export.masking.thought_lines import line_spans
from pipelines.export.masking.thought_names import ROOTS

Span = tuple[int, int]
WHOLE = ("reasoning", "memory")  # channels whose text is the model's own notes from end to end
ASSISTANT = ("output", "action")
MENTION = 20  # characters within tags in a prompt or observation, from which on they are more than a mention

_NAME = (
    r"(?:think(?:ing)?|thoughts?|thought[_-]?process|reasoning|reason|scratch[_-]?pad|analysis|reflections?|rationale"
    r"|(?:inner|internal)[_-]?(?:monologue|thoughts?|reasoning)|chain[_-]?of[_-]?thoughts?|cot|deliberation)"
)
# an opening or closing tag of any family; JSON and HTML may have escaped its brackets and its slash
TAG = re.compile(  # it begins with a set in letters of one case, which is what `re` finds fast
    rf"[<＜&\\◁\[](?i:(?:(?<=[<＜])|(?<=&)lt;|(?<=\\)u003c)"
    rf"[ \t]{{0,3}}\\?(?P<close>/?)[ \t]{{0,3}}(?:[a-z]\w{{0,20}}[:_-])?(?:ant|longcat_)?"
    rf"(?P<angle>{_NAME})(?:\s[^<>]{{0,300}})?[ \t]{{0,3}}/?(?:>|＞|&gt;|\\u003e)"
    rf"|(?<=<)[|｜](?:(?P<begin>begin|start)|(?P<end>end))?[_▁]?(?:of[_▁])?(?P<slash>/?)(?P<pipe>{_NAME})"
    rf"(?:[_▁](?:(?:start|begin)|(?P<end2>end)))?[|｜]>"
    r"|(?<=◁)(?P<kclose>/?)(?P<kimi>think(?:ing)?)▷"
    r"|(?-i:(?<=\[)(?P<sclose>/?)(?P<square>THINK(?:ING)?|THOUGHTS?|REASONING|SCRATCHPAD)\])"
    r"|(?<=<)unused9(?:4|(?P<uclose>5))>"
    r"|(?<=<)\|channel>\s*(?P<gemma>thought)|(?<=<)(?P<gclose>channel\|>))",
    re.ASCII,
)
CLOSING = ("close", "end", "slash", "end2", "kclose", "sclose", "uclose", "gclose")
NAMES = ("angle", "pipe", "kimi", "square", "gemma")
ALIKE = re.compile(r"think(?:ing)?|thoughts?", re.IGNORECASE)

HARMONY = re.compile(
    r"(?:<\|start\|>assistant[^<]{0,200})?(?:<\|channel\|>\s*(?P<channel>\w+)[^<\n]{0,200}"
    r"(?:<\|constrain\|>[^<]{0,200})?(?:<\|message\|>)?|\A\s*(?P<bare>analysis)<\|message\|>)"
)
HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")
SHOWN = ("final", "commentary")  # gpt-oss's channels that users see
GARBLED = re.compile(r"\A\s*analysis(?=[\s\"'A-Z])")  # the channels' names without their special tokens
GARBLED_END = "assistantfinal"
PHRASES = tuple(  # models that announce their reasoning in words: Granite 3.2, Apriel
    (phrase, re.compile(phrase, re.IGNORECASE), re.compile(end, re.IGNORECASE))
    for phrase, end in (
        ("here is my thought process:", "here is my response:"),
        ("here are my reasoning steps:", r"\[begin final response\]"),
    )
)

# What any of the above begins with, for RE2: a text without it holds no marked reasoning. Wider than they are.
MAY_HOLD = (
    r"(?im)[<＜◁\[;\\c｜|][ \t/\\|｜]*[\w:▁-]*(?:" + ROOTS + r")"
    r"|<unused9|<\|channel"
    r"|[\"'][\w \-]*(?:" + ROOTS + r")[\w \-]*\\*[\"']\s*:"
    r"|(?:^|:)[ \t>*_#\-]*[\w \-]*(?:" + ROOTS + r")[\w \-]*[ \t*_]*:"
    r"|(?:param|parameter|arg|argument)(?:\s*=|\s+name\s*=)\s*\\*[\"']?[\w\-]*(?:" + ROOTS + r")"
    r"|arg_key>\s*[\w\-]*(?:" + ROOTS + r")"
    r"|[(,]\s*\w*(?:" + ROOTS + r")\w*\s*=\s*[\"']"
    r"|here (?:is|are) my (?:thought|reasoning)|assistantfinal|analysis<\|message\|>|^DISCUSSION"
)


def may_hold(texts: pa.Array) -> pa.Array:
    """Which of the texts (n strings) are worth a search.

    False wherever `reasoning_spans` would find nothing, in the text or in what stands in it as an argument.
    """
    return pc.fill_null(pc.match_substring_regex(texts, MAY_HOLD), False)


def reasoning_spans(text: str, channel: str) -> list[Span]:
    """The stretches of a text that are reasoning, in code points: sorted, disjoint, none empty, tags included.

    >>> text = "<think>Add them.</think>4"
    >>> [text[start:end] for start, end in reasoning_spans(text, "output")]
    ['<think>Add them.</think>']
    >>> reasoning_spans("Use `<think>` tags.", "output")
    []
    """
    if channel in WHOLE:
        return [(0, len(text))] if text else []
    own = channel in ASSISTANT
    found = [*_tagged(text, own), *_harmony(text, own)]
    if own:
        found += [*_announced(text), *field_spans(text, channel), *line_spans(text, channel)]
    return merged(found)


def merged(spans: list[Span]) -> list[Span]:
    """The same stretches sorted, those that touch or overlap as one, without empty ones."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def outside(spans: list[Span], start: int, end: int) -> list[Span]:
    """What of `start` to `end` lies in none of the spans (sorted, disjoint).

    >>> outside([(2, 4), (8, 9)], 0, 9)
    [(0, 2), (4, 8)]
    """
    left: list[Span] = []
    at = start
    for a, b in spans:
        if a >= end:
            break
        if a > at:
            left.append((at, a))
        at = max(at, b)
    if at < end:
        left.append((at, end))
    return left


def _tagged(text: str, own: bool) -> Iterator[Span]:
    """Between tags. A tag that opens within reasoning is part of it; one that closes nothing ends what the chat
    template had opened, so that all since the last reasoning is such."""
    done, opened, family = 0, -1, ""
    tags = list(TAG.finditer(text))
    spoken_until = 0
    ticks = _Backticks(text)
    for i, tag in enumerate(tags):
        closes = any(tag[group] for group in CLOSING)
        kind = _family(tag)
        if opened >= 0:
            if closes and kind == family:
                if own or tag.start() - opened >= MENTION:
                    yield opened, tag.end()
                done, opened = tag.end(), -1
        elif tag.start() < spoken_until:
            continue
        elif ticks.open_just_before(tag.start()):
            spoken_until = _spoken_pair(text, tags, i)
        elif not closes:
            opened, family = tag.start(), kind
        elif own:
            yield done, tag.end()
            done = tag.end()
    if opened >= 0 and own:
        yield opened, len(text)


class _Backticks:
    """Where code begins and ends in a line of text, asked for places in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._count = 0

    def open_just_before(self, place: int) -> bool:
        """Whether the character before `place` is a backtick that begins code, rather than one that ends it."""
        if self._text[place - 1 : place] != "`":
            return False
        line = self._text.rfind("\n", self._at, place)
        if line >= 0:
            self._at, self._count = line, 0
        self._count += self._text.count("`", self._at, place)
        self._at = place
        return self._count % 2 == 1


def _spoken_pair(text: str, tags: list[re.Match[str]], i: int) -> int:
    """Where `<think>...</think>` within one pair of backticks ends, which is spoken of as a whole; else 0."""
    if i + 1 < len(tags):
        end = tags[i + 1].end()
        if text[end : end + 1] == "`" and not {"`", "\n"} & set(text[tags[i].start() : end]):
            return end
    return 0


def _family(tag: re.Match[str]) -> str:
    """What must close a tag: the kind of its brackets, and its name, all ways to say `think` being one."""
    for group in NAMES:
        if tag[group]:
            name = "think" if ALIKE.fullmatch(tag[group]) else re.sub(r"[_-]", "", tag[group].lower())
            return f"{group}:{name}"
    return "gemma:think" if tag["gclose"] else "unused"


def _harmony(text: str, own: bool) -> Iterator[Span]:
    at = 0 if "<|channel|>" in text or "analysis<|message|>" in text else len(text)
    while found := HARMONY.search(text, at):
        at = found.end()
        if (found["channel"] or "").lower() in SHOWN:
            continue
        end = HARMONY_END.search(text, at)
        if end is not None or own:
            at = end.end() if end else len(text)
            yield found.start(), at
    if own and GARBLED.match(text):
        end_at = text.find(GARBLED_END)
        if end_at >= 0:
            yield 0, end_at + len(GARBLED_END)


def _announced(text: str) -> Iterator[Span]:
    small = text.lower()
    for phrase, opening, closing in PHRASES:
        at = 0 if phrase in small else len(text)
        while begins := opening.search(text, at):
            ends = closing.search(text, begins.end())
            at = ends.end() if ends else len(text)
            yield begins.start(), at
