"""Text that stands in other text as base64, compressed or not."""

from __future__ import annotations

import binascii
import codecs
import re
import zlib
from collections.abc import Iterator
from functools import cache

import re2

LEAST = 40  # characters; a sentence of eight words has more
INFLATED = 4 << 20  # bytes of a compressed text that are looked at
CONTROLS = 0.05  # share of control characters from which on it is no text
_STANDARD = bytes.maketrans(b"-_", b"+/")
_CONTROL = bytes(c for c in range(0x20) if c not in b"\t\n\r")
_BREAKS = re.compile(rb"\\+[rn]|\\+(?=/)|[\r\n]")
_DIGITS = b"0123456789abcdefABCDEF"


def decoded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(where, text) of each text that stands in the data as base64, in either alphabet, in lines or not.

    >>> list(decoded(b"see aXQgaXMgd3JpdHRlbiBoZXJlIGluIGJhc2U2NA== for more"))
    [(4, b'it is written here in base64')]
    """
    for match in _runs().finditer(data):
        start, end = match.span()
        run = _BREAKS.sub(b"", data[start:end])
        if not run.strip(_DIGITS):
            continue
        try:
            text = binascii.a2b_base64(run.translate(_STANDARD)[: len(run) // 4 * 4])
            if len(run) % 4 > 1:
                text += binascii.a2b_base64(run.translate(_STANDARD)[len(run) // 4 * 4 :] + b"=" * (4 - len(run) % 4))
        except binascii.Error:
            continue
        if text[:2] == b"\x1f\x8b" or text[:1] == b"\x78":
            text = _inflated(text) or text
        if text and _is_text(text):
            yield start, text


def _is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8, but for a letter cut off at their end, and hardly any of them controls."""
    try:
        _utf8(data)
    except UnicodeDecodeError:
        return False
    return len(data) - len(data.translate(None, _CONTROL)) <= CONTROLS * len(data)


def _utf8(data: bytes) -> str:
    return codecs.utf_8_decode(data, "strict", False)[0]


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, INFLATED)
    except zlib.error:
        return b""


@cache
def _runs() -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    run = rf"[A-Za-z0-9+/_-]{{{LEAST},}}(?:(?:\\+[rn]|[\r\n]|\\+/)+[A-Za-z0-9+/_-]{{4,}})*"
    return re2.compile(run.encode(), options)
