"""How many the cheap monitors missed, from what a judge says of a random share of what they did not flag.

A judge errs too: with a false-positive rate of 2 % it finds two in a hundred where there is nothing, which would
pass for two in a hundred missed. So its count alone is an upper bound and is called that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959963984540054  # of a two-sided 95 % interval
Z_EACH = 2.241402727604947  # of 97.5 %: two such intervals hold together in 95 % of cases (Bonferroni)
CONFIRMED, CORRECTED, UPPER_BOUND = "confirmed by people", "corrected by labelled negatives", "upper bound, uncorrected"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A random draw of n of the `unflagged` traces, of which a judge flagged `hits`; people read some of these."""

    unflagged: int
    n: int
    hits: int
    confirmed: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True)
class Missed:
    """How many of the unflagged are missed, in traces: a value unless it is only a bound, and a 95 % interval."""

    value: float | None
    low: float
    high: float
    how: str


def missed(drawn: Drawn, negatives: tuple[int, int] | None = None) -> Missed | None:
    """The estimate on the best ground there is; None where nothing was drawn.

    If people read hits, those that they confirmed count; the unread ones count as none at the lower end and as all at
    the upper. Else `negatives`, the judge's (false positives, assessed) on labelled negatives, correct the share of
    hits as Rogan and Gladen (1978) do, for a judge that misses nothing: what it misses is missed here, too. Else there
    is only a bound. Intervals are Wilson's.
    """
    d = drawn
    if not d.n:
        return None
    read = d.confirmed + d.denied
    if read and d.hits:
        value = d.hits * d.confirmed / read / d.n
        low, high = wilson(d.confirmed, d.n, Z)[0], wilson(d.hits - d.denied, d.n, Z)[1]
        return _scaled(value, low, high, d.unflagged, CONFIRMED)
    if negatives is not None and negatives[1]:
        false = negatives[0] / negatives[1]
        few, many = wilson(*negatives, Z_EACH)
        seen_low, seen_high = wilson(d.hits, d.n, Z_EACH)
        value, low, high = (_corrected(s, f) for s, f in ((d.hits / d.n, false), (seen_low, many), (seen_high, few)))
        return _scaled(value, low, high, d.unflagged, CORRECTED)
    return _scaled(None, 0.0, wilson(d.hits, d.n, Z)[1], d.unflagged, UPPER_BOUND)


def _corrected(share: float, false: float) -> float:
    return max(0.0, (share - false) / (1 - false)) if false < 1 else 0.0


def _scaled(value: float | None, low: float, high: float, unflagged: int, how: str) -> Missed:
    return Missed(None if value is None else value * unflagged, low * unflagged, high * unflagged, how)


def wilson(k: int, n: int, z: float) -> tuple[float, float]:
    """Wilson's score interval (1927) for k of n.

    >>> [round(x, 3) for x in wilson(3, 200, Z)]
    [0.005, 0.043]
    """
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if k == 0 else max(0.0, centre - half)), (1.0 if k == n else min(1.0, centre + half))
