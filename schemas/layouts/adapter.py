"""What an adapter is, what it gives back, and the faults it gathers row by row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.errors import InputError
from schemas.trace import CANONICAL

Ints = npt.NDArray[np.int64]
# per step of a trace, the arguments of the tool call that it is: name, and where its value stands in the step's text
STRETCH = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
ARGUMENTS = pa.list_(pa.list_(STRETCH))
MAX_TEXT = 2**31 - 1  # bytes that the 32-bit offsets of Arrow's `string` can reach within one batch


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A row that became no trace: its index in the batch given, a reason code, what was found, and the row as JSON."""

    row: int
    reason: str
    message: str
    payload: str | None


@dataclass(frozen=True, slots=True)
class Adapted:
    """The good rows of a batch as canonical traces, the index of each in the batch given, and the dead rows.

    `arguments` (type ARGUMENTS, an entry a trace) is there where the layout settings asked for it and the layout knows.
    """

    traces: pa.RecordBatch
    rows: Ints
    dead: list[DeadRow]
    arguments: pa.ListArray | None = None


class Adapter(Protocol):
    """Turns batches of one layout into canonical traces.

    `columns` are the source columns it needs, in file order; `unknown` are those of them that go to metadata.
    """

    @property
    def layout(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def unknown(self) -> tuple[str, ...]: ...

    def adapt(self, batch: pa.RecordBatch) -> Adapted: ...


@dataclass(slots=True)
class Faults:
    """Why rows of a batch are dead. The first fault of a row is the one that is told."""

    rows: int
    by_row: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, row: int, reason: str, message: str) -> None:
        self.by_row.setdefault(row, (reason, message))


def finish(
    batch: pa.RecordBatch, columns: dict[str, pa.Array], faults: Faults, arguments: pa.ListArray | None = None
) -> Adapted:
    """Keep the rows without a fault as traces, and make dead rows of the others."""
    traces = CANONICAL.batch(dict(columns))
    rows = np.arange(batch.num_rows, dtype=np.int64)
    if not faults.by_row:
        return Adapted(traces, rows, [], arguments)
    good = np.ones(batch.num_rows, dtype=bool)
    good[list(faults.by_row)] = False
    dead = [DeadRow(row, *faults.by_row[row], payload=row_as_json(batch, row)) for row in sorted(faults.by_row)]
    kept = None if arguments is None else arguments.filter(pa.array(good))
    return Adapted(traces.filter(pa.array(good)), rows[good], dead, kept)


def row_as_json(batch: pa.RecordBatch, row: int) -> str:
    """One row as JSON for a dead letter, whatever bytes are in it."""
    values = {
        name: _readable(column.slice(row, 1)) for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    text = json.dumps(values, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()


def _readable(value: pa.Array) -> object:
    try:
        return _without_bytes(value.to_pylist(maps_as_pydicts="lossy")[0])
    except (UnicodeDecodeError, ValueError, OverflowError):
        pass
    try:
        return _without_bytes(value.cast(pa.binary()).to_pylist()[0])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return f"<{value.type}: not readable>"


def _without_bytes(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def check_size(size: int) -> None:
    """Refuse a batch whose text Arrow could not address, in words."""
    if size > MAX_TEXT:
        raise InputError(f"a batch holds {size:,} bytes of text, and {MAX_TEXT:,} fit; read fewer rows at once")
