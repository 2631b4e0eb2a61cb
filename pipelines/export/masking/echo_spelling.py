"""Reasoning that comes back in another spelling: escapes of JSON and programs, base64 and hex, other case.

A text is read as `spelled` says before its words are compared; every place in what was read leads back to bytes of the
text as it stands. A stretch of base64 or hex is one place: who withholds a word of it withholds all of it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.digest import text_buffer

ENCODED = 60  # letters of base64 or hex: twelve words are longer
PRINTABLE = 0.9  # of the characters of what was decoded: else it is no text
Places = npt.NDArray[np.int64]

_B64 = rb"[A-Za-z0-9+/_-]"
_BREAK = rb"(?:\r?\n|\\++r?\\*+n)"
_STRETCH = rb"%s{%d,}+(?:%s%s{%d,}+)*+(?:%s%s{2,}+(?=[=\s\"'\\]|$))?={0,2}" % (
    _B64, ENCODED, _BREAK, _B64, ENCODED, _BREAK, _B64,
)  # fmt: skip
# a run of backslashes is one: JSON within JSON doubles them
_ESCAPE = (
    rb"\\++u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\++u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\++u(?P<unit>[0-9a-fA-F]{4})|(?P<bytes>(?:\\++x[0-9a-fA-F]{2})+)|\\++[nrt]?"
)
ESCAPES = re.compile(_ESCAPE)
ESCAPES_AND_CODES = re.compile(rb"(?P<code>%s)|%s++|%s" % (_STRETCH, _B64, _ESCAPE))
_BREAKS = re.compile(_BREAK + rb"|=")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_IN_CODE = np.zeros(256, bool)
_IN_CODE[[*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"]] = True
_BEYOND_ASCII = re.compile("[\x80-\u2fff\ue000-\U0010ffff]+")  # but for the characters that are words by themselves


def _same_length() -> dict[int, str]:
    """Small letters for capitals, blanks for signs, and a block whose characters are words by themselves for the
    scripts that put no space between words; each as long in UTF-8 as what it stands for."""
    table = {}
    for point in [*range(0x80, 0x3000), *range(0xA640, 0xA800), *range(0xFF00, 0xFF60), *range(0x10400, 0x10430)]:
        letter, small = chr(point), chr(point).lower()
        if small != letter and len(small.encode()) == len(letter.encode()):
            table[point] = small
    signs = [p for p in [*range(0x80, 0xC0), *range(0x2000, 0x2100), *range(0x2190, 0x2C00)] if not chr(p).isalnum()]
    table |= {point: " " * len(chr(point).encode()) for point in signs}
    scripts = [*range(0x0E00, 0x0F00), *range(0x1000, 0x10A0), *range(0x1780, 0x1800)]
    return table | {point: chr(0xA000 + i) for i, point in enumerate(scripts)} | {ord("ς"): "σ"}


_FOLDED = _same_length()


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as read, and where what was replaced stands: [start, end) of what was read, and of the text."""

    read: bytes
    new: tuple[Places, Places]
    old: tuple[Places, Places]

    def begins(self, at: Places) -> Places:
        """Where in the text that stands which begins at `at` in what was read."""
        return self._placed(at, np.searchsorted(self.new[0], at, "right") - 1, 0)

    def ends(self, at: Places) -> Places:
        """Where in the text that ends which ends at `at` in what was read."""
        return self._placed(at, np.searchsorted(self.new[0], at, "left") - 1, 1)

    def _placed(self, at: Places, edit: Places, side: int) -> Places:
        last = np.maximum(edit, 0)
        within = at < self.new[1][last] if side == 0 else at <= self.new[1][last]
        moved = np.where(within, self.old[side][last], at + self.old[1][last] - self.new[1][last])
        return np.where(edit < 0, at, moved)


def spelled(texts: pa.Array) -> tuple[pa.Array, dict[int, Reading]]:
    """The texts as they are read, and of those in which places moved, by index, how to get back."""
    data, starts = text_buffer(texts)
    whole = memoryview(data)
    coded = _coded(np.frombuffer(data, np.uint8)[int(starts[0]) : int(starts[-1])], starts)
    changed: dict[int, bytes] = {}
    moved: dict[int, Reading] = {}
    borders = starts.tolist()
    for i in range(len(texts)):
        text = bytes(whole[borders[i] : borders[i + 1]])
        read = text
        if i in coded or b"\\" in text:
            reading = _unescaped(text, ESCAPES_AND_CODES if i in coded else ESCAPES)
            read = reading.read
            if len(reading.new[0]):
                moved[i] = reading
        if not read.isascii():
            read = _BEYOND_ASCII.sub(lambda m: m[0].translate(_FOLDED), read.decode()).encode()
        if read != text:
            changed[i] = read
    if not changed:
        return texts, moved
    left = [changed.get(i) or bytes(whole[borders[i] : borders[i + 1]]) for i in range(len(texts))]
    return pa.array(left, pa.binary()).cast(texts.type), moved


def _coded(data: npt.NDArray[np.uint8], starts: Places) -> set[int]:
    """Which texts have a stretch that may be base64 or hex."""
    gaps = np.concatenate([[-1], np.flatnonzero(~_IN_CODE[data]), [len(data)]])
    long = np.flatnonzero(np.diff(gaps) > ENCODED)
    first, last = gaps[long] + 1 + starts[0], gaps[long + 1] - 1 + starts[0]
    found: set[int] = set()
    pairs = zip(np.searchsorted(starts, first, "right") - 1, np.searchsorted(starts, last, "right"), strict=True)
    for begin, end in pairs:  # texts lie end to end, so that a stretch may be of several
        found.update(range(int(begin), int(end)))
    return found


def _unescaped(text: bytes, pattern: re.Pattern[bytes]) -> Reading:
    pieces: list[bytes] = []
    places: list[tuple[int, int, int, int]] = []
    at = length = 0
    for found in pattern.finditer(text):
        instead = _meant(found)
        if instead is None:
            continue
        begin, end = found.span()
        pieces += [text[at:begin], instead]
        length += begin - at
        if len(instead) != end - begin or found.lastgroup == "code":
            places.append((length, length + len(instead), begin, end))
        length += len(instead)
        at = end
    new_begin, new_end, old_begin, old_end = np.array(places, np.int64).reshape(-1, 4).T
    return Reading(b"".join([*pieces, text[at:]]), (new_begin, new_end), (old_begin, old_end))


def _meant(found: re.Match[bytes]) -> bytes | None:
    """What an escape or a stretch stands for; None: for itself."""
    if found.lastgroup is None:
        return b" " * len(found[0]) if found[0].startswith(b"\\") else None
    parts = found.groupdict()
    if parts["high"]:
        return bytes.fromhex((parts["high"] + parts["low"]).decode()).decode("utf-16-be").encode()
    if parts["unit"]:
        point = int(parts["unit"], 16)
        return b" " if 0xD800 <= point < 0xE000 else chr(point).encode()
    if parts["bytes"]:
        raw = bytes.fromhex(re.sub(rb"\\+x", b"", parts["bytes"]).decode())
        try:
            raw.decode()
        except UnicodeDecodeError:
            raw = raw.decode("latin-1").encode()
        return raw
    inside = _decoded(parts["code"])
    return None if inside is None else b" " + _unescaped(inside, ESCAPES).read + b" "


def _decoded(stretch: bytes) -> bytes | None:
    """The text that base64 or hex stands for, also with up to three other letters before it; None: no text."""
    letters = _BREAKS.sub(b"", stretch)
    if re.fullmatch(rb"[0-9a-fA-F]+", letters):
        raw = bytes.fromhex(letters[: len(letters) // 2 * 2].decode())
        if _is_text(raw):
            return raw
    letters = letters.translate(_STANDARD)
    for skipped in range(4):
        part = letters[skipped:]
        raw = b64decode(part[: len(part) // 4 * 4])
        rest = len(part) % 4
        whole = raw + b64decode(part[-rest:] + b"=" * (4 - rest)) if rest > 1 else raw
        for candidate in (whole, raw):
            if _is_text(candidate):
                return candidate
    return None


def _is_text(raw: bytes) -> bool:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return False
    return sum(c.isprintable() or c in "\n\r\t" for c in text) >= PRINTABLE * len(text)
