"""Thoughts in the fields of what a model wrote as data: JSON, Python's spelling of it, XML-like calls, keywords.

Found by scanning, not by parsing, so that data which was cut or is escaped within other data is searched as well.
What is taken is the inside of a value, so that the data around it stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pipelines.export.masking.thought_names import means_thoughts

Span = tuple[int, int]
# a quoted name and a colon; each level of escaping puts backslashes before the quotes
KEY = re.compile(r"(?P<quote>[\"'])(?P<key>[A-Za-z][\w \-]{0,60})(?P<slashes>\\{0,31})(?P=quote)\s*:\s*", re.ASCII)
# where an output begins to hold data
DATA = re.compile(r"(?:\A|```[\w-]{0,20}\s|<\w{0,30}(?:tool|function)\w{0,30}[^<>\n]{0,100}>)\s*\[?\s*\{")
PARAMETER = re.compile(
    r"<(?:\w{1,30}:)?(?P<tag>parameter|param|argument|arg)(?:\s*=\s*|\s+name\s*=\s*)\\*[\"']?(?P<key>[\w\-]{1,60})\\*[\"']?"
    r"[^<>]{0,100}>"
    r"|<arg_key>\s*(?P<key2>[\w\-]{1,60})\s*</arg_key>\s*<(?P<tag2>arg_value)>",
    re.IGNORECASE | re.ASCII,
)
KEYWORD = re.compile(r"[(,]\s*(?P<key>[A-Za-z_]\w{0,60})\s*=\s*(?P<quote>\"\"\"|'''|\"|')", re.ASCII)
QUOTE = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])")
TOKEN = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])|(?P<bracket>[\[\]{}])")


def field_spans(text: str, channel: str) -> Iterator[Span]:
    """The insides of all values whose name means thoughts; in an output, only from where it holds data."""
    begins = 0
    if channel != "action":
        data = DATA.search(text)
        begins = data.start() if data else len(text)
    yield from _insides(text, KEY.finditer(text, begins), _value)
    yield from _insides(text, PARAMETER.finditer(text), _parameter)
    if channel == "action":
        yield from _insides(text, KEYWORD.finditer(text), _keyword)


def _insides(
    text: str, named: Iterable[re.Match[str]], value_end: Callable[[str, re.Match[str]], Span]
) -> Iterator[Span]:
    """The value of each name that means thoughts. One within another's is passed over, or nesting would cost dear."""
    done = 0
    for name in named:
        if name.start() >= done and means_thoughts(_named(name)):
            start, done = value_end(text, name)
            yield start, done


def _named(name: re.Match[str]) -> str:
    return next(value for group, value in name.groupdict().items() if group.startswith("key") and value)


def _parameter(text: str, name: re.Match[str]) -> Span:
    closing = re.compile(rf"</(?:\w{{1,30}}:)?{name['tag'] or name['tag2']}\s*>", re.IGNORECASE | re.ASCII)
    end = closing.search(text, name.end())
    return name.end(), end.start() if end else len(text)


def _keyword(text: str, name: re.Match[str]) -> Span:
    """The inside of a Python string."""
    inside = re.compile(rf"(?:\\.|(?!{name['quote']})[^\\])*+(?={name['quote']})", re.DOTALL)
    found = inside.match(text, name.end())
    return name.end(), found.end() if found else len(text)


def _value(text: str, name: re.Match[str]) -> Span:
    """The inside of a string, list or object; nothing of a number. Its quotes carry as many backslashes as its name's.

    A quote within a string carries more: of `2 * (level + 1)` backslashes each bundle is an escaped backslash, and
    what is left over must be `level` for the quote to end the string.
    """
    at, level = name.end(), len(name["slashes"])
    if text[at : at + 1] in ("{", "["):
        return at + 1, _bracket(text, at, level)
    opening = QUOTE.match(text, at)
    if opening is None or len(opening["slashes"]) != level:
        return at, at
    for found in QUOTE.finditer(text, opening.end()):
        if found["quote"] == opening["quote"] and len(found["slashes"]) % (2 * (level + 1)) == level:
            return opening.end(), found.end() - 1 - level
    return opening.end(), len(text)


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
