"""How far two labellers agree beyond chance: Cohen's kappa with two intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.measure.bootstrap import REPLICATES, resampled
from monitors.measure.figure import Figure, Floats, Ints, Z, absent, share


@dataclass(frozen=True, slots=True)
class Agreement:
    """`kappa` with its large-sample interval, `kappa_by_trace` with that of a bootstrap over traces, raw agreement."""

    kappa: Figure
    kappa_by_trace: Figure
    agreed: Figure


def agreement(first: Ints, second: Ints, clusters: Ints, replicates: int = REPLICATES) -> Agreement:
    """The agreement of two labellers on the same n items; classes are numbered from 0, `clusters` numbers the trace.

    Kappa is Cohen's (1960), its standard error that of Fleiss, Cohen and Everitt (1969, equation 13).
    """
    agreed = share(int((first == second).sum()), len(first), "items that both labelled")
    if not len(first):
        nothing = absent("no items that both labelled")
        return Agreement(nothing, nothing, agreed)
    classes = int(max(first.max(), second.max())) + 1

    def measure(weight: Floats | None) -> float | None:
        return kappa(crossed(first, second, classes, weight))

    why = "both used one and the same answer throughout, so that chance alone would agree"
    by_trace = resampled(measure, clusters, why, replicates)
    table = crossed(first, second, classes)
    value, error = kappa(table), standard_error(table)
    if value is None or error is None:
        return Agreement(absent(why), by_trace, agreed)
    analytic = Figure(value, max(-1.0, value - Z * error), min(1.0, value + Z * error), n=len(first))
    return Agreement(analytic, by_trace, agreed)


def crossed(first: Ints, second: Ints, classes: int, weight: Floats | None = None) -> Floats:
    """The table (classes x classes) of how often the first said i and the second j."""
    return np.bincount(first * classes + second, weight, classes * classes).reshape(classes, classes).astype(float)


def kappa(table: Floats) -> float | None:
    """Agreement beyond chance as a share of what there could be; None where chance alone agrees always.

    >>> round(kappa(np.array([[20.0, 5.0], [10.0, 15.0]])), 3)
    0.4
    """
    total = table.sum()
    if total <= 0:
        return None
    p = table / total
    seen = float(np.trace(p))
    chance = float(p.sum(axis=1) @ p.sum(axis=0))
    return (seen - chance) / (1 - chance) if 1 - chance > 1e-12 else None


def standard_error(table: Floats) -> float | None:
    """The large-sample standard error of kappa for a kappa that need not be 0."""
    total = table.sum()
    if total <= 0:
        return None
    p = table / total
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    seen, chance = float(np.trace(p)), float(rows @ columns)
    if 1 - chance <= 1e-12:
        return None
    # entry (i, j): how often the second says i, and the first j, at all
    marginals = columns[:, None] + rows[None, :]
    diagonal = np.diag(p) * ((1 - chance) - (rows + columns) * (1 - seen)) ** 2
    beside = p * marginals**2
    np.fill_diagonal(beside, 0.0)
    spread = diagonal.sum() + (1 - seen) ** 2 * beside.sum() - (seen * chance - 2 * chance + seen) ** 2
    return float(np.sqrt(max(0.0, spread) / total) / (1 - chance) ** 2)
