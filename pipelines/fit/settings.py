"""What is fitted, on what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitors.measure.bootstrap import REPLICATES
from schemas.layouts import LayoutSettings

FALSE_ALARMS = 0.004  # of the ordinary traces of any source: other monitors want their share of one in a hundred
MOST_TRACES = 50_000  # a window takes some 20 kB while a model is fitted


@dataclass(frozen=True, slots=True)
class FitSettings:
    """One fit. `labels` are label files; without them, `label_column` of the traces and its `meanings`.

    Positives whose label names no behaviour are called `behaviour`. Traces without a label take the word of the
    `teachers`, where these are sure, and else count as negatives of `unlabelled_weight`; 0 leaves them out. Tasks are
    told by `group_by` and `group_pattern`, whose groups name the task. `ordinary` traces are not fitted on: they set
    the threshold.
    """

    traces: tuple[str, ...]
    category: str
    name: str
    labels: tuple[str, ...] = ()
    label_column: str | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)
    behaviour: str | None = None
    version: str = "1.0.0"
    teachers: tuple[str, ...] = ()
    unlabelled_weight: float = 0.0
    group_by: str | None = None
    group_pattern: str | None = None
    source_column: str | None = None
    leave_out: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    false_alarms: float = FALSE_ALARMS
    most_traces: int = MOST_TRACES
    replicates: int = REPLICATES
    notes: tuple[str, ...] = ()
    layout: LayoutSettings = field(default_factory=LayoutSettings)
