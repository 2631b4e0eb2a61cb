"""Reads trace files as a run would, without running anything, and counts what it would meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import Fault, LayoutError
from schemas.layouts import DeadRow, LayoutSettings, adapter_for

BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 4096
BUFFER_BYTES = 1 << 20  # pages are read as they are needed: a row group of a gigabyte must not become one in memory


@dataclass(slots=True)
class FileReport:
    """What one file holds. `error` says why it could not be read, or not to its end."""

    file: str
    layout: str = ""
    rows: int = 0
    traces: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    examples: list[DeadRow] = field(default_factory=list)  # the first dead row of each reason; `row` counts in the file
    without_reasoning: int = 0
    unknown_columns: tuple[str, ...] = ()
    error: str = ""

    @property
    def dead_rows(self) -> int:
        return sum(self.dead.values())

    @property
    def share_without_reasoning(self) -> float | None:
        return self.without_reasoning / self.traces if self.traces else None


def validate(files: Sequence[str], settings: LayoutSettings) -> list[FileReport]:
    """A report per file, in order. Raises LayoutError, with every fault, if no file at all can be read as traces."""
    reports = [FileReport(path) for path in files]
    faults: list[Fault] = []
    misfits = 0
    for report in reports:
        try:
            _read_file(report.file, settings, report)
        except LayoutError as error:
            misfits += 1
            faults += [fault for fault in error.faults if fault not in faults]
            report.dead["layout"] = report.rows
            report.error = str(error)
        except (pa.ArrowException, OSError) as error:
            report.error = f"{report.file}: {str(error).splitlines()[0]}"
    if faults and misfits == len(reports):
        raise LayoutError(faults)
    return reports


def _read_file(path: str, settings: LayoutSettings, report: FileReport) -> None:
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
        report.rows = file.metadata.num_rows
        adapter = adapter_for(file.schema_arrow, settings, path)
        report.layout = adapter.layout
        report.unknown_columns = adapter.unknown
        start = 0
        for batch in file.iter_batches(_batch_rows(file.metadata), columns=list(adapter.columns)):
            adapted = adapter.adapt(batch)
            report.traces += adapted.traces.num_rows
            report.without_reasoning += count_without_reasoning(adapted.traces.column("steps"))
            for dead in adapted.dead:
                if dead.reason not in report.dead:
                    report.examples.append(DeadRow(start + dead.row, dead.reason, dead.message, None))
                report.dead[dead.reason] += 1
            start += batch.num_rows


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """How many rows make about BATCH_BYTES, by the file's own statistics."""
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    return max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(size, 1)))


def count_without_reasoning(steps: pa.ListArray) -> int:
    """Traces in which no reasoning can be read: there is none, or all of it was withheld."""
    values = steps.flatten()
    said = values.field("text")
    text = pc.and_not(pc.greater(pc.binary_length(said), 0), pc.utf8_is_space(said))  # as monitors see it
    readable = pc.and_(pc.equal(values.field("channel"), "reasoning"), text)
    owners = np.repeat(np.arange(len(steps)), pc.list_value_length(steps).to_numpy(zero_copy_only=False))
    return len(steps) - len(np.unique(owners[readable.fill_null(False).to_numpy(zero_copy_only=False)]))
