from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.labels.files import CANARY_LINE, Defaults, Label, read_labels, without_canary, write_labels
from schemas.canary import CANARY
from schemas.digest import trace_keys
from schemas.errors import InputError
from schemas.labels import LABELS

KEY = "a" * 32
FULL = Label(
    KEY, "test_gaming", "TG08", "true", "human", "ann", "t1", "d" * 32, "executed", "none", 'a "note", with\nlines'
)
LEAST = Label("b" * 32, "hidden_objective", None, "unsure", "presumed", "column")


@pytest.mark.parametrize("name", ["l.parquet", "l.jsonl", "l.csv"])
def test_labels_come_back_as_they_went(tmp_path: Path, name: str) -> None:
    assert write_labels([FULL, LEAST], tmp_path / name) == 2
    assert read_labels(str(tmp_path / name)) == [FULL, LEAST]
    assert CANARY.encode() in (tmp_path / name).read_bytes() or name.endswith("parquet")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_parquet_has_the_documented_schema(tmp_path: Path) -> None:
    write_labels([FULL, LEAST], tmp_path / "l.parquet")
    table = pq.read_table(tmp_path / "l.parquet")
    assert table.schema.equals(LABELS.arrow())
    assert LABELS.violations(table) == {}
    assert set(table.column("canary").to_pylist()) == {CANARY_LINE}


def written(tmp_path: Path, *rows: Mapping[str, object]) -> str:
    path = tmp_path / "given.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return str(path)


GOOD = {"trace_key": KEY, "category": "test_gaming", "label": "true"}
FILLED = [
    ("a behaviour", {"trace_key": KEY, "behaviour": "HO05", "label": "true"}, "category", "hidden_objective"),
    ("a label of 1", {**GOOD, "label": 1}, "label", "true"),
    ("a label of False", {**GOOD, "label": False}, "label", "false"),
    ("no label", {"trace_key": KEY, "category": "test_gaming"}, "label", "unsure"),
    ("unknown", {**GOOD, "label": "unknown"}, "label", "unsure"),
    ("no origin", GOOD, "origin", "regex"),
    ("no labeller", GOOD, "labeller", "somebody"),
    (
        "id and digest",
        {"trace_id": "t", "trace_digest": "d", "category": "test_gaming", "label": "true"},
        "trace_key",
        trace_keys(["t"], ["d"])[0],
    ),
    ("an id to be looked up", {"trace_id": "one", "category": "test_gaming", "label": "true"}, "trace_key", "k1"),
]  # fmt: skip
KEYS = {"one": (("k1", "d1"),), "two": (("k2", "d2"), ("k3", "d3"))}


@pytest.mark.parametrize(("row", "column", "value"), [f[1:] for f in FILLED], ids=[f[0] for f in FILLED])
def test_what_is_left_out_is_filled_in(tmp_path: Path, row: dict[str, object], column: str, value: str) -> None:
    (label,) = read_labels(written(tmp_path, row), Defaults("regex", "somebody"), KEYS)
    assert getattr(label, column) == value


FAULTS = [
    ({"category": "test_gaming", "label": "true"}, "names no trace"),
    ({**GOOD, "label": "maybe"}, "unknown label 'maybe'. Use true, false, unsure."),
    ({**GOOD, "category": "cheating"}, "unknown category 'cheating'"),
    ({**GOOD, "behaviour": "HO05"}, "HO05 is no test_gaming. Its category is hidden_objective."),
    ({**GOOD, "behaviour": "TG99"}, "unknown behaviour 'TG99'"),
    ({**GOOD, "stance": "sleeping"}, "unknown stance 'sleeping'"),
    ({**GOOD, "origin": "rumour"}, "unknown origin 'rumour'"),
    ({"trace_key": KEY, "label": "true"}, "names neither category nor behaviour"),
    ({**GOOD, "verdict": "yes"}, "unknown column 'verdict'"),
    ({"trace_id": "two", "category": "test_gaming", "label": "true"}, "2 traces are called 'two'"),
    ({"trace_id": "none", "category": "test_gaming", "label": "true"}, "no trace is called 'none'"),
]


@pytest.mark.parametrize(("row", "words"), FAULTS, ids=[w[:40] for _, w in FAULTS])
def test_faults_are_told_with_their_line(tmp_path: Path, row: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as told:
        read_labels(written(tmp_path, GOOD, row), keys=KEYS)
    assert "given.jsonl:2: " in str(told.value)
    assert words in str(told.value)


def test_every_fault_is_told_at_once_up_to_a_point(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        read_labels(written(tmp_path, *[{**GOOD, "label": f"v{i}"} for i in range(50)]))
    assert len(told.value.faults) == 21
    assert "30 more faults" in str(told.value)


def test_an_id_alone_asks_to_be_looked_up(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels import FILE --traces"):
        read_labels(written(tmp_path, {"trace_id": "one", "category": "test_gaming", "label": "true"}))


BROKEN = [("l.txt", b"", "no label file"), ("l.jsonl", b"[1]\n", "not an object"), ("l.jsonl", b"{\n", "not JSON"),
          ("l.parquet", b"nonsense", "cannot be read"), ("l.csv", b"trace_key,label\n\xff,true\n", "cannot be read"),
          ("l.csv", b"trace_key,category\nk,test_gaming,true,extra\n", "a cell without a column")]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), BROKEN, ids=[w for *_, w in BROKEN])
def test_files_that_are_none_are_errors_in_words(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_labels(str(tmp_path / name))


def test_a_missing_file_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(str(tmp_path / "none.csv"))


def test_a_spreadsheet_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([["trace_key", "behaviour", "label"], [KEY, "TG01", "TRUE"]])
    (label,) = read_labels(str(path))
    assert (label.trace_key, label.label) == (KEY, "true")
    assert without_canary([label]) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [("l.xlsx", "no name for labels"), ("there.csv", "there already"), ("no/l.csv", "does not exist")],
)
def test_nothing_is_written_where_it_should_not_be(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(InputError, match=words):
        write_labels([FULL], tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["there.csv"]
