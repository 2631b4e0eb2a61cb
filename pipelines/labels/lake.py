"""Traces read for labelling and measuring: as a run reads them, one after another, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.labels.files import Label
from pipelines.plan import WHOLE, Task
from pipelines.read import DeadBatch, ReadSettings, TraceBatch, read_shard
from schemas.digest import digest
from schemas.layouts import LayoutSettings


@dataclass(slots=True)
class Seen:
    """What was read so far: each trace_key once, and rows that were no traces."""

    keys: set[str] = field(default_factory=set)
    dead: int = 0
    replicas: int = 0


def read_traces(files: Iterable[str], layout: LayoutSettings, seen: Seen) -> Iterator[pa.RecordBatch]:
    """Batches (schema ADAPTED) of the traces in the files, replicas once."""
    for path in files:
        task = Task(path, path, "", WHOLE, 0, WHOLE, None, ())
        for element in read_shard(0, [task], ReadSettings(layout, payload_chars=0)):
            if isinstance(element, DeadBatch):
                seen.dead += sum(letter.rows for letter in element.letters)
            elif isinstance(element, TraceBatch):
                batch = _fresh(element.traces, seen)
                if len(batch):
                    yield batch


def keys_by_id(files: Iterable[str], layout: LayoutSettings) -> dict[str, tuple[tuple[str, str], ...]]:
    """trace_id -> (trace_key, trace_digest) of each trace that bears it."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for batch in read_traces(files, layout, Seen()):
        ids = (batch.column(name).to_pylist() for name in ("trace_id", "trace_key", "trace_digest"))
        for trace_id, key, trace_digest in zip(*ids, strict=True):
            found[trace_id] = (*found.get(trace_id, ()), (key, trace_digest))
    return found


def template(files: Iterable[str], layout: LayoutSettings, category: str, labeller: str, most: int) -> list[Label]:
    """Rows to be filled in, for `most` traces drawn by chance that is always the same; no text of theirs."""
    found: list[Label] = []
    for batch in read_traces(files, layout, Seen()):
        ids = (batch.column(name).to_pylist() for name in ("trace_key", "trace_id", "trace_digest"))
        found += [
            Label(key, category, None, "unsure", "human", labeller, trace_id, trace_digest)
            for key, trace_id, trace_digest in zip(*ids, strict=True)
        ]
    drawn = sorted(found, key=lambda label: digest("labels template", label.trace_key))[:most]
    return sorted(drawn, key=lambda label: (label.trace_id or "", label.trace_key))


def _fresh(traces: pa.RecordBatch, seen: Seen) -> pa.RecordBatch:
    """The rows whose trace was not read before."""
    stay = []
    for key in traces.column("trace_key").to_pylist():
        stay.append(key not in seen.keys)
        seen.keys.add(key)
    seen.replicas += stay.count(False)
    return traces if all(stay) else traces.filter(pc.equal(pa.array(stay), True))
