"""Stretches of text that markup sets apart as reasoning: fences, comments, folded details, environments, messages.

```` ```thinking ````, `<!-- thinking: ... -->`, `<details><summary>Thought process</summary>`, `\\begin{reasoning}`,
`<step type="thought">`, and the messages of models that say in a token what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pipelines.export.masking.thought_words import ALWAYS, BEFORE_ANSWER, LABELS, trimmed

Span = tuple[int, int]
_NAMES = ALWAYS | LABELS | BEFORE_ANSWER | {"think", "analysis channel"}
FENCE = re.compile(r"^[ \t>]{0,12}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]{0,60})$", re.MULTILINE)
INFO = re.compile(r"[{.\s]*(?P<name>[^\W\d][\w\-]*)")
COMMENT = re.compile(
    r"(?P<open><!--|/\*+|\{#|\{/\*|\(\*)\s{0,20}(?P<slash>/?)(?P<name>[^\W\d][\w '’\-]{0,40}?)\s{0,3}"
    r"(?P<sign>[:：\n]|--+|—|(?=-->|\*/|#\}))"
)
COMMENT_END = {"<": "-->", "/": "*/", "{": "}", "(": "*)"}
DETAILS = re.compile(
    r"<details\b(?P<attributes>[^<>]{0,300})>\s{0,80}(?:<summary\b[^<>]{0,200}>(?P<summary>[^\n]{0,200}?)</summary>)?",
    re.IGNORECASE,
)
DETAILS_TAG = re.compile(r"<(/?)details\b", re.IGNORECASE)
SUMMARY = re.compile(
    r"(?:(?:show|view|see|expand|reveal|click (?:here )?to (?:expand|show|see|view|reveal))\s+)?(?P<name>.{1,60}?)"
    r"(?:\s+(?:for|in)\s+[\w.\s]{1,30}|\s*\([^)]{0,40}\)|\s*[.…:]+)?"
)
MARKUP = re.compile(r"<[^<>]{0,100}>|[^\w\s().'’…:\-]")
KIND = re.compile(
    r"\b(?:type|kind|channel)\s{0,3}=\s{0,3}\\*[\"']?(?P<name>[\w \-]{1,40}?)\\*(?:[\"']|\s|$)", re.IGNORECASE
)
ATTRIBUTED = re.compile(r"<(?P<tag>[a-z][\w.:\-]{0,30})\s(?P<attributes>[^<>]{1,600})>", re.IGNORECASE)
FIELDS = {"input", "parameter", "param", "argument", "arg", "field", "button", "script", "option", "label", "textarea"}
LATEX = re.compile(r"\\{1,2}begin\{(?P<name>[^{}\n]{1,40})\}")
# what a model's own tokens open and close: Inkling, Apertus, Solar; s1
TOKENS = tuple(
    (begin, re.compile(begin), re.compile(end))
    for begin, end in (
        (r"<\|content_thinking\|>", r"<\|end_message\|>|(?=<\|(?:message_model|content_(?!thinking))\w*\|>)"),
        (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
        (r"<\|im_start\|>think\b", r"<\|im_end\|>|(?=<\|im_start\|>)"),
    )
)


def section_spans(text: str, own: bool, least: int) -> Iterator[Span]:
    """Stretches set apart as reasoning, marks included; in texts of others, closed ones of `least` characters only."""

    def closed(start: int, inside: int, end: int, stop: int) -> Iterator[Span]:
        if end >= 0 and (own or end - inside >= least):
            yield start, stop
        elif end < 0 and own:
            yield start, len(text)

    if "```" in text or "~~~" in text:
        yield from _fences(text, closed)
    if "<!--" in text or "/*" in text or "{#" in text or "(*" in text:
        yield from _comments(text, own, closed)
    if "<" in text:
        yield from _details(text, closed)
        yield from _attributed(text, closed)
    if "begin{" in text:
        yield from _latex(text, closed)
    if "<|" in text:
        for _, begins, ends in TOKENS:
            at = 0
            while found := begins.search(text, at):
                end = ends.search(text, found.end())
                at = end.end() if end else len(text)
                yield from closed(found.start(), found.end(), end.start() if end else -1, at)


Closed = Callable[[int, int, int, int], Iterator[Span]]


def _is_thought(name: str, without: frozenset[str] = frozenset()) -> bool:
    words = trimmed(name)
    return words in _NAMES and words not in without


def _fences(text: str, closed: Closed) -> Iterator[Span]:
    """Code blocks whose language is thinking. A fence within another's block is part of it."""
    opened: re.Match[str] | None = None
    for fence in FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence["info"].strip() and fence["fence"].startswith(opened["fence"]):
            if _thinks(opened):
                yield from closed(opened.start(), opened.end(), fence.start(), fence.end())
            opened = None
        elif fence["info"].strip() and _thinks(fence) and not _thinks(opened):
            opened = fence  # the one before it was never closed
    if opened is not None and _thinks(opened):
        yield from closed(opened.start(), opened.end(), -1, -1)


def _thinks(fence: re.Match[str]) -> bool:
    info = INFO.match(fence["info"])
    return info is not None and _is_thought(info["name"])


def _comments(text: str, own: bool, closed: Closed) -> Iterator[Span]:
    """Comments that begin with a word for thinking, and what stands between two that are nothing but that word."""
    done, opened, opened_at = 0, "", -1
    for found in COMMENT.finditer(text):
        if found.start() < done:
            continue
        code = not found["open"].startswith("<")  # a program's comments have reasons in them
        if not _is_thought(found["name"], BEFORE_ANSWER if code else frozenset()):
            continue
        ending = COMMENT_END[found["open"][0]]
        end = text.find(ending, found.end())
        stop = len(text) if end < 0 else end + len(ending)
        if text[found.end() : max(end, found.end())].strip() or found["sign"] or code:
            if opened_at < 0:
                yield from closed(found.start(), found.end(), end, stop)
        elif found["slash"] or (opened_at >= 0 and trimmed(found["name"]) == opened):
            if opened_at >= 0:
                yield from closed(opened_at, opened_at, found.start(), stop)
                opened_at = -1
        elif opened_at < 0:
            opened, opened_at = trimmed(found["name"]), found.start()
        done = stop
    if opened_at >= 0 and own:
        yield opened_at, len(text)


def _details(text: str, closed: Closed) -> Iterator[Span]:
    done = 0
    for found in DETAILS.finditer(text):
        if found.start() < done:
            continue
        kind = KIND.search(found["attributes"])
        if not (kind and _is_thought(kind["name"])) and not _summary(found["summary"] or ""):
            continue
        depth, end, stop = 1, -1, len(text)
        for tag in DETAILS_TAG.finditer(text, found.end()):
            depth += -1 if tag[1] else 1
            if depth == 0:
                close = text.find(">", tag.end())
                end, stop = tag.start(), close + 1 if close >= 0 else len(text)
                break
        done = stop
        yield from closed(found.start(), found.end(), end, stop)


def _summary(summary: str) -> bool:
    said = " ".join(MARKUP.sub(" ", summary).split())
    found = SUMMARY.fullmatch(said.lower())
    return found is not None and _is_thought(found["name"])


def _attributed(text: str, closed: Closed) -> Iterator[Span]:
    done = 0
    for found in ATTRIBUTED.finditer(text):
        kind = KIND.search(found["attributes"])
        name = found["tag"].lower()
        if found.start() < done or kind is None or name in FIELDS or name == "details" or not _is_thought(kind["name"]):
            continue
        closing = re.compile(rf"</{re.escape(found['tag'])}\s*>", re.IGNORECASE).search(text, found.end())
        done = closing.end() if closing else len(text)
        yield from closed(found.start(), found.end(), closing.start() if closing else -1, done)


def _latex(text: str, closed: Closed) -> Iterator[Span]:
    done = 0
    for found in LATEX.finditer(text):
        if found.start() < done or not _is_thought(found["name"].strip("* ")):
            continue
        closing = "end{" + found["name"] + "}"
        end = text.find(closing, found.end())
        done = end + len(closing) if end >= 0 else len(text)
        yield from closed(found.start(), found.end(), end, done)
