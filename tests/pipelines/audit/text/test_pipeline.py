from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import rationales as made
from pipelines.audit.corpus.files import CORPUS_ROWS, CorpusSettings
from pipelines.audit.finding import Finding
from pipelines.audit.text.index import build_index
from pipelines.audit.text.pipeline import Scanned, scan_corpus
from pipelines.audit.text.texts import MonitorText
from pipelines.stage import Place
from schemas.canary import CANARY
from tests.pipelines.lakes import flat, rollouts

TEXTS = [
    *(MonitorText("alert", f"alert-{i}", made.rationale(i)) for i in range(20)),
    MonitorText("pack", "core/x.yml:3", "- id: TG08.some-rule\n  description: " + made.rationale(90)),
    MonitorText("review", "finding-1", "looks right to me"),
]


def audit(folder: Path, corpus: Path, workers: int = 1, traces: Path | None = None) -> Scanned:
    place = Place(str(folder), f"w{workers}")
    return scan_corpus(
        CorpusSettings(str(corpus)), build_index(TEXTS), place, workers, traces=str(traces) if traces else None
    )


def jsonl(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def honest(n: int, first: int = 0) -> list[dict[str, object]]:
    return [
        {"sample_id": f"s{i}", "reward": i / 10, "messages": [{"role": "assistant", "content": made.honest(i, 120)}]}
        for i in range(first, first + n)
    ]


def told(found: Sequence[Finding], verdict: str) -> list[tuple[str, str, str, int]]:
    return [(f.check, f.channel, f.subject, f.rows) for f in found if f.verdict == verdict]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of four sorts, of which some rows leak and some things cannot be read."""
    folder = tmp_path / "corpus"
    rows = honest(60)
    rows[7] = {"sample_id": "leak-7", "note": f"{made.honest(1, 30)} {TEXTS[4].text}"}
    rows[9] = {"sample_id": "canary-9", "note": f"x {CANARY}:pack:core"}
    jsonl(folder / "a.jsonl", rows)
    pq.write_table(
        pa.table(
            {
                "sample_id": [f"p{i}" for i in range(30)],
                "reward": [float(i) for i in range(30)],
                "text": [made.honest(200 + i, 100) + (f" {TEXTS[20].text}" if i == 11 else "") for i in range(30)],
            }
        ),
        folder / "b.parquet",
        row_group_size=4,
    )
    (folder / "c.txt.gz").write_bytes(gzip.compress(made.honest(500, 300).encode()))
    (folder / "d.zip").write_bytes(b"PK\x03\x04")
    with (folder / "a.jsonl").open("a") as f:
        f.write('{"broken": "line\n')
    return folder


def test_everything_planted_is_named_and_everything_unread_is_told(tmp_path: Path, corpus: Path) -> None:
    scanned = audit(tmp_path / "S", corpus)
    assert told(scanned.findings, "leak") == [
        ("canary", "L1", "ids of rules", 1),  # the paragraph of the pack holds one
        ("canary", "L7", "canaries", 1),
        ("containment", "L1", "rationales of alerts", 1),
        ("containment", "L7", "rule packs", 1),
    ]
    refs = {f.subject: [(r.file, r.row, r.sample_id) for r in f.examples] for f in scanned.findings if f.rows}
    assert refs["rationales of alerts"] == [("a.jsonl", 7, "leak-7")]
    assert refs["rule packs"] == [("b.parquet", 11, "p11")]
    assert refs["canaries"] == [("a.jsonl", 9, "canary-9")]
    assert told(scanned.findings, "not_assessed") == [
        ("canary", "L1", "file d.zip", 0),
        ("column", "L1", "broken rows", 1),
    ]
    assert ("containment", "L1", "short texts", 1) in told(scanned.findings, "not_identifiable")
    assert (scanned.shards_listed, scanned.shards_scanned, scanned.files) == (3, 3, 4)
    detail = next(f for f in scanned.findings if f.subject == "rationales of alerts").examples[0].detail
    assert "alert-4" in detail and "as text" in detail


def test_the_facts_of_all_rows_in_order(tmp_path: Path, corpus: Path) -> None:
    scanned = audit(tmp_path / "S", corpus)
    rows = scanned.rows
    assert rows.schema.names[: len(CORPUS_ROWS.names)] == list(CORPUS_ROWS.names)
    assert rows["position"].to_pylist() == list(range(92))
    assert rows["file"].to_pylist() == ["a.jsonl"] * 61 + ["b.parquet"] * 30 + ["c.txt.gz"]
    assert rows["row"].to_pylist() == [*range(61), *range(30), 0]
    assert rows["sample_id"].to_pylist()[58:64] == ["s58", "s59", None, "p0", "p1", "p2"]
    assert rows["c.reward"].to_pylist()[58:64] == [5.8, 5.9, None, 0.0, 1.0, 2.0]
    assert rows["messages"][0].as_py()[0]["chars"] == len(made.honest(0, 120))
    assert scanned.count == 92


def comparable(scanned: Scanned) -> tuple[list[Finding], pa.Table]:
    return scanned.findings, scanned.rows


@pytest.mark.slow
def test_two_workers_give_what_one_does(tmp_path: Path, corpus: Path) -> None:
    one, two = (comparable(audit(tmp_path / f"S{n}", corpus, n)) for n in (1, 2))
    assert one[0] == two[0]
    assert one[1].equals(two[1])


def test_shards_of_one_file_number_its_rows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.audit.corpus import files as module

    monkeypatch.setattr(module, "SHARD_BYTES", 5_000)
    rows = honest(40)
    rows[33] = {"sample_id": "leak", "note": TEXTS[2].text}
    jsonl(tmp_path / "c" / "a.jsonl", rows)
    scanned = audit(tmp_path / "S", tmp_path / "c")
    assert scanned.shards_listed > 4
    assert scanned.rows["row"].to_pylist() == list(range(40))
    (finding,) = [f for f in scanned.findings if f.verdict == "leak"]
    assert [(r.row, r.sample_id) for r in finding.examples] == [(33, "leak")]


def test_what_the_lake_says_all_over_is_no_leak(tmp_path: Path) -> None:
    """A rationale of which half is what every trace says, in rows that say it too."""
    common = made.rationale(4)
    lake = flat(tmp_path / "lake" / "a.parquet", [{**r, "reasoning": common} for r in rollouts(40)])
    jsonl(tmp_path / "c" / "a.jsonl", [{"sample_id": str(i), "text": common} for i in range(3)])
    alone = audit(tmp_path / "S", tmp_path / "c")
    beside = audit(tmp_path / "S2", tmp_path / "c", traces=lake.parent)
    assert told(alone.findings, "leak") == [("containment", "L1", "rationales of alerts", 3)]
    assert told(beside.findings, "leak") == []
    assert ("containment", "L1", "common texts", 1) in told(beside.findings, "not_identifiable")


def test_a_text_that_leaked_into_every_row_is_found_without_a_lake(tmp_path: Path) -> None:
    jsonl(tmp_path / "c" / "a.jsonl", [{"text": f"{made.honest(i, 60)} {TEXTS[5].text}"} for i in range(300)])
    scanned = audit(tmp_path / "S", tmp_path / "c")
    assert told(scanned.findings, "leak") == [("containment", "L1", "rationales of alerts", 300)]


def test_a_part_with_too_many_leaks_to_name_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.audit.text import scan as module

    monkeypatch.setattr(module, "MOST_MET", 50)
    monkeypatch.setattr(module, "BLOCK_BYTES", 20_000)
    jsonl(tmp_path / "c" / "a.jsonl", [{"text": TEXTS[5].text} for _ in range(2_000)])
    scanned = audit(tmp_path / "S", tmp_path / "c")
    ((*_, rows),) = told(scanned.findings, "leak")
    assert 50 <= rows < 2_000
    assert ("containment", "L1", "full parts", 0) in told(scanned.findings, "not_assessed")


def test_columns_of_mixed_types_become_one_type(tmp_path: Path) -> None:
    jsonl(tmp_path / "c" / "a.jsonl", [{"x": 1, "y": True, "z": 1}, {"x": 2.5, "y": 0, "z": "one"}])
    jsonl(tmp_path / "c" / "b.jsonl", [{"x": False, "y": None, "z": [1]}, {"w": "\ud800"}])
    rows = audit(tmp_path / "S", tmp_path / "c").rows
    assert rows["c.x"].to_pylist() == [1.0, 2.5, 0.0, None]
    assert rows["c.y"].to_pylist() == [1.0, 0.0, None, None]
    assert rows["c.z"].to_pylist() == ["1", "one", None, None]
    assert rows["c.w"].to_pylist() == [None, None, None, "?"]


@pytest.mark.parametrize("content", ["", "\n\n", "{}\n"], ids=["nothing", "blank lines", "an empty object"])
def test_a_corpus_of_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.jsonl").write_text(content)
    scanned = audit(tmp_path / "S", tmp_path / "c")
    assert scanned.count == (content == "{}\n")
    assert told(scanned.findings, "leak") == []
    assert len(scanned.rows) == scanned.count


def test_an_export_is_its_data_and_what_lies_beside_is_scanned(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.table({"sample_id": ["a"], "text": ["b"]}), folder / "data" / "0.parquet")
    (folder / "manifest.json").write_text('{"files": 1}')
    (folder / "certificate.json").write_text(json.dumps({"note": CANARY}))
    scanned = audit(tmp_path / "S", folder)
    assert scanned.count == 1 and scanned.rows["sample_id"].to_pylist() == ["a"]
    (leak,) = [f for f in scanned.findings if f.verdict == "leak"]
    assert [(r.file, r.row) for r in leak.examples] == [("certificate.json", None)]


def test_papers_of_an_export_are_no_rows_that_are_no_json(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.table({"sample_id": ["a"], "text": ["b"]}), folder / "data" / "0.parquet")
    (folder / "manifest.json").write_text(json.dumps({"files": [1, 2, 3]}, indent=1))
    found = {f.subject: f for f in audit(tmp_path / "S", folder).findings}
    assert "broken rows" not in found
    assert "manifest.json" in found["papers of an export"].says
