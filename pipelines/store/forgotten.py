"""Which traces a store was made to forget: known by keyed digests of their ids, so that the ids are gone, too."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass

from pipelines.store.marker import publish
from pipelines.store.store import Store

KEY = "_forgotten.key"  # below the store: without it, digests of ids could be told by trying ids


def subject(store: Store, trace_id: str, make: bool = False) -> str:
    """The keyed digest by which a forgotten trace is known: HMAC-SHA256 under a key of the store's own."""
    return _keyed(key_of(store, make), trace_id)


def key_of(store: Store, make: bool = False) -> bytes:
    path = store.path / KEY
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if not make:
            return b""
        publish(path, secrets.token_bytes(32))
        os.chmod(path, 0o600)
        return path.read_bytes()


def _keyed(key: bytes, trace_id: str) -> str:
    return hmac.new(key, trace_id.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Which traces a run must leave out."""

    key: bytes
    subjects: frozenset[str]

    def __contains__(self, trace_id: object) -> bool:
        return isinstance(trace_id, str) and _keyed(self.key, trace_id) in self.subjects


def forgotten(store: Store) -> Forgotten | None:
    """The traces that this store was made to forget and that were not let in again; None if there are none."""
    with store.connect() as con:
        rows = con.execute(
            """SELECT subject FROM raw.forgotten WHERE subject IS NOT NULL AND table_name = ''
               GROUP BY subject HAVING arg_max(kept, forgotten_at) ORDER BY subject"""
        ).fetchall()
    return Forgotten(key_of(store), frozenset(r[0] for r in rows)) if rows else None
