"""Calibrating a store: which traffic counts, what is refused, and that the views flag what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.calibrate.cuts import Aim
from pipelines.calibrate.run import CalibrateSettings, calibrate
from pipelines.calibrate.traffic import Declared
from pipelines.labels.files import Label, write_labels
from pipelines.store import Store
from schemas.errors import InputError
from tests.pipelines.store.books import File, Finding, Monitor, Trace, finding_id, fresh, night, review, rows

CORE, CODE = Monitor("rules.core"), Monitor("code")
BASE = Declared(checkpoints=("base",))


def made(n: int, seed: int, bad: float = 0.0, **dims: object) -> list[Trace]:
    """Traces that two monitors looked at; of `bad`, both are suspicious more often than of the others."""
    rng = np.random.default_rng(seed)
    traces = []
    for i in range(n):
        shows = rng.random() < bad
        core, code = (round(float(s), 3) for s in np.where(rng.random(2) < (0.8 if shows else 0.03), rng.random(2), 0))
        found = (Finding("TG08", level="low", score=core),) if core > 0.3 else ()
        scores = {m: {"test_gaming": s, "hidden_objective": 0.0} for m, s in (("rules.core", core), ("code", code))}
        name = f"{'bad' if shows else 'good'}-{seed}-{i:05}"
        traces.append(Trace(name, dims=dims, looks={"rules.core": found, "code": ()}, scores=scores))
    return traces


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[Trace]]:
    """1,200 ordinary traces of two environments, and 300 of a later checkpoint of which a third are bad."""
    store = fresh(tmp_path_factory.mktemp("filled"))
    base = made(1_000, 1, checkpoint="base", environment="large") + made(200, 2, checkpoint="base", environment="small")
    later = made(300, 3, 0.33, checkpoint="later", environment="large")
    night(store, "r1", [File("base", base), File("later", later)], (CORE, CODE))
    return store, base + later


def asked(store: Store, target: float | None = 0.01, **more: Any) -> CalibrateSettings:
    aim = Aim(target, more.pop("nightly", None), more.pop("each", False))
    more.setdefault("declared", BASE)
    return CalibrateSettings(str(store.path), aim, **more)


def of(rows: Any, category: str = "test_gaming", environment: str = "*") -> dict[str, Any]:
    return next(r for r in rows if (r["category"], r["environment"]) == (category, environment))


def test_the_views_flag_what_the_calibration_promised(filled: tuple[Store, list[Trace]]) -> None:
    store, _ = filled
    found = calibrate(asked(store, keep_level=None))
    row = of(found.rows)
    assert found.written and row["ordinary"] == 1_200 and 0 < row["flagged"] <= 11
    assert row["low"] < row["flagged"] / 1_200 < row["high"] < 0.02
    flagged = """SELECT count(*) FILTER (checkpoint = 'base'), count(*) FILTER (checkpoint = 'later')
                 FROM suspicion JOIN traces USING (trace_key)
                 WHERE category = 'test_gaming' AND suspicion >= threshold"""
    [(ordinary, later)] = rows(store, flagged)
    assert ordinary == row["flagged"]
    assert isinstance(later, int) and later > 25
    assert rows(store, "SELECT DISTINCT calibration_id FROM suspicion") == [(row["calibration_id"],)]
    assert {*rows(store, "SELECT s.status FROM (SELECT unnest(scores) AS s FROM suspicion)")} == {("calibrated",)}


def test_the_same_twice_is_one_calibration_and_a_dry_run_is_none(filled: tuple[Store, list[Trace]]) -> None:
    store, _ = filled
    first = calibrate(asked(store, 0.02))
    before = rows(store, "SELECT count(*) FROM raw.calibrations")
    again = calibrate(asked(store, 0.02))
    dry = calibrate(asked(store, 0.05), dry_run=True)
    assert (first.written, again.written, dry.written) == (True, False, False)
    assert list(first.rows) == list(again.rows)
    assert rows(store, "SELECT count(*) FROM raw.calibrations") == before


def test_the_reading_order_of_files_does_not_matter(tmp_path: Path) -> None:
    traces = made(1_100, 5, checkpoint="base")
    ids = []
    for name, files in (("a", [traces[:600], traces[600:]]), ("b", [traces[600:], traces[:600]])):
        store = fresh(tmp_path / name)
        night(store, "r1", [File(f"f{i}", part) for i, part in enumerate(files)], (CORE, CODE))
        ids.append(calibrate(asked(store)).rows[0]["calibration_id"])
    assert ids[0] == ids[1]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing declared": ({"declared": Declared()}, "nothing says which traffic is ordinary"),
    "nothing there": ({"declared": Declared(checkpoints=("none",))}, "no trace that is declared ordinary was assessed"),
    "too little for 0.1 %": ({"target": 0.001}, "0.1 % needs 10,000: --target-fpr 0.01 is possible"),
    "too little for 1 %": (
        {"declared": Declared(environments=("small",))},
        "200 ordinary traces, and a false-positive rate of 1 % needs 1,000: --target-fpr 0.05 is possible",
    ),
    "a budget too small to measure": ({"target": None, "nightly": 3}, "that budget is 0.25 % of 1,200 ordinary traces"),
    "a budget above the traffic": ({"target": None, "nightly": 2_000}, "more than the ordinary traffic"),
}


@pytest.mark.parametrize(("settings", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_measured_is_refused(
    filled: tuple[Store, list[Trace]], settings: dict[str, Any], says: str
) -> None:
    store, _ = filled
    with pytest.raises(InputError, match=says):
        calibrate(asked(store, **settings), dry_run=True)


def test_an_environment_with_little_traffic_falls_back_and_says_so(filled: tuple[Store, list[Trace]]) -> None:
    store, _ = filled
    found = calibrate(asked(store, each=True), dry_run=True)
    large, small, everywhere = (of(found.rows, environment=e) for e in ("large", "small", "*"))
    assert (large["pooled"], small["pooled"]) == (False, True)
    assert small["threshold"] == everywhere["threshold"]
    assert (large["ordinary"], small["ordinary"], everywhere["ordinary"]) == (1_000, 200, 1_200)
    assert any("too little traffic" in r and "small" in r and "large" not in r for r in found.remarks)
    assert [bool(r["maps"]) for r in (large, small, everywhere)] == [False, False, True]


def test_a_budget_is_kept_by_both_categories_together(filled: tuple[Store, list[Trace]]) -> None:
    store, _ = filled
    calibrate(asked(store, None, nightly=24, keep_level=None))
    query = """SELECT count(DISTINCT trace_key) FROM suspicion JOIN traces USING (trace_key)
               WHERE checkpoint = 'base' AND suspicion >= threshold"""
    [(flagged,)] = rows(store, query)
    assert isinstance(flagged, int) and 12 < flagged <= 24
    [row] = rows(
        store, "SELECT alerts_per_night, target_fpr FROM calibrations WHERE in_force AND category = 'test_gaming'"
    )
    assert row == (24, 0.02)


def test_what_people_confirmed_is_not_ordinary(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    traces = made(1_100, 6, checkpoint="base")
    night(store, "r1", [File("a", traces)], (CORE, CODE))
    flagged = [t for t in traces if t.looks["rules.core"]]
    for t in flagged[:5]:
        review(store, finding_id(t, "rules.core", "TG08"), "true_positive")
    review(store, finding_id(flagged[5], "rules.core", "TG08"), "false_positive")
    rows = calibrate(asked(store)).rows
    assert (of(rows)["left_out"], of(rows)["ordinary"]) == (5, 1_095)
    assert of(rows, "hidden_objective")["left_out"] == 0


def labels(traces: list[Trace], folder: Path) -> str:
    told = [
        Label(
            t.key, "test_gaming", None, "true" if t.trace_id.startswith("bad") else "false", "human", "ann", t.trace_id
        )
        for t in traces
    ]
    path = folder / "labels.parquet"
    write_labels(told, path, overwrite=True)
    return str(path)


def test_labels_fit_weights_and_say_what_is_ordinary(filled: tuple[Store, list[Trace]], tmp_path: Path) -> None:
    store, traces = filled
    told = labels(traces, tmp_path)
    found = calibrate(asked(store, declared=Declared(), labels=(told,)), dry_run=True)
    row = of(found.rows)
    bad = sum(t.trace_id.startswith("bad") for t in traces)
    assert row["ordinary"] == len(traces) - bad and row["labels_digest"]
    assert {m["monitor"]: sum(m["positive"]) for m in row["maps"]} == pytest.approx(
        {"code": bad + 20, "rules.core": bad + 20}
    )
    assert of(found.rows, "hidden_objective")["threshold"] is None  # nobody labelled it
    assert any("hidden_objective" in r and "no threshold" in r for r in found.remarks)
    both = calibrate(asked(store, labels=(told,)), dry_run=True)
    assert of(both.rows)["ordinary"] == 1_200


def test_what_an_older_version_said_is_left_out_and_told(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    night(store, "r1", [File("old", made(100, 7, checkpoint="base"))], (CORE, CODE))
    night(store, "r2", [File("new", made(1_000, 8, checkpoint="base"))], (Monitor("rules.core", "2"), CODE))
    found = calibrate(asked(store))
    assert any("100 traces" in r and "another version of rules.core" in r for r in found.remarks)
    statuses = rows(
        store,
        """SELECT file, s.status
           FROM (SELECT trace_key, unnest(scores) AS s FROM suspicion) JOIN traces USING (trace_key)
           WHERE s.monitor = 'rules.core' GROUP BY ALL ORDER BY ALL""",
    )
    assert statuses == [("new", "calibrated"), ("old", "stale")]


def test_dates_are_those_of_runs(filled: tuple[Store, list[Trace]]) -> None:
    import datetime as dt

    store, _ = filled
    day = dt.date(2026, 1, 1)
    assert of(calibrate(asked(store, declared=Declared(since=day, until=day)), dry_run=True).rows)["ordinary"] == 1_500
    with pytest.raises(InputError, match="was assessed"):
        calibrate(asked(store, declared=Declared(since=day + dt.timedelta(1))), dry_run=True)
