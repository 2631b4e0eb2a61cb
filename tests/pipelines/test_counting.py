"""Beam's counters: all under one name, and equal to the tables where nothing was tried twice."""

from __future__ import annotations

import re
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.counting import NAMESPACE, count

ROOT = Path(__file__).parents[2] / "pipelines"


def test_nobody_else_makes_metrics() -> None:
    makers = [p.name for p in ROOT.rglob("*.py") if re.search(r"\bMetrics\.\w+\(", p.read_text("utf-8"))]
    assert makers == ["counting.py"]


def test_what_is_counted_is_under_our_name() -> None:
    class Counted(beam.DoFn):
        def process(self, n: int) -> list[int]:
            count("things", n)
            return []

    p = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    p | beam.Create([1, 2, 3]) | beam.ParDo(Counted())
    result = p.run()
    result.wait_until_finish()
    found = result.metrics().query()["counters"]
    assert {(c.key.metric.namespace, c.key.metric.name, c.committed) for c in found} == {(NAMESPACE, "things", 6)}
