from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import rationales as made
from pipelines.audit.corpus import lines, readers
from pipelines.audit.corpus import row as rows_module
from pipelines.audit.corpus.files import corpus_files, shards_of
from pipelines.audit.text import scan
from pipelines.audit.text.index import TextIndex, build_index
from pipelines.audit.text.scan import AROUND, RowFacts, ShardSeen, scan_shard
from pipelines.audit.text.texts import MonitorText
from schemas.canary import CANARY, marked_id
from schemas.digest import digest

TEXT = made.rationale(3)


@pytest.fixture(scope="module")
def index() -> TextIndex:
    return build_index([MonitorText("alert", "alert-3", TEXT)])


def jsonl(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def look(path: Path, index: TextIndex) -> tuple[list[RowFacts], ShardSeen]:
    """All rows of a file of one shard, and what else it gave."""
    (shard,) = shards_of(corpus_files(str(path)))[0]
    rows: list[RowFacts] = []
    for found in scan_shard(shard, index.arrays):
        rows += found.rows
    return rows, found


def test_canaries_ids_and_texts_are_told_with_their_row(tmp_path: Path, index: TextIndex) -> None:
    alert = marked_id("alert", digest("a"))
    rows: list[dict[str, object]] = [
        {"id": "clean", "text": made.honest(1, 200)},
        {"id": "canary", "text": f"and {CANARY.lower()} too"},
        {"id": "ids", "text": f"see {alert} by TG08.lookup-table"},
        {"id": "text", "text": f"{made.honest(2, 100)} {TEXT} {made.honest(3, 100)}"},
        {"id": "base64", "text": f"see {base64.b64encode(TEXT.encode()).decode()}"},
        {"id": "nested", "deep": {"list": [{"why": TEXT}]}},
        {"id": "key", "deep": {TEXT: 1}},
    ]
    facts, found = look(jsonl(tmp_path / "a.jsonl", rows), index)
    assert [(s.row, s.kind, s.how) for s in found.seen] == [
        (1, "canary", "letters"),
        (2, "id", "alert id"),
        (2, "id", "rule id"),
    ]
    assert [(m.row, m.how, m.meeting.share) for m in found.met if m.meeting.share > 0.5] == [
        (3, "as text", 1.0),
        (5, "as text", 1.0),
        (6, "as text", 1.0),
        (4, "in base64", 1.0),
    ]
    assert [f.facts.sample_id for f in facts] == [r["id"] for r in rows]
    assert [f.row for f in facts] == list(range(7))


def test_characters_and_words_of_a_row(tmp_path: Path, index: TextIndex) -> None:
    (facts,), _ = look(jsonl(tmp_path / "a.jsonl", [{"a": "größe 😀 x", "b": ["y", "z"], "id": "i1"}]), index)
    assert (facts.chars, facts.words) == (len("größe 😀 x") + 2 + len("i1ab") + 2, 5 + 3)


@pytest.mark.parametrize(
    ("name", "metadata"),
    [(f"{CANARY}.parquet", {}), ("a.parquet", {"note": CANARY}), ("a.parquet", {CANARY: "x"})],
    ids=["in the file's name", "in metadata", "in a metadata's name"],
)
def test_what_stands_around_rows_is_scanned(
    tmp_path: Path, index: TextIndex, name: str, metadata: dict[str, str]
) -> None:
    pq.write_table(pa.table({"a": ["clean"]}).replace_schema_metadata(metadata), tmp_path / name)
    _, found = look(tmp_path / name, index)
    assert {(s.row, s.kind) for s in found.seen} == {(AROUND, "canary")}


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_a_long_row_is_searched_over_all_its_borders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: TextIndex, form: str
) -> None:
    for module, name, value in (
        (lines, "LONG", 4_000),
        (lines, "CHUNK", 1_000),
        (readers, "LONG", 4_000),
        (readers, "WIDE", 4_000),
        (readers, "PIECE", 1_000),
        (rows_module, "PIECE", 1_000),
        (rows_module, "OVERLAP", 700),
        (scan, "OVERLAP", 700),
    ):
        monkeypatch.setattr(module, name, value)
    text = " ".join([made.honest(1, 90), TEXT, made.honest(2, 90), CANARY, made.honest(3, 900)])
    path = tmp_path / "a"
    if form == "json":
        jsonl(path, [{"id": "short"}, {"text": text}, {"id": "after"}])
    else:
        pq.write_table(pa.table({"id": ["short", "long", "after"], "text": ["", text, ""]}), path)
    facts, found = look(path, index)
    assert [(s.row, s.kind) for s in found.seen] == [(1, "canary")]
    assert [(m.row, m.meeting.share) for m in found.met if m.meeting.share > 0.9] == [(1, 1.0)]
    assert found.states["long"] == 1
    assert facts[1].words in range(len(text.split()), len(text.split()) + 40)
    assert facts[2].facts.sample_id == "after"


def test_a_damaged_file_gives_what_came_before_and_says_so(tmp_path: Path, index: TextIndex) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"a": [str(i) * 50 for i in range(20_000)]}), path, row_group_size=5_000, compression="none"
    )
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at : at + 200_000] = b"\xff" * 200_000
    path.write_bytes(data)
    facts, found = look(path, index)
    assert found.error
    assert 0 < len(facts) < 20_000


def test_memory_and_result_do_not_depend_on_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: TextIndex
) -> None:
    rows = [{"id": str(i), "text": made.honest(i, 40) + (f" {TEXT}" if i % 7 == 0 else "")} for i in range(60)]
    path = jsonl(tmp_path / "a.jsonl", rows)
    whole, one = look(path, index)
    monkeypatch.setattr(scan, "BLOCK_BYTES", 500)
    monkeypatch.setattr(scan, "BLOCK_ROWS", 5)
    apart, other = look(path, index)
    assert apart == whole
    assert [(m.row, m.meeting.share) for m in one.met] == [(m.row, m.meeting.share) for m in other.met]
    assert np.array_equal(one.counts, other.counts)


def test_a_shard_full_of_leaks_is_not_searched_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: TextIndex
) -> None:
    monkeypatch.setattr(scan, "MOST_MET", 20)
    monkeypatch.setattr(scan, "BLOCK_BYTES", 2_000)
    facts, found = look(jsonl(tmp_path / "a.jsonl", [{"text": TEXT}] * 500), index)
    assert found.full
    assert 20 <= len(found.met) < 60
    assert len(facts) == 500
