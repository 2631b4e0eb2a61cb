"""What is withheld from a judge: patterns of the job file, found by RE2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from schemas.digest import digest


@dataclass(frozen=True)
class Patterns:
    """Pairs of a pattern and the word shown instead; where two meet, the one that begins first, then the longer."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        return digest("redaction", *(part for pair in self.pairs for part in pair)) if self.pairs else ""

    def check(self) -> None:
        """Raise `ValueError` for what is no pattern, or would match nothing at all everywhere."""
        for pattern, _ in self.pairs:
            try:
                if _compiled(pattern).search(""):
                    raise ValueError(f"{pattern!r} matches the empty text; make it match something")
            except re2.error:
                raise ValueError(f"{pattern!r} is no RE2 pattern; mend it") from None

    def spans(self, text: str) -> Sequence[tuple[int, int, str]]:
        found = sorted(
            (m.start(), -m.end(), word)
            for regex, word in self._compiled
            for m in regex.finditer(text)
            if m.end() > m.start()
        )
        spans: list[tuple[int, int, str]] = []
        for start, minus_end, word in found:
            if not spans or start >= spans[-1][1]:
                spans.append((start, -minus_end, word))
            elif -minus_end > spans[-1][1]:  # it reaches beyond the one before: all of both is withheld
                spans[-1] = (spans[-1][0], -minus_end, spans[-1][2])
        return spans

    @cached_property
    def _compiled(self) -> tuple[tuple[Any, str], ...]:
        return tuple((_compiled(pattern), word) for pattern, word in self.pairs)

    def __reduce__(self) -> tuple[object, ...]:  # compiled patterns do not travel
        return type(self), (self.pairs,)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
