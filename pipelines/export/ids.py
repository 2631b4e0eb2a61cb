"""Ids that say nothing: with a key, a row carries a keyed digest where it would carry the trace's id.

A keyed id stops a join by accident. It stops nobody who has the lake, the key, or the text of the rows.
"""

from __future__ import annotations

import hmac
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from schemas.digest import DIGEST_CHARS, digest
from schemas.errors import Fault, InputError

LOG = logging.getLogger(__name__)
LEAST_KEY = 16  # bytes: as many as the digests keep
MOST_KEY = 4096  # a larger file is no key but some other file, named by mistake
PRINT_CHARS = 16


def sample_ids(traces: pa.RecordBatch, key: bytes | None) -> pa.Array:
    """The id of each row (n strings): `trace_id`, or with a key the keyed digest of `trace_key`."""
    if key is None:
        return traces.column("trace_id")
    return pa.array([keyed(trace, key) for trace in traces.column("trace_key").to_pylist()], pa.string())


def keyed(text: str, key: bytes | None) -> str:
    """32 hex characters: HMAC-SHA256 of a text where there is a key, else its plain digest.

    >>> keyed("a", b"0123456789abcdef")
    '0c806ca38a87cad91ed9f55abcb2a453'
    """
    if key is None:
        return digest(text)
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:DIGEST_CHARS]


def key_print(key: bytes) -> str:
    """A fingerprint by which two exports show that they used one key, without showing the key."""
    return hmac.digest(key, b"cotmonitor: fingerprint of a key", "sha256").hex()[:PRINT_CHARS]


def read_key(path: str | Path, opener: Callable[[str | Path], BinaryIO] | None = None) -> bytes:
    """The bytes of a key file, without the line break at its end; `opener` is used in place of opening it outright.

    Raises InputError if it cannot be read or is too short; warns if others than its owner may read it.
    """
    try:
        with opener(path) if opener else open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(MOST_KEY + 1)
    except OSError as error:
        what = f"the key cannot be read: {error.strerror or error}"
        raise InputError([Fault(str(path), None, what, _make(path))]) from error
    if len(key) > MOST_KEY:
        what = f"a key file has at most {MOST_KEY:,} bytes, and this one more"
        raise InputError([Fault(str(path), None, what, _make(path))])
    key = key.removesuffix(b"\n").removesuffix(b"\r")
    if len(key) < LEAST_KEY:
        what = f"a key of {len(key)} bytes can be guessed; {LEAST_KEY} are the least"
        raise InputError([Fault(str(path), None, what, _make(path))])
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        LOG.warning("%s: others than its owner can read this key, and so undo the ids. Run chmod 600.", path)
    return key


def _make(path: str | Path) -> str:
    return f"make one with (umask 077; openssl rand -hex 32 > {path})"
