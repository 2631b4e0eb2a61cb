"""The traces that a model is fitted on: each with its windows, its label, its task and where it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
import pyarrow as pa

from monitors.classifier.features import Row, Rows, rows, stacked
from monitors.classifier.training import Examples
from monitors.measure.bootstrap import numbered
from monitors.monitor import Monitor, Verdict
from monitors.rules.scan import Batch
from pipelines.evaluate.corpus import NOTHING, prompt_texts, task_of
from pipelines.fit.settings import FitSettings
from pipelines.labels.column import check_column, check_values, labels_of, values_of
from pipelines.labels.truth import Truth, truths
from schemas.behaviours import BEHAVIOURS
from schemas.digest import digest
from schemas.errors import Fault, InputError

ANY = {"test_gaming": "TG22", "hidden_objective": "HO01"}  # what a positive is called whose label names no behaviour
SURE, TAUGHT, PRESUMED, OUT = "labelled", "taught", "presumed", "left out"


@dataclass(frozen=True, slots=True)
class Gathered:
    """n traces as examples, with what tells them apart; `basis` says on what ground each counts."""

    examples: Examples
    keys: tuple[str, ...]
    basis: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    unread: int  # traces in which the model wrote nothing


@dataclass(slots=True)
class Gathering:
    """Takes traces in, batch by batch."""

    settings: FitSettings
    labelled: dict[str, Truth] | None  # None: the labels are a column of the traces
    teachers: tuple[Monitor, ...]
    found: list[Row] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    basis: list[str] = field(default_factory=list)
    behaviour: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    traces: int = 0
    unread: int = 0

    def add(self, traces: pa.RecordBatch) -> None:
        """Take in a batch. Raises InputError where there are more traces than memory is made for."""
        self.traces += len(traces)
        decided = self._decided(traces)
        at = [i for i, (basis, _) in enumerate(decided) if basis != OUT]
        if len(self.keys) + len(at) > self.settings.most_traces:
            most = f"{self.settings.most_traces:,}"
            todo = "give fewer files, lower --unlabelled-weight to 0, or raise --most-traces: a window takes some 20 kB"
            raise InputError([Fault("--traces", None, f"more than {most} traces are to be fitted on", todo)])
        chosen = traces.take(pa.array(at, pa.int64()))
        first = len(self.keys)
        told = self._columns(chosen)
        prompts = prompt_texts(chosen.column("steps"))
        self.groups += self._groups(chosen, told["source"], prompts)
        for name, values in told.items():
            self.columns.setdefault(name, []).extend(values)
        self.keys += chosen.column("trace_key").to_pylist()
        self.basis += [decided[i][0] for i in at]
        self.behaviour += [decided[i][1] for i in at]
        for row in rows(Batch(chosen.column("steps")), range(len(chosen))):
            self.found.append(Row(first + row.trace, row.window, row.dense, row.thought, row.told))

    def done(self) -> Gathered:
        """All of it. Raises InputError where a column that was asked for was in no trace."""
        settings = self.settings
        if settings.label_column is not None and self.labelled is None:
            check_column(settings.label_column, self.values, self.traces, "--label-column")
            check_values(self.values, settings.meanings)
        asked = [("--source-column", settings.source_column), ("--group-by", settings.group_by)]
        for option, column in [*asked, *(("--leave-out", c) for c in settings.leave_out)]:
            if column is not None:
                check_column(column, {column: 1} if column in self.seen else {}, self.traces, option)
        if not self.keys:
            raise InputError("no trace can be fitted on: none that was read has a label of true or false.")
        stack = stacked(self.found)
        written = np.bincount(stack.trace, minlength=len(self.keys)) > 0
        weights = {SURE: 1.0, TAUGHT: 1.0, PRESUMED: settings.unlabelled_weight}
        weight = np.array([weights[b] for b in self.basis]) * written
        examples = Examples(
            stack,
            tuple(self.behaviour),
            weight,
            numbered(self.groups),
            tuple(self.columns["source"]),
            np.array([b == SURE for b in self.basis], bool) & written,
        )
        columns = {name: tuple(values) for name, values in self.columns.items()}
        return Gathered(examples, tuple(self.keys), tuple(self.basis), columns, int((~written).sum()))

    def _decided(self, traces: pa.RecordBatch) -> list[tuple[str, str]]:
        """(basis, behaviour) of each trace; "" for a negative."""
        category = self.settings.category
        default = self.settings.behaviour or ANY[category]
        truth = self._truth(traces)
        decided = []
        for one in truth:
            answer = one.categories.get(category)
            other = any(yes for c, yes in one.categories.items() if c != category)
            named = [b for b, yes in one.behaviours.items() if yes and BEHAVIOURS[b].category == category]
            if answer is not None:
                decided.append((SURE, (sorted(named) or [default])[0] if answer else ""))
            else:
                decided.append((OUT if other or not self.settings.unlabelled_weight else PRESUMED, ""))
        open_ = [i for i, (basis, _) in enumerate(decided) if basis == PRESUMED]
        if self.teachers and open_:
            steps = traces.column("steps").take(pa.array(open_, pa.int64()))
            words = [monitor.judge(steps) for monitor in self.teachers]
            for i, verdicts in zip(open_, zip(*words, strict=True), strict=True):
                decided[i] = taught(verdicts, category)
        return decided

    def _truth(self, traces: pa.RecordBatch) -> list[Truth]:
        known = self.labelled
        if known is None:
            column = self.settings.label_column or ""
            values = values_of(traces, column)
            self.values.update(v for v in values if v is not None)
            known = truths(labels_of(traces, values, self.settings.meanings, "presumed", column))
        return [known.get(key, Truth()) for key in traces.column("trace_key").to_pylist()]

    def _named(self, traces: pa.RecordBatch, column: str) -> list[str]:
        values = values_of(traces, column)
        if any(v is not None for v in values):
            self.seen.add(column)
        return [NOTHING if v is None else v for v in values]

    def _columns(self, traces: pa.RecordBatch) -> dict[str, list[str]]:
        source = self._named(traces, self.settings.source_column or "source")
        if self.settings.source_column is None:
            stems = [PurePath(f).stem for f in traces.column("file").to_pylist()]
            source = [s if v == NOTHING else v for v, s in zip(source, stems, strict=True)]
        return {"source": source} | {c: self._named(traces, c) for c in self.settings.leave_out if c != "source"}

    def _groups(self, traces: pa.RecordBatch, source: Sequence[str], prompts: Sequence[str]) -> list[str]:
        """The task of each trace: what was asked for where it is found, or task_id, rollout group or prompt."""
        settings = self.settings
        pairs = zip(traces.column("task_id").to_pylist(), traces.column("rollout_group").to_pylist(), strict=True)
        tasks = [task or group or digest(p) for (task, group), p in zip(pairs, prompts, strict=True)]
        if settings.group_by or settings.group_pattern:
            values = self._named(traces, settings.group_by or "trace_id")
            found = [task_of(v, settings.group_pattern) if v != NOTHING else None for v in values]
            # a value in which the pattern is not found names no task: it would be one of its own
            if settings.group_pattern:
                found = [None if task == v else task for task, v in zip(found, values, strict=True)]
            tasks = [task or other for task, other in zip(found, tasks, strict=True)]
        return [f"{s}\0{t}" for s, t in zip(source, tasks, strict=True)]


def taught(verdicts: Sequence[Verdict], category: str) -> tuple[str, str]:
    """What teachers make of a trace: a positive where one alerts, a negative where none has any suspicion."""
    found = [
        f
        for v in verdicts
        for f in v.findings
        if f.category == category and f.sanctioned == "none" and f.stance not in ("rejected", "quoted_or_fiction")
    ]
    if found:
        return TAUGHT, min(found, key=lambda f: (-f.score, f.behaviour)).behaviour
    silent = all(not v.findings and not (v.score or 0.0) for v in verdicts)
    return (PRESUMED, "") if silent else (OUT, "")


def ordinary_rows(batches: Sequence[pa.RecordBatch]) -> Rows:
    """The windows of traces that are not fitted on."""
    found: list[Row] = []
    first = 0
    for traces in batches:
        for row in rows(Batch(traces.column("steps")), range(len(traces))):
            found.append(Row(first + row.trace, row.window, row.dense, row.thought, row.told))
        first += len(traces)
    return stacked(found)
