"""What a run hands to the contracts: where its staged files lie and what it meant to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

RECENT_RUNS = 7  # a week of nights: long enough for a median, short enough to follow a growing lake


@dataclass(frozen=True, slots=True)
class PastRun:
    """Rows read and alerts raised by a recent done run over the same inputs."""

    rows: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A run's staged output.

    `files` maps a table's name (`traces`, `assessments`, `alerts`, `dead_letters`) to absolute Parquet paths; a table
    with none is empty. `files_planned` has one row per input file with something to do:

    - `file` (string) and `rows` (int64): its input rows, as planned;
    - `monitors` (list<string>, optional; null means all): the monitors that this run runs on it, and `ingest` if it
      stages the file's traces. Left out, every monitor runs on every file and all traces are staged;
    - `traces` (int64, optional): for a file without `ingest`, how many traces the store already has of it.

    `violations` counts rows that broke a check made on the way (name of the check -> rows); zeros are welcome, they
    show that the check was made. `history` is newest first; the first seven count.
    """

    files: Mapping[str, Sequence[str]]
    files_planned: pa.Table
    monitors: tuple[str, ...]
    violations: Mapping[str, int] = field(default_factory=dict)
    history: Sequence[PastRun] = ()
