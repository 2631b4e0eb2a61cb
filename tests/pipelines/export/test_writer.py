"""The writer of training rows: its bytes are those of its rows, however they came."""

from __future__ import annotations

import io
import itertools
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export import writer as module
from pipelines.export.writer import RowWriter, row_bytes, without
from schemas.training import training_table

TABLE = training_table(("model", "success", "metadata.seed"))


def made(count: int, seed: int, longest: int = 60) -> pa.RecordBatch:
    """Rows of all kinds: nulls, no messages, empty and long texts, spans and none."""
    chance = random.Random(seed)
    messages = []
    for _ in range(count):
        texts = ["ab😀" * chance.randrange(longest) for _ in range(chance.choice((0, 1, 1, 2, 5)))]
        spans = [[{"start": 0, "end": 1}] if t and chance.random() < 0.5 else [] for t in texts]
        messages.append(
            [
                {
                    "role": chance.choice(("user", "assistant")),
                    "channel": chance.choice(("prompt", "output")),
                    "name": chance.choice((None, "bash")),
                    "text": t,
                    "train": bool(s),
                    "spans": s,
                }
                for t, s in zip(texts, spans, strict=True)
            ]
        )
    return TABLE.batch(
        {
            "sample_id": [f"t{i}" for i in range(count)],
            "messages": messages,
            "environment": [chance.choice((None, "swe", "math")) for _ in range(count)],
            "reward": [chance.choice((None, 0.0, 1.5)) for _ in range(count)],
            "success": [chance.choice((None, True, False)) for _ in range(count)],
            "metadata.seed": [chance.choice((None, str(i))) for i in range(count)],
        }
    )


def written(rows: pa.RecordBatch, cuts: list[int]) -> bytes:
    """The file of some rows that come in batches cut at these places."""
    sink = io.BytesIO()
    writer = RowWriter(sink, TABLE.arrow())
    for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        writer.add(rows.slice(start, stop - start))
    writer.close()
    return sink.getvalue()


@given(st.integers(0, 40), st.integers(0, 5), st.data())
@settings(max_examples=60, deadline=None)
def test_batches_leave_no_trace(count: int, seed: int, data: st.DataObject) -> None:
    rows = made(count, seed)
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=6)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUP_ROWS", 7)
        patch.setattr(module, "GROUP_BYTES", 2_000)
        assert written(rows, cuts) == written(rows, [])


@given(st.integers(1, 40), st.integers(0, 5), st.data())
@settings(max_examples=60, deadline=None)
def test_dropped_rows_leave_no_trace(count: int, seed: int, data: st.DataObject) -> None:
    rows = made(count, seed)
    dropped = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1)))), dtype=np.int64)
    keep = np.ones(count, dtype=bool)
    keep[dropped] = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUP_ROWS", 7)
        patch.setattr(module, "READ_ROWS", 5)
        sink = io.BytesIO()
        assert without(io.BytesIO(written(rows, [])), dropped, sink, TABLE.arrow()) == keep.sum()
        assert sink.getvalue() == written(rows.filter(pa.array(keep)), [])


def test_row_groups_are_cut_by_rows_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made(100, 1, longest=400)
    monkeypatch.setattr(module, "GROUP_ROWS", 10)
    monkeypatch.setattr(module, "GROUP_BYTES", 4_000)
    meta = pq.read_metadata(io.BytesIO(written(rows, [])))
    groups = [meta.row_group(g).num_rows for g in range(meta.num_row_groups)]
    sizes = np.split(row_bytes(rows), np.cumsum(groups)[:-1])
    assert sum(groups) == 100
    assert all(n <= 10 for n in groups)
    assert all(s.sum() <= 4_000 or len(s) == 1 for s in sizes)
    assert any(s.sum() > 4_000 for s in sizes)  # a row larger than a group is one
    for here, after in itertools.pairwise(sizes):  # and none is cut before it is full
        assert len(here) == 10 or here.sum() + after[0] > 4_000


def test_the_file_says_nothing_but_its_rows() -> None:
    data = written(made(30, 2), [])
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.read().equals(pa.Table.from_batches([made(30, 2)]))
    assert set(file.metadata.metadata) == {b"ARROW:schema", b"cotmonitor.table", b"cotmonitor.version"}
    assert file.metadata.created_by == f"parquet-cpp-arrow version {pa.__version__}"
    group = file.metadata.row_group(0)
    by_name = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    # statistics would keep the first and the last text and id by themselves
    assert not by_name["messages.list.element.text"].is_stats_set
    assert not by_name["sample_id"].is_stats_set
    assert by_name["reward"].is_stats_set
    assert {c.compression for c in by_name.values()} == {"ZSTD"}


def test_no_rows_are_a_file_too() -> None:
    assert pq.read_table(io.BytesIO(written(made(0, 0), []))).schema.equals(TABLE.arrow())
