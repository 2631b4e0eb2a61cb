"""Letters that only look like others: what a text says once invisible characters, look-alikes and escapes are read.

`<thіnk>` with a Cyrillic letter, `<th\u200bink>`, `&#60;think&#62;`, `"th\\u0069nking"` and wide letters are found by
what they show. Only what names and tags are made of is read, so that quotes and backslashes keep their meaning.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

Span = tuple[int, int]

# Cyrillic, Greek, Armenian and other letters that print like a Latin one, and signs like those of tags
_ALIKE = dict(
    [
        *zip("аαɑ", "aaa", strict=True),
        *zip("ьв", "bb", strict=True),
        *zip("сϲⅽᴄ", "cccc", strict=True),
        *zip("ԁⅾɗ", "ddd", strict=True),
        *zip("еҽєℯ", "eeee", strict=True),
        *zip("ɡԍց", "ggg", strict=True),
        *zip("һհӊнʜ", "hhhhh", strict=True),
        *zip("іıɩιӏⅰɪ", "iiiiiii", strict=True),
        *zip("јϳ", "jj", strict=True),
        *zip("кκᴋⲕ", "kkkk", strict=True),
        *zip("ⅼʟ", "ll", strict=True),
        *zip("мⅿᴍ", "mmm", strict=True),
        *zip("ոпηᴎɴ", "nnnnn", strict=True),
        *zip("оοօσᴏ", "ooooo", strict=True),
        *zip("рρ", "pp", strict=True),
        *zip("гᴦʀ", "rrr", strict=True),
        *zip("ѕꜱ", "ss", strict=True),
        *zip("тτᴛ", "ttt", strict=True),
        *zip("սυᴜ", "uuu", strict=True),
        *zip("ух", "yx", strict=True),
        *zip("АВСЕНІЈКМОРЅТХУҮ", "ABCEHIJKMOPSTXYY", strict=True),
        *zip("ΑΒΕΗΙΚΜΝΟΡΤΥΧΖ", "ABEHIKMNOPTYXZ", strict=True),
        *zip("‹〈⟨＜❮〉⟩›＞❯", "<<<<<>>>>>", strict=True),
        *zip("∕⁄／", "///", strict=True),
        *zip("：︰", "::", strict=True),
    ]
)
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_MADE = "Ａ-Ｚａ-ｚ\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189ℎ"  # Latin letters in another dress
_LETTER = "[A-Za-z]"
_NEAR = "[Ͱ-ԯԱ-֏ɐ-ʯᴀ-ᶿⅰ-ⅿ]"  # where the look-alikes are
# what is worth reading, for RE2: characters that nothing shows, and letters of two scripts in one word
STRANGE = (
    rf"(?i)[{_INVISIBLE}{_MADE}‹〈⟨❮＜]|&(?:#|amp;)|\\u\{{?00|\\x[2-7]|%(?:25)*3c"
    rf"|{_LETTER}{_NEAR}|{_NEAR}{_LETTER}|[<\[*#\"'][ \t/]*{_NEAR}+[ \t]*[>\]*:\"']"
)
_STRANGE = re.compile(STRANGE)
_ODD = re.compile(f"[{_INVISIBLE}{_MADE}‹〈⟨❮＜{_NEAR[1:-1]}]")  # without one of these or an escape, nothing is strange
_ESCAPED = re.compile(r"&(?:#|amp;)|\\u\{?00|\\x[2-7]|%(?:25)*3[cC]")
# what stands for one letter, or for none; the letters are those of names and tags
_CODES = re.compile(
    rf"[{_INVISIBLE}]+"
    r"|(?<!\\)\\++(?:u\{?00|x)(?P<hex>[2-7][0-9a-fA-F])\}?"
    r"|&(?:amp;)*(?:#(?:0*(?P<dec>\d{2,3})|[xX]0*(?P<hex2>[2-7][0-9a-fA-F]))|(?P<name>lt|gt));"
    r"|%(?:25)*(?P<hex3>3[cCeE]|2[fF])",
)
_READ = re.compile(r"[A-Za-z<>/_|:#\[\]\-]")


def _table() -> dict[int, str]:
    made: dict[int, str] = {ord(a): b for a, b in _ALIKE.items()}
    for block in ((0xFF21, 0xFF5B), (0x1D400, 0x1D6A8), (0x24B6, 0x24EA), (0x1F130, 0x1F18A), (0x210E, 0x210F)):
        for code in range(*block):
            plain = unicodedata.normalize("NFKC", chr(code)).strip("()")
            if len(plain) == 1 and plain.isascii() and plain.isalpha():
                made[code] = plain
    return made


_TABLE = _table()


@dataclass(frozen=True, slots=True)
class Read:
    """A text as it reads, and where each of its stretches came from."""

    text: str
    _at: tuple[int, ...]  # places in `text` from which on
    _shift: tuple[int, ...]  # so much is to be added to come to the place in the original

    def original(self, span: Span) -> Span:
        """A stretch of what was read as one of the original, what was dropped at its borders included."""
        return self._first(span[0]), self._first(span[1])

    def _first(self, place: int) -> int:
        return place + self._shift[bisect_right(self._at, place) - 1]


def is_strange(text: str) -> bool:
    """Whether a text may read otherwise than it is spelled."""
    if text.isascii() or _ODD.search(text) is None:
        return _ESCAPED.search(text) is not None
    return _STRANGE.search(text) is not None


def as_read(text: str) -> Read | None:
    """The text as it reads; None where it reads as it is spelled.

    >>> found = as_read("<th\\u200bіnk>s")
    >>> found.text, found.original((0, 7))
    ('<think>s', (0, 8))
    """
    if not is_strange(text):
        return None
    pieces: list[str] = []
    places, shifts = [0], [0]
    done = length = 0
    for code in _CODES.finditer(text):
        letter = _letter(code)
        if letter is None:
            continue
        pieces += [text[done : code.start()], letter]
        length += code.start() - done + len(letter)
        done = code.end()
        places.append(length)
        shifts.append(done - length)
    read = "".join([*pieces, text[done:]]).translate(_TABLE)
    return None if read == text else Read(read, tuple(places), tuple(shifts))


def _letter(code: re.Match[str]) -> str | None:
    """What an escape shows; None for one that is read as it is spelled."""
    if code["name"]:
        return "<" if code["name"] == "lt" else ">"
    digits = code["hex"] or code["hex2"] or code["hex3"]
    number = int(digits, 16) if digits else int(code["dec"]) if code["dec"] else None
    if number is None:
        return ""
    return chr(number) if _READ.fullmatch(chr(number)) else None
