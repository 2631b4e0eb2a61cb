"""Reasoning that models write into their text: `<think>` and `<thinking>` tags, and gpt-oss's raw channels."""

from __future__ import annotations

import re

# Every tag, its letters made small, ends in one of ENDINGS; a text that holds none is passed over.
TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE | re.ASCII)  # ASCII: no dotless i or Kelvin sign
HARMONY = re.compile(
    r"(?:<\|start\|>assistant(?P<to>[^<]{0,200}))?<\|channel\|>\s*(?P<channel>\w+)(?P<header>[^<]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,200})?<\|message\|>(?P<text>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
RECIPIENT = re.compile(r"to=(?:functions\.)?([\w.\-]+)")
ENDINGS = (b"think>", b"thinking>", b"<|channel|>")

Piece = tuple[str, str | None, str]  # channel, name of the tool called, text


def may_think(text: str) -> bool:
    """Whether it is worth the time to split a text."""
    return "<|channel|>" in text or TAG.search(text) is not None


def left_open(text: str) -> bool:
    """Whether the last tag of a text opens reasoning that it does not close.

    >>> left_open("<think>Add"), left_open("<think>Add</think>4"), left_open("4")
    (True, False, False)
    """
    last = None
    for tag in TAG.finditer(text):
        if text[tag.start() - 1 : tag.start()] != "`":
            last = tag
    return last is not None and last[1] != "/"


def split_thinking(text: str) -> list[Piece]:
    """What an assistant wrote, cut into reasoning, output and (gpt-oss) actions; without tags it comes back as it is.

    A missing opening tag was supplied by the chat template: all that comes before `</think>` is reasoning. A missing
    closing tag means that generation was cut: all that follows `<think>` is.

    >>> split_thinking("<think>Add them.</think>4")
    [('reasoning', None, 'Add them.'), ('output', None, '4')]
    >>> split_thinking("Add them.</think>4")
    [('reasoning', None, 'Add them.'), ('output', None, '4')]
    """
    if "<|channel|>" in text:
        return _split_harmony(text)
    pieces: list[Piece] = []
    start, thinking, tagged = 0, False, False
    for tag in TAG.finditer(text):
        closes = tag[1] == "/"
        if (thinking and not closes) or text[tag.start() - 1 : tag.start()] == "`":
            continue  # a tag inside the reasoning is part of it, one in backticks is spoken of
        pieces.append(("reasoning" if closes else "output", None, text[start : tag.start()].strip()))
        start, thinking, tagged = tag.end(), not closes, True
    if not tagged:
        return [("output", None, text)]
    pieces.append(("reasoning" if thinking else "output", None, text[start:].strip()))
    return [piece for piece in pieces if piece[2]]


def _split_harmony(text: str) -> list[Piece]:
    """Messages in gpt-oss's own format: what is sent to a tool is an action, analysis is reasoning, the rest output."""
    messages = list(HARMONY.finditer(text))
    if not messages:
        return [("output", None, text)]
    pieces: list[Piece] = [("output", None, text[: messages[0].start()].strip())]
    for message in messages:
        recipient = RECIPIENT.search((message["to"] or "") + message["header"])
        channel = "action" if recipient else "reasoning" if message["channel"] == "analysis" else "output"
        pieces.append((channel, recipient[1] if recipient else None, message["text"].strip()))
    return [piece for piece in pieces if piece[2]]
