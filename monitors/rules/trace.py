"""One trace in which something was heard: its spans and guards, each searched once and only where it matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitors.rules.conditions import Hit
from monitors.rules.pack import MEANS_SANCTIONED, Guard
from monitors.rules.search import SPAN_WORK, OverBudget, Searcher, Work
from monitors.rules.text import StepText
from monitors.stance.words import NEXT, Words, is_negated, read_words

SPOKEN = ("reasoning", "output")  # an action is an act, and a note to itself says what it says
_BORDERS = (".", "!", "?", ":", ";", "\n")  # a hit that begins so begins a sentence
Windows = Sequence[int] | None  # the windows of a step in which a pattern was heard; None: all of them


class TraceText:
    """The steps of one trace and what has been found in them so far."""

    def __init__(
        self,
        texts: Sequence[memoryview],
        channels: Sequence[str],
        searchers: Sequence[Searcher],
        budget: int,
        spans_per_step: int,
        spans_per_trace: int,
    ) -> None:
        self.texts = texts
        self.channels = channels
        self._searchers = searchers
        self._budget = budget
        self._per_step = spans_per_step
        self._per_trace = spans_per_trace
        self._steps: dict[int, StepText] = {}
        self._work: dict[int, Work] = {}
        self._hits: dict[tuple[int, int], tuple[list[Hit], bool]] = {}
        self._kept: dict[int, int] = {}
        self._said: dict[Hit, str | None] = {}
        self._guarded: dict[tuple[object, ...], bool] = {}
        self._reaches: dict[tuple[int, int, int, int | str], tuple[int, int]] = {}
        self._next: dict[tuple[str, str, int], tuple[int, tuple[int, int] | None]] = {}

    def step(self, number: int) -> StepText:
        if number not in self._steps:
            self._steps[number] = StepText(self.texts[number])
        return self._steps[number]

    def work(self, number: int) -> Work:
        if number not in self._work:
            self._work[number] = Work(self._budget)
        return self._work[number]

    def hits(self, pattern: int, number: int, windows: Windows) -> tuple[list[Hit], bool]:
        """The pattern's hits in a step, and whether these are all."""
        key = (pattern, number)
        if key not in self._hits:
            limit = min(self._per_step, self._per_trace - self._kept.get(pattern, 0))
            spans, whole = self._searchers[pattern].spans(self.texts[number], windows, limit, self.work(number))
            self._kept[pattern] = self._kept.get(pattern, 0) + len(spans)
            place = self.step(number).code_point
            self._hits[key] = [Hit(number, place(a), place(b), pattern, a, b) for a, b in spans], whole
        return self._hits[key]

    def guarded(self, hit: Hit, guard: Guard, searcher: Searcher, channels: Sequence[str]) -> bool:
        """Whether the guard is near the hit, so that the hit does not count. Raises `OverBudget`."""
        if guard.channel is not None or guard.within == "trace":
            wanted = (guard.channel,) if guard.channel is not None else tuple(channels)
            asked = guard.means in MEANS_SANCTIONED and guard.channel is not None
            search = self._asked if asked else self._anywhere
            return self._once((guard.regex, wanted, asked), lambda: search(searcher, wanted))
        if guard.within == "step":
            return self._in_step(hit, guard, searcher)
        key = (guard.regex, guard.within, guard.side, hit.step, hit.low, hit.high)
        return self._once(key, lambda: self._around(hit, guard, searcher))

    def said(self, hit: Hit) -> str | None:
        """The stance that the words around a hit say, in the channels that are prose; None where they leave it open."""
        if self.channels[hit.step] not in SPOKEN:
            return None
        if hit not in self._said:
            self._said[hit] = self._read(hit)
        return self._said[hit]

    def _read(self, hit: Hit) -> str | None:
        step = self.step(hit.step)
        low, high = self._reach(hit, "sentence")
        try:
            self.work(hit.step).spend(high - low + SPAN_WORK)
        except OverBudget:
            return None  # that it is there is known; how it was meant is left open
        hit_text = step.slice(hit.low, hit.high)
        before = "" if hit_text[:1] in _BORDERS else step.slice(low, hit.low)
        following = step.slice(high, step.forward(high, NEXT)) if high > hit.high else ""
        said = read_words(Words(before, hit_text, step.slice(hit.high, max(high, hit.high)), following))
        # what is put out is out, however it is worded; unless it denies or quotes
        return said if self.channels[hit.step] == "reasoning" or said in ("rejected", "quoted_or_fiction") else None

    def _once(self, key: tuple[object, ...], search: Callable[[], bool]) -> bool:
        if key not in self._guarded:
            self._guarded[key] = search()
        return self._guarded[key]

    def _anywhere(self, searcher: Searcher, channels: Sequence[str]) -> bool:
        return any(
            searcher.first(text, 0, len(text), self.work(i)) is not None
            for i, text in enumerate(self.texts)
            if self.channels[i] in channels and len(text)
        )

    def _asked(self, searcher: Searcher, channels: Sequence[str]) -> bool:
        """Whether it is said anywhere, and not only to forbid it."""
        for i, text in enumerate(self.texts):
            if self.channels[i] not in channels or not len(text):
                continue
            at = 0
            while (found := searcher.first(text, at, len(text), self.work(i))) is not None:
                before = self.step(i).slice(self.step(i).back(found[0], 60), found[0])
                if not is_negated(before[before.rfind("\n") + 1 :]):
                    return True
                at = max(found[1], at + 1)
        return False

    def _around(self, hit: Hit, guard: Guard, searcher: Searcher) -> bool:
        low, high = self._reach(hit, guard.within)
        low = hit.low if guard.side == "after" else low
        high = hit.high if guard.side == "before" else high
        return searcher.first(self.texts[hit.step], low, high, self.work(hit.step)) is not None

    def _reach(self, hit: Hit, within: int | str) -> tuple[int, int]:
        """The bytes around a hit that lie within a number of code points, or in its sentence."""
        key = (hit.step, hit.low, hit.high, within)
        if key not in self._reaches:
            step = self.step(hit.step)
            if isinstance(within, int):
                self._reaches[key] = step.back(hit.low, within), step.forward(hit.high, within)
            else:
                self._reaches[key] = step.sentence(hit.low, hit.high)
        return self._reaches[key]

    def _in_step(self, hit: Hit, guard: Guard, searcher: Searcher) -> bool:
        text, work = self.texts[hit.step], self.work(hit.step)
        start = hit.low if guard.side == "after" else 0
        found = self._match_from((guard.regex, guard.side, hit.step), searcher, start)
        if found is None:
            return False
        if guard.side != "before" or found[1] <= hit.high:
            return True
        # nothing starts before found[0]; a shorter match may still end in time
        return found[0] < hit.high and searcher.first(text, found[0], hit.high, work) is not None

    def _match_from(self, key: tuple[str, str, int], searcher: Searcher, start: int) -> tuple[int, int] | None:
        """The leftmost match from byte `start` on; for hits taken in order the text is read about once."""
        if key in self._next:
            since, found = self._next[key]
            if since <= start and (found is None or found[0] >= start):
                return found
        text = self.texts[key[2]]
        found = searcher.first(text, start, len(text), self.work(key[2]))
        self._next[key] = (start, found)
        return found
