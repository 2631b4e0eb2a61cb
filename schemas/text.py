"""Code points within UTF-8 bytes, without ever decoding a long text whole.

A Python string of 200 MB with one emoji takes 800 MB; the bytes it came from take 200.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from schemas.digest import text_buffer

CHUNK = 1 << 18  # small enough to stay in a core's cache


def code_points(texts: pa.Array) -> np.ndarray:
    """The length of each text in code points (n int64), 0 for null.

    A code point is a byte that continues none; those that do are rare in most text, so they are taken away.
    """
    data, starts = text_buffer(texts)
    everything = np.frombuffer(data, np.uint8)
    lengths = np.diff(starts)
    for at in range(int(starts[0]), int(starts[-1]), CHUNK):
        end = min(at + CHUNK, int(starts[-1]))
        continuing = np.flatnonzero(~_starts(everything[at:end])) + at
        if len(continuing):
            first = int(np.searchsorted(starts, at, side="right")) - 1
            last = int(np.searchsorted(starts, end, side="left"))
            lengths[first:last] -= np.diff(np.searchsorted(continuing, starts[first : last + 1]))
    if texts.null_count:
        lengths[~texts.is_valid().to_numpy(zero_copy_only=False)] = 0
    return lengths


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
    return data.view(np.int8) >= -64  # 0x80 to 0xBF, which continue a code point, are -128 to -65
