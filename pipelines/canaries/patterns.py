"""The canary as one expression over bytes, in every disguise that it may wear by accident or by a simple trick.

The expressions are generous on purpose: 26 letters in this order are no accident, whatever stands between them.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import re2

from schemas.canary import CANARY

LETTERS = CANARY.replace("-", "")
MEMORY = 256 << 20  # bytes that RE2 may use at most; it takes what it needs, some 20 MB
# letters of other scripts that look like ours; styles that Unicode knows as our letters are found by their names
LOOKALIKES = {
    **{"A": "ΑАᎪ", "C": "СϹᏟ", "D": "Ꭰ", "I": "ΙІӀ", "M": "ΜМᎷ", "N": "Ν", "O": "ΟОՕ", "R": "Ꭱ", "T": "ΤТᎢ"},
    **{"Y": "ΥУҮ", "a": "а", "c": "с", "i": "і", "o": "ов", "y": "у"},
}
STYLED = ((0x2100, 0x214F), (0x24B6, 0x24E9), (0xFF21, 0xFF5A), (0x1D400, 0x1D7FF), (0x1F110, 0x1F189))
ACCENTED = ((0xC0, 0x17F), (0x1E00, 0x1EFF))
TAGS = 0xE0000  # an invisible copy of ASCII
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ALPHABETS = (BASE64 + b"+/", BASE64 + b"-_")

_HEX = "[0-9A-Fa-f]"
# what may stand between two letters: anything but a letter or digit, and whatever escapes, entities and tags spell
_ESCAPED = rf"u{_HEX}{{4}}|u\{{{_HEX}+\}}|U{_HEX}{{8}}|x{_HEX}{{2}}|[0-7]+|[nrtbfv]"
_SPELLED = rf"%(?:25)*{_HEX}{{2}}|={_HEX}{{2}}|&(?:amp;)*#?[A-Za-z0-9]+;|</?[A-Za-z][^<>]*>"
BETWEEN = rf"(?:[^A-Za-z0-9]|\\+(?:{_ESCAPED})|{_SPELLED})*"
PLAIN_BETWEEN = "[^A-Za-z0-9]*"
WRAPPED = r"(?:[\s\\>\"',#*|]|\\[rn])*"  # base64 is cut into lines, which JSON escapes and mails quote
HEX_BETWEEN = r"(?:[^A-Za-z0-9]|0?[xX])*"  # 43 4f, 0x43,0x4f, \x43\x4f
Bytes = AbstractSet[int]


def compiled(regex: str) -> re2._Regexp:
    """An expression over bytes, whatever they encode."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY
    return re2.compile(regex.encode("latin-1"), options)


@functools.cache
def families() -> Mapping[str, str]:
    """Disguise -> expression, in the order in which a hit is named."""
    spelled = [_cases(char) for char in CANARY]
    wide = [byte for one in spelled for byte in (one, frozenset((0,)))]
    by_two = [group for shift in range(3) for group in _base64(_encoded(spelled, shift))]
    return {
        "letters": BETWEEN.join(_letter(c) for c in LETTERS),
        "reversed": PLAIN_BETWEEN.join(f"[{c}{c.lower()}]" for c in reversed(LETTERS)),
        "rot13": PLAIN_BETWEEN.join(f"[{_rot13(c)}{_rot13(c.lower())}]" for c in LETTERS),
        "hex": _hex(spelled),
        "hex of base64": _any(_hex(_encoded(spelled, shift)) for shift in range(3)),
        "decimal codes": "[^0-9]+".join(_any(str(b) for b in sorted(one)) for one in spelled),
        "base64": _any(_base64(spelled)),
        "base64 of utf-16": _any(_base64(wide)),
        "base64 of base64": _any(by_two),
    }


@functools.cache
def everything() -> re2._Regexp:
    """All disguises in one automaton."""
    return compiled("|".join(families().values()))


@functools.cache
def family(name: str) -> re2._Regexp:
    """One disguise alone, to name a hit by."""
    return compiled(families()[name])


def _cases(char: str) -> Bytes:
    return frozenset(b"-_ " if char == "-" else (char + char.lower()).encode())


@functools.cache
def _styled() -> Mapping[str, str]:
    """ASCII letter -> every other form of it: full-width, bold, circled, squared, with accents, invisible."""
    found = {chr(point): chr(TAGS + point) for point in map(ord, string.ascii_letters)}
    for low, high in (*STYLED, *ACCENTED):
        for point in range(low, high + 1):
            plain = "".join(c for c in unicodedata.normalize("NFKD", chr(point)) if not unicodedata.combining(c))
            plain = plain.strip("()")
            if len(plain) == 1 and plain.isascii() and plain.isalpha():
                found[plain] = found.get(plain, "") + chr(point)
    return found


def _letter(char: str) -> str:
    """A letter as itself in either case, as one that looks like it, and as what escapes spell either."""
    plain = (char, char.lower())
    others = [o for c in plain for o in (*_styled().get(c, ""), *LOOKALIKES.get(c, ""))]
    short = _any(_either_case(f"{ord(c):02x}") for c in plain)
    # an escape spells code points; in JSON those beyond 16 bits are two
    units = _any([rf"0*{short}", *(_escaped_units(o) for o in others)])
    points = _any([rf"0*{short}", *(_either_case(f"{ord(o):x}") for o in others)])
    decimal = _any(["0*" + _any(str(ord(c)) for c in plain), *(str(ord(o)) for o in others)])
    octal = _any(f"{ord(c):o}" for c in plain)
    quoted = _any(["".join(f"%(?:25)*{_either_case(f'{b:02x}')}" for b in o.encode()) for o in others])
    return _any(
        [
            f"[{plain[0]}{plain[1]}]",
            *(_raw(o.encode()) for o in others),
            rf"\\+(?:u{units}|u\{{0*{points}\}}|U0*{points}|x{short}|{octal})",
            rf"%(?:25)*{short}|{quoted}|={short}",
            rf"&(?:amp;)*#(?:{decimal}|[xX]0*{points});?",
        ]
    )


def _escaped_units(char: str) -> str:
    units = char.encode("utf-16-be")
    first, *rest = (_either_case(units[i : i + 2].hex()) for i in range(0, len(units), 2))
    return first + "".join(rf"\\+u{unit}" for unit in rest)


def _hex(message: Sequence[Bytes]) -> str:
    return HEX_BETWEEN.join(_any(_either_case(f"{b:02x}") for b in sorted(one)) for one in message)


def _base64(message: Sequence[Bytes]) -> list[str]:
    """A message in base64 at each of the three places where it may begin within a group of three bytes."""
    return [WRAPPED.join(_class(one) for one in _encoded(message, shift)) for shift in range(3)]


def _encoded(message: Sequence[Bytes], shift: int) -> list[Bytes]:
    """The base64 characters that a message fixes wholly when it begins `shift` bytes into a group; either alphabet.

    Each byte of the message is any of a set, so each character is too: a few too many, which the length makes up for.
    """
    found: list[Bytes] = []
    for k in range((shift * 8 + 5) // 6, (shift + len(message)) * 8 // 6):
        at, bit = divmod(k * 6, 8)
        one, two = at - shift, (k * 6 + 5) // 8 - shift
        seconds = message[two] if two != one else frozenset((0,))
        sextets = {(x << 8 | y) >> (10 - bit) & 63 for x in message[one] for y in seconds}
        found.append(frozenset(alphabet[s] for s in sextets for alphabet in ALPHABETS))
    return found


def _class(values: Bytes) -> str:
    return "[" + "".join(rf"\x{value:02x}" for value in sorted(values)) + "]"


def _raw(data: bytes) -> str:
    return "".join(rf"\x{b:02x}" for b in data)


def _any(choices: Iterable[str]) -> str:
    return f"(?:{'|'.join(dict.fromkeys(choices))})"


def _either_case(digits: str) -> str:
    return re.sub("[a-f]", lambda m: f"[{m[0]}{m[0].upper()}]", digits.lower())


def _rot13(char: str) -> str:
    base = ord("A") if char.isupper() else ord("a")
    return chr(base + (ord(char) - base + 13) % 26)
