"""Thresholds of all categories and environments, by a false-positive rate or by what people can read in a night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.fusion.threshold import allowance, cut_above, needed, possible, share_by_task
from monitors.measure.figure import Bools, Floats, Ints
from monitors.measure.operating import percent
from schemas.calibrations import EVERYWHERE
from schemas.errors import InputError


@dataclass(frozen=True, slots=True)
class Aim:
    """A false-positive rate for each category, or flagged traces a night for both together."""

    target_fpr: float | None = None
    alerts_per_night: float | None = None
    per_environment: bool = False


@dataclass(frozen=True, slots=True)
class Ordinary:
    """Of n traces, those that are ordinary and were assessed for a category (`rows`), and what is known of each."""

    rows: Bools
    suspicion: Floats
    severity: Ints
    tasks: Ints
    nights: Ints
    environments: Sequence[str | None]
    base_rate: float
    left_out: int
    unassessed: int

    @property
    def n(self) -> int:
        return int(self.rows.sum())

    def within(self, environment: str) -> Bools:
        """Its rows in an environment."""
        if environment == EVERYWHERE:
            return self.rows
        return self.rows & np.array([e == environment for e in self.environments], bool)


@dataclass(frozen=True, slots=True)
class Cuts:
    """What a calibration's rows say of thresholds, and remarks."""

    rows: list[dict[str, Any]]
    remarks: list[str]


def cuts(ordinary: Mapping[str, Ordinary], aim: Aim, keep: int | None) -> Cuts:
    """The threshold of each category everywhere and, if asked for, of each environment with enough traffic.

    `keep` is the rank of the level from which alerts are listed anyway. Raises InputError where the traffic is too
    little for the aim.
    """
    environments = sorted({e for o in ordinary.values() for e in _environments(o)}) if aim.per_environment else []
    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    everywhere = _target(ordinary, EVERYWHERE, aim, max(1, len(environments)))
    faults = [_too_little(c, o.n, everywhere, aim) for c, o in ordinary.items() if o.n and o.n < needed(everywhere)]
    if faults:
        raise InputError(" ".join(faults))
    pooled = _thresholds(ordinary, EVERYWHERE, everywhere, aim)
    for category, one in ordinary.items():
        if not one.n:
            remarks.append(f"{category}: no monitor looks for it in this traffic, so it has no threshold")
        rows.append(_row(category, EVERYWHERE, one, pooled[category], everywhere, False, keep))
    small = []
    for environment in environments:
        target = _target(ordinary, environment, aim, 1)
        own = _thresholds(ordinary, environment, target, aim)
        for category, one in ordinary.items():
            n = int(one.within(environment).sum())
            if not n:
                continue
            too_few = n < needed(target)
            small += [environment] * too_few
            value = pooled[category] if too_few else own[category]
            rows.append(_row(category, environment, one, value, everywhere if too_few else target, too_few, keep))
    if small:
        names = sorted(set(small))
        told = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
        remarks.append(f"too little traffic for a threshold of its own, so that of all holds: {told}")
    remarks += _of_levels(rows)
    return Cuts(rows, remarks)


def _target(ordinary: Mapping[str, Ordinary], environment: str, aim: Aim, environments: int) -> float:
    """The share of traces that may be flagged there."""
    if aim.target_fpr is not None:
        return aim.target_fpr
    inside = np.logical_or.reduce([o.within(environment) for o in ordinary.values()])
    n = int(inside.sum())
    if not n:
        return 1.0
    nights = len(np.unique(next(iter(ordinary.values())).nights[inside]))
    share = (aim.alerts_per_night or 0.0) * nights * environments / n
    if share >= 1:
        where = "" if environment == EVERYWHERE else f" in {environment}"
        raise InputError(
            f"{aim.alerts_per_night:g} alerts a night are more than the ordinary traffic{where}: {n:,} traces in "
            f"{nights:,} nights. Give a smaller --alerts-per-night."
        )
    return share


def _thresholds(ordinary: Mapping[str, Ordinary], environment: str, target: float, aim: Aim) -> dict[str, float | None]:
    """By category. A budget is shared: as many of each may be flagged as keeps all of them together within it."""
    inside = {c: o.within(environment) for c, o in ordinary.items()}
    if aim.target_fpr is not None:
        return {c: _cut(o, inside[c], allowance(target, int(inside[c].sum()))) for c, o in ordinary.items()}
    budget = round(target * int(np.logical_or.reduce(list(inside.values())).sum()))
    low, high = 0, budget
    while low < high:
        middle = (low + high + 1) // 2
        flagged = np.logical_or.reduce([_flagged(o, inside[c], middle) for c, o in ordinary.items()])
        low, high = (middle, high) if flagged.sum() <= budget else (low, middle - 1)
    return {c: _cut(o, inside[c], low) for c, o in ordinary.items()}


def _cut(one: Ordinary, inside: Bools, allowed: int) -> float | None:
    return cut_above(one.suspicion[inside], allowed, one.base_rate) if inside.any() else None


def _flagged(one: Ordinary, inside: Bools, allowed: int) -> Bools:
    threshold = _cut(one, inside, allowed)
    return inside & (one.suspicion >= threshold) if threshold is not None else inside


def _row(
    category: str,
    environment: str,
    one: Ordinary,
    threshold: float | None,
    target: float,
    pooled: bool,
    keep: int | None,
) -> dict[str, Any]:
    inside = one.within(environment)
    flagged = one.suspicion[inside] >= threshold if threshold is not None else np.zeros(0, bool)
    kept = ~flagged & (one.severity[inside] >= keep) if keep is not None and len(flagged) else np.zeros(0, bool)
    share = share_by_task(flagged, one.tasks[inside])
    return {
        "category": category,
        "environment": environment,
        "target_fpr": target,
        "threshold": threshold,
        "pooled": pooled,
        "flagged": int(flagged.sum()),
        "ordinary": int(inside.sum()),
        "tasks": len(np.unique(one.tasks[inside])),
        "low": share.low,
        "high": share.high,
        "kept": int(kept.sum()),
        "nights": len(np.unique(one.nights[inside])),
        "left_out": one.left_out,
        "unassessed": one.unassessed,
    }


def _too_little(category: str, n: int, target: float, aim: Aim) -> str:
    least = possible(n)
    if aim.alerts_per_night is not None:
        return (
            f"{category}: that budget is {percent(round(target, 6))} of {n:,} ordinary traces, and {needed(target):,} "
            "would have to be seen to keep to it. Allow more alerts a night, or declare more traffic."
        )
    instead = f"--target-fpr {least:g} is possible" if least is not None else "declare more traffic"
    return (
        f"{category}: {n:,} ordinary traces, and a false-positive rate of {percent(target)} needs {needed(target):,}: "
        f"{instead}."
    )


def _environments(one: Ordinary) -> Iterator[str]:
    yield from {e for e, inside in zip(one.environments, one.rows, strict=True) if inside and e is not None}


def _of_levels(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["environment"] == EVERYWHERE and row["kept"] > row["flagged"]:
            yield (
                f"{row['category']}: {row['kept']:,} ordinary traces are listed for the level of an alert alone, more "
                f"than the {row['flagged']:,} above the threshold; --keep-level critical or none lists fewer"
            )
