"""What the tests of this folder share: a batch in, its traces or dead rows out."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.layouts import Adapted, LayoutSettings, adapter_for

Steps = list[tuple[str, str | None]]


def adapt(batch: pa.RecordBatch, layout: str = "auto", **rename: str) -> Adapted:
    adapter = adapter_for(batch.schema, LayoutSettings(layout, tuple(rename.items())), "a.parquet")
    adapted = adapter.adapt(batch.select(list(adapter.columns)))
    adapted.traces.validate(full=True)
    assert adapted.traces.column("steps").null_count == 0
    assert len(adapted.rows) == adapted.traces.num_rows
    assert sorted([*adapted.rows.tolist(), *(d.row for d in adapted.dead)]) == list(range(batch.num_rows))
    return adapted


def read(layout: str = "auto", /, **columns: Any) -> Adapted:
    return adapt(pa.record_batch(columns), layout)


def steps(adapted: Adapted) -> list[Steps]:
    """(channel, text) of every step of every trace."""
    return [[(s["channel"], s["text"]) for s in row] for row in adapted.traces.column("steps").to_pylist()]


def reasons(adapted: Adapted) -> dict[int, str]:
    return {d.row: d.reason for d in adapted.dead}


def not_utf8(*values: bytes | None, kind: pa.DataType | None = None) -> pa.Array:
    """A string array over these bytes, as a Parquet reader hands it over: unchecked."""
    binary = pa.array(values, pa.binary())
    array = pa.Array.from_buffers(pa.string(), len(binary), binary.buffers(), binary.null_count)
    return array if kind is None else array.cast(kind)
