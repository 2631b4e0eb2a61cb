"""Whether flagged traces fare as others do, all else that was known of them before a monitor spoke being equal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from pipelines.audit.rows.exchange import Association, assess, nested
from pipelines.audit.rows.odds import Odds, odds
from pipelines.audit.rows.source import Source
from pipelines.audit.rows.trees import Binned, Covariates, bin_columns, cross_fit

FINEST = 0.02  # of an outcome's spread
OWN = ("reward", "length")


@dataclass(frozen=True, slots=True)
class Tested:
    """A test of an outcome against a flag among some rows, and what was known of them; `chance` is theirs."""

    test: Association
    rows: np.ndarray  # of the population
    outcome: np.ndarray
    chance: np.ndarray
    weight: np.ndarray
    odds: Odds | None


def bounded(chance: np.ndarray) -> np.ndarray:
    """Chances that are never quite 0 or 1, since a model of n rows cannot know more."""
    least = 0.5 / (len(chance) + 1)
    return np.clip(chance, least, 1 - least)


def against(
    source: Source,
    outcome: np.ndarray,
    marks: np.ndarray,
    rows: np.ndarray,
    level: float,
    seed: int,
    *,
    covariates: Covariates | None = None,
    stratified: bool = True,
    with_odds: bool = False,
    drawn: bool = True,
) -> Tested:
    """Test `outcome` against `marks` (n each, of the population) among `rows`, given the source columns.

    An outcome of zeros and ones is taken for presence, whose rows are exchanged with their odds. `covariates` may be
    fewer than the source has, and `stratified` false to compare environments with each other too. With `drawn` false,
    p is that of the moments, which is enough to say what an association goes with.
    """
    at = np.flatnonzero(rows)
    y, z = outcome[at].astype(float), marks[at].astype(float)
    known = (covariates or source.covariates).where(at)
    binned = bin_columns(known)
    group, task = source.group[at], source.task[at]
    stratum = source.stratum[at] if stratified else np.zeros(len(at), np.int64)
    expected = cross_fit(binned, y, task)
    weight = z - _fitted(source, binned, at, z, task)
    present = bool(np.isin(y, (0.0, 1.0)).all())
    chance = bounded(expected) if present else expected
    stratum = _alike(stratum, task, chance) if present else stratum
    if present:
        parts = nested(y - chance, weight, group, task, stratum, chance)
    else:
        residual = _coarsened(y, expected)
        inner = _inner(known, y, group, task)
        closer = _within(inner, group) < _within(residual, group)
        parts = nested(residual, weight, group, task, stratum, inner=inner if closer else residual)
    test = assess(parts, level, np.random.default_rng(seed) if drawn else None)
    measured = odds(y, chance, z, weight, test.plain, level) if with_odds and present else None
    return Tested(test, at, y, chance, weight, measured)


def _fitted(source: Source, binned: Binned, at: np.ndarray, marks: np.ndarray, task: np.ndarray) -> np.ndarray:
    """What the source columns expect of marks, which one audit asks of the same rows again and again."""
    parts = ("|".join(binned.names).encode(), at.tobytes(), marks.tobytes())
    key = hashlib.blake2b(b"".join(parts), digest_size=16).digest()
    if key not in source.fits:
        source.fits[key] = cross_fit(binned, marks, task)
    return source.fits[key]


def _inner(known: Covariates, outcome: np.ndarray, group: np.ndarray, task: np.ndarray) -> np.ndarray:
    """Residuals of what differs within groups, given what differs there in reward and length.

    Rows of a group may stand close together in an order that spreads groups wide, which a fit of all rows would blur.
    """
    own = {f"own {n}": v - _means(v, group) for n in OWN if (v := known.numeric.get(n)) is not None}
    inner = outcome - _means(outcome, group)
    return _coarsened(
        inner, cross_fit(bin_columns(Covariates({**known.numeric, **own}, known.categorical)), inner, task)
    )


def _within(residual: np.ndarray, group: np.ndarray) -> float:
    return float(((residual - _means(residual, group)) ** 2).sum())


def _means(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    code = np.unique(unit, return_inverse=True)[1]
    return (np.bincount(code, values) / np.bincount(code))[code]


def _coarsened(outcome: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Residuals, without those that are finer than a fit by steps can be."""
    residual = outcome - expected
    return np.where(np.abs(residual) < FINEST * outcome.std(), 0.0, residual)


def _alike(stratum: np.ndarray, task: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Tasks are exchanged with tasks of the same stratum, of like size and like chances."""
    code = np.unique(task, return_inverse=True)[1]
    size = np.bincount(code)
    mean = (np.bincount(code, chance) / size)[code]
    # fifths of the chances in between; a task that is all there, or not at all, tells nothing of others
    level = np.where(mean < 0.02, 0, np.where(mean > 0.98, 6, 1 + np.floor(mean * 5).astype(np.int64)))
    scale = np.floor(np.log2(size)).astype(np.int64)[code]
    return (stratum * 8 + level) * 64 + scale
