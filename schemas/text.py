"""Code points within UTF-8 bytes, without ever decoding a long text whole.

A Python string of 200 MB with one emoji takes 800 MB; the bytes it came from take 200.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CHUNK = 1 << 20


class CodePoints:
    """A UTF-8 text addressed by code points.

    >>> CodePoints("a😀bc".encode())[1:3]
    '😀b'
    """

    def __init__(self, data: Any) -> None:
        self._bytes = np.frombuffer(data, np.uint8)
        counts = [
            int(np.count_nonzero(_starts(self._bytes[at : at + CHUNK]))) for at in range(0, len(self._bytes), CHUNK)
        ]
        self._before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self._before[-1])

    def __getitem__(self, span: slice) -> str:
        start, stop, _ = span.indices(len(self))
        if stop <= start:
            return ""
        return self._bytes[self._byte(start) : self._byte(stop)].tobytes().decode("utf-8")

    def _byte(self, index: int) -> int:
        """The byte at which code point `index` begins."""
        if index >= len(self):
            return len(self._bytes)
        chunk = int(np.searchsorted(self._before, index, side="right")) - 1
        base = chunk * CHUNK
        inside = index - int(self._before[chunk])
        return base + int(np.flatnonzero(_starts(self._bytes[base : base + CHUNK]))[inside])


def _starts(data: np.ndarray) -> np.ndarray:
    return (data & 0xC0) != 0x80
