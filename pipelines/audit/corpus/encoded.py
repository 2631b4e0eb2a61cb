"""Text that stands in other text in another spelling: the one layer through which an audit's searches see it.

Base64, base32, base85, hexadecimal, percent signs, entities and escapes, compressed or not, within each other up to
DEPTH times, in any row. What is written backwards or in rot13 is no matter of spelling: there the index has the texts
themselves so (`pipelines.audit.text.index`).
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import re2

from pipelines.audit.corpus.alphabets import from_base32, from_base85, from_spaced
from pipelines.audit.corpus.inflated import MAGIC, inflated

LEAST = 40  # characters; a sentence of eight words has more
DEPTH = 3  # base64 in base64 in base64
WORK = 8  # bytes that may come out of each byte that is looked at, ...
LEAST_WORK = 16 << 20  # ... or so many in all, where that is more
CONTROLS = 0.05  # share of control characters from which on it is no text
DENSE = 8  # escapes that must stand close together before they are read
GAP = 48  # bytes between two of them, at most
_STANDARD = bytes.maketrans(b"-_", b"+/")
_CONTROL = bytes(c for c in range(0x20) if c not in b"\t\n\r")
_BREAKS = re.compile(rb"\\+[rn]|\\+(?=/)|[\r\n]")
_PAIRS = re.compile(rb"0[xX]|\\+x|[^0-9A-Fa-f]+")
_DIGITS = b"0123456789abcdefABCDEF"
_HEX = np.zeros(256, bool)
_HEX[[*_DIGITS]] = True
_ESCAPE = re.compile(rb"\\+(?:u\{?([0-9A-Fa-f]{2,6})\}?|x([0-9A-Fa-f]{2})|U([0-9A-Fa-f]{8}))")
_PERCENT = re.compile(rb"[%=](?:25)*([0-9A-Fa-f]{2})")
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Inner:
    """A text, where in the data it begins to stand, and how it is spelled there: `gzip in base64`."""

    start: int
    how: str
    text: bytes


def decoded(data: bytes) -> Iterator[Inner]:
    """Each text that stands in the data in another spelling, and what stands in that.

    >>> list(decoded(b"see aXQgaXMgd3JpdHRlbiBoZXJlIGluIGJhc2U2NA== for more"))
    [Inner(start=4, how='base64', text=b'it is written here in base64')]
    """
    yield from _decoded(data, DEPTH, [max(LEAST_WORK, WORK * len(data))])


def _decoded(data: bytes, depth: int, left: list[int]) -> Iterator[Inner]:
    for start, how, packed in _found(data):
        for text, whole in _unpacked(packed, how):
            left[0] -= len(text)
            if left[0] < 0:
                return
            if not _is_text(text):
                continue
            yield Inner(start, whole, text)
            for inner in _decoded(text, depth - 1, left) if depth > 1 else ():
                yield Inner(start, f"{inner.how} in {whole}", inner.text)


def _unpacked(data: bytes, how: str) -> Iterator[tuple[bytes, str]]:
    """What was read, inflated if it was deflated."""
    for _ in range(DEPTH):
        squeezed = inflated(data)
        if squeezed is None:
            break
        kind, data = squeezed
        how = f"{kind} in {how}" if how else kind
    if data:
        yield data, how


def _found(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """(where, spelling, bytes) of all that may be a text in another spelling."""
    for match in _runs().finditer(data):
        yield from _letters(match.start(), data[match.start() : match.end()])
    for match in _pairs().finditer(data):
        digits = _PAIRS.sub(b"", data[match.start() : match.end()])
        yield match.start(), "hexadecimal", binascii.a2b_hex(digits[: len(digits) // 2 * 2])
    for match in _dense_runs().finditer(data):
        yield from ((match.start(), "base85", text) for text in from_base85(data[match.start() : match.end()]))
    for magic, telling in MAGIC.items():
        at = data.find(magic) if telling in data else -1
        while at >= 0:
            yield at, "", data[at:]
            at = data.find(magic, at + len(magic))
    letters = np.frombuffer(data, np.uint8)
    for how, (mark, follows, read) in SPELLED.items():
        if data.count(mark) >= DENSE:
            for start, end in _regions(letters, follows(letters, mark[0])):
                text = read(data[start:end])
                if text != data[start:end]:
                    yield start, how, text
    yield from ((start, "letters apart", text) for start, text in from_spaced(data))


def _letters(start: int, run: bytes) -> Iterator[tuple[int, str, bytes]]:
    run = _BREAKS.sub(b"", run)
    if not run.strip(_DIGITS):
        yield start, "hexadecimal", binascii.a2b_hex(run[: len(run) // 2 * 2])
        return
    text = from_base32(run)
    if text:
        yield start, "base32", text
    plain = run.translate(_STANDARD)
    try:
        text = binascii.a2b_base64(plain[: len(run) // 4 * 4])
        if len(run) % 4 > 1:
            text += binascii.a2b_base64(plain[len(run) // 4 * 4 :] + b"=" * (4 - len(run) % 4))
    except binascii.Error:
        return
    yield start, "base64", text


def _is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8, but for a letter cut off at their end, and hardly any of them controls."""
    try:
        codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return False
    return len(data) - len(data.translate(None, _CONTROL)) <= CONTROLS * len(data)


def _regions(letters: npt.NDArray[np.uint8], places: Places) -> Iterator[tuple[int, int]]:
    """Stretches in which DENSE escapes and more follow each other closely, with what stands before and after."""
    if len(places) < DENSE:
        return
    cuts = np.flatnonzero(np.diff(places) > GAP) + 1
    for group in np.split(places, cuts) if len(cuts) < len(places) // 2 else _large(places, cuts):
        if len(group) >= DENSE:
            yield max(0, int(group[0]) - GAP), min(len(letters), int(group[-1]) + GAP)


def _large(places: Places, cuts: Places) -> Iterator[Places]:
    """Groups between cuts, only those that are large: most escapes stand alone."""
    bounds = np.concatenate([[0], cuts, [len(places)]])
    for at in np.flatnonzero(np.diff(bounds) >= DENSE).tolist():
        yield places[bounds[at] : bounds[at + 1]]


def _coded(letters: npt.NDArray[np.uint8], mark: int) -> Places:
    """Marks before two digits in hexadecimal."""
    at = np.flatnonzero(letters[:-2] == mark)
    return at[_HEX[letters[at + 1]] & _HEX[letters[at + 2]]]


def _named(letters: npt.NDArray[np.uint8], mark: int) -> Places:
    """Marks before a letter or a number sign."""
    at = np.flatnonzero(letters[:-3] == mark)
    after = letters[at + 1]
    return at[(after == ord("#")) | ((after | 0x20) >= ord("a")) & ((after | 0x20) <= ord("z"))]


def _escaped(letters: npt.NDArray[np.uint8], mark: int) -> Places:
    """Marks before u, U or x and two digits in hexadecimal, or a brace."""
    at = np.flatnonzero(letters[:-3] == mark)
    kind = letters[at + 1] | 0x20
    digits = _HEX[letters[at + 2]] & _HEX[letters[at + 3]] | (letters[at + 2] == ord("{"))
    return at[((kind == ord("u")) | (kind == ord("x"))) & digits]


def _from_percent(data: bytes) -> bytes:
    for _ in range(DEPTH):
        data, made = _PERCENT.subn(lambda m: bytes([int(m[1], 16)]), data)
        if not made:
            break
    return data


def _from_entities(data: bytes) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(DEPTH):
        text, before = html.unescape(text), text
        if text == before:
            break
    return text.encode("utf-8", "replace")


def _from_escapes(data: bytes) -> bytes:
    def letter(match: re.Match[bytes]) -> bytes:
        if match[2]:
            return bytes([int(match[2], 16)])
        point = int(match[1] or match[3], 16)
        return chr(point).encode("utf-8", "replace") if point < 0x110000 else b" "

    return _ESCAPE.sub(letter, data)


Follows = Callable[[npt.NDArray[np.uint8], int], Places]
SPELLED: dict[str, tuple[bytes, Follows, Callable[[bytes], bytes]]] = {
    "percent signs": (b"%", _coded, _from_percent),
    "quoted-printable": (b"=", _coded, _from_percent),
    "entities": (b"&", _named, _from_entities),
    "escapes": (b"\\", _escaped, _from_escapes),
}


def compiled(regex: str) -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    return re2.compile(regex.encode(), options)


@cache
def _runs() -> re2._Regexp:
    """Letters, digits and what base64 has besides, in lines or not."""
    return compiled(rf"[A-Za-z0-9+/_-]{{{LEAST},}}(?:(?:\\+[rn]|[\r\n]|\\+/)+[A-Za-z0-9+/_-]{{4,}})*")


@cache
def _pairs() -> re2._Regexp:
    """Pairs of digits in hexadecimal with something between: 74 68, 0x74, 0x68."""
    first, between = r"(?:\b(?:0[xX])?|\\+x)[0-9A-Fa-f]{2}", r"(?:[ ,:;\r\n-]{1,3}|\\+x|0[xX]){1,3}"
    return compiled(rf"{first}(?:{between}[0-9A-Fa-f]{{2}}){{{LEAST // 2},}}")


@cache
def _dense_runs() -> re2._Regexp:
    """Visible letters without a blank among them, of which base85 is made."""
    return compiled(rf"[!-~]{{{LEAST * 5 // 4},}}")
