"""Thoughts in the fields of what a model wrote as data: JSON, Python's spelling of it, XML-like calls, keywords.

Found by scanning, not by parsing, so that data which was cut or is escaped within other data is searched as well.
What is taken is the inside of a value, so that the data around it stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.export.thought_names import means_thoughts

Span = tuple[int, int]
# a quoted name and a colon; each level of escaping puts backslashes before the quotes
KEY = re.compile(
    r"(?<!\\)(?P<slashes>\\{0,31})(?P<quote>[\"'])(?P<key>[A-Za-z][\w \-]{0,60})(?P=slashes)(?P=quote)\s*:\s*"
)
# where an output begins to hold data
DATA = re.compile(r"(?:\A|```[\w-]{0,20}\s|<\w{0,30}(?:tool|function)\w{0,30}[^<>\n]{0,100}>)\s*\[?\s*\{")
PARAMETER = re.compile(
    r"<(?:\w{1,30}:)?(?P<tag>parameter|param|argument|arg)(?:\s*=\s*|\s+name\s*=\s*)\\*[\"']?(?P<key>[\w\-]{1,60})\\*[\"']?"
    r"[^<>]{0,100}>"
    r"|<arg_key>\s*(?P<key2>[\w\-]{1,60})\s*</arg_key>\s*<(?P<tag2>arg_value)>",
    re.IGNORECASE,
)
KEYWORD = re.compile(r"[(,]\s*(?P<key>[A-Za-z_]\w{0,60})\s*=\s*(?P<quote>\"\"\"|'''|\"|')")
QUOTE = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])")
TOKEN = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])|(?P<bracket>[\[\]{}])")


def field_spans(text: str, channel: str) -> Iterator[Span]:
    """The insides of all values whose name means thoughts; in an output, only from where it holds data."""
    begins = 0
    if channel != "action":
        data = DATA.search(text)
        begins = data.start() if data else len(text)
    for key in KEY.finditer(text, begins):
        if means_thoughts(key["key"]):
            yield from _value(text, key.end(), len(key["slashes"]))
    for found in PARAMETER.finditer(text):
        if means_thoughts(found["key"] or found["key2"]):
            tag = found["tag"] or found["tag2"]
            end = re.compile(rf"</(?:\w{{1,30}}:)?{tag}\s*>", re.IGNORECASE).search(text, found.end())
            yield found.end(), end.start() if end else len(text)
    if channel == "action":
        for found in KEYWORD.finditer(text):
            if means_thoughts(found["key"]):
                yield found.end(), _closing(text, found.end(), found["quote"])


def _closing(text: str, at: int, quote: str) -> int:
    """Where a Python string ends that began at `at`."""
    ending = re.compile(rf"(?:\\.|(?!{quote})[^\\])*+(?={quote})", re.DOTALL)
    found = ending.match(text, at)
    return found.end() if found else len(text)


def _value(text: str, at: int, level: int) -> Iterator[Span]:
    """The inside of the string, list or object that begins at `at`, whose quotes carry `level` backslashes.

    A quote within a string carries more: of `2 * (level + 1)` backslashes each bundle is an escaped backslash, and
    what is left over must be `level` for the quote to end the string.
    """
    if text[at : at + 1] in ("{", "["):
        yield at + 1, _bracket(text, at, level)
        return
    opening = QUOTE.match(text, at)
    if opening is None or len(opening["slashes"]) != level:
        return
    for found in QUOTE.finditer(text, opening.end()):
        if found["quote"] == opening["quote"] and len(found["slashes"]) % (2 * (level + 1)) == level:
            yield opening.end(), found.end() - 1 - level
            return
    yield opening.end(), len(text)


def _bracket(text: str, at: int, level: int) -> int:
    """Where the list or object that begins at `at` closes, brackets in its strings aside."""
    depth, inside = 0, ""
    for token in TOKEN.finditer(text, at):
        if token["quote"]:
            if len(token["slashes"]) % (2 * (level + 1)) != level:
                continue
            if not inside:
                inside = token["quote"]
            elif inside == token["quote"]:
                inside = ""
        elif not inside:
            depth += 1 if token["bracket"] in "[{" else -1
            if depth == 0:
                return token.start()
    return len(text)
