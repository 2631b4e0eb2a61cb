"""Job files: everything wrong is said at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitors.code import THRESHOLD, CodeMonitor, CodeSettings
from monitors.rules import RuleMonitor
from pipelines.job import Job, load_job
from pipelines.run import build_monitors
from schemas.errors import JobFileError

GOOD = "traces: lake/*.parquet\nstore: S\n"


def job(tmp_path: Path, text: str) -> str:
    path = tmp_path / "job.yaml"
    path.write_text(text)
    return str(path)


def test_a_job_file_and_flags_on_top(tmp_path: Path) -> None:
    text = (
        GOOD + "date: 2026-11-01\nmap: {reasoning: cot}\ncontracts: {max_dead_letter_ratio: 0.2, min_recent_runs: 5}\n"
    )
    loaded = load_job(job(tmp_path, text), {"store": "T", "workers": None, "contracts": {"max_dead_letter_ratio": 0.5}})
    assert loaded.traces == ("lake/*.parquet",)
    assert loaded.store == "T"
    assert str(loaded.date) == "2026-11-01"
    assert loaded.map == {"reasoning": "cot"}
    assert (loaded.contracts.max_dead_letter_ratio, loaded.contracts.min_recent_runs) == (0.5, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            GOOD + "worker: 2\n",
            "job.yaml:3: unknown key 'worker'. Did you mean 'workers'?",
            id="an unknown key",
        ),
        pytest.param(
            GOOD + "workers: many\nsample: 0\nlayout: excel\n",
            "job.yaml:3: workers: found 'many'. "
            "Input should be a valid integer, unable to parse string as an integer.\n"
            "job.yaml:4: sample: found 0. Input should be greater than or equal to 1.\n"
            "job.yaml:5: layout: unknown layout 'excel'. Use auto, canonical, flat, messages, scout.",
            id="three faults at once",
        ),
        pytest.param(
            "store: S\n", "job.yaml:1: 'traces' is missing. Give --traces or add `traces:` to the file.", id="missing"
        ),
        pytest.param(
            GOOD + "store: T\n", "job.yaml:3: key 'store' is given twice, first on line 2. Keep one.", id="twice"
        ),
        pytest.param(
            "- a\n- b\n",
            "job.yaml:1: a job file is a mapping, found a list. Begin with `traces:` and `store:`.",
            id="a list",
        ),
        pytest.param(
            "",
            "job.yaml:1: a job file is a mapping, found an empty file. Begin with `traces:` and `store:`.",
            id="empty",
        ),
        pytest.param(
            "traces: [a\n", "job.yaml:2: expected ',' or ']', but got '<stream end>'. Mend the YAML.", id="broken"
        ),
        pytest.param(
            GOOD + "monitors: [magic]\n",
            "job.yaml:3: monitors: unknown monitor 'magic'. "
            "Use rules, rules:PACK, where PACK is core or a path, code, classifier or classifier:MODEL.",
            id="a monitor nobody knows",
        ),
        pytest.param(
            GOOD + "monitors: [code:core]\n",
            "job.yaml:3: monitors: monitor 'code:core': code has no packs. Use code.",
            id="a pack for the code monitor",
        ),
        pytest.param(
            GOOD + "contracts:\n  max_dead_letter_ratio: 7\n",
            "job.yaml:4: contracts.max_dead_letter_ratio: found 7. Input should be less than or equal to 1.",
            id="a limit out of range",
        ),
    ],
)
def test_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(JobFileError) as caught:
        load_job(job(tmp_path, text), {})
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_a_fault_in_a_flag_names_the_flag() -> None:
    with pytest.raises(JobFileError, match=r"--workers: found 0"):
        load_job(None, {"traces": ("a",), "store": "S", "workers": 0})


def test_a_missing_file_says_so() -> None:
    with pytest.raises(
        JobFileError, match=r"nowhere\.yaml: cannot be read: No such file or directory\. Check the path\."
    ):
        load_job("nowhere.yaml", {})


def test_a_job_names_the_code_monitor_and_leaves_its_threshold_alone() -> None:
    code, rules = build_monitors(Job(traces=("t",), store="s", monitors=("code", "rules:core")))
    assert isinstance(code, CodeMonitor) and isinstance(rules, RuleMonitor)
    assert (code.settings.threshold, rules.settings.threshold) == (THRESHOLD, 0.0)
    [strict] = build_monitors(Job(traces=("t",), store="s", monitors=("code",), threshold=0.9, excerpt_chars=0))
    assert isinstance(strict, CodeMonitor) and strict.settings == CodeSettings(0, 0.9)
