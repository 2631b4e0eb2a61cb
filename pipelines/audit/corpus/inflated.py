"""Compressed bytes, whatever compressed them, read as far as they go."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping

import pyarrow as pa

INFLATED = 4 << 20  # bytes of a compressed text that are looked at
MAGIC: Mapping[bytes, bytes] = {  # wherever it stands, by the byte of it that texts have least
    b"\x1f\x8b\x08": b"\x1f",
    b"BZh": b"Z",
    b"\xfd7zXZ\x00": b"\xfd",
    b"\x28\xb5\x2f\xfd": b"\xfd",
}


def inflated(data: bytes) -> tuple[str, bytes] | None:
    """By what bytes were compressed, and what they were; None if they are not.

    >>> inflated(bz2.compress(b"said"))
    ('bzip2', b'said')
    """
    for magic, kind, read in KINDS:
        if data.startswith(magic):
            try:
                found = read(data)
            except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError):
                continue
            if found:
                return kind, found
    return None


def _zlib(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=47).decompress(data, INFLATED)


def _bz2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, INFLATED)


def _lzma(data: bytes) -> bytes:
    return lzma.LZMADecompressor().decompress(data, INFLATED)


def _zstd(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        return bytes(stream.read(INFLATED))


KINDS: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", "gzip", _zlib),
    (b"\x78", "zlib", _zlib),
    (b"BZh", "bzip2", _bz2),
    (b"\xfd7zXZ\x00", "xz", _lzma),
    (b"]\x00\x00", "lzma", _lzma),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
)
