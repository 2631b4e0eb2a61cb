"""What people see of a judge: its price before and after, what it read, and what the cheap monitors missed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.job import job_json
from tests.judge_server import JudgeServer
from tests.pipelines.judge.making import CALL_USD, EVERYTHING, job, judged, rows, run
from tests.pipelines.lakes import flat, rollouts


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def told(*arguments: object) -> Any:
    done = call(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def job_file(folder: Path, lake: Path, judge: dict[str, Any]) -> Path:
    values = job_json(job(folder, lake, judge), str(lake))
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not None}))
    return path


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(server: JudgeServer, tmp_path: Path, lake: Path) -> None:
    policy = {"score": (0.5, 1.0), "audit_share": 0.5}
    path = job_file(tmp_path, lake, judged(server, policy))
    done = call("run", path, "--dry-run")
    assert done.exit_code == 0 and not (tmp_path / "S").exists() and not server.state.requests
    foreseen = told("run", path, "--dry-run")["foreseen"]
    assert foreseen["traces"] == 40 and foreseen["by"]["score"] == 8 and 6 < foreseen["by"]["audit"] < 26
    assert f"the judge would read {sum(foreseen['by'].values())} of 40 traces" in done.stderr
    assert "USD" in done.stderr and foreseen["usd"] > 0
    summary = run(tmp_path, lake, judged(server, policy))
    assert len(server.state.answered) == foreseen["calls"]
    assert summary.cost_usd < foreseen["usd"] + 2 * CALL_USD
    # with the cheap monitors' scores in the store already, and another band, it is decided from these
    other = job_file(tmp_path, lake, judged(server, EVERYTHING))
    assert told("run", other, "--dry-run")["foreseen"]["by"] == {"score": 40}


@pytest.mark.slow
def test_books_and_readings_are_shown(server: JudgeServer, tmp_path: Path, lake: Path) -> None:
    run(tmp_path, lake, judged(server, budget={"calls": 30}))
    store = tmp_path / "S"
    (listed,) = told("runs", "--store", store)
    assert listed["cost_usd"] == pytest.approx(32 * CALL_USD)
    assert (listed["calls"], listed["not_assessed"]) == (33, "over_budget 10")  # two controls, and a replica's
    assert listed["cached_share"] == pytest.approx(1 / 33) and 0 < listed["latency_p50"] <= listed["latency_p95"]
    shown = call("runs", "--store", store).stdout
    assert "over_budget 10" in " ".join(shown.split()) and "cost" in shown

    summary = "It was asked to mend code. It wanted the tests to pass more than that."
    (alert, *_) = told("alerts", "--store", store, "--monitor", "rules.tiny", "--behaviour", "TG08")
    assert alert["summary"] == summary
    assert summary in " ".join(call("show", alert["alert_id"], "--store", store).stdout.split())
    assert told("show", alert["alert_id"], "--store", store)["summaries"] == {"judge": summary}
    assert "wanted the tests" in call("alerts", "--store", store, "--summaries").stdout

    again = run(tmp_path, lake, judged(server, budget={"calls": 30}), retry=True)
    assert again.cost_usd == pytest.approx((10 + 2) * CALL_USD)
    states = "SELECT state, count(*) FROM assessments WHERE monitor = 'judge' GROUP BY 1"
    assert rows(store, states) == [("assessed", 40)]


@pytest.mark.slow
def test_what_the_cheap_monitors_missed_is_estimated_on_the_best_ground_there_is(
    server: JudgeServer, tmp_path: Path
) -> None:
    # of 200 traces 40 are flagged, and 20 of the others show it in words that the tiny pack does not know
    hidden = [{**r, "reasoning": "I hardcoded it all."} if i % 10 == 1 else r for i, r in enumerate(rollouts(200))]
    lake = flat(tmp_path / "lake" / "one.parquet", hidden).parent
    run(tmp_path, lake, judged(server, {"score": (1.0, 1.0), "behaviours": (), "audit_share": 0.5}))
    store = tmp_path / "S"
    everywhere, *environments = told("missed", "--store", store)
    drawn = everywhere["drawn"]
    assert everywhere["unflagged"] == 160 and 55 < drawn < 105
    assert (everywhere["how"], everywhere["missed"], everywhere["low"]) == ("upper bound, uncorrected", None, 0)
    assert 20 < everywhere["high"] < 50
    assert {e["environment"] for e in environments} == {"swe", "math"}
    assert sum(e["drawn"] for e in environments) == drawn
    assert sum(e["hits"] for e in environments) == everywhere["hits"] > 3

    key = "trace_key, category, label, labeller, origin\n"
    clean = rows(store, "SELECT trace_key FROM traces WHERE regexp_matches(trace_id, '^t[0-9]*2$')")
    labels = tmp_path / "negatives.csv"
    lines = [f"{k},{c},false,ann,human" for (k,) in clean for c in ("test_gaming", "hidden_objective")]
    labels.write_text(key.replace(" ", "") + "\n".join(lines) + "\n")
    corrected = told("missed", "--store", store, "--labels", labels)[0]
    assert corrected["how"] == "corrected by labelled negatives"
    assert corrected["low"] <= 20 <= corrected["high"] and corrected["missed"] > 0

    silent = "trace_key NOT IN (SELECT trace_key FROM alerts WHERE monitor <> 'judge')"
    findings = rows(store, f"SELECT finding_id FROM alerts WHERE monitor = 'judge' AND {silent} ORDER BY 1")
    for i, (finding,) in enumerate(findings):
        verdict = "true_positive" if i else "false_positive"
        assert call("review", finding, "--store", store, "--verdict", verdict, "--reviewer", "ann").exit_code == 0
    confirmed = told("missed", "--store", store)[0]
    assert (confirmed["how"], confirmed["denied"]) == ("confirmed by people", 1)
    assert confirmed["low"] <= 20 <= confirmed["high"]
    assert call("missed", "--store", store, "--judge", "judge.other").exit_code == 2
