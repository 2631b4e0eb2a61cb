"""Thoughts in the fields of what a model wrote as data: JSON, Python's spelling of it, XML-like calls, keywords.

Found by scanning, not by parsing, so that data which was cut or is escaped within other data is searched as well.
What is taken is the inside of a value, so that the data around it stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pipelines.export.masking.thought_names import ROOTS, means_thoughts
from pipelines.export.masking.thought_words import FOREIGN_ROOTS

Span = tuple[int, int]
# a quoted name and a colon; each level of escaping puts backslashes before the quotes
KEY = re.compile(r"(?P<quote>[\"'])(?P<key>[^\W\d_][\w \-]{0,60})(?P<slashes>\\{0,31})(?P=quote)\s*(?:=>|[:：])\s*")
# where an output begins to hold data: an object with a quoted name in it
DATA = re.compile(
    r"\{\s*(?P<slashes>\\{0,31})(?P<quote>[\"'])[^\W\d_][\w \-]{0,60}(?P=slashes)(?P=quote)\s*(?:=>|[:：])"
)
PARAMETER = re.compile(
    r"<(?:\w{1,30}:)?(?P<tag>parameter|param|argument|arg)(?:\s*=\s*|\s+name\s*=\s*)\\*[\"']?(?P<key>[\w\-]{1,60})\\*[\"']?"
    r"[^<>]{0,100}>"
    r"|<arg_key>\s*(?P<key2>[\w\-]{1,60})\s*</arg_key>\s*<(?P<tag2>arg_value)>",
    re.IGNORECASE,
)
KEYWORD = re.compile(r"[(,]\s*(?P<key>[A-Za-z_]\w{0,60})\s*=\s*(?P<quote>\"\"\"|\'\'\'|\"|')", re.ASCII)
# where a text is given to a name: `thoughts: str = r"`, `thinking := \``, `{thoughts: "`, `--thoughts "`
GIVEN = re.compile(
    r"(?P<sign>[:=][=>]?)[ \t]{0,40}\(?\s{0,80}(?:[rRfFbBuU]{1,2}(?=[\"']))?(?P<quote>\"\"\"|'''|\"|'|`)"
)
OPTION = re.compile(r"--(?P<key>[\w\-]{1,60})[ \t]{1,8}(?P<quote>\"|')")
NAME = re.compile(r"(?P<key>(?<![\w\-])[\w\-]{1,60})(?:[ \t]{0,8}:[ \t]{0,8}[\w.\[\]| ]{1,40})?[ \t]{0,8}\Z")
LOOK_BACK = 128  # characters in which such a name stands
HEREDOC = re.compile(r"\$\(cat <<-?[ ]{0,8}[\"'\\]?(?P<end>\w{1,30})")
HEREDOC_NAME = re.compile(r"(?P<key>\w{1,60})=[\"']?\Z")
_ROOTS = tuple(ROOTS.split("|"))
_FOREIGN = re.compile(FOREIGN_ROOTS, re.IGNORECASE)
QUOTE = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])")
TOKEN = re.compile(r"(?<!\\)(?P<slashes>\\*+)(?P<quote>[\"'])|(?P<bracket>[\[\]{}])")
INSIDES = {
    quote: re.compile(rf"(?:\\.|(?!{quote})[^\\])*+(?={quote})", re.DOTALL) for quote in ('"""', "'''", '"', "'", "`")
}
PROSE = 20  # characters of a text given to a variable, from which on it is more than a setting
SPOKEN = re.compile(r"(?:analysis|reflections?|reason)\Z", re.IGNORECASE)  # code has variables of these names


def field_spans(text: str, channel: str) -> Iterator[Span]:
    """The insides of all values whose name means thoughts; in an output, only from where it holds data."""
    begins = 0
    if channel != "action":
        data = DATA.search(text)
        begins = data.start() if data else len(text)
    yield from _insides(text, KEY.finditer(text, begins), _value)
    yield from _insides(text, PARAMETER.finditer(text), _parameter)
    yield from _given(text)
    if channel == "action":
        yield from _insides(text, KEYWORD.finditer(text), _keyword)


def _given(text: str) -> Iterator[Span]:
    """Texts given to variables, options and unquoted keys whose name means thoughts, where they are prose."""
    done = 0
    for found in GIVEN.finditer(text):
        if found.start() < done or not _is_given(text, found):
            continue
        start, done = _quoted(text, found.end(), found["quote"])
        yield from _prose(text, start, done)
    for option in OPTION.finditer(text) if "--" in text else ():
        if means_thoughts(option["key"]):
            yield from _prose(text, *_quoted(text, option.end(), option["quote"]))
    for found in HEREDOC.finditer(text) if "$(cat <<" in text else ():
        name = HEREDOC_NAME.search(text, max(0, found.start() - LOOK_BACK), found.start())
        start = text.find("\n", found.end()) + 1
        if found.start() >= done and name and start and means_thoughts(name["key"]):
            end = text.find("\n" + found["end"], start)
            done = end if end >= 0 else len(text)
            yield start, done


def _prose(text: str, start: int, end: int) -> Iterator[Span]:
    if end - start >= PROSE and (" " in text[start:end] or not text[start:end].isascii()):
        yield start, end


def _is_given(text: str, found: re.Match[str]) -> bool:
    """Whether a text is given to what means thoughts; after a colon, only within `{`, `(` or a list."""
    before = text[max(0, found.start() - LOOK_BACK) : found.start()]
    small = before.lower()
    if not any(root in small for root in _ROOTS) and (before.isascii() or _FOREIGN.search(before) is None):
        return False
    name = NAME.search(before)
    if name is None or SPOKEN.search(name["key"]) or not means_thoughts(name["key"].lstrip("-")):
        return False
    return found["sign"] != ":" or before[: name.start()].rstrip()[-1:] in ("{", ",", "(")


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
    return _quoted(text, name.end(), name["quote"])


def _quoted(text: str, start: int, quote: str) -> Span:
    """The inside of a string of a programming language that began before `start`; all that follows if it never ends."""
    inside = INSIDES[quote].match(text, start)
    return start, inside.end() if inside else len(text)


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
