"""The traces that a corpus could have been made of: what was known of each before a monitor spoke, and what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.store import Store
from schemas.results import LEVELS
from schemas.trace import CHANNELS

CATEGORIES = ("environment", "task_id", "rollout_group", "model", "checkpoint", "training_run", "file")


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of texts as numbers (n) into its distinct values; -1 where it is null."""

    codes: np.ndarray
    values: tuple[str, ...]

    @classmethod
    def of(cls, column: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> Coded:
        """
        >>> Coded.of(["a", None, "b", "a"]).codes
        array([ 0, -1,  1,  0])
        """
        if not isinstance(column, (pa.Array, pa.ChunkedArray)):
            column = pa.array(column, pa.string())
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        coded = column.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(codes, tuple(coded.dictionary.to_pylist()))

    def texts(self) -> pa.Array:
        """The column again, as Arrow."""
        return pa.array(self.values, pa.string()).take(pa.array(self.codes, mask=self.codes < 0))

    @property
    def known(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Population:
    """One entry a trace (n), in the order of the lake. Numbers are float64 with NaN for null; `success` is 0 or 1.

    `flagged` is what the tests ask about; `score`, `alerts`, `level` (0: no alert, 1: informational, ... 5: critical)
    and each monitor's own `scores` are what a column of a corpus may have been made from. `score` is 0 where nothing
    was scored. `conflict` marks ids that stand for several contents.
    """

    key: np.ndarray
    trace_id: np.ndarray
    environment: Coded
    task_id: Coded
    rollout_group: Coded
    model: Coded
    checkpoint: Coded
    training_run: Coded
    file: Coded
    reward: np.ndarray
    success: np.ndarray
    training_step: np.ndarray
    window_index: np.ndarray
    started_at: np.ndarray
    steps: np.ndarray
    chars: Mapping[str, np.ndarray]
    flagged: np.ndarray
    score: np.ndarray
    alerts: np.ndarray
    level: np.ndarray
    scores: Mapping[str, np.ndarray]
    conflict: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    @property
    def length(self) -> np.ndarray:
        """Characters of all channels together (n)."""
        return np.sum([self.chars[c] for c in CHANNELS], axis=0)

    def coded(self, name: str) -> Coded:
        return getattr(self, name)


def population(store: Store, minimum_level: str = "low") -> Population:
    """All traces of the store as its views show them now; flagged are those with an alert of `minimum_level` or above.

    A trace without any alert is not flagged, whether its monitors looked or could not.
    """
    least = LEVELS.index(minimum_level) + 1
    ranks = " ".join(f"WHEN '{name}' THEN {i}" for i, name in enumerate(LEVELS, 1))
    chars = ", ".join(f"t.{c}_chars" for c in CHANNELS)
    with store.connect() as con:
        con.execute(
            f"""CREATE TEMP TABLE flags AS
            SELECT trace_key, count(*) AS alerts, max(CASE level {ranks} END) AS level, max(score) AS score
            FROM alerts GROUP BY trace_key"""
        )
        traces = con.sql(
            f"""SELECT t.trace_key, t.trace_id, t.environment, t.task_id, t.rollout_group, t.model, t.checkpoint,
                   t.training_run, t.file, t.reward, CAST(t.success AS INTEGER) AS success, t.training_step,
                   t.window_index, epoch(t.started_at) AS started_at, t.steps, {chars}, t.id_conflict,
                   coalesce(f.alerts, 0) AS alerts, coalesce(f.level, 0) AS level, coalesce(f.score, 0) AS score
            FROM traces t LEFT JOIN flags f USING (trace_key)
            ORDER BY t.file, t.row_group, t."row", t.trace_key"""
        ).to_arrow_table()
        scored = con.sql(
            "SELECT trace_key, monitor, score FROM assessments WHERE score IS NOT NULL ORDER BY monitor, trace_key"
        ).to_arrow_table()
    return _assemble(traces, scored, least)


def _assemble(traces: pa.Table, scored: pa.Table, least: int) -> Population:
    key = texts(traces["trace_key"])
    place = {k: i for i, k in enumerate(key)}
    at = np.array([place.get(k, -1) for k in scored["trace_key"].to_pylist()], np.int64)
    monitor, given = Coded.of(scored["monitor"]), numbers(scored["score"])
    scores: dict[str, np.ndarray] = {}
    for code, name in enumerate(monitor.values):
        mine = (monitor.codes == code) & (at >= 0)
        scores[name] = np.full(len(key), np.nan)
        scores[name][at[mine]] = given[mine]
    top = np.stack([np.nan_to_num(s, nan=0.0) for s in scores.values()] or [np.zeros(len(key))]).max(axis=0)
    level = numbers(traces["level"])
    return Population(
        key=key,
        trace_id=texts(traces["trace_id"]),
        environment=Coded.of(traces["environment"]),
        task_id=Coded.of(traces["task_id"]),
        rollout_group=Coded.of(traces["rollout_group"]),
        model=Coded.of(traces["model"]),
        checkpoint=Coded.of(traces["checkpoint"]),
        training_run=Coded.of(traces["training_run"]),
        file=Coded.of(traces["file"]),
        reward=numbers(traces["reward"]),
        success=numbers(traces["success"]),
        training_step=numbers(traces["training_step"]),
        window_index=numbers(traces["window_index"]),
        started_at=numbers(traces["started_at"]),
        steps=numbers(traces["steps"]),
        chars={c: numbers(traces[f"{c}_chars"]) for c in CHANNELS},
        flagged=level >= least,
        score=np.maximum(top, numbers(traces["score"])),
        alerts=numbers(traces["alerts"]),
        level=level,
        scores=scores,
        conflict=traces["id_conflict"].to_numpy().astype(bool),
    )


def texts(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=object)


def numbers(column: Any) -> np.ndarray:
    """A column of numbers, bools or moments as float64, NaN for null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
