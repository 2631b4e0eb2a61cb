"""Named pieces of expressions, written once in a pack's head: `(?&name)` stands for the piece of that name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

USE = re.compile(r"\(\?&([A-Za-z][A-Za-z0-9_-]*)\)")


def expanded(regex: str, phrases: Mapping[str, str]) -> str:
    """The expression with each known phrase in its place, as a group.

    >>> expanded("(?i)(?&will) skip", {"will": "I'll|let me"})
    "(?i)(?:I'll|let me) skip"
    """
    return USE.sub(lambda m: f"(?:{phrases[m[1]]})" if m[1] in phrases else m[0], regex)


def unknown(regex: str, phrases: Mapping[str, str]) -> Iterator[str]:
    """The phrases used that nobody defined."""
    return (m[1] for m in USE.finditer(regex) if m[1] not in phrases)
