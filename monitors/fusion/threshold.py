"""Where to cut ordinary traffic so that few of it is flagged, and how sure one can be of how few."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t as student

from monitors.measure.figure import Bools, Figure, Floats, Ints, Z, absent
from monitors.measure.operating import NEEDED

STEP = 0.1  # of log-odds, from what must not be flagged to the threshold
STEPS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


def needed(target: float) -> int:
    """The ordinary traces below which a false-positive rate cannot be aimed at.

    >>> [needed(t) for t in (0.001, 0.01, 0.05)]
    [10000, 1000, 100]
    """
    alarms = NEEDED[0.01] * 0.01 if target < 0.05 else NEEDED[0.05] * 0.05
    return math.ceil(round(alarms / target, 6))


def possible(n: int) -> float | None:
    """The least round rate that so many ordinary traces can aim at.

    >>> possible(1000), possible(300), possible(10)
    (0.01, 0.05, None)
    """
    return next((step for step in STEPS if needed(step) <= n), None)


def allowance(target: float, n: int) -> int:
    """How many of n ordinary traces may be flagged so that the next one is with a chance of at most `target`.

    The finite-sample rule of conformal prediction (Vovk et al. 2005), which holds for exchangeable traces.

    >>> allowance(0.01, 1000)
    9
    """
    return max(0, math.floor(target * (n + 1) + 1e-9) - 1)


def cut_above(ordinary: Floats, allowed: int, base_rate: float = 0.0) -> float:
    """About the lowest threshold above the base rate that no more than `allowed` of the suspicions (n) reach.

    No suspicion that was seen lies near it, so that no rounding decides. Equal ones are flagged together or not at all.
    What is no likelier than a trace at which nobody looked is never flagged: else a clean trace would be, because fewer
    monitors had looked at it than at other clean ones.

    >>> [round(cut_above(np.array([0.1, 0.1, 0.3, 0.7]), allowed), 3) for allowed in (0, 1, 2, 3, 4)]
    [0.721, 0.321, 0.109, 0.109, 0.0]
    """
    falling = np.sort(np.append(ordinary[ordinary > base_rate], base_rate))[::-1]
    allowed = min(allowed, len(falling) - 1)
    kept = falling[allowed]
    above = falling[falling > kept]
    step = max(STEP * kept * (1 - kept), 1e-6)
    return float(min(kept + step, (kept + (above[-1] if len(above) else 1.0)) / 2))


def share_by_task(flagged: Bools, tasks: Ints) -> Figure:
    """The share of traces (n) that are flagged; its interval respects that traces of one task are alike.

    Wilson's (1927) with the effective sample size of Korn and Graubard (1998), as in the view `rates`.
    """
    n = len(flagged)
    if not n:
        return absent("no traces")
    task = np.unique(tasks, return_inverse=True)[1]
    count = int(task.max()) + 1
    k = int(flagged.sum())
    p = k / n
    size, hits = np.bincount(task), np.bincount(task, flagged)
    if k in (0, n):
        effective = float(count)
    elif count == 1:
        effective = 1.0
    else:
        variance = count / (count - 1) * float(((hits - p * size) ** 2).sum()) / (n * n)
        shrunk = (student.ppf(0.975, n - 1) / student.ppf(0.975, count - 1)) ** 2
        effective = shrunk * min(float(n), p * (1 - p) / variance if variance > 0 else float(n))
    centre = (p + Z * Z / (2 * effective)) / (1 + Z * Z / effective)
    half = Z / (1 + Z * Z / effective) * math.sqrt(p * (1 - p) / effective + Z * Z / (4 * effective * effective))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Figure(p, low, high, k, n)
