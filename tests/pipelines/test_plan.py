"""Plans: every row once, whatever the number of workers, in shards of bounded size."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import plan
from pipelines.inputs import InputFile, fingerprint
from pipelines.plan import WHOLE, Part, Pending, pending, read_shard, write_plan


def lake(folder: Path, files: int, rows: int, row_group: int, width: int = 100) -> list[InputFile]:
    folder.mkdir(exist_ok=True)
    for i in range(files):
        texts = [f"{i}-{r} ".ljust(width, "x") for r in range(rows)]
        pq.write_table(
            pa.table({"t": texts}), folder / f"{i:04d}.parquet", row_group_size=row_group, compression="none"
        )
    return list(fingerprint(sorted(map(str, folder.iterdir())), None))


def covered(path: str, shards: int, groups: dict[str, list[int]]) -> list[tuple[str, int, int]]:
    """Every (file, row group, row) that the plan's tasks name."""
    rows = []
    for shard in range(shards):
        for task in read_shard(path, shard):
            for g, n in enumerate(groups[task.file]):
                if task.row_group in (WHOLE, g):
                    stop = n if task.stop == WHOLE else task.stop
                    inside = range(task.start, stop) if task.chosen is None else task.chosen
                    rows += [(task.file, g, r) for r in inside]
    return sorted(rows)


def groups_of(files: list[InputFile]) -> dict[str, list[int]]:
    metas = {f.name: pq.read_metadata(f.path) for f in files}
    return {name: [m.row_group(g).num_rows for g in range(m.num_row_groups)] for name, m in metas.items()}


@pytest.mark.parametrize("workers", [1, 2, 3, None], ids=str)
@pytest.mark.parametrize("row_group", [7, 50, 1000], ids=lambda n: f"row groups of {n}")
def test_every_row_is_in_exactly_one_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int | None, row_group: int
) -> None:
    monkeypatch.setattr(plan, "OPEN_ABOVE", 0)
    monkeypatch.setattr(plan, "SHARD_BYTES", 2_000)
    monkeypatch.setattr(plan, "RANGE_BYTES", 1_000)
    files = lake(tmp_path / "lake", 3, 120, row_group)
    made = write_plan([Pending(f, ("ingest",)) for f in files], tmp_path / "plan.parquet", workers)
    groups = groups_of(files)
    every = sorted((f, g, r) for f, sizes in groups.items() for g, n in enumerate(sizes) for r in range(n))
    assert covered(made.path, made.shards, groups) == every


def test_one_large_row_group_is_cut_for_two_workers_and_not_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "OPEN_ABOVE", 0)
    monkeypatch.setattr(plan, "SHARD_BYTES", 2_000)
    files = lake(tmp_path / "lake", 1, 100, 100)
    todo = [Pending(files[0], ("ingest",))]
    assert write_plan(todo, tmp_path / "one.parquet", 1).shards == 1
    two = write_plan(todo, tmp_path / "two.parquet", 2)
    assert [[(t.start, t.stop) for t in read_shard(two.path, s)] for s in range(two.shards)] == [
        [(0, 50)],
        [(50, WHOLE)],
    ]


def test_tiny_files_share_shards_but_not_with_files_that_want_other_parts(tmp_path: Path) -> None:
    files = lake(tmp_path / "lake", 20, 1, 1)
    todo = [Pending(f, ("ingest", "m") if i % 2 else ("m",)) for i, f in enumerate(files)]
    made = write_plan(todo, tmp_path / "plan.parquet", 2)
    shards = [read_shard(made.path, s) for s in range(made.shards)]
    assert [{t.parts for t in tasks} for tasks in shards] == [{("ingest", "m")}, {("m",)}]
    assert made.files == 20


def test_a_sample_has_its_size_and_is_the_same_each_time(tmp_path: Path) -> None:
    files = lake(tmp_path / "lake", 4, 100, 30)
    todo = [Pending(f, ("ingest",)) for f in files]
    draws = []
    for name, order in (("a", todo), ("b", todo[::-1])):
        made = write_plan(order, tmp_path / f"{name}.parquet", 2, sample=25)
        draws.append(covered(made.path, made.shards, groups_of(files)))
    assert len(draws[0]) == 25
    assert draws[0] == draws[1]
    assert len({f for f, _, _ in draws[0]}) == 4


def test_what_is_done_is_not_pending_and_a_changed_part_is(tmp_path: Path) -> None:
    files = lake(tmp_path / "lake", 2, 1, 1)
    ingest, old, new = Part("ingest", "i"), Part("m", "v1"), Part("m", "v2")
    done = frozenset(p.unit_id(f.fingerprint, "a") for f in files for p in (ingest, old))
    assert list(pending(files, (ingest, old), "a", done)) == []
    assert [p.parts for p in pending(files, (ingest, new), "a", done)] == [("m",), ("m",)]
    assert [p.parts for p in pending(files, (ingest, old), "b", done)] == [("ingest", "m")] * 2


def test_a_large_file_without_a_row_is_still_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "OPEN_ABOVE", 0)
    with pq.ParquetWriter(tmp_path / "none.parquet", pa.schema([("t", pa.string())])):
        pass
    (file,) = fingerprint([str(tmp_path / "none.parquet")], None)
    made = write_plan([Pending(file, ("ingest",))], tmp_path / "plan.parquet", 2)
    assert [t.row_group for t in read_shard(made.path, 0)] == [WHOLE]
