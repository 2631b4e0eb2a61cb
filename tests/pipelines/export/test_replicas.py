"""Replicas: whatever repeats, the first place of each trace stays, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.masking.rows import RowSettings
from pipelines.export.replicas import find_replicas
from pipelines.export.shard import KEYS, ExportJob
from pipelines.guard import Guard
from pipelines.read import ReadSettings
from schemas.layouts import LayoutSettings

PLACES = st.lists(st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=3), max_size=3)


@given(PLACES)
@settings(max_examples=40, deadline=None)
def test_the_first_of_each_stays(tmp_path_factory, lake: list[list[list[int]]]) -> None:  # type: ignore[no-untyped-def]
    """`lake` holds, by shard, file and row, which trace stands there."""
    work = tmp_path_factory.mktemp("odd [name] 'of' a*folder?")
    seen: set[int] = set()
    expected = []
    for n, shard in enumerate(lake):
        rows = [(n, p, r, trace) for p, file in enumerate(shard) for r, trace in enumerate(file)]
        for *place, trace in rows:
            if trace in seen:
                expected.append(tuple(place))
            seen.add(trace)
        columns = [[row[i] for row in rows] for i in range(3)]
        keys = pa.table([*columns, [f"{row[3]:032x}" for row in rows]], schema=KEYS)
        pq.write_table(keys, work / f"keys-{n:06d}.parquet")
    read = ReadSettings(LayoutSettings())
    job = ExportJob(Guard(), "", str(work), read, (), RowSettings("sft"), None, "", shards=len(lake))
    assert find_replicas(job, Path(work)) == sorted({shard for shard, _, _ in expected})
    if lake:
        found = pq.read_table(job.replicas)
        assert list(zip(*(found.column(c).to_pylist() for c in found.column_names), strict=True)) == expected
