"""The benchmark's inputs are what they claim to be, and its two baselines agree."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.baselines import PACK, count_with_plain_set, count_with_re, count_with_set
from benchmarks.generate import LAYOUTS, Shape, generate
from monitors.rules import load_pack
from schemas.layouts import LayoutSettings, adapter_for


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_taken_whole(tmp_path: Path, layout: str) -> None:
    total = generate(tmp_path / "in", Shape(1.0, layout, files=2))
    assert total == pytest.approx(1e6, rel=0.3)
    for file in (tmp_path / "in").glob("*.parquet"):
        parquet = pq.ParquetFile(file)
        adapter = adapter_for(parquet.schema_arrow, LayoutSettings(), str(file))
        assert adapter.layout == layout
        for batch in parquet.iter_batches(columns=list(adapter.columns)):
            taken = adapter.adapt(batch)
            assert len(taken.traces) == len(batch)
            assert {s["channel"] for row in taken.traces.column("steps").to_pylist() for s in row} == {
                *("prompt", "reasoning", "action", "output")
            }


def test_the_same_seed_gives_the_same_text(tmp_path: Path) -> None:
    tables = []
    for name in ("a", "b"):
        generate(tmp_path / name, Shape(0.5, files=1))
        tables.append(pq.read_table(tmp_path / name / "part-000.parquet"))
    assert tables[0].equals(tables[1])


def test_one_row_group_is_one(tmp_path: Path) -> None:
    generate(tmp_path / "in", Shape(20, files=1, one_row_group=True))
    assert pq.ParquetFile(next((tmp_path / "in").glob("*.parquet"))).num_row_groups == 1


def test_both_baselines_count_the_same(tmp_path: Path) -> None:
    generate(tmp_path / "in", Shape(2.0, files=1, planted=0.2))
    (file,) = (tmp_path / "in").glob("*.parquet")
    assert count_with_set(file) == count_with_plain_set(file) == count_with_re(file) > 20


def test_the_benchmark_pack_has_twenty_patterns() -> None:
    rules = load_pack(str(PACK)).rules
    assert len(rules) == 20
    assert sum(len(rule.patterns) for rule in rules) == 20
