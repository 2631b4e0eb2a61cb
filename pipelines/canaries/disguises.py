"""The canary in every disguise that the scanner claims to see through: its positive controls."""

from __future__ import annotations

import base64
import codecs
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping

Disguise = Callable[[str], str]


def _escaped(text: str, slashes: int = 1, every: int = 1) -> str:
    """Letters as JSON escapes behind so many backslashes: every one, or every second, ..."""
    bar = "\\" * slashes
    return "".join(f"{bar}u{ord(c):04x}" if i % every == 0 else c for i, c in enumerate(text))


def _between(mark: str) -> Disguise:
    return mark.join


def _hyphens(other: str) -> Disguise:
    return lambda text: text.replace("-", other)


def _base64(before: str = "", then: Disguise = str, standard: bool = True) -> Disguise:
    """Base64 of the text behind some others, so that it begins anywhere in a group of three bytes."""
    encode = base64.b64encode if standard else base64.urlsafe_b64encode
    return lambda text: then(encode(f"{before}{text}, and so on".encode()).decode())


def _lines(text: str, width: int = 20, end: str = "\n") -> str:
    return end.join(textwrap.wrap(text, width))


def _twice(text: str) -> str:
    return base64.b64encode(base64.b64encode(f"a {text} here".encode())).decode()


def _raw(encoding: str) -> Disguise:
    return lambda text: text.encode(encoding).decode("latin-1")


DISGUISES: Mapping[str, Disguise] = {
    "as it is": str,
    "lower case": str.lower,
    "mixed case": lambda text: "".join(c.lower() if i % 2 else c for i, c in enumerate(text)),
    "JSON escapes": _escaped,
    "JSON escapes in upper case": lambda text: _escaped(text).upper().replace("\\U", "\\u"),
    "JSON escapes in JSON": lambda text: json.dumps(_escaped(text)),
    "JSON escapes in JSON in JSON": lambda text: json.dumps(json.dumps(_escaped(text, every=3))),
    "one letter in five escaped": lambda text: _escaped(text, every=5),
    "escapes of other languages": lambda text: "".join(f"\\x{ord(c):02x}" for c in text),
    "escapes with braces": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "zero-width spaces": _between("\u200b"),
    "word joiners": _between("\u2060"),
    "soft hyphens": _between("\u00ad"),
    "variation selectors": _between("\ufe0f"),
    "combining joiners": _between("\u034f"),
    "zero-width spaces, escaped": _between("\\u200b"),
    "soft hyphens as entities": _between("&shy;"),
    "non-breaking hyphens": _hyphens("\u2011"),
    "dashes": _hyphens("\u2013"),
    "minus signs, escaped": _hyphens("\\u2212"),
    "underscores": _hyphens("_"),
    "blanks": _hyphens(" "),
    "line breaks": _hyphens("-\n"),
    "line breaks, escaped": _hyphens("-\\n"),
    "nothing for hyphens": _hyphens(""),
    "full-width letters": lambda text: "".join(chr(ord(c) + 0xFEE0) for c in text),
    "full-width letters, escaped": lambda text: _escaped("".join(chr(ord(c) + 0xFEE0) for c in text)),
    "letters that look alike": lambda text: text.replace("A", "\u0410").replace("O", "\u041e").replace("C", "\u0421"),
    "letters with accents": lambda text: text.replace("O", "\u00d3").replace("A", "\u00c4"),
    "letters nobody sees": lambda text: "".join(chr(0xE0000 + ord(c)) for c in text),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "entities in hex": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "tags": lambda text: f'<b class="x">{text[:3]}</b>{text[3:]}',
    "percent signs": lambda text: "".join(f"%{ord(c):02X}" for c in text),
    "percent signs twice": lambda text: "".join(f"%25{ord(c):02x}" for c in text),
    "base64": _base64(),
    "base64, one byte on": _base64("a"),
    "base64, two bytes on": _base64("ab"),
    "base64 of lower case": lambda text: _base64("x ")(text.lower()),
    "base64 for addresses": _base64("??>", standard=False),
    "base64 in lines": _base64(then=_lines),
    "base64 in quoted lines": _base64(then=lambda text: "> " + _lines(text, 24, "\n> ")),
    "base64 in lines, escaped": _base64(then=lambda text: _lines(text, 12, "\\n")),
    "base64 of base64": _twice,
    "base64 of JSON escapes": lambda text: _base64()(_escaped(text)),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex as numbers": lambda text: ", ".join(hex(b) for b in text.encode()),
    "hex of base64": lambda text: base64.b64encode(f"a {text} b".encode()).hex(),
    "hex in pairs": lambda text: text.encode().hex(" "),
    "calls of chr": lambda text: " + ".join(f"chr({ord(c)})" for c in text),
    "decimal codes": lambda text: json.dumps(list(text.encode())),
    "UTF-16, low byte first": _raw("utf-16-le"),
    "UTF-16, high byte first": _raw("utf-16-be"),
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
}


def disguised(text: str) -> Iterator[tuple[str, str]]:
    """(disguise, the text in it), for every disguise."""
    for name, disguise in DISGUISES.items():
        yield name, disguise(text)
