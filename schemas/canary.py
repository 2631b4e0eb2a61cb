"""The canary, and ids that can be told from any other: what monitoring marks its own words with."""

from __future__ import annotations

import hashlib
from typing import Literal

from schemas.digest import DIGEST_CHARS

# one public prefix that every artefact of monitoring carries, and that training data must never hold
CANARY = "COTMONITOR-CANARY-DO-NOT-TRAIN"
CHECK_CHARS = 8  # of an id's 32: a digest of somebody else's passes for ours once in 4 billion


def marked_id(kind: Literal["alert", "finding"], digits: str) -> str:
    """The id that a digest gives: its kind, a dash and the digest, with its last eight digits checking the others.

    The check lets a scanner know such an id wherever it stands, with its kind or without, among the md5s and uuids of
    ordinary text.

    >>> marked_id("alert", "83e90e02c8b1f2992abc20412d50d0bb")
    'alert-83e90e02c8b1f2992abc2041e1310928'
    >>> is_marked("83e90e02c8b1f2992abc2041e1310928"), is_marked("83e90e02c8b1f2992abc20412d50d0bb")
    (True, False)
    """
    body = digits[:-CHECK_CHARS]
    return f"{kind}-{body}{_check(body)}"


def is_marked(digits: str) -> bool:
    """Whether 32 hex digits, in either case, are those of a marked id."""
    digits = digits.lower()
    return len(digits) == DIGEST_CHARS and digits.endswith(_check(digits[:-CHECK_CHARS]))


def _check(body: str) -> str:
    return hashlib.sha256(f"cotmonitor:{body}".encode()).hexdigest()[:CHECK_CHARS]
