"""Suspicion as the views tell it: the same as the fusion says, null where nobody looked, and no alert lost unsaid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitors.fusion import shipped
from monitors.fusion.fuse import Fusion, Part
from monitors.fusion.maps import ScoreMap
from pipelines.calibrate.rows import fusion_of, identified, told
from pipelines.store import Store
from schemas.behaviours import CATEGORIES
from schemas.calibrations import CALIBRATIONS
from tests.pipelines.store.books import File, Finding, Monitor, Trace, finding_id, fresh, night, review, rows

CORE, CODE, OWN = Monitor("rules.core"), Monitor("code"), Monitor("rules.own")
CLEAN = {"test_gaming": 0.0, "hidden_objective": 0.0}
STEEP = ScoreMap((0.0, 0.5, 1.0), (-1.0, 1.0, 4.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return fresh(tmp_path)


def part(monitor: Monitor, weight: float = 1.0, digest: str | None = None) -> Part:
    return Part(monitor.id, digest or monitor.digest, weight, STEEP, (), ())


def calibration(parts: tuple[Part, ...], threshold: float | None = 0.05, **more: Any) -> list[dict[str, Any]]:
    made = []
    counts = dict.fromkeys(("flagged", "ordinary", "tasks", "kept", "nights", "left_out", "unassessed"), 0)
    for category in CATEGORIES:
        row = told(Fusion(category, 0.01, parts)) | counts | {"environment": "*", "target_fpr": 0.01, "pooled": False}
        made.append(row | {"threshold": threshold, "keep_level": "high", "traffic": '"all"', "data_digest": "d"} | more)
    return identified(made)


def trace(name: str, core: float | None = 0.0, *found: Finding, **dims: object) -> Trace:
    looks: dict[str, Any] = {"rules.core": None if core is None else found}
    scores = {"rules.core": {**CLEAN, "test_gaming": core}} if core is not None else {}
    return Trace(name, dims=dims, looks=looks, scores=scores)


def said(store: Store, columns: str, category: str = "test_gaming") -> list[Any]:
    query = f"""SELECT {columns} FROM suspicion s JOIN traces t USING (trace_key)
                WHERE category = '{category}' ORDER BY trace_id"""
    return [row[0] if len(row) == 1 else row for row in rows(store, query)]


def test_the_view_says_what_the_fusion_says(store: Store) -> None:
    rng = np.random.default_rng(1)
    monitors = (CORE, CODE)
    values = np.round(rng.random((60, 2, 2)), 3)
    values[rng.random((60, 2, 2)) < 0.3] = 0.0
    traces = [
        Trace(
            f"t{i:02}",
            looks={m.id: None if rng.random() < 0.2 else () for m in monitors},
            scores={
                m.id: dict(zip(CATEGORIES, v, strict=True)) for m, v in zip(monitors, values[i].tolist(), strict=True)
            },
        )
        for i, by in enumerate(values.tolist())
    ]
    night(store, "r1", [File("a", traces)], monitors)
    store.append_calibration(calibration((part(CORE, 0.7), part(CODE, 1.2))))
    in_force = [calibration((part(CORE, 0.7), part(CODE, 1.2))), shipped.rows()]
    for category in CATEGORIES:
        at = CATEGORIES.index(category)
        scores = {
            m.id: np.array([np.nan if t.looks[m.id] is None else values[i, j, at] for i, t in enumerate(traces)])
            for j, m in enumerate(monitors)
        }
        fusion = fusion_of(next(row for row in in_force[0] if row["category"] == category))
        expected = fusion.suspicion(scores)
        found = said(store, "suspicion", category)
        assert [v is None for v in found] == np.isnan(expected).tolist()
        assert 0 < np.isnan(expected).sum() < 60
        seen = ~np.isnan(expected)
        assert np.array(found, float)[seen] == pytest.approx(expected[seen], abs=2e-9)


def test_without_a_calibration_the_shipped_one_weighs_and_hides_nothing(store: Store) -> None:
    low = Finding("TG08", level="low", score=0.1)
    doubtful = Finding("TG08", level="informational", score=0.0)
    night(store, "r1", [File("a", [trace("a", 0.0), trace("b", 0.0, low), trace("c", 0.9), trace("d", 0.0, doubtful)])])
    [name] = {row["calibration_id"] for row in shipped.rows()}
    assert {*said(store, "calibration_id")} == {name}
    suspicion = said(store, "suspicion")
    assert 0 < suspicion[0] < 0.01 < suspicion[2]
    assert said(store, "flagged_by") == [None, "level", "suspicion", None]
    assert rows(store, "SELECT DISTINCT s.status FROM (SELECT unnest(scores) AS s FROM suspicion)") == [
        ("other_version",)
    ]
    listed = "SELECT trace_id, flagged FROM weighed_alerts ORDER BY 1"
    assert rows(store, listed) == [("b", True), ("d", False)]


def test_not_looked_at_is_unknown_and_never_clean(store: Store) -> None:
    night(store, "r1", [File("a", [trace("a", None), trace("b", 0.0)])])
    assert [v is None for v in said(store, "suspicion")] == [True, False]
    assert said(store, "flagged") == [False, False]
    assert rows(store, "SELECT count(*) FROM suspicion") == [(4,)]


def test_a_category_that_was_not_looked_for_is_unknown(store: Store) -> None:
    one = Trace("a", looks={"rules.core": ()}, scores={"rules.core": {"test_gaming": 0.5}})
    night(store, "r1", [File("a", [one])])
    assert said(store, "suspicion IS NULL") == [False]
    assert said(store, "suspicion IS NULL", "hidden_objective") == [True]


def test_a_store_without_scores_by_category_goes_by_its_alerts(store: Store) -> None:
    found = Finding("TG08", score=0.8)
    older = [Trace("a", looks={"rules.core": (found,)}), Trace("b", looks={"rules.core": ()}), trace("c", 0.8, found)]
    night(store, "r1", [File("a", older)])
    [a, b, c] = said(store, "suspicion")
    assert a == c and b is None  # books of "b" have no score at all


def test_a_monitor_that_changed_is_stale_and_its_alerts_are_listed(store: Store) -> None:
    weak = Finding("TG08", level="low", score=0.1)
    night(store, "r1", [File("a", [trace("a", 0.1, weak), trace("b", 0.9)])])
    store.append_calibration(calibration((part(CORE),)))
    assert said(store, "flagged_by") == [None, "suspicion"]
    store.append_calibration(calibration((part(CORE, digest="older"),)))
    assert said(store, "suspicion") == [None, None]
    assert said(store, "flagged_by") == ["unweighed", None]
    assert said(store, "scores[1].status") == ["stale", "stale"]


def test_a_monitor_that_nobody_calibrated_moves_nothing_and_its_alerts_are_listed(store: Store) -> None:
    loud = Trace(
        "a",
        looks={"rules.core": (), "rules.own": (Finding("TG08", level="low"),)},
        scores={"rules.core": CLEAN, "rules.own": {"test_gaming": 1.0, "hidden_objective": 0.0}},
    )
    night(
        store,
        "r1",
        [File("a", [loud, replace(loud, trace_id="b", looks={"rules.core": (), "rules.own": ()})])],
        (CORE, OWN),
    )
    store.append_calibration(calibration((part(CORE),)))
    [a, b] = said(store, "suspicion")
    assert a == b == pytest.approx(0.01 * np.exp(-1) / (0.99 + 0.01 * np.exp(-1)), abs=1e-9)
    assert said(store, "flagged_by") == ["unweighed", None]


def test_what_a_calibration_keeps_is_listed_below_its_threshold(store: Store) -> None:
    high, low = Finding("TG01", level="high", score=0.1), Finding("TG08", level="low", score=0.1)
    traces = [trace("a", 0.1, high, low), trace("b", 0.1, low), trace("c", 0.1, low)]
    night(store, "r1", [File("a", traces)])
    review(store, finding_id(traces[2], "rules.core", "TG08"), "true_positive")
    store.append_calibration(calibration((part(CORE),)))
    assert said(store, "flagged_by") == ["level", None, "review"]
    store.append_calibration(calibration((part(CORE),), keep_level=None))
    assert said(store, "flagged_by") == [None, None, "review"]
    assert rows(store, "SELECT trace_id, flagged FROM cases") == [("c", True), ("a", False), ("b", False)]


def test_an_environment_has_its_own_threshold_and_others_that_of_all(store: Store) -> None:
    traces = [trace(n, 0.5, environment=e) for n, e in (("a", "x"), ("b", "y"), ("c", None), ("d", "small"))]
    night(store, "r1", [File("a", traces)])
    everywhere = calibration((part(CORE),), 0.9)
    inside = [
        {**row, "environment": e, "maps": [], "threshold": t, "pooled": p}
        for row in everywhere
        for e, t, p in (("x", 0.01, False), ("small", 0.01, True))
    ]
    store.append_calibration(identified([*everywhere, *inside]))
    assert said(store, "s.environment, threshold, flagged") == [
        ("x", 0.01, True),
        ("y", 0.9, False),
        (None, 0.9, False),
        ("small", 0.9, False),
    ]


def test_the_newest_calibration_is_in_force_and_the_same_twice_is_one(store: Store) -> None:
    first, second = calibration((part(CORE),)), calibration((part(CORE, 0.5),))
    assert [store.append_calibration(c) for c in (first, first, second, second, first)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    known = {c[0]["calibration_id"] for c in (first, second)} | {shipped.rows()[0]["calibration_id"]}
    assert rows(store, "SELECT count(*), count(DISTINCT calibration_id) FROM calibrations") == [(6, 3)]
    assert {r[0] for r in rows(store, "SELECT calibration_id FROM calibrations")} == known
    assert rows(store, "SELECT DISTINCT calibration_id FROM calibrations WHERE in_force") == [
        (first[0]["calibration_id"],)
    ]
    assert {r[0] for r in rows(store, "SELECT calibration_id FROM score_maps")} == {first[0]["calibration_id"]}


def test_the_shipped_calibration_is_whole() -> None:
    held = list(shipped.rows())
    assert [row["category"] for row in held] == list(CATEGORIES)
    assert identified(held) == held, "its id is no digest of it: make it again with benchmarks/fit_fusion.py"
    stored = pa.Table.from_pylist([{**row, "calibrated_at": None} for row in held], CALIBRATIONS.arrow())
    assert {n for n in CALIBRATIONS.violations(stored) if "calibrated_at" not in n} == set()
    for row in held:
        assert row["ordinary"] >= 1_000 and row["threshold"] is not None and row["keep_level"] == "low"
        assert {m["monitor"] for m in row["maps"]} >= {"rules.core", "code"}
        fusion = fusion_of(row)
        assert told(fusion)["maps"] == row["maps"]
        quiet = {p.monitor: np.zeros(1) for p in fusion.parts}
        assert fusion.suspicion(quiet)[0] < 0.01 < row["threshold"] < 0.02
