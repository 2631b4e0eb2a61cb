"""Corpora for tests: a small world of traces, and what an audit says of rows made from it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa

from benchmarks.firewall.world import World, corpus, world
from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.examine import examine
from pipelines.audit.rows.join import join
from pipelines.audit.rows.population import Coded, Population
from pipelines.audit.rows.selection import Selection, replay
from pipelines.audit.rows.source import source

ALPHA = 0.006


@cache
def small(seed: int = 20_000, traces: int = 2_000, rate: float = 0.05) -> World:
    return world(seed, traces, rate)


def case(pop: Population, rows: pa.Table, declared: Selection | None = None) -> Case:
    src = source(pop)
    replayed = replay(declared, pop, src) if declared is not None else None
    return Case(pop, src, rows, join(pop, rows, None), declared, replayed, ALPHA, 1)


def examined(pop: Population, rows: pa.Table, declared: Selection | None = None) -> dict[str, list[Finding]]:
    """Findings by check."""
    found: dict[str, list[Finding]] = {}
    for finding in examine(pop, rows, declared, ALPHA, None, 1):
        found.setdefault(finding.check, []).append(finding)
    return found


def verdicts(findings: list[Finding]) -> set[str]:
    return {f.verdict for f in findings}


def one(findings: list[Finding], subject: str) -> Finding:
    (found,) = [f for f in findings if f.subject == subject]
    return found


def everything(w: World) -> np.ndarray:
    return np.arange(len(w.pop))


def without_units(pop: Population) -> Population:
    """The same traces with neither task nor group."""
    nothing = Coded(np.full(len(pop), -1), ())
    return replace(pop, task_id=nothing, rollout_group=nothing)


__all__ = ["ALPHA", "case", "corpus", "everything", "examined", "one", "small", "verdicts", "without_units"]
