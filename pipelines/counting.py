"""Beam counters, all under one name. They may count a bundle that was tried again twice: figures come from tables."""

from __future__ import annotations

from apache_beam.metrics import Metrics

NAMESPACE = "cotmonitor"


def count(name: str, n: int = 1) -> None:
    """Add to a counter of the step that calls it."""
    Metrics.counter(NAMESPACE, name).inc(n)
