"""Ids that are functions of content: the same trace has the same id on every machine and every night."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGEST_CHARS = 32  # 128 bits of SHA-256: no chance collision below about 10^18 traces
# the codes that digests are made of: append to these, never reorder, or every id changes
ROLE_CODES = ("system", "user", "assistant", "tool")
CHANNEL_CODES = ("prompt", "reasoning", "action", "observation", "output", "memory")


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

    Each trace is hashed in two strokes however many steps it has: one over the frame of its steps (lengths, role,
    channel, redacted), one over their text, which lies side by side in Arrow's buffer; names only where there are any.
    A null differs from an empty string. The digest does not depend on how rows were batched.
    """
    fields = steps.values
    texts, names = _Framed(fields.field("text")), _Framed(fields.field("name"))
    frames = np.stack([texts.lengths, names.lengths, _kinds(fields)], axis=1).astype("<i8")
    framed = memoryview(frames.tobytes())
    width = frames.shape[1] * 8
    offsets = steps.offsets.to_numpy()
    firsts, lasts = offsets[:-1], offsets[1:]
    if steps.null_count:
        lasts = np.where(steps.is_valid().to_numpy(zero_copy_only=False), lasts, firsts)
    bounds = [firsts, lasts, texts.starts[firsts], texts.starts[lasts], names.starts[firsts], names.starts[lasts]]
    sha256, text, name = hashlib.sha256, texts.data, names.data
    digests = []
    for a, b, text_a, text_b, name_a, name_b in np.stack(bounds, axis=1).tolist():
        h = sha256(framed[a * width : b * width])
        h.update(text[text_a:text_b])
        if name_a != name_b:
            h.update(name[name_a:name_b])
        digests.append(h.hexdigest()[:DIGEST_CHARS])
    return digests


def trace_keys(ids: list[str], digests: list[str]) -> list[str]:
    """Digest of each trace's id and its digest; the digest comes first and has one width, so no two pairs collide."""
    sha256 = hashlib.sha256
    return [
        sha256((d + i).encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]
        for i, d in zip(ids, digests, strict=True)
    ]


def _kinds(fields: pa.StructArray) -> Any:
    """Role, channel and redacted of each step as one number, in an order of words that never changes."""
    role = pc.index_in(fields.field("role"), pa.array(ROLE_CODES)).fill_null(len(ROLE_CODES))
    channel = pc.index_in(fields.field("channel"), pa.array(CHANNEL_CODES)).fill_null(len(CHANNEL_CODES))
    redacted = fields.field("redacted").fill_null(False).cast(pa.int32())
    codes = [c.to_numpy(zero_copy_only=False).astype(np.int64) for c in (role, channel, redacted)]
    return codes[0] | codes[1] << 8 | codes[2] << 16


class _Framed:
    """A string column: its bytes, where each value starts (n + 1), and its length with -1 for null (n)."""

    def __init__(self, column: Any) -> None:
        self.data, self.starts = text_buffer(column)
        self.lengths = np.diff(self.starts)
        if column.null_count:
            self.lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), self.lengths, -1)


def text_buffer(column: Any) -> tuple[memoryview, Any]:
    """The UTF-8 bytes of a string column and its `len + 1` int64 offsets into them, without copying the bytes."""
    wide = pa.types.is_large_string(column.type)
    _, offsets, data = column.buffers()
    width = np.int64 if wide else np.int32
    if offsets is None:
        return memoryview(b""), np.zeros(len(column) + 1, np.int64)
    starts = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return (memoryview(data) if data is not None else memoryview(b"")), starts
