"""From a shard of the plan to canonical traces: read, adapt, give each an identity.

Pure generators; `pipelines.monitor` wraps them. Nothing here knows of monitors or alerts, so an export may use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.plan import WHOLE, Task
from schemas.digest import digest, text_buffer, trace_digests, trace_keys
from schemas.errors import LayoutError
from schemas.layouts import ARGUMENTS, Adapter, LayoutSettings, adapter_for
from schemas.trace import ADAPTED

BATCH_BYTES = 16 << 20  # text in one batch; a single larger trace makes a batch of its own
BATCH_ROWS = 16_384
DEAD_ROWS = 2_000  # dead letters in one batch; their payloads are capped, so this bounds their bytes
FORGOTTEN_REASON = "forgotten"
READ_ROWS = 4_096  # decoded at a time, or fewer where rows are wide: rows differ in size, so a batch may come in parts
LARGE = 64 << 20  # from here on it pays to decode some rows twice rather than to hold others three times
BUFFER = 1 << 20  # without a buffered reader a whole column chunk is held in memory
ADAPTED_SCHEMA = ADAPTED.arrow()
STEP_ARGUMENTS = "step_arguments"  # beside the columns of ADAPTED where ReadSettings.arguments asks for it


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How rows become traces. `batch_bytes` changes how fast, never what."""

    layout: LayoutSettings
    batch_bytes: int = BATCH_BYTES
    payload_chars: int = 4_000  # of a dead row that are kept; 0 keeps none
    open: Callable[[str], BinaryIO] | None = None  # opens files in Arrow's place: an export has a door of its own
    in_order: bool = False  # rows come as they stand in their file, the large ones too
    left_out: Container[str] | None = None  # ids of traces that are not to be taken in
    arguments: bool = False  # say where the arguments of tool calls stand, in a column that `without_arguments` takes


@dataclass(frozen=True, slots=True)
class TraceBatch:
    """Traces of one shard (schema ADAPTED), the parts they are meant for, and the fingerprints of their files."""

    shard: int
    index: int
    parts: tuple[str, ...]
    fingerprints: dict[str, str]
    traces: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input row, or a stretch of a file, that was not taken."""

    fingerprint: str
    stage: str
    file: str
    row_group: int | None
    row: int | None
    rows: int
    reason: str
    message: str
    payload: str | None = None
    payload_digest: str | None = None


@dataclass(frozen=True, slots=True)
class DeadBatch:
    """Dead letters of one shard."""

    shard: int
    index: int
    parts: tuple[str, ...]
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of the rows of one file, within one shard: rows == traces + dead."""

    file: str
    fingerprint: str
    parts: tuple[str, ...]
    rows: int
    traces: int
    dead: int


@dataclass(frozen=True, slots=True)
class ShardCount:
    """How many batches a shard gave, and what became of its rows. Comes last."""

    shard: int
    parts: tuple[str, ...]
    trace_batches: int
    dead_batches: int
    files: tuple[FileCount, ...]


Element = TraceBatch | DeadBatch | ShardCount


def read_shard(shard: int, tasks: list[Task], settings: ReadSettings) -> Iterator[Element]:
    """Everything that the tasks of one shard give, in bounded memory, its count last."""
    gathered = _Gathered(shard, tasks[0].parts, settings.batch_bytes)
    letters: list[DeadLetter] = []
    counts: dict[tuple[str, str], Counter[str]] = {}
    dead_batches = 0
    source = _Source(settings.open)
    for task in tasks:
        count = counts.setdefault((task.file, task.fingerprint), Counter())
        for piece in _read_task(task, source, settings):
            if isinstance(piece, DeadLetter):
                letters.append(piece)
                count["dead"] += piece.rows
                count["rows"] += piece.rows
                if len(letters) >= DEAD_ROWS:
                    yield DeadBatch(shard, dead_batches, task.parts, tuple(letters))
                    letters, dead_batches = [], dead_batches + 1
            else:
                count["traces"] += len(piece)
                count["rows"] += len(piece)
                yield from gathered.add(piece, task)
    yield from gathered.flush()
    if letters:
        yield DeadBatch(shard, dead_batches, tasks[0].parts, tuple(letters))
        dead_batches += 1
    files = tuple(
        FileCount(file, fingerprint, tasks[0].parts, c["rows"], c["traces"], c["dead"])
        for (file, fingerprint), c in counts.items()
    )
    yield ShardCount(shard, tasks[0].parts, gathered.index, dead_batches, files)


class _Gathered:
    """Small pieces gathered into batches of about `limit` bytes, large ones cut; in the order they came."""

    def __init__(self, shard: int, parts: tuple[str, ...], limit: int) -> None:
        self.shard, self.parts, self.limit = shard, parts, limit
        self.index = 0
        self._pieces: list[pa.RecordBatch] = []
        self._prints: dict[str, str] = {}
        self._bytes = self._rows = 0

    def add(self, traces: pa.RecordBatch, task: Task) -> Iterator[TraceBatch]:
        for piece in _cut(traces, self.limit):
            size = _text_bytes(piece)
            if self._pieces and (self._bytes + size > self.limit or self._rows + len(piece) > BATCH_ROWS):
                yield from self.flush()
            self._pieces.append(piece)
            self._prints[task.file] = task.fingerprint
            self._bytes += size
            self._rows += len(piece)
            if 2 * self._bytes >= self.limit:  # a piece of this size is not worth copying
                yield from self.flush()

    def flush(self) -> Iterator[TraceBatch]:
        if not self._pieces:
            return
        traces = self._pieces[0] if len(self._pieces) == 1 else pa.concat_batches(self._pieces)
        prints = self._prints
        self._pieces, self._prints, self._bytes, self._rows = [], {}, 0, 0
        yield TraceBatch(self.shard, self.index, self.parts, prints, traces)
        self.index += 1


def _cut(traces: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Slices of at most `limit` bytes of text, but at least one row."""
    ends = _row_text_ends(traces)
    start, base = 0, 0
    while start < len(traces):
        stop = max(start + 1, int(np.searchsorted(ends, base + limit, side="right")))
        yield traces.slice(start, stop - start)
        start, base = stop, int(ends[stop - 1])


def _row_text_ends(traces: pa.RecordBatch) -> np.ndarray:
    """For each row, the bytes of step text up to its end."""
    steps = traces.column("steps")
    _, starts = text_buffer(steps.values.field("text"))
    return starts[steps.offsets.to_numpy()[1:]] - starts[steps.offsets[0].as_py()]


def _text_bytes(traces: pa.RecordBatch) -> int:
    return int(_row_text_ends(traces)[-1]) if len(traces) else 0


class _Source:
    """The file that is open now; row groups of one file follow each other."""

    def __init__(self, opener: Callable[[str], BinaryIO] | None) -> None:
        self._opener = opener
        self._path: str | None = None
        self._file: pq.ParquetFile | None = None

    def open(self, path: str) -> pq.ParquetFile:
        if self._path != path or self._file is None:
            source = self._opener(path) if self._opener else path
            self._file = pq.ParquetFile(source, buffer_size=BUFFER, pre_buffer=False)
            self._path = path
        return self._file


def _read_task(task: Task, source: _Source, settings: ReadSettings) -> Iterator[pa.RecordBatch | DeadLetter]:
    """The adapted traces and dead letters of one task."""
    try:
        file = source.open(task.path)
        layout = replace(settings.layout, arguments=settings.arguments)
        adapter = adapter_for(file.schema_arrow, layout, task.file)
    except (OSError, ValueError, LayoutError) as error:
        rows = 1
        if isinstance(error, LayoutError):
            rows = max(source.open(task.path).metadata.num_rows, 1)
        reason = "unknown_layout" if isinstance(error, LayoutError) else "corrupt_file"
        if isinstance(error, FileNotFoundError | PermissionError):
            reason = "unreadable_file"
        yield DeadLetter(task.fingerprint, "open", task.file, None, None, rows, reason, _first_line(error))
        return
    groups = range(file.metadata.num_row_groups) if task.row_group == WHOLE else (task.row_group,)
    for group in groups:
        yield from _read_group(task, file, adapter, group, settings)


def _read_group(
    task: Task, file: pq.ParquetFile, adapter: Adapter, group: int, settings: ReadSettings
) -> Iterator[pa.RecordBatch | DeadLetter]:
    meta = file.metadata.row_group(group)
    wanted = range(task.start, meta.num_rows if task.stop == WHOLE else task.stop)
    chosen = None if task.chosen is None else np.asarray(task.chosen, np.int64)
    width = max(1, meta.total_byte_size // max(meta.num_rows, 1))
    size = int(min(READ_ROWS, max(1, settings.batch_bytes // width)))
    columns = [c for c in adapter.columns if c in set(file.schema_arrow.names)]
    left = len(wanted) if chosen is None else len(chosen)
    try:
        for first, batch in _decoded(file, group, columns, size, wanted, settings.in_order):
            rows = np.arange(first, first + len(batch), dtype=np.int64)
            if chosen is not None:
                keep = np.isin(rows, chosen)
                if not keep.any():
                    continue
                batch, rows = batch.filter(pa.array(keep)), rows[keep]
            left -= len(batch)
            pieces = list(_adapt(batch, rows, task, group, adapter, settings))
            del batch
            yield from pieces
    except _Damaged as error:
        message = f"{left:,} rows of row group {group} cannot be read: {error}"
        yield DeadLetter(task.fingerprint, "read", task.file, group, None, max(left, 1), "corrupt_file", message)


class _Damaged(Exception):
    """A page cannot be decoded; what follows it in its row group is lost."""


def _decoded(
    file: pq.ParquetFile, group: int, columns: list[str], size: int, wanted: range, in_order: bool
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The wanted rows of a row group in batches, each with the number of its first row.

    While it is open, a reader holds what it last decoded twice over. A large batch that is most of its row group is
    therefore left to the end, decoded again, and handed on after its reader was let go; unless rows are wanted
    `in_order`, which then costs that memory.
    """
    total = file.metadata.row_group(group).total_byte_size
    late = []
    for first, batch in _batches(file, group, columns, size):
        if first >= wanted.stop:
            break
        part = batch.slice(max(wanted.start - first, 0), max(0, wanted.stop - max(first, wanted.start)))
        if not in_order and batch.nbytes > LARGE and 2 * batch.nbytes > total:
            late.append(first)
        elif len(part):
            yield max(first, wanted.start), part
        del batch, part
    for first in late:
        whole = next(b for at, b in _batches(file, group, columns, size) if at == first)
        part = whole.slice(max(wanted.start - first, 0), max(0, wanted.stop - max(first, wanted.start)))
        if len(part):
            yield max(first, wanted.start), part


def _batches(file: pq.ParquetFile, group: int, columns: list[str], size: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batches of a row group, each with the number of its first row; the same cuts each time."""
    first = 0
    batches = file.iter_batches(size, row_groups=[group], columns=columns, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (OSError, ValueError) as error:
            raise _Damaged(_first_line(error)) from error
        if batch is None:
            return
        rows = len(batch)
        yield first, batch
        del batch
        first += rows


def _adapt(
    batch: pa.RecordBatch, rows: np.ndarray, task: Task, group: int, adapter: Adapter, settings: ReadSettings
) -> Iterator[pa.RecordBatch | DeadLetter]:
    adapted = adapter.adapt(batch)
    for dead in adapted.dead:
        cap = settings.payload_chars
        yield DeadLetter(
            task.fingerprint,
            "adapt",
            task.file,
            group,
            int(rows[dead.row]),
            1,
            dead.reason,
            dead.message,
            dead.payload[:cap] if dead.payload is not None and cap else None,
            digest(dead.payload) if dead.payload is not None else None,
        )
    traces, at, arguments = adapted.traces, adapted.rows, adapted.arguments
    if settings.left_out is not None:
        out = np.array([t in settings.left_out for t in traces.column("trace_id").to_pylist()], bool)
        yield from (_left_out(task, group, int(rows[r])) for r in at[out])
        keep = pa.array(~out)
        traces, at, arguments = traces.filter(keep), at[~out], arguments.filter(keep) if arguments is not None else None
    if len(traces):
        known = identified(traces, rows[at], task.file, group)
        yield _with_arguments(known, arguments) if settings.arguments else known


def _left_out(task: Task, group: int, row: int) -> DeadLetter:
    """A row that is known and not wanted: neither its id nor its text is kept."""
    message = "the trace was forgotten on request, and is not taken in again"
    return DeadLetter(task.fingerprint, "adapt", task.file, group, row, 1, FORGOTTEN_REASON, message)


def identified(traces: pa.RecordBatch, rows: np.ndarray, file: str, row_group: int) -> pa.RecordBatch:
    """Canonical traces (n rows) with trace_digest, trace_key and where they came from."""
    digests = trace_digests(traces.column("steps"))
    keys = trace_keys(traces.column("trace_id").to_pylist(), digests)
    n = len(traces)
    extra = [
        pa.array(keys, pa.string()),
        pa.array(digests, pa.string()),
        pa.repeat(pa.scalar(file, pa.string()), n),
        pa.repeat(pa.scalar(row_group, pa.int32()), n),
        pa.array(rows, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays([*traces.columns, *extra], schema=ADAPTED_SCHEMA)


def _with_arguments(traces: pa.RecordBatch, arguments: pa.ListArray | None) -> pa.RecordBatch:
    known = pa.nulls(len(traces), ARGUMENTS) if arguments is None else arguments
    return traces.append_column(STEP_ARGUMENTS, known)


def without_arguments(traces: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.ListArray | None]:
    """Traces (schema ADAPTED) and, apart from them, where the arguments of their tool calls stand (type ARGUMENTS).

    An entry is null where the layout keeps no arguments.
    """
    at = traces.schema.get_field_index(STEP_ARGUMENTS)
    return (traces, None) if at < 0 else (traces.remove_column(at), traces.column(at))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]
