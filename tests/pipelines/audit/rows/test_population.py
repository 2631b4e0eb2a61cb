"""The traces of a real store, and what its monitors said of each."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from pipelines.audit.rows.examine import examine
from pipelines.audit.rows.population import Population, population
from tests.pipelines.audit.cases import corpus
from tests.pipelines.store.books import File, Finding, Monitor, Trace, fresh, night

STEP = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DIMS = {"environment": "e1", "task_id": "t", "reward": 0.5, "success": True, "training_step": 7, "started_at": STEP}
HIGH, LOW = Finding("TG08", level="high", score=0.9), Finding("TG01", level="low", score=0.4)


@pytest.fixture(scope="module")
def pop(tmp_path_factory: pytest.TempPathFactory) -> Population:
    store = fresh(tmp_path_factory.mktemp("books"))
    traces = [
        Trace("a", "x", DIMS, {"rules.core": [HIGH, LOW]}),
        Trace("b", "y", {"environment": "e2"}, {"rules.core": [LOW]}),
        Trace("c", "z", DIMS, {"rules.core": None}),
        Trace("a", "other content", DIMS, {"rules.core": []}),
    ]
    night(store, "r1", [File("f.parquet", traces), File("g.parquet", [Trace("d", "w")])], [Monitor()])
    return population(store)


def test_each_trace_is_there_once_in_the_order_of_the_lake(pop: Population) -> None:
    assert pop.trace_id.tolist() == ["a", "b", "c", "a", "d"]
    assert pop.conflict.tolist() == [True, False, False, True, False]
    assert pop.file.texts().to_pylist() == ["f.parquet"] * 4 + ["g.parquet"]


def test_what_was_known_before_is_read_with_its_nulls(pop: Population) -> None:
    assert pop.environment.texts().to_pylist() == ["e1", "e2", "e1", "e1", None]
    assert pop.reward[[0, 2]].tolist() == [0.5, 0.5] and np.isnan(pop.reward[[1, 4]]).all()
    assert (pop.success[0], pop.training_step[0], pop.started_at[0]) == (1.0, 7.0, STEP.timestamp())
    assert pop.chars["reasoning"].tolist() == [1, 1, 1, 13, 1]


def test_what_monitors_said_is_summed_by_trace(pop: Population) -> None:
    assert pop.flagged.tolist() == [True, True, False, False, False]
    assert pop.alerts.tolist() == [2, 1, 0, 0, 0]
    assert pop.level.tolist() == [4, 2, 0, 0, 0]
    assert pop.score.tolist() == [0.9, 0.4, 0, 0, 0]


def test_a_higher_level_flags_fewer(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    night(store, "r1", [File("f", [Trace("a", "x", DIMS, {"rules.core": [LOW]})])])
    assert population(store, "low").flagged.tolist() == [True]
    assert population(store, "medium").flagged.tolist() == [False]


def test_an_empty_store_has_nobody(tmp_path: Path) -> None:
    nobody = population(fresh(tmp_path))
    assert len(nobody) == 0
    assert {f.verdict for f in examine(nobody, corpus(nobody, np.zeros(0, int)), None, 0.01, None, 1)} == {
        "not_identifiable"
    }
