"""How batches are written where a runner moves them between machines, and how large they are said to be."""

from __future__ import annotations

import json

import apache_beam as beam
import pyarrow as pa

from pipelines.read import TraceBatch

HEAD = b"cotmonitor.batch"


class TraceBatchCoder(beam.coders.Coder):  # type: ignore[misc]
    """A `TraceBatch` as one Arrow IPC stream, its head in the schema's metadata.

    Runners keep the steps that use it fused, so it hardly ever encodes. What matters is `estimate_size`: Beam samples
    the size of elements for its metrics, by encoding them where a coder does not know better, which for one trace of
    200 MB is another 200 MB.
    """

    def encode(self, value: TraceBatch) -> bytes:
        head = {"shard": value.shard, "index": value.index, "parts": value.parts, "fingerprints": value.fingerprints}
        traces = value.traces.replace_schema_metadata({**(value.traces.schema.metadata or {}), HEAD: json.dumps(head)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, traces.schema) as writer:
            writer.write_batch(traces)
        return bytes(sink.getvalue())

    def decode(self, encoded: bytes) -> TraceBatch:
        traces = pa.ipc.open_stream(encoded).read_next_batch()
        metadata = dict(traces.schema.metadata)
        head = json.loads(metadata.pop(HEAD))
        return TraceBatch(
            head["shard"],
            head["index"],
            tuple(head["parts"]),
            head["fingerprints"],
            traces.replace_schema_metadata(metadata),
        )

    def estimate_size(self, value: TraceBatch) -> int:
        return int(value.traces.nbytes)

    def is_deterministic(self) -> bool:
        return True

    def to_type_hint(self) -> type:
        return TraceBatch
