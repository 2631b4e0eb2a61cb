"""Ids that are functions of content: the same trace has the same id on every machine and every night."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

DIGEST_CHARS = 32  # 128 bits of SHA-256: no chance collision below about 10^18 traces


def digest(*parts: str | int | bytes) -> str:
    """32 hex characters over the parts, each framed by its length so that no two lists collide.

    >>> digest("a", "bc") == digest("ab", "c")
    False
    """
    h = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        h.update(len(data).to_bytes(8, "little"))
        h.update(data)
    return h.hexdigest()[:DIGEST_CHARS]


def trace_digests(steps: pa.ListArray) -> list[str]:
    """One digest per trace over its steps (role, channel, name, text, redacted), and nothing else.

    The values of each trace lie side by side in Arrow's buffers, so a trace costs a few hash updates however many
    steps it has. A null differs from an empty string. The digest does not depend on how rows were batched.
    """
    offsets = steps.offsets.to_numpy().astype(np.int64)
    fields = steps.values
    columns = [_framed(fields.field(name)) for name in ("text", "channel", "role", "name")]
    redacted = np.asarray(fields.field("redacted").fill_null(False).to_numpy(zero_copy_only=False), dtype=np.uint8)
    lengths = np.stack([lens for _, _, lens in columns], axis=1) if len(fields) else np.zeros((0, 4), np.int64)
    valid = steps.is_valid().to_numpy(zero_copy_only=False)
    digests = []
    for row in range(len(steps)):
        a, b = (int(offsets[row]), int(offsets[row + 1])) if valid[row] else (0, 0)
        h = hashlib.sha256()
        h.update((b - a).to_bytes(8, "little"))
        h.update(lengths[a:b].tobytes())
        for data, starts, _ in columns:
            h.update(data[starts[a] : starts[b]])
        h.update(redacted[a:b].tobytes())
        digests.append(h.hexdigest()[:DIGEST_CHARS])
    return digests


def _framed(column: Any) -> tuple[memoryview, Any, Any]:
    """A string column as (bytes, start of each value, length of each value with -1 for null)."""
    data, starts = text_buffer(column)
    lengths = np.diff(starts)
    if column.null_count:
        lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, -1)
    return data, starts, lengths


def text_buffer(column: Any) -> tuple[memoryview, Any]:
    """The UTF-8 bytes of a string column and its `len + 1` int64 offsets into them, without copying the bytes."""
    wide = pa.types.is_large_string(column.type)
    _, offsets, data = column.buffers()
    width = np.int64 if wide else np.int32
    if offsets is None:
        return memoryview(b""), np.zeros(len(column) + 1, np.int64)
    starts = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return (memoryview(data) if data is not None else memoryview(b"")), starts
