"""Shares of a population from a sample drawn with other chances in each stratum.

Each row stands for `of / drawn` rows of its stratum (Horvitz and Thompson 1952). Intervals redraw rows within their
strata (the rescaled bootstrap of Rao and Wu 1988, with n - 1 draws of n), so that a stratum of which all was drawn
still varies a little: intervals err on the wide side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitors.measure.bootstrap import REPLICATES, SEED, numbered
from monitors.measure.figure import Bools, Figure, Floats, Ints, absent


@dataclass(frozen=True, slots=True)
class Strata:
    """Of each row (n): its stratum's number, and how many rows of the population it stands for."""

    stratum: Ints
    weight: Floats


def strata(names: Sequence[str], of: Sequence[int]) -> Strata:
    """The strata of a whole sample: `of[i]` is the size in the population of the stratum that row i was drawn from."""
    stratum = numbered(names)
    drawn = np.bincount(stratum)[stratum]
    return Strata(stratum, np.asarray(of, np.float64) / drawn)


def population_share(flags: Bools, among: Bools, sample: Strata, of: str) -> Figure:
    """The share with `flags` among those rows of the population that are `among`; k of n are rows of the sample.

    >>> sample = strata(["rare", "rare", "common", "common"], [2, 2, 98, 98])
    >>> flags = np.array([True, True, True, False])
    >>> round(population_share(flags, np.ones(4, bool), sample, "rows").value, 2)
    0.51
    """
    n = int(among.sum())
    if n == 0:
        return absent(f"no {of} in the sample")
    hit = (flags & among).astype(np.float64) * sample.weight
    all_ = among.astype(np.float64) * sample.weight
    again = [
        float((hit * w).sum() / total) for w in _redrawn(sample.stratum, REPLICATES) if (total := (all_ * w).sum()) > 0
    ]
    low, high = np.percentile(again, [2.5, 97.5])
    figure = Figure(float(hit.sum() / all_.sum()), float(low), float(high))
    return replace(figure, k=int((flags & among).sum()), n=n)


def _redrawn(stratum: Ints, replicates: int) -> list[Floats]:
    rng = np.random.default_rng(SEED)
    rows = [np.flatnonzero(stratum == s) for s in range(int(stratum.max()) + 1)]
    found = []
    for _ in range(replicates):
        weight = np.zeros(len(stratum))
        for inside in rows:
            n = len(inside)
            draws = max(n - 1, 1)
            weight[inside] = rng.multinomial(draws, np.full(n, 1 / n)) * n / draws
        found.append(weight)
    return found
