"""What source columns say of an outcome, without a row seeing itself."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.rows.trees import Covariates, bin_columns, cross_fit

ROWS = 6_000


@pytest.fixture(scope="module")
def columns() -> Covariates:
    rng = np.random.default_rng(0)
    length = rng.lognormal(8, 1, ROWS)
    length[:300] = np.nan
    return Covariates({"length": length, "reward": rng.random(ROWS)}, {"environment": rng.integers(0, 6, ROWS)})


def fitted(columns: Covariates, outcome: np.ndarray) -> np.ndarray:
    return cross_fit(bin_columns(columns), outcome.astype(float), np.arange(ROWS) // 8)


def error(columns: Covariates, outcome: np.ndarray) -> float:
    return float(((fitted(columns, outcome) - outcome) ** 2).mean())


def test_a_step_is_found(columns: Covariates) -> None:
    outcome = columns.numeric["length"] <= 5_000
    assert error(columns, outcome) < 0.01  # but for the rows that share a bin with the step


def test_steps_that_differ_by_environment_are_found(columns: Covariates) -> None:
    bound = np.where(columns.categorical["environment"] < 3, 0.3, 0.8)
    assert error(columns, columns.numeric["reward"] >= bound) < 0.04


def test_where_a_column_is_unknown_can_decide(columns: Covariates) -> None:
    assert error(columns, np.isnan(columns.numeric["length"])) < 0.002


def test_an_outcome_that_each_environment_decides_is_exact(columns: Covariates) -> None:
    outcome = columns.categorical["environment"] % 3
    assert error(columns, outcome) == 0.0


def test_chance_is_left_as_it_is(columns: Covariates) -> None:
    outcome = (np.random.default_rng(4).random(ROWS) < 0.3).astype(float)
    assert error(columns, outcome) <= 0.21 * 1.03


def test_no_cluster_sees_itself() -> None:
    """An outcome that is each task's own cannot be foretold from a column that names the task."""
    task = np.arange(ROWS) // 8
    own = np.random.default_rng(2).random(ROWS // 8 + 1)[task]
    columns = Covariates({"task": task.astype(float)}, {})
    predicted = cross_fit(bin_columns(columns), own, task)
    assert abs(np.corrcoef(predicted, own)[0, 1]) < 0.15


def test_no_rows_and_no_columns_are_no_fault() -> None:
    nothing = Covariates({}, {})
    assert len(cross_fit(bin_columns(nothing), np.zeros(0), np.zeros(0, int))) == 0
    assert cross_fit(bin_columns(nothing), np.array([0.0, 1.0]), np.array([0, 1])).tolist() == [0.5, 0.5]
