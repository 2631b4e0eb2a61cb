"""The canary, and ids that can be told from any other: what monitoring marks its own words with."""

from __future__ import annotations

import hashlib
from typing import Literal

from schemas.digest import DIGEST_CHARS, digest

# one public prefix that every artefact of monitoring carries, and that training data must never hold
CANARY = "COTMONITOR-CANARY-DO-NOT-TRAIN"
CHECK_CHARS = 8  # of an id's 32: a digest of somebody else's passes for ours once in 4 billion


def marked_id(kind: Literal["alert", "finding"], *parts: str) -> str:
    """An id by content: its kind, a dash and 32 hex digits, the last eight of which check the others.

    The check lets a scanner know such an id wherever it stands, with its kind or without, among the md5s and uuids of
    ordinary text.

    >>> marked_id("alert", "a finding", "a monitor")
    'alert-348526e9c7fb0359e39914fea0143cde'
    >>> is_marked("348526e9c7fb0359e39914fea0143cde"), is_marked("348526e9c7fb0359e39914fea0143cdf")
    (True, False)
    """
    body = digest(kind, *parts)[:-CHECK_CHARS]
    return f"{kind}-{body}{_check(body)}"


def is_marked(digits: str) -> bool:
    """Whether 32 hex digits, in either case, are those of a marked id."""
    body, check = digits[:-CHECK_CHARS].lower(), digits[-CHECK_CHARS:].lower()
    return len(digits) == DIGEST_CHARS and check == _check(body)


def _check(body: str) -> str:
    return hashlib.sha256(f"cotmonitor:{body}".encode()).hexdigest()[:CHECK_CHARS]
