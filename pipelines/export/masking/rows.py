"""Traces become training rows: one row a trace, in their order, whatever batch they came in.

What trains and what a grader sees is said in `masks`. Texts without a mark of reasoning and without arguments, which
are most, are masked and passed on straight from Arrow's buffers; Python looks only at the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.ids import keyed, sample_ids
from pipelines.export.masking.blind import blind_messages
from pipelines.export.masking.masks import Policy, policy, without_reasoning
from pipelines.export.masking.steps import StepColumns
from pipelines.export.masking.thought_names import means_thoughts
from pipelines.export.masking.thoughts import may_hold
from pipelines.export.masking.trained import trained_messages
from schemas.errors import Fault, InputError
from schemas.training import AUDIENCES, BLIND, CHOOSABLE, METADATA, training_table


@dataclass(frozen=True, slots=True)
class RowSettings:
    """What a row is made for and of. Raises InputError with all that is wrong with it.

    `arguments` are names such as `bash.command`; `columns` are columns besides the base ones; with `key` ids are keyed.
    """

    audience: str
    arguments: tuple[str, ...] = ()
    plain_actions: bool = False
    columns: tuple[str, ...] = ()
    key: bytes | None = None

    def __post_init__(self) -> None:
        faults = list(_column_faults(self.audience, self.columns))
        if self.audience not in AUDIENCES:
            todo = f"use one of {', '.join(AUDIENCES)}"
            faults.append(Fault("audience", None, f"unknown audience {self.audience!r}", todo))
        try:
            policy(self.audience, self.arguments, self.plain_actions)
        except InputError as error:
            faults += error.faults
        if faults:
            raise InputError(faults)

    @property
    def policy(self) -> Policy:
        return policy(self.audience, self.arguments, self.plain_actions)

    def __repr__(self) -> str:  # a key belongs in no log
        return f"RowSettings({self.audience}, arguments={self.arguments}, columns={self.columns})"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What was done to some rows, in numbers.

    `all_ones` are rows of which every character would train, which is always wrong. The others are of graders' rows:
    steps left out whole, texts from which marked reasoning was cut, words withheld as echoes of reasoning (of prompts
    and observations, of outputs and actions, of columns), names of tools that are no names.
    """

    rows: int = 0
    all_ones: int = 0
    left_out: int = 0
    cut: int = 0
    echoed_words: int = 0
    repeated_words: int = 0
    column_words: int = 0
    odd_names: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(RowCounts)})


def training_rows(traces: pa.RecordBatch, arguments: pa.ListArray | None, settings: RowSettings) -> pa.RecordBatch:
    """Traces (schema ADAPTED, n rows) as training rows (n rows); see `counted_rows`."""
    return counted_rows(traces, arguments, settings)[0]


def counted_rows(
    traces: pa.RecordBatch, arguments: pa.ListArray | None, settings: RowSettings
) -> tuple[pa.RecordBatch, RowCounts]:
    """Traces (schema ADAPTED, n rows) as training rows (schema `training_table(columns)`, n rows), and counts.

    `arguments` (type ARGUMENTS, n) say where the arguments of tool calls stand, as `pipelines.read` hands them on.
    """
    steps = StepColumns.of(traces.column("steps"), arguments)
    base = {name: traces.column(name) for name in ("environment", "task_id", "reward")}
    chosen = base | {name: _chosen(traces, name, settings) for name in settings.columns}
    if settings.audience in BLIND:
        texts = {name: values for name, values in chosen.items() if pa.types.is_string(values.type)}
        messages, texts, done = blind_messages(steps, settings.policy, texts)
        chosen |= texts
        counts = RowCounts(len(traces), **asdict(done))
    else:
        messages, all_ones = trained_messages(steps, settings.policy)
        counts = RowCounts(len(traces), all_ones)
    columns = {
        "sample_id": sample_ids(traces, settings.key),
        "messages": messages,
        **chosen,
    }
    return training_table(settings.columns).batch(columns), counts


def _chosen(traces: pa.RecordBatch, name: str, settings: RowSettings) -> pa.Array:
    if name.startswith(METADATA):
        values = pc.map_lookup(traces.column("metadata"), name.removeprefix(METADATA), "first")
        return _cut(values) if settings.audience in BLIND else values
    values = traces.column(name)
    if name == "episode_id" and settings.key is not None:
        return pa.array([None if v is None else keyed(v, settings.key) for v in values.to_pylist()], pa.string())
    return values


def _cut(values: pa.Array) -> pa.Array:
    """Metadata without the reasoning that is marked in it: a column that no layout knew may be an output."""
    held = may_hold(values)
    if not pc.any(held).as_py():
        return values
    cut = [without_reasoning(text, "output") for text in values.filter(held).to_pylist()]
    return pc.replace_with_mask(values, held, pa.array(cut, values.type))


def _column_faults(audience: str, columns: Sequence[str]) -> list[Fault]:
    """Columns that are none, that are named twice, or that by their name hold reasoning."""
    faults = []
    known = [c.name for c in CHOOSABLE]
    for i, name in enumerate(columns):
        key = name.removeprefix(METADATA)
        if name in columns[:i]:
            faults.append(Fault("columns", None, f"{name!r} is named twice", "name it once"))
        elif not name.startswith(METADATA):
            if name not in known:
                todo = f"use {', '.join(known)}, or metadata.KEY"
                faults.append(Fault("columns", None, f"there is no column {name!r} to choose", todo))
        elif not key:
            faults.append(Fault("columns", None, f"{name!r} names no key", "write metadata.KEY"))
        elif audience in BLIND and means_thoughts(key):
            what = f"{name!r}: a key called {key} holds reasoning, and {audience} must not see any"
            faults.append(Fault("columns", None, what, "leave it out"))
    return faults
