"""`cotmonitor fit` from labelled traces to a run with the model that it wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitors.classifier import load_model
from monitors.monitor import Finding, Verdict
from pipelines.cli import main
from pipelines.fit.gather import OUT, PRESUMED, TAUGHT, taught
from pipelines.samples import samples
from pipelines.store import Store
from tests.pipelines.lakes import flat

LABELS = {"gaming": "test_gaming", "clean": "benign", "hard_negative": "benign"}


def lake(folder: Path, n: int = 240, unlabelled: int = 0) -> str:
    """The project's samples in the flat layout with a label column; every `unlabelled`-th has none."""
    rows = []
    for i, s in enumerate(samples(n, 5)):
        if any(step.redacted for step in s.steps):
            continue
        told = {
            c: "\n".join(t.text or "" for t in s.steps if t.channel == c) for c in ("prompt", "reasoning", "action")
        }
        rows.append(
            {
                "trace_id": s.trace_id,
                "source": s.training_run,
                "environment": s.environment,
                "task_id": s.rollout_group,
                "prompt": told["prompt"],
                "reasoning": told["reasoning"],
                "actions": told["action"],
                "label": "unknown" if unlabelled and i % unlabelled == 0 else LABELS[s.story],
            }
        )
    return str(flat(folder / "made.parquet", rows))


def fit(traces: str, out: Path, *more: str) -> Result:
    words = ["fit", "--traces", traces, "--label-column", "label", "--category", "test_gaming", "--out", str(out)]
    return CliRunner().invoke(main, [*words, "--bootstrap", "100", *more])


def test_a_model_is_fitted_saved_and_run(tmp_path: Path) -> None:
    traces = lake(tmp_path / "lake")
    told = fit(traces, tmp_path / "ours", "--false-alarms", "0.03", "--leave-out", "environment", "--behaviour", "TG08")
    assert told.exit_code == 0, told.output
    model, card = load_model(str(tmp_path / "ours"))
    assert hashlib.sha256((tmp_path / "ours" / "model.skops").read_bytes()).hexdigest() == card.model_sha256
    assert [h.behaviour for h in model.heads] == ["TG08"]
    assert "--behaviour TG08" in card.command and str(tmp_path) not in (tmp_path / "ours" / "card.json").read_text()
    (rank,) = [f for f in card.figures if f.what == "AUROC" and f.way.startswith("tasks left out")]
    assert rank.value is not None and rank.value > 0.9
    assert any(f.way.startswith("leave one environment out") for f in card.figures)
    store = tmp_path / "store"
    words = ["run", "--traces", traces, "--store", str(store), "--monitors", f"classifier:{tmp_path / 'ours'}"]
    ran = CliRunner().invoke(main, [*words, "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    with Store.open(str(store)).connect() as con:
        looked = con.execute("SELECT count(*), min(score) >= 0, max(score) <= 1 FROM assessments").fetchall()
        alerted = con.execute("SELECT DISTINCT monitor, category, behaviour FROM alerts").fetchall()
    assert looked[0][0] > 100 and looked[0][1:] == (True, True)
    assert alerted == [("classifier.ours", "test_gaming", "TG08")]


def test_the_same_command_makes_the_same_model(tmp_path: Path) -> None:
    traces = lake(tmp_path / "lake")
    for name in ("one", "two"):
        assert fit(traces, tmp_path / name, "--name", "ours").exit_code == 0
    for file in ("model.skops", "card.json", "card.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_traces_without_a_label_take_the_word_of_a_teacher(tmp_path: Path) -> None:
    traces = lake(tmp_path / "lake", unlabelled=3)
    told = fit(traces, tmp_path / "ours", "--teacher", "rules:core", "--behaviour", "TG08")
    assert told.exit_code == 0, told.output
    _, card = load_model(str(tmp_path / "ours"))
    assert card.teachers == ("rules:core",)
    assert sum(s.taught for s in card.sources) > 0 and sum(s.presumed for s in card.sources) > 0


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    told = fit(lake(tmp_path / "lake"), tmp_path / "ours", "--dry-run")
    assert told.exit_code == 0 and "would fit ours for test_gaming" in told.output
    assert not (tmp_path / "ours").exists()


def test_thresholds_may_rest_on_traffic_of_its_own(tmp_path: Path) -> None:
    traces = lake(tmp_path / "lake")
    other = lake(tmp_path / "other", n=300)
    told = fit(traces, tmp_path / "ours", "--ordinary", other)
    assert told.exit_code == 0, told.output
    _, card = load_model(str(tmp_path / "ours"))
    assert "ordinary traces through, none of which was fitted on" in card.thresholds_on


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--behaviour", "HO01"], "--behaviour: 'HO01' is no behaviour of test_gaming"),
        (["--name", "Our Model"], "'Our Model' is no name for a model"),
        (["--leave-out", "planet"], "--leave-out: no trace has a column 'planet'"),
        (["--category", "hidden_objective"], "0 positives and"),
        (["--most-traces", "10"], "more than 10 traces are to be fitted on"),
        (["--label-map", "benign=fine"], "'benign=fine' maps to nothing known"),
    ],
    ids=["behaviour", "name", "column", "no positives", "too many", "map"],
)
def test_what_cannot_be_fitted_is_one_clear_error(tmp_path: Path, more: list[str], said: str) -> None:
    told = fit(lake(tmp_path / "lake"), tmp_path / "ours", *more)
    assert told.exit_code == 2 and said in told.output and "Traceback" not in told.output
    assert not (tmp_path / "ours").exists()


def test_a_model_is_not_written_among_the_traces(tmp_path: Path) -> None:
    lake(tmp_path / "lake")
    told = fit(str(tmp_path / "lake"), tmp_path / "lake" / "ours")
    assert told.exit_code == 2 and "lies inside the input folder" in told.output


@pytest.mark.parametrize(
    ("monitor", "said"),
    [
        ("classifier:nowhere", "nowhere: no such model"),
        ("classifier:", "monitor 'classifier:' names nothing"),
    ],
)
def test_a_model_that_is_not_there_stops_a_run(tmp_path: Path, monitor: str, said: str) -> None:
    traces = lake(tmp_path / "lake", n=8)
    words = ["run", "--traces", traces, "--store", str(tmp_path / "store"), "--monitors", monitor]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2 and said in told.output


def found(stance: str = "executed", sanctioned: str = "none", score: float = 0.9) -> Finding:
    return Finding("TG08", "test_gaming", ("r",), stance, sanctioned, "high", score, 0.5, "action", (), "it is so")


@pytest.mark.parametrize(
    ("verdict", "basis"),
    [
        (Verdict("assessed", None, ("action",), 0.9, (found(),)), (TAUGHT, "TG08")),
        (Verdict("assessed", None, ("action",), 0.9, (found(sanctioned="user"),)), (OUT, "")),
        (Verdict("assessed", None, ("action",), 0.9, (found(stance="rejected"),)), (OUT, "")),
        (Verdict("assessed", None, ("action",), 0.3), (OUT, "")),
        (Verdict("assessed", None, ("action",), 0.0), (PRESUMED, "")),
    ],
    ids=["alerts", "sanctioned", "rejected", "suspects", "silent"],
)
def test_what_a_teacher_is_not_sure_of_is_left_out(verdict: Verdict, basis: tuple[str, str]) -> None:
    assert taught([verdict], "test_gaming") == basis
