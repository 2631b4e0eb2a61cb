"""What is measured, on what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitors.measure.bootstrap import REPLICATES
from pipelines.standard import standard_monitors
from schemas.layouts import LayoutSettings

NIGHTLY = 100_000  # traces a night, for the number of false cases that somebody would have to read


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """One evaluation. `labels` are label files; without them, `label_column` of the traces and its `meanings`.

    Scores come from running `monitors`, or from the `store` where one is named. `calibration` are traces of ordinary
    traffic, on which thresholds are chosen. Tasks are told by `cluster_by` (a column) and `cluster_pattern`, whose
    groups name the task. `variants` and `fitted` are names; `mask` are words masked besides the known ones.
    """

    traces: tuple[str, ...]
    labels: tuple[str, ...] = ()
    label_column: str | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)
    monitors: tuple[str, ...] = field(default_factory=standard_monitors)
    store: str | None = None
    calibration: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    source_column: str | None = None
    cluster_by: str | None = None
    cluster_pattern: str | None = None
    min_level: str = "low"
    nightly: int = NIGHTLY
    replicates: int = REPLICATES
    variants: tuple[str, ...] | None = None
    mask: tuple[str, ...] = ()
    fitted: tuple[str, ...] = ()
    leave_out: str = "source"
    layout: LayoutSettings = field(default_factory=LayoutSettings)
