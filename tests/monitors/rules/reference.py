"""The rule engine as one would write it with no thought of speed: Python strings, every pattern, every step."""

from __future__ import annotations

import re
from collections.abc import Sequence

import re2

from monitors.rules.conditions import Finder, Hit, evaluate
from monitors.rules.pack import Guard, Rule, RulePack

Trace = Sequence[tuple[str, str]]
_ENDS = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)[.!?…][\"'”’)\]]{0,4}(?=\s)|[。！？]|\n")


def fired(pack: RulePack, trace: Trace) -> dict[str, list[tuple[int, int, int]]]:
    """Rule -> (step, start, end) of its hits in code points."""
    found = {rule.id: _hits(rule, trace) for rule in pack.rules}
    return {rule: hits for rule, hits in found.items() if hits}


def _hits(rule: Rule, trace: Trace) -> list[tuple[int, int, int]]:
    patterns = {p.name: p for p in rule.patterns}

    def everything(name: str, _: object = None) -> list[Hit]:
        p = patterns[name]
        return [
            Hit(step, m.start(), m.end(), hash(p.regex), 0, 0)
            for step, (channel, text) in enumerate(trace)
            if channel in p.channels
            for m in re2.finditer(p.regex, text)
        ]

    def unguarded(name: str, _: object = None) -> list[Hit]:
        return [h for h in everything(name) if not any(_guarded(h, g, rule, trace) for g in rule.unless)]

    hits = evaluate(rule.when, Finder(unguarded, everything, lambda step: trace[step][0] == "reasoning"))
    return sorted({(h.step, h.start, h.end) for h in hits})


def _guarded(hit: Hit, guard: Guard, rule: Rule, trace: Trace) -> bool:
    if guard.channel is not None or guard.within == "trace":
        wanted = (guard.channel,) if guard.channel is not None else rule.channels
        return any(channel in wanted and re2.search(guard.regex, text) for channel, text in trace)
    text = trace[hit.step][1]
    low, high = 0, len(text)
    if isinstance(guard.within, int):
        low, high = max(0, hit.start - guard.within), min(len(text), hit.end + guard.within)
    elif guard.within == "sentence":
        low, high = _sentence(text, hit.start, hit.end)
    low = hit.start if guard.side == "after" else low
    high = hit.end if guard.side == "before" else high
    # bytes, since re2 sees what stands around a stretch of bytes but not around one of a str
    data = text.encode()
    places = len(text[:low].encode()), len(text[:high].encode())
    return re2.compile(guard.regex.encode()).search(data, *places) is not None


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    first = max(0, start - 400)
    before = [m.end() for m in _ENDS.finditer(text[first:start])]
    tail = max(0, end - 1)
    stop = _ENDS.search(text[tail : end + 400])
    return first + before[-1] if before else first, tail + stop.end() if stop else min(len(text), end + 400)
