from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.corpus.files import corpus_files, list_files, shards_of
from schemas.errors import InputError


def line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


CONTENTS: list[tuple[str, str, bytes, str]] = [
    ("JSON lines", "a.jsonl", line(a=1), "lines"),
    ("JSON lines by another name", "a.dat", line(a=1) * 3, "lines"),
    ("JSON lines of lists", "a.ndjson", b"[1, 2]\n[3]\n", "json"),
    ("one JSON array", "a.json", b' [{"a": 1},\n{"a": 2}]', "json"),
    ("plain text", "a.txt", b"hello there", "text"),
    ("nothing", "a.bin", b"", "text"),
    ("bytes", "a.bin", bytes(range(255, 127, -1)), "text"),
    ("gzipped JSON lines", "a.jsonl.gz", gzip.compress(line(a=1)), "lines"),
    ("gzip by another name", "a.txt", gzip.compress(line(a=1)), "lines"),
    ("a zip archive", "a.zip", b"PK\x03\x04rest", "unread"),
    ("an Arrow file", "a.arrow", b"ARROW1\0\0", "unread"),
    ("zstd", "a.jsonl.zst", b"\x28\xb5\x2f\xfd..", "unread"),
    ("gzip in gzip", "a.gz", gzip.compress(gzip.compress(b"text")), "unread"),
    ("gzip that is cut off", "a.gz", gzip.compress(b"text" * 9)[:12], "unread"),
    ("Parquet in name only", "a.parquet", b"PAR1 and no more", "unread"),
]


@pytest.mark.parametrize(("name", "content", "kind"), [c[1:] for c in CONTENTS], ids=[c[0] for c in CONTENTS])
def test_a_file_is_what_its_bytes_say(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    (file,) = shards_of(corpus_files(str(tmp_path)))[1]
    assert file.kind == kind
    assert bool(file.why) is (kind == "unread")


def test_parquet_is_known_whatever_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(10)}), tmp_path / "shard-0.bin", row_group_size=3)
    shards, (file,) = shards_of(corpus_files(str(tmp_path)))
    assert file.kind == "parquet"
    assert [s.groups for s in shards] == [(0, 1, 2, 3)]


def test_every_file_of_a_folder_is_listed_hidden_ones_too(tmp_path: Path) -> None:
    for name in ("b/x.txt", "a.jsonl", ".hidden", "_meta/y"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    assert [n for n, _ in list_files(str(tmp_path))] == [".hidden", "_meta/y", "a.jsonl", "b/x.txt"]
    assert [n for n, _ in list_files(str(tmp_path / "a.jsonl"))] == ["a.jsonl"]
    assert [n for n, _ in list_files(str(tmp_path / "*.jsonl"))] == ["a.jsonl"]
    assert [n for n, _ in list_files(str(tmp_path / "**/*"))] == ["_meta/y", "a.jsonl", "b/x.txt"]


def test_a_link_to_a_folder_is_followed_and_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.txt").write_text("text")
    (tmp_path / "in" / "deep" / "up").symlink_to(tmp_path / "in")
    assert [n for n, _ in list_files(str(tmp_path))] == ["in/deep/a.txt"]


def test_a_link_to_nowhere_is_listed_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone")
    (file,) = corpus_files(str(tmp_path))
    assert (file.kind, file.why) == ("unread", "No such file or directory")


@pytest.mark.parametrize("given", ["gone", "gone/*.txt", "s3://bucket/x", "empty"])
def test_no_corpus_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        list_files(given)


def test_of_an_export_only_the_data_are_rows(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "data" / "0.parquet")
    for name in ("manifest.json", "certificate.json", "dead_letters.jsonl"):
        (tmp_path / name).write_text("{}")
    assert {f.name: f.beside for f in corpus_files(str(tmp_path))} == {
        "certificate.json": True,
        "data/0.parquet": False,
        "dead_letters.jsonl": True,
        "manifest.json": True,
    }


def test_an_export_is_known_wherever_it_lies_and_rows_put_beside_its_papers_are_rows(tmp_path: Path) -> None:
    (tmp_path / "exports" / "march" / "data").mkdir(parents=True)
    (tmp_path / "exports" / "march" / "manifest.json").write_text("{}")
    (tmp_path / "exports" / "march" / "README.md").write_text("made in March")
    (tmp_path / "exports" / "march" / "more.jsonl").write_text('{"sample_id": "a"}')
    (tmp_path / "exports" / "manifest.json").write_text("{}")
    beside = {f.name: f.beside for f in corpus_files(str(tmp_path / "exports"))}
    assert beside == {
        "manifest.json": False,
        "march/README.md": True,
        "march/manifest.json": True,
        "march/more.jsonl": False,
    }
