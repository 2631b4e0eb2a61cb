from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.corpus import lines as lines_module
from pipelines.audit.corpus import readers
from pipelines.audit.corpus import row as rows_module
from pipelines.audit.corpus.files import corpus_files, shards_of
from pipelines.audit.corpus.readers import read_shard
from pipelines.audit.corpus.row import Around, Read, Row, Unseen
from pipelines.canaries import FORMATS, self_test


def read(path: Path) -> list[Read]:
    return [r for shard in shards_of(corpus_files(str(path)))[0] for r in read_shard(shard)]


def rows(path: Path) -> list[Row]:
    return [r for r in read(path) if isinstance(r, Row)]


def text(row: Row) -> str:
    data = row.data if row.pieces is None else b"".join(row.pieces)
    return data.decode("utf-8", "surrogatepass")


def test_the_scanner_finds_what_is_planted_through_these_readers() -> None:
    found = self_test(dict.fromkeys(FORMATS, readers.chunks))
    assert found.planted == found.found


def test_every_string_of_a_json_row_is_read_and_each_name_once(tmp_path: Path) -> None:
    row = {"a": "one", "b": {"c": ["two", {"d": "three"}], "e": 4}, "id": "five"}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "new": "six"}) + "\n")
    first, second = (set(text(r).split()) for r in rows(path))
    assert first == {"one", "two", "three", "five", "a", "b", "c", "d", "e", "id"}
    assert second == {"one", "two", "three", "five", "new", "six"}


@pytest.mark.parametrize(
    ("line", "holds", "state"),
    [
        pytest.param(b'{"a": "hidden", "a": "shown"}', ["hidden", "shown"], "read", id="a name twice"),
        pytest.param(b'{"a": "caf\\u00e9 \\ud83d\\ude00"}', ["café 😀"], "read", id="escapes"),
        pytest.param(b'{"a": "\\ud800 lone"}', ["lone"], "read", id="half a letter"),
        pytest.param(b'["x", "y"]', ["x", "y"], "read", id="a list"),
        pytest.param(b'"just a string"', ["just a string"], "read", id="a string"),
        pytest.param(b"17", [], "read", id="a number"),
        pytest.param(b'{"a": [104, 105, 32, 116, 104, 101, 114, 101, 44, 32, 104, 105, 100, 100, 101, 110, 32, 119, '
                     b"111, 114, 100]}", ["hi there, hidden word"], "read", id="text as codes"),
        pytest.param(b'{"a": "cut off', ["cut off"], "broken", id="broken"),
        pytest.param(b'{"a": "caf\\u00e9\\nnext', ["café\nnext"], "broken", id="broken with escapes"),
        pytest.param(b'{"a": "\xff\xfe bytes"}', ["bytes"], "broken", id="no UTF-8"),
        pytest.param(b'{"a": ' + b"[" * 100_000, [], "broken", id="nested too deep"),
    ],
)  # fmt: skip
def test_any_line_is_read(tmp_path: Path, line: bytes, holds: list[str], state: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"x": 1}\n' + line + b'\n{"y": "after"}\n')
    _, row, after = rows(path)
    data = row.data.decode("utf-8", "replace")
    assert all(h in data for h in holds)
    assert row.state == state
    assert "after" in text(after)


def test_every_type_of_parquet_is_read(tmp_path: Path) -> None:
    nested = pa.array([[{"k": ["deep"]}]], pa.list_(pa.struct([("k", pa.list_(pa.string()))])))
    table = pa.table(
        {
            **{"s": ["plain"], "b": pa.array([b"bin\xff"], pa.binary()), "d": pa.array(["dict"]).dictionary_encode()},
            **{"l": pa.array(["large"], pa.large_string()), "n": nested, "f": pa.array([b"fix"], pa.binary(3))},
            **{"m": pa.array([[("key", "value")]], pa.map_(pa.string(), pa.string()))},
            **{"t": pa.array([10**18 + 1], pa.timestamp("ns")), "v": pa.array(["view"], pa.string_view())},
            **{"x": [1.5], "mask": [[0, 1, 1]], "input_ids": [[5, 6, 7]]},
        }
    ).replace_schema_metadata({"note": "metadata"})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    (row,) = [r for r in found if isinstance(r, Row)]
    for word in (b"plain", b"bin\xff", b"dict", b"large", b"deep", b"fix", b"key", b"value", b"view"):
        assert word in row.data.split(), word
    assert row.facts.scalars["x"] == 1.5
    assert row.facts.scalars["mask.ones"] == 2
    assert row.facts.scalars["m.key"] == "value"
    around = b"".join(r.data for r in found if isinstance(r, Around))
    assert b"metadata" in around and b"input_ids" in around and b"a.parquet" in around
    assert [r.what for r in found if isinstance(r, Unseen)] == ["column input_ids holds tokens, not text"]


def test_strings_that_are_no_utf8_are_read_as_bytes(tmp_path: Path) -> None:
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\x03\0\0\0\x07\0\0\0"), pa.py_buffer(b"a\xffbgood"))
    pq.write_table(pa.table({"s": bad, "n": [1, 2]}), tmp_path / "a.parquet")
    assert [r.data for r in rows(tmp_path / "a.parquet")] == [b"\ns\nn\na\xffb", b"\ngood"]


def test_a_long_row_of_parquet_comes_in_pieces_with_its_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "WIDE", 1_000)
    monkeypatch.setattr(readers, "LONG", 2_000)
    monkeypatch.setattr(readers, "PIECE", 500)
    monkeypatch.setattr(rows_module, "PIECE", 500)
    monkeypatch.setattr(rows_module, "OVERLAP", 50)
    monkeypatch.setattr(readers, "SMALL", 100)
    words = " ".join(f"word{i}" for i in range(2_000))
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["short", words], "reward": [1.0, 2.0]}), tmp_path / "a.parquet")
    short, long = rows(tmp_path / "a.parquet")
    assert (short.state, long.state) == ("read", "long")
    assert (long.facts.sample_id, long.facts.scalars["reward"]) == ("b", 2.0)
    pieces = list(long.pieces or ())
    assert all(len(p) <= 550 for p in pieces)
    assert all(any(f"word{i} ".encode() in p for p in pieces) for i in range(1_999))


def test_a_long_json_line_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LONG", 1_000)
    monkeypatch.setattr(lines_module, "CHUNK", 100)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"a": "caf\u00e9 \n" * 400}) + "\n" + json.dumps({"id": "next"}) + "\n")
    (shard,) = shards_of(corpus_files(str(path)))[0]
    found = [(r.state, r.facts.sample_id, text(r)) for r in read_shard(shard) if isinstance(r, Row)]
    assert [f[:2] for f in found] == [("long", None), ("read", "next")]
    assert found[0][2].count("café \ncafé") > 100


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_plain_text_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    data = "größe, und noch ein wort\n\nweiter".encode(encoding)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe" + data if encoding == "utf-16-le" else data)
    (row,) = rows(tmp_path / "a.txt")
    assert "größe, und noch ein wort" in text(row)


def test_gzip_of_several_members_is_read_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n') + gzip.compress(b'{"id": 2}\n'))
    assert [r.facts.sample_id for r in rows(tmp_path / "a.jsonl.gz")] == ["1", "2"]


def test_the_digest_leaves_the_id_out_and_values_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"id": "1", "text": "x"}, {"id": "2", "text": "x", "n": 5}, {"id": "1", "text": "y"}]
    path.write_text("".join(json.dumps(v) + "\n" for v in lines))
    a, b, c = (r.digest for r in rows(path))
    assert a == b != c


def test_a_json_array_is_rows_and_a_broken_one_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"id": 1},\n {"id": 2}]')
    assert [r.facts.sample_id for r in rows(path)] == ["1", "2"]
    path.write_text('[{"id": 1},\n {"id": ')
    (row,) = rows(path)
    assert row.facts.sample_id is None and '"id": 1' in text(row)
