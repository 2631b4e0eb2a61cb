from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines import convert as module
from pipelines.convert import ConvertReport, ConvertSettings, convert, read_lines
from schemas.errors import CotmonitorError, InputError


def write(path: Path, *lines: object) -> str:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    data = gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
    path.write_bytes(data)
    return str(path)


def run(out: Path, *files: str, **settings: bool) -> ConvertReport:
    return convert(files, out, ConvertSettings(**settings))


def rows(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out).to_pylist()


def test_lines_of_several_files_become_rows_of_one(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", {"id": 1, "output": "x"}, "", {"id": 2, "reward": 0.5})
    b = write(tmp_path / "b.jsonl.gz", {"id": 3, "reward": 1})
    out = tmp_path / "out.parquet"
    report = run(out, a, b)
    assert rows(out) == [
        {"id": 1, "output": "x", "reward": None},
        {"id": 2, "output": None, "reward": 0.5},
        {"id": 3, "output": None, "reward": 1.0},
    ]
    assert (report.lines, report.rows, report.rejected) == (3, 3, 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl.gz", "out.parquet"]


def test_messages_are_kept_as_json(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "é"}]
    out = tmp_path / "out.parquet"
    run(out, write(tmp_path / "a.jsonl", {"id": "a", "messages": chat}, {"id": "b", "messages": json.dumps(chat)}))
    assert [json.loads(row["messages"]) for row in rows(out)] == [chat, chat]


BAD_LINES = {
    "no JSON": (b"{broken", "not JSON"),
    "a list": (b"[1]", "a JSON list, and an object is needed"),
    "no keys": (b"{}", "an object without keys"),
    "no UTF-8": (b'{"id": "\xff"}', "not UTF-8"),
    "too deep": (b"[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_told_and_kept(tmp_path: Path, bad: bytes, reason: str) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    source.write_bytes(b'{"id": 1}\n' + bad + b'\n{"id": 2}')
    report = run(out, str(source))
    assert [row["id"] for row in rows(out)] == [1, 2]
    assert report.rejected == 1
    assert report.told[0].startswith(f"{source}:2: {reason}")
    (kept,) = [json.loads(line) for line in report.rejects.read_text().splitlines()]
    assert (kept["file"], kept["line"]) == (str(source), 2)
    assert kept["text"] == bad.decode("utf-8", "backslashreplace")


def test_a_gzip_file_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl.gz"
    lines = b"".join(b'{"id": "%d", "x": "%s"}\n' % (i, bytes(str(hash((i, "x"))), "ascii") * 20) for i in range(2000))
    source.write_bytes(gzip.compress(lines)[:-100])
    report = run(tmp_path / "out.parquet", str(source))
    assert 0 < report.rows < 2000
    assert "the file cannot be read on" in report.told[-1]


def test_a_line_too_long_to_hold_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100)
    source = write(tmp_path / "a.jsonl", {"id": 1}, {"id": "x" * 1000}, {"id": 2})
    lines = list(read_lines(source))
    assert [(line.number, line.row is not None) for line in lines] == [(1, True), (2, False), (3, True)]


def test_nothing_good_is_an_error_and_writes_nothing_but_the_rejects(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    with pytest.raises(CotmonitorError, match="none of 2 lines is a JSON object") as caught:
        run(out, write(tmp_path / "a.jsonl", "x", "y"))
    assert caught.value.exit_code == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "out.parquet.rejected.jsonl"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    report = run(tmp_path / "out.parquet", write(tmp_path / "a.jsonl", {"id": 1}, "x"), dry_run=True)
    assert (report.rows, report.rejected) == (1, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


def test_rows_come_in_groups_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROW_GROUP_BYTES", 500)
    out = tmp_path / "out.parquet"
    run(out, write(tmp_path / "a.jsonl", *({"id": i, "output": "x" * 100} for i in range(20))))
    assert pq.ParquetFile(out).num_row_groups == 5
    assert [row["id"] for row in rows(out)] == list(range(20))


def test_ids_from_lines(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    source = write(tmp_path / "a.jsonl", {"output": "x"}, "bad", {"output": "y"})
    run(out, source, id_from_line=True)
    assert [row["trace_id"] for row in rows(out)] == ["a.jsonl:1", "a.jsonl:3"]
    with pytest.raises(InputError, match="has a trace_id already"):
        run(tmp_path / "o", write(tmp_path / "b.jsonl", {"trace_id": "t"}), id_from_line=True)


def test_a_failure_leaves_the_old_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.parquet"
    source = write(tmp_path / "a.jsonl", {"id": 1})
    run(out, source)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(module, "as_value", full)
    with pytest.raises(OSError, match="no space left"):
        run(out, source, overwrite=True)
    assert rows(out) == [{"id": 1}]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "out.parquet"]


def test_lines_written_meanwhile_wait_for_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.jsonl", {"id": 1})
    find = module._find_columns

    def grows(files: Any) -> Any:
        found = find(files)
        with open(source, "a") as stream:
            stream.write('{"id": 2, "new": "x"}\n')
        return found

    monkeypatch.setattr(module, "_find_columns", grows)
    run(tmp_path / "out.parquet", source)
    assert rows(tmp_path / "out.parquet") == [{"id": 1}]


def test_what_can_be_told_before_is_told_at_once(tmp_path: Path) -> None:
    array = write(tmp_path / "a.json", [{"id": 1}])
    out = tmp_path / "out.parquet"
    out.write_bytes(b"PAR1....")
    with pytest.raises(InputError) as caught:
        run(out, array, str(out))
    assert [fault.what for fault in caught.value.faults] == [
        "is there already",
        "is one JSON array, not JSON lines",
        "is both input and output",
    ]


def test_too_many_keys_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COLUMNS", 10)
    source = write(tmp_path / "a.jsonl", *({f"k{i}": 1} for i in range(11)))
    with pytest.raises(InputError, match=r"a\.jsonl:11: more than 10 different keys"):
        run(tmp_path / "out.parquet", source)
