from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main


def cotmonitor(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_validate_prints_data_on_stdout_and_prose_on_stderr(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", trace_id=["a", "b"], output=["o", "p"], label=["x", "y"])
    result = cotmonitor("traces", "validate", tmp_path / "*.parquet", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {
            "file": str(path),
            "layout": "flat",
            "rows": 2,
            "traces": 2,
            "dead": 0,
            "reasons": {},
            "without_reasoning": 1.0,
            "to_metadata": ["label"],
            "error": "",
        }
    ]


@pytest.mark.parametrize("format", ["table", "csv"])
def test_validate_in_other_formats(tmp_path: Path, format: str) -> None:
    write(tmp_path / "a.parquet", trace_id=["a", None], output=["o", "p"])
    result = cotmonitor("traces", "validate", tmp_path, "--format", format, "--max-dead-letter-ratio", "0.5")
    assert result.exit_code == 0
    assert "null_id 1" in result.stdout
    assert "row 1: null_id: trace_id is null" in result.stderr


def test_too_many_dead_rows_say_no(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", trace_id=["a", None], output=["o", "p"])
    result = cotmonitor("traces", "validate", tmp_path)
    assert result.exit_code == 3
    assert "1 of 2 rows would be dead letters" in result.stderr


def test_a_torn_file_says_no(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", trace_id=["a"], output=["o"])
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    result = cotmonitor("traces", "validate", tmp_path)
    assert result.exit_code == 3
    assert "1 of 2 files cannot be read" in result.stderr


USAGE = {
    "no file": (["none/*.parquet"], "nothing matches"),
    "a map to nowhere": (["a.parquet", "--map", "resoning=cot"], "nothing is called 'resoning'"),
    "columns that fit nothing": (["a.parquet"], "--map reasoning=cot"),
    "no map at all": (["a.parquet", "--map", "cot"], "is not TARGET=SOURCE"),
}


@pytest.mark.parametrize(("args", "words"), USAGE.values(), ids=USAGE.keys())
def test_a_wrong_call_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.parquet", trace_id=["a"], cot=["r"])
    result = cotmonitor("traces", "validate", *args)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_map_makes_a_file_readable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", sample=["a"], cot=["r"])
    result = cotmonitor("traces", "validate", path, "--map", "reasoning=cot,trace_id=sample", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["without_reasoning"] == 0.0


def test_what_convert_writes_validate_reads(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    chat = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "<think>r</think>a"}]
    source.write_text(json.dumps({"id": 1, "messages": chat}) + "\nbad\n")
    result = cotmonitor("traces", "convert", source, out, "--max-dead-letter-ratio", 0.5)
    assert result.exit_code == 0
    assert f"{source}:2: not JSON" in result.stderr
    assert f"rejected lines are kept in {out}.rejected.jsonl" in result.stderr
    assert "2 lines read, 1 rejected; wrote 1 rows" in result.stderr
    assert "it reads as layout messages" in result.stderr
    assert json.loads(cotmonitor("traces", "validate", out, "--format", "json").stdout)[0]["traces"] == 1


def test_convert_says_what_stands_in_the_way_of_a_run(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"output": "x"}\n')
    result = cotmonitor("traces", "convert", source, tmp_path / "out.parquet", "--dry-run")
    assert result.exit_code == 0
    assert "--map trace_id=COLUMN" in result.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_convert_with_nothing_good_fails(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("bad\n")
    assert cotmonitor("traces", "convert", source, tmp_path / "out.parquet").exit_code == 1


REJECTED = {
    "a quarter": (3, 1, (), 3),
    "just above the share": (18, 1, (), 3),
    "just the share": (19, 1, (), 0),
    "more than a ratio given": (3, 1, ("--max-dead-letter-ratio", "0.2"), 3),
    "no more than a ratio given": (3, 1, ("--max-dead-letter-ratio", "0.25"), 0),
    "none where none may be": (3, 0, ("--max-dead-letter-ratio", "0"), 0),
}


@pytest.mark.parametrize(("good", "bad", "options", "code"), REJECTED.values(), ids=REJECTED.keys())
def test_convert_says_no_when_too_many_lines_are_rejected(
    tmp_path: Path, good: int, bad: int, options: tuple[str, ...], code: int
) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    source.write_text('{"id": "a", "output": "x"}\n' * good + "bad\n" * bad)
    result = cotmonitor("traces", "convert", source, out, *options)
    assert result.exit_code == code
    assert pq.read_table(out).num_rows == good
    assert (tmp_path / "out.parquet.rejected.jsonl").exists() == bool(bad)


@pytest.mark.parametrize(("options", "kept"), [((), "are kept"), (("--dry-run",), "would be kept")], ids=["", "dry"])
def test_convert_says_how_many_were_rejected_and_what_to_do(
    tmp_path: Path, options: tuple[str, ...], kept: str
) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    source.write_text('{"id": "a", "output": "x"}\n' * 3 + "bad\n")
    result = cotmonitor("traces", "convert", source, out, *options)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == (
        "cotmonitor: 0.25 of the lines (1 of 4) were rejected, more than --max-dead-letter-ratio 0.05. "
        f"They {kept} in {out}.rejected.jsonl. Mend them in the input and convert it again with --overwrite, "
        "or raise the ratio"
    )
    assert out.exists() == (not options)


def test_convert_does_not_replace_a_file_unasked(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    source.write_text('{"id": "a", "output": "x"}\n')
    assert cotmonitor("traces", "convert", source, out).exit_code == 0
    assert cotmonitor("traces", "convert", source, out).exit_code == 2
    assert cotmonitor("traces", "convert", source, out, "--overwrite").exit_code == 0
