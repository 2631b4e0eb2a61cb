"""An evaluation as data: what `report.json` holds, and what tables and pages are made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from monitors.measure.calibration import Calibration
from monitors.measure.figure import Figure
from monitors.measure.one_regex import Ceiling
from monitors.measure.operating import OperatingPoint
from schemas.canary import CANARY

SCHEMA_VERSION = 1
CANARY_LINE = f"{CANARY}:evaluation"
UNREPORTED = ("scores", "fold")  # one entry a trace: for what comes after a probe, not for a report


@dataclass(frozen=True, slots=True)
class Ranking:
    """How scores rank traces; `within_environment` compares only traces of one environment."""

    auroc: Figure
    partial_auroc: Figure
    average_precision: Figure
    within_environment: Figure


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the ROC curve."""

    fpr: float
    tpr: float


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures on some of the traces; `tpr` and `fpr` at the cut of the target `at`, which all slices share."""

    by: str
    value: str
    positives: int
    negatives: int
    not_assessed: int
    at: float
    auroc: Figure
    tpr: Figure
    fpr: Figure


@dataclass(frozen=True, slots=True)
class VariantResult:
    """Figures where the traces were changed, and on the same traces unchanged, at the same cut."""

    variant: str
    meaning: str
    positives: int
    negatives: int
    not_assessed: int
    at: float
    auroc: Figure
    auroc_unchanged: Figure
    tpr: Figure
    tpr_unchanged: Figure
    fpr: Figure


@dataclass(frozen=True, slots=True)
class BehaviourResult:
    """Figures on one behaviour; alerts are those at the monitor's own threshold.

    `named`: positives of which an alert names the behaviour; `in_category`: of which one names its category.
    `precision`: alerts that name the behaviour on traces of which is known whether they show it.
    """

    behaviour: str
    positives: int
    auroc: Figure
    tpr: Figure
    named: Figure
    in_category: Figure
    precision: Figure


@dataclass(frozen=True, slots=True)
class Lift:
    """The AUROC of the monitor over that of a probe that sees only what the monitor's merit does not lie in."""

    over: str
    probe: Figure
    monitor: Figure
    lift: Figure


@dataclass(frozen=True, slots=True)
class Measured:
    """One monitor on one category."""

    category: str
    monitor: str
    positives: int
    negatives: int
    not_assessed_positives: int
    not_assessed_negatives: int
    why: str | None  # why there are no figures at all
    ranking: Ranking | None = None
    points: tuple[OperatingPoint, ...] = ()
    calibration: Calibration | None = None
    lift: Lift | None = None
    slices: tuple[Slice, ...] = ()
    variants: tuple[VariantResult, ...] = ()
    behaviours: tuple[BehaviourResult, ...] = ()
    roc: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertRate:
    """How many traces of a source are alerted at the monitor's own threshold, by what is held true of them."""

    monitor: str
    source: str
    truth: str
    alerted: Figure
    not_assessed: int


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How well a clue alone tells the label."""

    clue: str
    auroc: Figure
    verdict: str


@dataclass(frozen=True, slots=True)
class Leakage:
    """What tells the label without looking at what was done, and how far one pattern gets."""

    category: str
    traces: int
    probes: tuple[ProbeResult, ...]
    ceilings: tuple[Ceiling, ...]


@dataclass(frozen=True, slots=True)
class FittedResult:
    """A fitted monitor, each trace scored by what was fitted without its fold. `auroc` pools the folds."""

    name: str
    category: str
    way: str
    positives: int
    negatives: int
    unscored: int
    auroc: Figure
    within_folds: Figure
    points: tuple[OperatingPoint, ...]
    folds: tuple[Slice, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far a judge's alerts agree with `second`, the labels or another judge, on `both` traces, beyond chance.

    `kappa` is Cohen's, `kappa_by_task` has the interval of a bootstrap over tasks; `first_says` and `second_says` count
    who said yes how often.
    """

    first: str
    second: str
    category: str
    both: int
    first_says: int
    second_says: int
    kappa: Figure
    kappa_by_task: Figure
    agreed: Figure


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """Which monitor, and how many traces it could not look at, by reason."""

    monitor: str
    version: str
    digest: str
    categories: tuple[str, ...]
    alerted: int
    not_assessed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Data:
    """What was measured on; `digest` is over the traces' keys and their labels."""

    digest: str
    files: int
    traces: int
    dead_rows: int
    replicas: int
    tasks: int
    labels: Mapping[str, int]
    ordinary_traces: int
    ordinary_left_out: int  # since they are among the measured traces
    ordinary_digest: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation."""

    settings: Mapping[str, object]
    data: Data
    monitors: tuple[MonitorRow, ...]
    measured: tuple[Measured, ...]
    alert_rates: tuple[AlertRate, ...]
    leakage: tuple[Leakage, ...]
    fitted: tuple[FittedResult, ...]
    remarks: tuple[str, ...]
    agreements: tuple[JudgeAgreement, ...] = ()
    canary: str = CANARY_LINE
    schema_version: int = SCHEMA_VERSION


def as_json(report: Report) -> str:
    """The report as JSON: every figure an object with value, low, high, k, n and why, null where there is none."""
    return json.dumps(_plain(report), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in UNREPORTED}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
