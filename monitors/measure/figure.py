"""A figure with its interval and its counts, or the words for why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with a 95 % interval and, for a share, its k of n. `why` says why there is no value.

    >>> str(absent("no positives"))
    'not measurable: no positives'
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    k: int | None = None
    n: int | None = None
    why: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"not measurable: {self.why}"
        counts = f"{self.k:,}/{self.n:,} = " if self.k is not None else ""
        interval = f" ({self.low:.3f} to {self.high:.3f})" if self.low is not None and self.high is not None else ""
        return f"{counts}{self.value:.3f}{interval}"


def absent(why: str) -> Figure:
    """A figure that cannot be had, and why."""
    return Figure(None, why=why)


def share(k: int, n: int, of: str = "traces") -> Figure:
    """k of n with Wilson's score interval (Wilson 1927), which keeps its level for small n and rare events.

    >>> str(share(3, 200))
    '3/200 = 0.015 (0.005 to 0.043)'
    """
    if n == 0:
        return absent(f"no {of}")
    p = k / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Figure(p, low, high, k, n)
