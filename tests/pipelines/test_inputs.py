"""Inputs: which files are read, under which names, and what makes one new."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.inputs import expand, fingerprint, name_of
from schemas.errors import InputError


def parquet(path: Path, values: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"a": values}), path)
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    parquet(tmp_path / "day1" / "x.parquet", ["a"])
    parquet(tmp_path / "day2" / "x.parquet", ["b"])
    parquet(tmp_path / "day2" / "_index" / "y.parquet", ["c"])
    (tmp_path / "day2" / "_index" / "z.idx").write_bytes(b"PAR1")
    (tmp_path / "day2" / "notes.txt").write_text("no trace")
    parquet(tmp_path / "odd" / "a [1] 'q' ü.parquet", ["d"])
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("day1", ["day1/x.parquet"], id="a folder"),
        pytest.param("day2", ["day2/x.parquet"], id="a folder, its index and other files left out"),
        pytest.param("*/x.parquet", ["day1/x.parquet", "day2/x.parquet"], id="a glob"),
        pytest.param("**/x.parquet", ["day1/x.parquet", "day2/x.parquet"], id="a recursive glob"),
        pytest.param("**/*.idx", [], id="an index is never an input"),
        pytest.param("odd/a [1] 'q' ü.parquet", ["odd/a [1] 'q' ü.parquet"], id="a file whose name looks like a glob"),
    ],
)
def test_what_a_pattern_means(lake: Path, pattern: str, names: list[str]) -> None:
    found = expand([str(lake / pattern)], allow_empty=True)
    assert [Path(p).relative_to(lake).as_posix() for p in found] == names


def test_a_file_named_twice_is_read_once(lake: Path) -> None:
    assert len(expand([str(lake / "day1"), str(lake / "*" / "x.parquet")])) == 2


def test_every_empty_pattern_is_named(lake: Path) -> None:
    with pytest.raises(InputError) as caught:
        expand([str(lake / "day3"), str(lake / "*.nothing"), "s3://bucket/x"])
    assert [f.what for f in caught.value.faults] == [
        "nothing matches",
        "nothing matches",
        "remote inputs are not supported yet",
    ]
    assert expand([str(lake / "day3")], allow_empty=True) == []


def test_without_a_root_two_folders_never_share_a_name(lake: Path) -> None:
    files = list(fingerprint(expand([str(lake / "*" / "x.parquet")]), None))
    assert len({f.name for f in files}) == len({f.fingerprint for f in files}) == 2


def test_a_root_makes_a_moved_lake_the_same_lake(lake: Path, tmp_path: Path) -> None:
    before = [f.fingerprint for f in fingerprint(expand([str(lake / "day1")]), str(lake))]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (lake / "day1").rename(moved / "day1")
    assert [f.fingerprint for f in fingerprint(expand([str(moved / "day1")]), str(moved))] == before


def test_a_file_outside_the_root_is_refused(lake: Path) -> None:
    with pytest.raises(InputError, match="outside the root"):
        name_of(str(lake / "day1" / "x.parquet"), str(lake / "day2"))


def test_rewriting_a_file_changes_its_fingerprint_and_touching_it_does_not(lake: Path) -> None:
    path = lake / "day1" / "x.parquet"
    (before,) = fingerprint([str(path)], str(lake))
    path.touch()
    assert list(fingerprint([str(path)], str(lake))) == [before]
    parquet(path, ["z"])
    (after,) = fingerprint([str(path)], str(lake))
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00" * 100_000, b"\xff\xff\xff\xffPAR1" * 3], ids=repr)
def test_garbage_has_an_identity_too(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.parquet"
    path.write_bytes(content[:200_000])
    (file,) = fingerprint([str(path)], None)
    assert file.size == len(content)
    assert len(file.fingerprint) == 32
