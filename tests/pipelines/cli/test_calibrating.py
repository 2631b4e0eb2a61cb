"""`calibrate`, and what `alerts` and `runs` say of a calibration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cli.calibrate import LEVELS
from pipelines.store import Store
from schemas import results
from tests.pipelines.store.books import File, Finding, Trace, fresh, night

CORE = "rules.core"


def trace(name: str, score: float, *found: Finding, environment: str = "swe") -> Trace:
    scores = {CORE: {"test_gaming": score, "hidden_objective": 0.0}}
    return Trace(name, dims={"environment": environment}, looks={CORE: found}, scores=scores)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """1,100 ordinary traces, 40 of which have a low alert, and two of another environment with worse ones."""
    store = fresh(tmp_path)
    rng = np.random.default_rng(3)
    low = Finding("TG08", level="low", score=0.4)
    cried = [trace(f"c{i:03}", 0.4, low) for i in range(40)]
    ordinary = [trace(f"o{i:04}", round(float(s), 2)) for i, s in enumerate(np.where(rng.random(1_060) < 0.1, 0.2, 0))]
    new = [
        trace("worst", 0.95, Finding("TG08", level="medium"), environment="new"),
        trace("loud", 0.2, Finding("TG01", level="high", score=0.2), environment="new"),
        trace("silent", 0.9, environment="new"),
    ]
    night(store, "r1", [File("a", [*cried, *ordinary, *new])])
    return store


def call(store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--store", str(store.path)])


def listed(store: Store, *flags: str) -> list[dict[str, object]]:
    result = call(store, "alerts", "--limit", "0", "--format", "json", *flags)
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


def test_levels_are_those_of_the_schema() -> None:
    assert results.LEVELS == LEVELS


def test_before_anybody_calibrates_every_alert_is_listed(store: Store) -> None:
    assert len(listed(store)) == len(listed(store, "--all")) == 42
    said = call(store, "runs").stderr
    assert "comes with cotmonitor" in said and "test_gaming" in said and "hidden_objective" in said


def test_a_calibration_thins_the_list_and_says_what_it_left_out(store: Store) -> None:
    made = call(store, "calibrate", "--environment", "swe", "--target-fpr", "0.01")
    assert made.exit_code == 0 and "is in force" in made.stderr, made.stderr
    assert {row["trace_id"]: row["flagged_by"] for row in listed(store)} == {"worst": "suspicion", "loud": "level"}
    assert len(listed(store, "--all")) == 42
    said = call(store, "alerts").stderr
    assert "40 alerts of 40 traces below the threshold are not shown, the worst of level low; --all shows them" in said
    again = call(store, "calibrate", "--environment", "swe", "--target-fpr", "0.01")
    assert "was in force already" in again.stderr


def test_runs_tell_what_is_in_force_and_how_many_are_above(store: Store) -> None:
    made = call(store, "calibrate", "--environment", "swe", "--target-fpr", "0.05", "--format", "json")
    row = next(r for r in json.loads(made.stdout) if r["category"] == "test_gaming")
    result = call(store, "runs", "--format", "json")
    assert len(json.loads(result.stdout)) == 1
    [said] = [line for line in result.stderr.splitlines() if "test_gaming" in line]
    for part in (row["calibration_id"], "for 0.05 of ordinary traces", f"{row['flagged']}/1,100"):
        assert part in said
    above = row["flagged"] + 2  # "worst" and "silent"
    assert f"{above} traces are above, {1 if row['flagged'] == 40 else above - 1} of them without an alert" in said


def test_a_group_of_alerts_counts_flagged_ones(store: Store) -> None:
    call(store, "calibrate", "--environment", "swe", "--target-fpr", "0.01", "--keep-level", "none")
    result = call(store, "alerts", "--group", "--format", "json")
    assert [(g["alerts"], g["behaviour"]) for g in json.loads(result.stdout)] == [(1, "TG08")]


def test_a_dry_run_changes_nothing(store: Store) -> None:
    said = call(store, "calibrate", "--all-traffic", "--target-fpr", "0.01", "--dry-run")
    assert said.exit_code == 0 and "would be in force" in said.stderr
    assert "comes with cotmonitor" in call(store, "runs").stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--all-traffic"], "give either --target-fpr or --alerts-per-night"),
        (["--all-traffic", "--target-fpr", "0.01", "--alerts-per-night", "5"], "give either"),
        (["--all-traffic", "--target-fpr", "5"], "5 is not between 0 and 1"),
        (["--all-traffic", "--alerts-per-night", "0"], "0 is not above 0"),
        (["--target-fpr", "0.01"], "nothing says which traffic is ordinary"),
        (["--target-fpr", "0.01", "--date", "yesterday"], "'yesterday' is no date"),
        (["--target-fpr", "0.001", "--all-traffic"], "needs 10,000: --target-fpr 0.01 is possible"),
        (["--target-fpr", "0.01", "--labels", "none.parquet"], "none.parquet"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(store: Store, flags: list[str], says: str) -> None:
    result = call(store, "calibrate", *flags)
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.stderr


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(main, ["calibrate", "--help"])
    assert result.exit_code == 0 and "cotmonitor calibrate" in result.stdout
