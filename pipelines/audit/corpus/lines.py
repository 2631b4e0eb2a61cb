"""Lines, and stretches of plain text, out of a stream of bytes, in bounded memory whatever their length."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator
from typing import BinaryIO, cast

from pipelines.audit.corpus.files import CorpusFile

CHUNK = 1 << 20
LONG = 16 << 20  # bytes: a longer line is handed on in pieces, unparsed
STRETCH = 1 << 16  # bytes of plain text that count as one row, or fewer where a paragraph ends
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def opened(file: CorpusFile) -> BinaryIO:
    """A file's text as UTF-8, decompressed."""
    plain = cast(BinaryIO, gzip.open(file.path) if file.gzipped else open(file.path, "rb"))  # noqa: SIM115
    if plain.read(2) in WIDE:
        plain.seek(0)
        return cast(BinaryIO, codecs.EncodedFile(plain, "utf-8", "utf-16", "replace"))
    plain.seek(0)
    return plain


def lines(stream: BinaryIO, start: int = 0, stop: int | None = None) -> Iterator[bytes | Iterator[bytes]]:
    """The lines that begin in bytes [start, stop), without blank ones; a line over LONG as an iterator of its pieces.

    The pieces must be taken before the next line is.
    """
    found = _pieces(stream, start, stop, LONG)
    for piece, ended in found:
        if ended or len(piece) <= LONG:
            if piece.strip():
                yield piece
        else:
            rest = _line(piece, found)
            yield rest
            for _ in rest:
                continue


def _line(first: bytes, found: Iterator[tuple[bytes, bool]]) -> Iterator[bytes]:
    """The pieces of the line that begins with `first`."""
    yield first
    for piece, ended in found:
        yield piece
        if ended:
            return


def _pieces(stream: BinaryIO, start: int, stop: int | None, longest: int) -> Iterator[tuple[bytes, bool]]:
    """(piece, whether its line ends with it) of the lines that begin in bytes [start, stop).

    A line of up to `longest` bytes is one piece. The last line of a file may lack its end.
    """
    at, rest = _begin(stream, start, stop)
    inside = False
    while inside or stop is None or at < stop:
        chunk = stream.read(CHUNK)
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            if not inside and stop is not None and at >= stop:
                return
            yield part, True
            at += len(part) + 1
            inside = False
        if not chunk:
            if rest and (inside or stop is None or at < stop):
                yield rest, False
            return
        if rest and (inside or len(rest) > longest) and (inside or stop is None or at < stop):
            yield rest, False
            at, rest, inside = at + len(rest), b"", True


def _begin(stream: BinaryIO, start: int, stop: int | None) -> tuple[int, bytes]:
    """Where the first line at or after `start` begins, and what was read from there on."""
    if not start:
        return 0, b""
    stream.seek(start - 1)
    at = start - 1
    while stop is None or at < stop:
        chunk = stream.read(CHUNK)
        end = chunk.find(b"\n")
        if end >= 0:
            return at + end + 1, chunk[end + 1 :]
        if not chunk:
            break
        at += len(chunk)
    return max(at, stop or 0), b""


def stretches(stream: BinaryIO, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Plain text from bytes [start, stop) in stretches that end with a paragraph, else a line, else a word.

    A line that begins before `stop` is read to its end.
    """
    held = bytearray()
    for piece, ended in _pieces(stream, start, stop, STRETCH):
        held += piece + b"\n" if ended else piece
        blank = ended and not piece.strip()
        if len(held) >= STRETCH or (blank and len(held) >= STRETCH // 2):
            yield from _cut(held)
    if held.strip():
        yield bytes(held)


def _cut(held: bytearray) -> Iterator[bytes]:
    """Take whole stretches off what is held; the rest, and what is blank, stays or goes."""
    while len(held) > STRETCH:
        end = max(held.rfind(b"\n", 0, STRETCH), held.rfind(b" ", 0, STRETCH)) + 1 or _letter(held, STRETCH)
        if held[:end].strip():
            yield bytes(held[:end])
        del held[:end]
    if held.strip():
        yield bytes(held)
    held.clear()


def _letter(data: bytearray, end: int) -> int:
    """An end at which no letter is cut in two."""
    while end > 1 and data[end] & 0xC0 == 0x80:
        end -= 1
    return end
