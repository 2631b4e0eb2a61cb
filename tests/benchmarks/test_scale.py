"""The benchmark of growth, in small: its inputs are traces, and it runs."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.scale import Taken, exponent, huge, tiny
from pipelines.job import Job
from pipelines.run import run_job
from tests.pipelines.lakes import pack


def test_tiny_traces_differ_and_are_read(tmp_path: Path) -> None:
    tiny(tmp_path / "lake", 300)
    texts = pq.read_table(tmp_path / "lake", columns=["reasoning"]).column(0)
    assert len(set(texts.to_pylist())) == 300
    job = Job(traces=(str(tmp_path / "lake"),), store=str(tmp_path / "S"), monitors=(f"rules:{pack(tmp_path)}",))
    assert run_job(job, quiet=True).traces == 300


def test_a_huge_trace_is_as_large_as_it_says(tmp_path: Path) -> None:
    huge(tmp_path / "lake", 2)
    assert len(pq.read_table(tmp_path / "lake").column("reasoning")[0].as_py()) == 2_000_000


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_exponent_is_that_of_the_growth(power: float) -> None:
    taken = [Taken(n, 20 + 1e-4 * n**power, 0, 0) for n in (10_000, 20_000, 40_000)]
    assert exponent(taken, 20) == pytest.approx(power)
