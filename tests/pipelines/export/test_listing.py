"""The lake's files, their veiled names, and how the work is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.export.listing import list_lake, part_name, veiled, write_plan
from pipelines.guard import Guard
from pipelines.inputs import InputFile
from pipelines.plan import WHOLE, read_shard
from tests.pipelines.lakes import flat, rollouts

KEY = b"0123456789abcdef"


def test_files_are_listed_by_name_below_the_lake(tmp_path: Path) -> None:
    for name in ("b.parquet", "a/z.parquet", "a-b.parquet", "ä.parquet"):
        flat(tmp_path / "lake" / name, rollouts(1))
    lake = list_lake(Guard(), str(tmp_path / "lake"))
    assert [f.name for f in lake.files] == ["a-b.parquet", "a/z.parquet", "b.parquet", "ä.parquet"]
    assert lake.root == str(tmp_path / "lake")
    other = Path(tmp_path / "lake").rename(tmp_path / "moved")
    moved = list_lake(Guard(), str(other))
    assert [f.fingerprint for f in moved.files] == [f.fingerprint for f in lake.files]


def test_names_are_veiled_and_keyed_ones_differ_by_key() -> None:
    names = {veiled("a", None), veiled("b", None), veiled("a", KEY), veiled("a", KEY[::-1])}
    assert len(names) == 4
    assert part_name("a", None) == f"part-{veiled('a', None)}.parquet"


@pytest.mark.parametrize(
    ("sizes", "shards"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([1] * 5, [5], id="small files share a shard"),
        pytest.param([1] * 4_001, [2_000, 2_000, 1], id="but not too many"),
        pytest.param([1, 20 << 20, 1, 1], [1, 1, 2], id="a large file is a shard of its own"),
        pytest.param([15 << 20] * 2, [1, 1], id="two that together are too much"),
    ],
)
def test_the_plan(sizes: list[int], shards: list[int], tmp_path: Path) -> None:
    files = [InputFile(f"{i:05}", f"/lake/{i:05}", size, f"print {i}") for i, size in enumerate(sizes)]
    plan = tmp_path / "plan.parquet"
    assert write_plan(files, plan, Guard()) == len(shards)
    tasks = [read_shard(str(plan), n) for n in range(len(shards))]
    assert [len(t) for t in tasks] == shards
    assert [t.file for shard in tasks for t in shard] == [f.name for f in files]
    assert {(t.row_group, t.start, t.stop) for shard in tasks for t in shard} <= {(WHOLE, 0, WHOLE)}
