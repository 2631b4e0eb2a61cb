"""Lines, and stretches of plain text, out of a stream of bytes, in bounded memory whatever their length."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from pipelines.audit.corpus import CorpusFile

Read = Callable[[int], bytes]
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
    at, rest = _begin(stream, start, stop)
    while stop is None or at < stop:
        chunk = stream.read(CHUNK)
        if not chunk:
            if rest.strip():
                yield rest
            return
        whole = rest + chunk
        parts = whole.split(b"\n")
        rest = parts.pop()
        for part in parts:
            if stop is not None and at >= stop:
                return
            at += len(part) + 1
            if part.strip():
                yield part
        if len(rest) > LONG and (stop is None or at < stop):
            pieces = _Pieces(stream.read, rest)
            yield iter(pieces)
            at, rest = at + pieces.length + 1, pieces.after
            if pieces.ended:
                return


def _begin(stream: BinaryIO, start: int, stop: int | None) -> tuple[int, bytes]:
    """Where the first line at or after `start` begins, and what of it was read."""
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


class _Pieces:
    """The pieces of one long line; `after` is what was read beyond it."""

    def __init__(self, read: Read, begun: bytes) -> None:
        self._read, self._begun = read, begun
        self.length, self.after, self.ended = 0, b"", False

    def __iter__(self) -> Iterator[bytes]:
        piece = self._begun
        while True:
            end = piece.find(b"\n")
            if end >= 0:
                self.length += end
                self.after = piece[end + 1 :]
                yield piece[:end]
                return
            self.length += len(piece)
            yield piece
            piece = self._read(CHUNK)
            if not piece:
                self.ended = True
                return


def stretches(stream: BinaryIO, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Plain text from bytes [start, stop) in stretches that end with a paragraph, else a line, else a word.

    A stretch that begins before `stop` is read to its end, and left out by whoever begins at `stop`: both cut at the
    first line that begins there.
    """
    held = bytearray()
    for line in lines_with_blanks(stream, start, stop):
        held += line
        blank = not line.strip()
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


def lines_with_blanks(stream: BinaryIO, start: int, stop: int | None) -> Iterator[bytes]:
    """The lines that begin in bytes [start, stop), with their ends; long ones in pieces."""
    at, rest = _begin(stream, start, stop)
    while stop is None or at < stop:
        chunk = stream.read(CHUNK)
        parts = (rest + chunk).splitlines(keepends=True)
        rest = b""
        if chunk and parts and not parts[-1].endswith(b"\n"):
            rest = parts.pop()
        for part in parts:
            if stop is not None and at >= stop:
                return
            at += len(part)
            yield part
        if not chunk:
            return
        if len(rest) > STRETCH and (stop is None or at < stop):
            yield rest
            at, rest = at + len(rest), b""
