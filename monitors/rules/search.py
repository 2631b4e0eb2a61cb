"""Searching one expression in one step: spans by window, each kept by the window that owns its start."""

from __future__ import annotations

from collections.abc import Sequence

import re2

from monitors.rules.text import window, window_count

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
INSTRUCTIONS_A_PASS = 1000  # an expression of that many RE2 instructions counts as one pass over the bytes it reads
SPAN_WORK = 2000  # a span looked at costs about as long as reading so many bytes


class OverBudget(Exception):
    """A step took more work than one step may."""


class Work:
    """Work units spent on one step: bytes times passes, and spans; counted, never timed, so the same everywhere."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise OverBudget


class Searcher:
    """One compiled expression and what a pass with it costs."""

    def __init__(self, regex: str) -> None:
        self.regex = re2.compile(regex, _OPTIONS)
        self.weight = 1 + self.regex.programsize // INSTRUCTIONS_A_PASS

    def spans(
        self, text: memoryview, windows: Sequence[int] | None, limit: int, work: Work
    ) -> tuple[list[tuple[int, int]], bool]:
        """Byte spans in order, at most `limit`, and whether that is all: False where limit or budget cut it short.

        `windows` are the numbers of the windows to search; None means all.
        """
        found: list[tuple[int, int]] = []
        try:
            for number in range(window_count(len(text))) if windows is None else windows:
                w = window(text, number)
                work.spend((w.end - w.start) * self.weight)
                for m in self.regex.finditer(text, w.start, w.end):
                    work.spend(SPAN_WORK)
                    start, end = m.span()
                    if w.own_start <= start < w.own_end:
                        if len(found) == limit:
                            return found, False
                        found.append((start, end))
        except OverBudget:
            return found, False
        return found, True

    def matches(self, text: memoryview) -> bool:
        """Whether it matches anywhere in a text of at most one window."""
        return self.regex.search(text) is not None

    def first(self, text: memoryview, low: int, high: int, work: Work) -> tuple[int, int] | None:
        """The leftmost match within bytes `low:high`; what stands around them still counts for borders."""
        found = self.regex.search(text, low, high)
        span = found.span() if found else None
        work.spend(((span[1] if span else high) - low) * self.weight + SPAN_WORK)
        return span


def compile_set(regexes: Sequence[str], memory: int) -> re2.Set:
    """One automaton over all the expressions."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    compiled = re2.Set.SearchSet(options)
    for regex in regexes:
        compiled.Add(regex)
    compiled.Compile()
    return compiled
