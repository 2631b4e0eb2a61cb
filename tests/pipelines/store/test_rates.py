"""`rates` and the other views against an independent computation, and its intervals against a simulation."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pipelines.store import Store
from pipelines.store.views import COLUMNS, select
from tests.pipelines.store.books import File, Finding, Monitor, Trace, append_run, fresh, night, rows, run_row
from tests.pipelines.store.truth import Truth, rate

KEYS = "model, checkpoint, training_step, training_run, environment, monitor, behaviour, stance"
VALUES = "traces, assessed, without_reasoning, flagged, tasks, rate, low, high"
CORE = "rules.core"
STANCES = ("executed", "planned", "contemplated")
LEVELS = ("low", "medium", "high")


def some_store(folder: Path, seed: int) -> Store:
    """Some nights: files rewritten, replicas, conflicting ids, monitors changed, samples, nulls in every dimension."""
    rng = random.Random(seed)
    store = fresh(folder)
    monitors = [
        Monitor(CORE, "1"),
        Monitor(CORE, "2", {"TG08": ("reasoning", "action"), "HO01": ("reasoning",), "TG02": ("memory",)}),
        Monitor("rules.mine", "1", {"HO01": ("output", "reasoning")}),
    ]

    def trace() -> Trace:
        looks = {}
        for m in (CORE, "rules.mine"):
            behaviours = rng.sample(["TG08", "TG01", "HO01"], rng.choice([0, 0, 1, 2]))
            found = [Finding(b, rng.choice(STANCES), rng.choice(LEVELS), rng.random()) for b in behaviours]
            looks[m] = None if rng.random() < 0.1 else found
        dims = {
            "model": rng.choice(["m1", "m|2", None]),
            "checkpoint": rng.choice(["", None]),
            "training_step": rng.choice([1, 10, None]),
            "environment": rng.choice(["swe", "swe", "1:x"]),
            "rollout_group": rng.choice(["g1", "g2", None]),
            "task_id": rng.choice(["g1", "t2", "t3", None]),
        }
        channels = tuple(rng.sample(["reasoning", "action", "output"], rng.choice([0, 1, 2, 3])))
        return Trace(f"t{rng.randrange(40)}", rng.choice("xxy"), dims, looks, channels)

    for n in range(rng.randrange(3, 6)):
        files = [
            File(f"f{rng.randrange(4)}-{i}", [trace() for _ in range(rng.randrange(1, 25))], rng.choice(["v1", "v2"]))
            for i in range(2)
        ]
        used = rng.sample(monitors, rng.choice([1, 2]))
        if len({m.id for m in used}) == len(used):
            night(store, f"r{n}", files, used, ingest=rng.random() < 0.8, sample=rng.choice([None, None, 5]))
    append_run(store, run_row("never", [Monitor("rules.unused", "1")]))
    return store


@pytest.mark.parametrize("seed", range(6))
def test_the_views_agree_with_a_computation_row_by_row(tmp_path: Path, seed: int) -> None:
    store = some_store(tmp_path, seed)
    truth = Truth(store)
    for view in ("units", "traces", "assessments", "alerts"):
        names = [c for c in COLUMNS[view] if c not in ("metadata", "evidence", "rules", "channels", "started_at")]
        expected = {tuple(r[c] for c in names) for r in getattr(truth, view)}
        found = rows(store, "SELECT " + ", ".join(f'"{c}"' for c in names) + f" FROM {view}")
        assert len(found) == len(set(found)) and set(found) == expected, view
    expected_rates = truth.rates()
    found_rates = {r[:8]: r[8:] for r in rows(store, f"SELECT {KEYS}, {VALUES} FROM rates")}
    assert set(found_rates) == set(expected_rates)
    assert len(found_rates) == rows(store, "SELECT count(*) FROM rates")[0][0]
    for key, values in expected_rates.items():
        assert found_rates[key] == pytest.approx(values, abs=1e-4), key


def test_zero_rows_are_there_for_what_was_looked_for_and_not_found(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    seen = [Trace(f"a{i}", dims={"environment": "a", "task_id": f"{i}"}) for i in range(3)]
    blind = [Trace("b", dims={"environment": "b"}, channels=("action",))]
    hit = [Trace("c", dims={"environment": "c"}, looks={CORE: [Finding("TG08", "planned")]})]
    night(store, "r1", [File("f", seen + blind + hit)])
    found = rows(store, f"SELECT environment, behaviour, stance, {VALUES} FROM rates ORDER BY 1, 2, 3")
    none = (None, None, None)
    z2 = 1.959963984540054**2
    assert [r[:8] for r in found] == [
        ("a", "TG01", "any", 3, 3, 0, 0, 3),
        ("a", "TG08", "any", 3, 3, 0, 0, 3),
        ("a", "TG08", "planned", 3, 3, 0, 0, 3),
        ("b", "TG01", "any", 1, 1, 1, 0, 1),
        ("b", "TG08", "any", 1, 0, 0, 0, 0),
        ("b", "TG08", "planned", 1, 0, 0, 0, 0),
        ("c", "TG01", "any", 1, 1, 0, 0, 1),
        ("c", "TG08", "any", 1, 1, 0, 1, 1),
        ("c", "TG08", "planned", 1, 1, 0, 1, 1),
    ]
    assert found[0][8:] == pytest.approx((0, 0, z2 / (3 + z2)))
    assert found[4][8:] == none


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        ([(1, 0)] * 90 + [(1, 1)] * 10, (0.0552291, 0.1743657)),  # Wilson's interval for 10 of 100
        ([(10, 0)] * 9 + [(10, 10)], (0.0136, 0.4718)),  # ten tasks, each all or none: as 1 of 9, and few
        ([(10, 1)] * 10, (0.0509, 0.1870)),  # tasks that are alike: never better than traces of their own
        ([(10, 0)] * 10, (0.0, 0.2775328)),  # nothing found in ten tasks: as 0 of 10
    ],
    ids=["traces of their own", "all or none in a task", "every task the same", "none at all"],
)
def test_the_interval_respects_clusters(clusters: list[tuple[int, int]], expected: tuple[float, float]) -> None:
    assert rate(clusters)[4:] == pytest.approx(expected, abs=1e-3)
    (found,) = intervals([clusters])
    assert found == pytest.approx(rate(clusters)[4:], abs=1e-4)


def intervals(samples: list[list[tuple[int, int]]]) -> list[tuple[float, float]]:
    """The (low, high) of the view's own SQL for many samples of (size, flagged) clusters, each as one environment."""
    env, task, hit = [], [], []
    for e, clusters in enumerate(samples):
        for t, (size, flagged) in enumerate(clusters):
            env += [e] * size
            task += [t] * size
            hit += [True] * flagged + [False] * (size - flagged)
    table = pa.table(
        {"e": pa.array(env, pa.int64()), "t": pa.array(task, pa.int64()), "hit": pa.array(hit, pa.bool_())}
    )
    with duckdb.connect() as con:
        con.register("drawn", table)
        con.execute("CREATE SCHEMA raw")
        con.execute("""CREATE TABLE raw.runs AS SELECT [{monitor: 'm', digest: 'd', behaviours: [
            {behaviour: 'TG08', channels: ['reasoning']}]}] AS monitors""")
        con.execute("CREATE TABLE units AS SELECT 'd' AS monitor_digest")
        con.execute("""CREATE TABLE traces AS SELECT row_number() OVER ()::VARCHAR AS trace_key, 'm' AS model,
            NULL::VARCHAR AS checkpoint, e AS training_step, 'r' AS training_run, 'e' AS environment,
            NULL::VARCHAR AS rollout_group, t::VARCHAR AS task_id, hit FROM drawn""")
        con.execute("""CREATE TABLE assessments AS SELECT trace_key, 'm' AS monitor, 'd' AS monitor_digest,
            ['reasoning'] AS channels, 'assessed' AS state FROM traces""")
        con.execute("""CREATE TABLE alerts AS SELECT trace_key, 'm' AS monitor, 'TG08' AS behaviour,
            'planned' AS stance, 'high' AS level FROM traces WHERE hit""")
        query = f"SELECT low, high FROM ({select('rates', 'duckdb')}) WHERE stance = 'any' ORDER BY training_step"
        return con.execute(query).fetchall()


@pytest.mark.parametrize(
    ("share", "clusters", "size", "alike", "least"),
    [
        (0.1, 40, 5, 0.0, 0.93),
        (0.1, 40, 5, 0.5, 0.91),
        (0.3, 25, 8, 0.9, 0.91),
        (0.02, 60, 4, 0.2, 0.90),
        (0.3, 200, 1, 0.0, 0.93),
    ],
    ids=["independent", "tasks differ", "tasks all or none", "rare", "no clusters"],
)
def test_intervals_hold_what_they_promise(share: float, clusters: int, size: int, alike: float, least: float) -> None:
    rng = np.random.default_rng(20260101)
    samples = []
    for _ in range(400):
        # beta-binomial: `alike` is the correlation of two traces of one task
        if alike:
            a = share * (1 / alike - 1)
            b = (1 - share) * (1 / alike - 1)
            p = rng.beta(a, b, clusters)
        else:
            p = np.full(clusters, share)
        sizes = rng.integers(1, 2 * size, clusters) if size > 1 else np.ones(clusters, int)
        samples.append(list(zip(sizes.tolist(), rng.binomial(sizes, p).tolist(), strict=True)))
    found = intervals(samples)
    assert len(found) == len(samples)
    held = np.mean([low <= share <= high for low, high in found])
    assert held >= least
    if alike:  # taking each trace for independent would promise too much
        naive = [rate([(1, 1)] * sum(h for _, h in s) + [(1, 0)] * sum(m - h for m, h in s))[4:] for s in samples]
        assert np.mean([low <= share <= high for low, high in naive]) < held - 0.05
