"""Reading: every row becomes a trace or a dead letter, and how it is cut into batches changes nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.inputs import fingerprint
from pipelines.plan import Pending, write_plan
from pipelines.plan import read_shard as tasks_of
from pipelines.read import DeadBatch, DeadLetter, ReadSettings, ShardCount, TraceBatch, read_shard
from schemas.layouts import LayoutSettings
from tests.pipelines.lakes import flat, rollouts


def read(
    paths: list[Path], tmp_path: Path, batch_bytes: int = 16 << 20, workers: int = 1, payload_chars: int = 4000
) -> tuple[pa.Table, list[DeadLetter], list[ShardCount], int]:
    todo = [Pending(f, ("ingest",)) for f in fingerprint(sorted(map(str, paths)), str(tmp_path))]
    plan = write_plan(todo, tmp_path / "plan.parquet", workers)
    settings = ReadSettings(LayoutSettings(), batch_bytes, payload_chars)
    pieces = [e for s in range(plan.shards) for e in read_shard(s, tasks_of(plan.path, s), settings)]
    traces = [e.traces for e in pieces if isinstance(e, TraceBatch)]
    letters = [x for e in pieces if isinstance(e, DeadBatch) for x in e.letters]
    counts = [e for e in pieces if isinstance(e, ShardCount)]
    return pa.Table.from_batches(traces) if traces else pa.table({}), letters, counts, len(traces)


@pytest.mark.parametrize("batch_bytes", [1, 300, 5_000], ids=lambda n: f"{n} bytes a batch")
def test_batches_change_nothing(tmp_path: Path, batch_bytes: int) -> None:
    paths = [flat(tmp_path / f"{i}.parquet", rollouts(40, f"f{i}-"), row_group=17) for i in range(3)]
    whole, _, _, one = read(paths, tmp_path)
    cut, _, counts, many = read(paths, tmp_path, batch_bytes)
    assert one == 1 < many
    assert cut.to_pylist() == whole.to_pylist()
    assert sum(c.trace_batches for c in counts) == many


def test_a_batch_never_exceeds_its_bytes_but_for_a_single_row(tmp_path: Path) -> None:
    rows = [{"trace_id": str(i), "reasoning": "x" * (i * 1000)} for i in range(1, 30)]
    path = flat(tmp_path / "a.parquet", rows)
    todo = [Pending(f, ("ingest",)) for f in fingerprint([str(path)], None)]
    plan = write_plan(todo, tmp_path / "plan.parquet", 1)
    settings = ReadSettings(LayoutSettings(), batch_bytes=20_000)
    for piece in read_shard(0, tasks_of(plan.path, 0), settings):
        if isinstance(piece, TraceBatch) and len(piece.traces) > 1:
            assert sum(len(t["steps"][0]["text"]) for t in piece.traces.to_pylist()) <= 20_000


def test_the_same_content_has_the_same_key_in_another_file(tmp_path: Path) -> None:
    a = flat(tmp_path / "a.parquet", rollouts(5))
    b = flat(tmp_path / "b.parquet", rollouts(5)[::-1])
    traces, _, _, _ = read([a, b], tmp_path)
    keys = traces.column("trace_key").to_pylist()
    assert sorted(keys[:5]) == sorted(keys[5:])
    assert len(set(keys)) == 5


def damaged(path: Path) -> Path:
    """A Parquet file with a whole footer and a ruined last page."""
    flat(path, rollouts(2_000), row_group=500)
    start = pq.read_metadata(path).row_group(3).column(8).data_page_offset
    data = bytearray(path.read_bytes())
    data[start + 20 : start + 400] = b"\xff" * 380
    path.write_bytes(data)
    return path


def truncated(path: Path) -> Path:
    flat(path, rollouts(50))
    path.write_bytes(path.read_bytes()[:-100])
    return path


def written(path: Path, table: pa.Table) -> Path:
    pq.write_table(table, path)
    return path


BAD_FILES = [
    pytest.param(lambda p: truncated(p), "open", "corrupt_file", 1, id="a truncated file"),
    pytest.param(lambda p: (p.write_bytes(b""), p)[1], "open", "corrupt_file", 1, id="an empty file"),
    pytest.param(lambda p: (p.write_text('{"a": 1}\n'), p)[1], "open", "corrupt_file", 1, id="JSON in disguise"),
    pytest.param(
        lambda p: damaged(p), "read", "corrupt_file", 500, id="a ruined page: its row group is lost, the rest read"
    ),
    pytest.param(
        lambda p: written(p, pa.table({"x": [1, 2, 3], "trace_id": ["a", "b", "c"]})),
        "open",
        "unknown_layout",
        3,
        id="no layout fits",
    ),
]


@pytest.mark.parametrize(("make", "stage", "reason", "lost"), BAD_FILES)
def test_bad_files_are_dead_letters_and_the_good_one_is_read(
    tmp_path: Path, make: object, stage: str, reason: str, lost: int
) -> None:
    bad = make(tmp_path / "bad.parquet")  # type: ignore[operator]
    good = flat(tmp_path / "good.parquet", rollouts(10))
    traces, letters, counts, _ = read([bad, good], tmp_path)
    assert [(x.stage, x.reason, x.file) for x in letters] == [(stage, reason, "bad.parquet")]
    assert sum(x.rows for x in letters) == lost
    assert traces.column("file").to_pylist().count("good.parquet") == 10
    files = [f for c in counts for f in c.files]
    assert sum(f.rows for f in files) == len(traces) + lost


def test_payloads_are_capped_or_left_out_and_their_digest_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", pa.table({"trace_id": [None, "b"], "reasoning": ["x" * 9000, "y"]}))
    for chars, kept in ((100, 100), (0, None)):
        _, (letter,), _, _ = read([path], tmp_path, payload_chars=chars)
        assert (letter.payload and len(letter.payload)) == kept
        assert letter.payload_digest
        assert (letter.reason, letter.row_group, letter.row) == ("null_id", 0, 0)


def test_row_ranges_of_one_row_group_meet_without_gap_or_overlap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import plan

    monkeypatch.setattr(plan, "OPEN_ABOVE", 0)
    monkeypatch.setattr(plan, "SHARD_BYTES", 100)
    path = flat(tmp_path / "a.parquet", rollouts(101), row_group=1_000)
    whole, _, _, _ = read([path], tmp_path, workers=1)
    cut, _, counts, _ = read([path], tmp_path, workers=3)
    assert len(counts) == 3
    assert cut.to_pylist() == whole.to_pylist()
