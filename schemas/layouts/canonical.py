"""`canonical`: traces that are laid out as the pipeline wants them, only checked and brought to its exact types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.adapter import Adapted, Faults, check_size, finish
from schemas.layouts.columns import Columns
from schemas.layouts.interleave import byte_lengths, steps_array
from schemas.layouts.text import INVALID_UTF8, text_column
from schemas.trace import CHANNELS, ROLES


@dataclass(frozen=True, slots=True)
class CanonicalAdapter:
    """Passes the steps through without a copy where their types are the canonical ones already."""

    sources: Columns
    layout: str = "canonical"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.sources.needed

    @property
    def unknown(self) -> tuple[str, ...]:
        return self.sources.unknown

    def adapt(self, batch: pa.RecordBatch) -> Adapted:
        faults = Faults(batch.num_rows)
        columns = self.sources.dimensions(batch, faults)
        source = self.sources.found["steps"]
        columns["steps"] = _steps(batch.column(source), source, faults)
        return finish(batch, columns, faults)


def _steps(column: pa.Array, source: str, faults: Faults) -> pa.ListArray:
    """The steps of each row; a null list is a trace without steps."""
    counts = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    values = column.flatten()
    inner = Faults(len(values))  # faults by step, told of the row that holds it
    if values.null_count:
        for step in np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist():
            inner.add(step, "null_step", f"{source} holds a null step")
    text = _field(values, "text", source, inner)
    role = _field(values, "role", source, inner)
    channel = _field(values, "channel", source, inner)
    _check(role, ROLES, "unknown_role", source, inner)
    _check(channel, CHANNELS, "unknown_channel", source, inner)
    name = _field(values, "name", source, inner)
    redacted = _redacted(values, source, inner)
    check_size(int(byte_lengths(text).sum()))
    for index, (reason, message) in inner.by_row.items():
        row = int(np.searchsorted(offsets, index, side="right")) - 1
        faults.add(row, reason, f"step {index - int(offsets[row])}: {message}")
    role, channel, name, text = (column.cast(pa.string()) for column in (role, channel, name, text))
    return steps_array(pa.array(offsets.astype(np.int32)), role, channel, name, text, redacted)


def _field(values: pa.StructArray, name: str, source: str, faults: Faults) -> pa.Array:
    if values.type.get_field_index(name) < 0:
        return pa.nulls(len(values), pa.string())
    return text_column(pc.struct_field(values, name), f"{source}.{name}", faults)


def _check(values: pa.Array, known: tuple[str, ...], reason: str, source: str, faults: Faults) -> None:
    good = pc.fill_null(pc.is_in(values, pa.array(known, values.type)), False).to_numpy(zero_copy_only=False)
    word = reason.removeprefix("unknown_")
    for step in np.flatnonzero(~good).tolist():
        if faults.by_row.get(step, ("",))[0] != INVALID_UTF8:
            faults.add(step, reason, f"{source} has {word} {values[step].as_py()!r}; use one of {', '.join(known)}")


def _redacted(values: pa.StructArray, source: str, faults: Faults) -> pa.Array | None:
    if values.type.get_field_index("redacted") < 0:
        return None
    flags = pc.struct_field(values, "redacted")
    if pa.types.is_null(flags.type):
        return None
    if not pa.types.is_boolean(flags.type):
        for step in np.flatnonzero(flags.is_valid().to_numpy(zero_copy_only=False)).tolist():
            faults.add(step, "wrong_type", f"{source}.redacted is {flags.type}, and true or false is needed")
        return None
    return flags.fill_null(False)
