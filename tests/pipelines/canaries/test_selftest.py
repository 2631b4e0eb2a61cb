"""The scanner's own test finds all that was planted, and says which reader looks away."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.canaries import FORMATS, Reader, self_test, table_bytes
from pipelines.canaries.disguises import DISGUISES
from pipelines.canaries.selftest import SHAPES
from schemas.canary import CANARY
from schemas.errors import ControlMissed


def parquet(path: Path) -> Iterator[memoryview]:
    for batch in pq.ParquetFile(path).iter_batches():
        yield from (data for _, data in table_bytes(batch))


def raw(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(1000), b"")


def zipped(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        yield from iter(lambda: file.read(1000), b"")


READERS: dict[str, Reader] = {"parquet": parquet, "jsonl": raw, "txt": raw, "jsonl.gz": zipped, "txt.gz": zipped}


def test_every_disguise_is_found_in_every_format_and_says_the_same_each_time(tmp_path: Path) -> None:
    done = self_test(READERS, tmp_path)
    assert set(done.planted) == set(FORMATS)
    assert done.planted == done.found
    assert done.planted["parquet"] == len(SHAPES) * len(DISGUISES)
    assert self_test(READERS, tmp_path) == done
    assert list(tmp_path.iterdir()) == []


def only_strings(path: Path) -> Iterator[memoryview]:
    for batch in pq.ParquetFile(path).iter_batches():
        plain = [i for i, field in enumerate(batch.schema) if pa.types.is_string(field.type)]
        yield from (data for _, data in table_bytes(batch.select(plain)))


def first_rows(path: Path) -> Iterator[memoryview]:
    for batch in pq.ParquetFile(path).iter_batches():
        yield from (data for _, data in table_bytes(batch.slice(0, 3)))


@pytest.mark.parametrize(
    ("format", "reader", "missed"),
    [
        ("parquet", only_strings, "as it is in parquet (large_string)"),
        ("parquet", first_rows, "JSON escapes in parquet (string)"),
        ("jsonl", lambda path: [], "as it is in jsonl (text)"),
        ("txt", lambda path: [CANARY.encode(), path.read_bytes()], "a canary was seen in txt that is clean"),
    ],
    ids=["only strings", "only first rows", "nothing", "a canary where there is none"],
)
def test_a_reader_that_looks_away_is_named(format: str, reader: Reader, missed: str, tmp_path: Path) -> None:
    with pytest.raises(ControlMissed, match="fails its own test") as raised:
        self_test({format: reader}, tmp_path)
    assert missed in str(raised.value)


def test_an_expression_that_is_off_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.canaries import patterns

    monkeypatch.setattr("pipelines.canaries.search.everything", lambda: patterns.compiled(CANARY))
    with pytest.raises(ControlMissed, match="lower case in txt"):
        self_test({"txt": raw}, tmp_path)
