"""Text in base32, in base85 of any sort, and in letters that stand apart: what of it can be read, quickly refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache

import re2

BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UPPER32 = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
PROBE = 40  # letters by which a run that is no text is refused
MIXED = 20  # of them that must differ: words do not mix so many
ALPHABETS = {  # of base85: Python's, that of ZeroMQ, and Adobe's
    "b85": b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    "z85": b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
    "a85": bytes(range(33, 118)),
}
_PLAIN = bytes(c for c in range(0x20, 0x7F)) + b"\t\n\r"
_SPACES = re.compile(r"(?<=\w)[ .\-_*|](?=\w)")
_BEGINS = _PLAIN  # what begins in another script is given up, for speed
_SHORT_MAGIC = (b"\x1f\x8b", b"\x78", b"BZh", b"\xfd7zX", b"\x28\xb5\x2f\xfd")
_MAGIC = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def from_base32(run: bytes) -> bytes:
    """What a run says in base32; nothing if it is none.

    >>> from_base32(base64.b32encode(b"the model says that it will"))
    b'the model says that it will'
    """
    run = run.rstrip(b"=")
    if run.translate(None, BASE32) and run.translate(None, BASE32.lower()):
        return b""
    try:
        return base64.b32decode(run.translate(_UPPER32)[: len(run) // 8 * 8] + _padded(run))
    except ValueError:
        return b""


def _padded(run: bytes) -> bytes:
    rest = run.translate(_UPPER32)[len(run) // 8 * 8 :]
    return rest + b"=" * (8 - len(rest)) if len(rest) in (2, 4, 5, 7) else b""


def from_base85(run: bytes) -> Iterator[bytes]:
    """What a run may say in base85: most runs are refused by their first letters."""
    for wrapped in (b"<~", b'"', b"'"):
        run = run.removeprefix(wrapped)
    head = run[:PROBE]
    if len(set(head)) < MIXED or head.isalnum() or head.isupper() or head.islower():
        return
    for letters in ALPHABETS.values():
        values = _values(letters)
        for skip in (0, 1):  # what stands before it without a blank, such as a quotation mark
            if not _opens(run, skip, values):
                continue
            head = _from85(run[skip : skip + PROBE], letters)
            if head and (_is_plain(head) or head.startswith(_MAGIC)):
                yield _from85(run[skip:], letters)
                return


def _opens(run: bytes, at: int, values: list[int]) -> bool:
    """Whether the first five letters are four bytes that a text, or something compressed, may begin with."""
    a, b, c, d, e = (values[x] for x in run[at : at + 5])
    if a < 0 or b < 0 or c < 0 or d < 0 or e < 0:
        return False
    number = (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e
    if number >> 32:
        return False
    first = number.to_bytes(4, "big")
    return not first.translate(None, _BEGINS) or first.startswith(_SHORT_MAGIC)


def _is_plain(data: bytes) -> bool:
    return len(data.translate(None, _PLAIN)) <= len(data) // 10


def _from85(run: bytes, letters: bytes) -> bytes:
    values = _values(letters)
    out = bytearray()
    for at in range(0, len(run), 5):
        group = [values[c] for c in run[at : at + 5]]
        if -1 in group or len(group) == 1:
            return bytes(out) if len(out) > PROBE else b""
        number = 0
        for value in group + [84] * (5 - len(group)):
            number = number * 85 + value
        if number >> 32:
            return bytes(out) if len(out) > PROBE else b""
        out += number.to_bytes(4, "big")[: len(group) - 1]
    return bytes(out)


@cache
def _values(letters: bytes) -> list[int]:
    found = [-1] * 256
    for value, letter in enumerate(letters):
        found[letter] = value
    return found


def from_spaced(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(where, text) of letters that stand apart, l i k e  t h i s, with more between words than between letters.

    >>> list(from_spaced(b"so: " + b"  ".join(b" ".join(bytes([c]) for c in w) for w in [b"model"] * 6)))
    [(4, b'model model model model model model')]
    """
    for match in _spaced().finditer(data):
        text = data[match.start() : match.end()].decode("latin-1")
        words = re.split(r"[ .\-_*|]{2,}|\s*[/\n]\s*", text)
        yield match.start(), " ".join(_SPACES.sub("", word) for word in words).encode("latin-1")


@cache
def _spaced() -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    return re2.compile(rb"(?:[A-Za-z][ ._*|-]{1,4}){23,}[A-Za-z]", options)
