"""Reasoning by any name: stretches of a text in which a model thinks, however they are marked.

What is taken, in what an assistant wrote (outputs and actions):
- tags of all common families, closed or not, with the opening tag left out, nested, in any case, with attributes;
- gpt-oss's channels but for `final` and `commentary`, and the words "analysis...assistantfinal" that they leave when
  the special tokens were dropped;
- fields of JSON, of Python's spelling of it, and of XML-like tool calls, whose name means thoughts; in an output only
  from where it holds data, and texts given to variables of such names; see `thought_fields`;
- lines such as `Thought:` up to the next line such as `Action:`, and headings; see `thought_lines`;
- what markup sets apart: see `thought_sections`; and all of it in letters that only look so: see `thought_letters`.

Not taken: a tag in backticks, alone in quotes or round a pattern or a template, which is spoken of; "Analysis:" or
"Reflection" as a heading of an output, which is what essays have; reasoning that is marked by nothing. What gpt-oss
says in `commentary` is a preamble for users, and stays; what it sends `to=` a tool there is an action, and no output.

In prompts and observations, which others wrote, a tag that is never closed is more likely spoken of than used, so only
closed ones are taken, and only round MENTION characters or more: instructions show the tags round a word or two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.masking.thought_fields import field_spans
from pipelines.export.masking.thought_letters import STRANGE, as_read
from pipelines.export.masking.thought_lines import line_spans
from pipelines.export.masking.thought_names import ROOTS
from pipelines.export.masking.thought_sections import section_spans
from pipelines.export.masking.thought_words import FOREIGN_ROOTS, FOREIGN_TAGS

Span = tuple[int, int]
WHOLE = ("reasoning", "memory")  # channels whose text is the model's own notes from end to end
ASSISTANT = ("output", "action")
MENTION = 20  # characters within tags in a prompt or observation, from which on they are more than a mention

_NAME = (
    r"(?:(?:my|agent|model|self|hidden|private|internal|inner|extended|deep|antml|ant|longcat)[_-]?)?"
    r"(?:think(?:ing)?|thoughts?|thought[_-]?process|reasoning|reason|scratch[_-]?pad|analysis|reflections?|rationale"
    r"|(?:inner|internal)[_-]?monologue|monologue|chain[_-]?of[_-]?thoughts?|cot|deliberations?|introspection|musings?"
    r"|contemplat(?:ion|or|e)|pondering|ponder|brainstorm(?:ing)?)"
    r"(?:[_-]?(?:content|text|details|process|traces?|steps?|logs?|block|notes?|section|chain|scratchpad|reasoning))?"
)
# an opening or closing tag of any family; JSON and HTML may have escaped its brackets and its slash
TAG = re.compile(  # it begins with a set in letters of one case, which is what `re` finds fast
    rf"[<＜&\\◁\[](?i:(?:(?<=[<＜])|(?<=&)lt;|(?<=\\)u003c)"
    rf"[ \t]{{0,3}}\\?(?P<close>/?)[ \t]{{0,3}}(?:[a-z][\w.]{{0,20}}[:_-])?"
    rf"(?P<angle>{_NAME}|{FOREIGN_TAGS})(?::[a-z]{{1,20}})?(?:\s[^<>]{{0,300}})?[ \t]{{0,3}}/?(?:>|＞|&gt;|\\u003e)"
    rf"|(?<=<)[|｜](?:(?P<begin>begin|start)|(?P<end>end))?[_▁]?(?:of[_▁])?(?P<slash>/?)(?P<pipe>{_NAME})"
    rf"(?:[_▁](?:(?:start|begin)|(?P<end2>end)))?[|｜]>"
    r"|(?<=◁)(?P<kclose>/?)(?P<kimi>think(?:ing)?)▷"
    r"|(?-i:(?<=\[)(?P<sclose>/?)(?P<square>THINK(?:ING)?|THOUGHTS?|REASONING|SCRATCHPAD)\])"
    r"|(?<=<)unused9(?:4|(?P<uclose>5))>"
    r"|(?<=<)\|(?P<open3>open|(?P<close3>close))\|>\s*(?P<sep>think(?:ing)?)\s*<\|sep\|>"
    r"|(?<=<)\|channel>\s*(?P<gemma>thought)|(?<=<)(?P<gclose>channel\|>))",
)
CLOSING = ("close", "end", "slash", "end2", "kclose", "sclose", "uclose", "gclose", "close3")
NAMES = ("angle", "pipe", "kimi", "square", "gemma", "sep")
ALIKE = re.compile(r"think(?:ing)?|thoughts?", re.IGNORECASE)
QUOTES = "\"'`"
# between two tags: a regular expression without a word in it, a variable to be filled in, dots
PATTERN = re.compile(
    r"\s{0,3}(?:[(\[]?\??:?(?:\.|\\[sSwWdDn]|\^|<|\\n|\|){1,8}[\])]?[*+]\??[)]?|\{{1,2}[\w.]{0,40}\}{1,2}|%s|\$\{?\w{1,40}\}?"
    r"|\.{2,3}|…)\s{0,3}"
)

HARMONY = re.compile(
    r"(?:<\|start\|>assistant(?P<to>[^<]{0,200}))?(?:<\|channel\|>\s*(?P<channel>\w+)(?P<header>[^<\n]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,200})?(?:<\|message\|>)?|\A\s*(?P<bare>analysis)<\|message\|>)"
)
HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")
SHOWN = ("final", "commentary")  # gpt-oss's channels that users see; what they send `to=` a tool is an action
GARBLED = re.compile(r"\A\s*analysis(?=[\s\"'A-Z])")  # the channels' names without their special tokens
GARBLED_END = re.compile(r"assistant\s?(?:final|commentary(?!\s?to=))")
PHRASES = tuple(  # models that announce their reasoning in words: Granite 3.2, Apriel
    (phrase, re.compile(phrase, re.IGNORECASE), re.compile(end, re.IGNORECASE))
    for phrase, end in (
        ("here is my thought process:", "here is my response:"),
        ("here are my reasoning steps:", r"\[begin final response\]"),
    )
)

_ANY = rf"(?:{ROOTS})"
_LEAD = (
    r"(?:(?:my|the|model|agent|s|step|\d+|inner|internal|private|hidden|thinking|reasoning|by|chain|of|scratch)"
    r"[^a-z\n]{1,3})*"
)
_HEAD = (
    r"(?:thinking|thoughts?|cot|scratch.?pad|monologue|reasoning|rationale|deliberation)"
    r"(?: (?:process|trace|steps?|notes?|log|block|section|content|text|phase|here|begins?|start|chain|scratchpad|aloud"
    r"|out loud))*[^a-z\n:]*(?:[:：\]】]|$)"
)
# What any of the above begins with, for RE2, in two steps: a text that holds none of ROUGH holds no marked reasoning,
# nor does one that holds none of MARKS. Wider than they are. One expression of all would be ten times as slow.
ROUGH = (
    rf"(?i){ROOTS}|{FOREIGN_ROOTS}|<unused9|<\|(?:channel|inner_prefix)|assistant\s?(?:final|commentary)|\bDISCUSSION"
    r"|analysis<\|message\|>"
)
MARKS = (
    rf"(?i){FOREIGN_ROOTS}",
    rf"(?i)[<＜◁\[;\\c｜|>][ \t/\\|｜]*[\w:.▁-]*{_ANY}|<unused9|<\|(?:channel|inner_prefix|content_think)",
    rf"(?im)[\"'][\w \-]*{_ANY}[\w \-]*\\*[\"']\s*(?:=>|[:：])"
    rf"|(?:^|:)[ \t>*_#\-]*[\w \-]*{_ANY}[\w \-]*[ \t*_]*[:：]",
    rf"(?im)(?:^|:)[^a-z\n]*{_LEAD}{_HEAD}|^DISCUSSION",
    rf"(?i){_ANY}\w*(?:[ \t]*:[\w.\[\]| \t]*)?[ \t]*(?::=|=>|=)[ \t]*\(?\s*[rfbu]*[\"'`]"
    rf"|[{{,(]\s*\w*{_ANY}\w*[ \t]*:[ \t]*[\"'`]|--[\w\-]*{_ANY}[\w\-]*[ \t]+[rfbu]*[\"'`]|{_ANY}\w*=[\"']?\$\(cat",
    rf"(?i)(?:<!--|/\*|\(\*|\{{#)[\s/*]*[\w \-]*{_ANY}|(?:```|~~~)[ \t{{.]*[\w\-]*{_ANY}|begin\{{[\w \-]*{_ANY}"
    rf"|<(?:summary|details)[^\n]*{_ANY}|(?:type|kind|channel)\s*=\s*\\*[\"']?[\w \-]*{_ANY}",
    rf"(?i)(?:param|parameter|arg|argument)(?:\s*=|\s+name\s*=)\s*\\*[\"']?[\w\-]*{_ANY}|arg_key>\s*[\w\-]*{_ANY}"
    r"|here (?:is|are) my (?:thought|reasoning)|assistant\s?(?:final|commentary)|analysis<\|message\|>",
)


def may_hold(texts: pa.Array) -> pa.Array:
    """Which of the texts (n strings) are worth a search.

    False wherever `reasoning_spans` would find nothing, in the text or in what stands in it as an argument.
    """
    held = _marked_somehow(texts)
    strange = _matches(texts, STRANGE)
    if pc.any(strange).as_py():
        unsure = pc.and_not(strange, held)
        found = [as_read(text) for text in texts.filter(unsure).to_pylist()]
        again = _marked_somehow(pa.array([read.text if read else "" for read in found], pa.string()))
        held = pc.replace_with_mask(held, unsure, again)
    return held


def _marked_somehow(texts: pa.Array) -> pa.Array:
    rough = _matches(texts, ROUGH)
    if not pc.any(rough).as_py():
        return rough
    some = texts.filter(rough)
    held = _matches(some, MARKS[0])
    for mark in MARKS[1:]:
        held = pc.or_(held, _matches(some, mark))
    return pc.replace_with_mask(rough, rough, held)


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)


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
    found = _marked(text, channel)
    read = as_read(text)
    if read is not None:
        found += [read.original(span) for span in _marked(read.text, channel)]
    return merged(found)


def _marked(text: str, channel: str) -> list[Span]:
    own = channel in ASSISTANT
    found = [*_tagged(text, own), *_harmony(text, own), *section_spans(text, own, MENTION)]
    if own:
        found += [*_announced(text), *field_spans(text, channel), *line_spans(text, channel)]
    return found


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
            if closes and kind == family and not _enclosed(text, tag):
                if own or tag.start() - opened >= MENTION:
                    yield opened, tag.end()
                done, opened = tag.end(), -1
        elif tag.start() < spoken_until or _enclosed(text, tag):
            continue
        elif (spoken := _pattern(text, tags, i)) or (spoken := _spoken_pair(text, tags, i, "\"'")):
            spoken_until = spoken
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


def _enclosed(text: str, tag: re.Match[str]) -> bool:
    """Whether a tag stands alone in quotes, as in code that looks for it: it is spoken of."""
    before = text[tag.start() - 1 : tag.start()]
    return before != "" and before in QUOTES + "/" and text[tag.end() : tag.end() + 1] == before


def _spoken_pair(text: str, tags: list[re.Match[str]], i: int, quotes: str = "`") -> int:
    """Where `<think>...</think>` within one pair of backticks ends, which is spoken of as a whole; else 0.

    In other quotes it is a mention only if it is short.
    """
    quote = text[tags[i].start() - 1 : tags[i].start()]
    if i + 1 < len(tags) and quote and quote in quotes:
        end = tags[i + 1].end()
        inside = text[tags[i].start() : end]
        short = quote == "`" or tags[i + 1].start() - tags[i].end() < MENTION
        if short and text[end : end + 1] == quote and quote not in inside and "\n" not in inside:
            return end
    return 0


def _pattern(text: str, tags: list[re.Match[str]], i: int) -> int:
    """Where `<think>.*?</think>` or `<think>{text}</think>` ends: a pattern or a template, and nobody's thought."""
    if i + 1 < len(tags) and PATTERN.fullmatch(text, tags[i].end(), tags[i + 1].start()):
        return tags[i + 1].end()
    return 0


def _family(tag: re.Match[str]) -> str:
    """What must close a tag: the kind of its brackets, and its name, all ways to say `think` being one."""
    for group in NAMES:
        if tag[group]:
            name = "think" if ALIKE.search(tag[group]) else re.sub(r"[_-]", "", tag[group].lower())
            return f"{group}:{name}"
    return "gemma:think" if tag["gclose"] else "unused"


def _harmony(text: str, own: bool) -> Iterator[Span]:
    at = 0 if "<|channel|>" in text or "analysis<|message|>" in text else len(text)
    while found := HARMONY.search(text, at):
        at = found.end()
        to = "to=" in (found["to"] or "") + (found["header"] or "")
        if (found["channel"] or "").lower() in SHOWN and not to:
            continue
        if text[found.start() - 1 : found.start()] in set(QUOTES):
            continue  # it is spoken of
        end = HARMONY_END.search(text, at)
        if end is not None or own:
            at = end.end() if end else len(text)
            yield found.start(), at
    if own and GARBLED.match(text):
        ended = GARBLED_END.search(text)
        if ended:
            yield 0, ended.end()


def _announced(text: str) -> Iterator[Span]:
    small = text.lower()
    for phrase, opening, closing in PHRASES:
        at = 0 if phrase in small else len(text)
        while begins := opening.search(text, at):
            ends = closing.search(text, begins.end())
            at = ends.end() if ends else len(text)
            yield begins.start(), at
