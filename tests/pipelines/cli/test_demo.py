from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli.demo import Point, matrix, onsets

ROOT = Path(__file__).parent.parent.parent.parent


def line(environment: str, *shares: float, clusters: int = 15) -> list[Point]:
    return [Point(environment, "blue", 1000 * (i + 1), share, clusters) for i, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("points", "said"),
    [
        pytest.param(line("maths", 0.0, 0.01), ["Nowhere"], id="a single false alarm is no onset"),
        pytest.param(line("maths", 0.0, 0.25, clusters=4), ["Nowhere"], id="four groups are too few to say"),
        pytest.param(line("maths", 0.0, 0.02, 0.3, 0.5), ["step 3000 on: 30 %", "at most 2 % before"], id="an onset"),
        pytest.param(
            line("maths", 0.3, 0.4), ["from step 1000 on: 30 % of traces flagged there."], id="from the start"
        ),
        pytest.param(line("a", 0.0, 0.4) + line("b", 0.0, 0.5), ["In a,", "In b,"], id="two environments"),
        pytest.param([], ["Nowhere"], id="nothing seen"),
    ],
)
def test_the_answer_names_environment_and_step(points: list[Point], said: list[str]) -> None:
    answer = "\n".join(onsets(points))
    assert [word for word in said if word not in answer] == []


def test_a_step_that_a_run_never_reached_stays_empty() -> None:
    columns, rows = matrix([*line("a", 0.01, 0.02), Point("a", "green", 2000, 0.03, 15)])
    assert columns == ["environment", "run", "1000", "2000"]
    assert rows == [["a", "blue", "1.0", "2.0"], ["a", "green", "", "3.0"]]


def cotmonitor(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)


@pytest.mark.slow
def test_the_demo_tells_its_story_and_does_nothing_twice(tmp_path: Path) -> None:
    first = cotmonitor("demo", "--dir", str(tmp_path / "demo"))
    answer = [sentence.strip() for sentence in first.stdout.splitlines() if sentence.startswith("  In ")]
    assert [sentence.partition(":")[0] for sentence in answer] == [
        "In kernel-speed, run rl-blue, from step 3000 on",
        "In swe-fix, run rl-blue, from step 3000 on",
    ]
    assert "5 dead letters" in first.stderr
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [sentence for sentence in answer if sentence not in readme] == []
    shown = re.findall(r"cotmonitor (?:show|review) ((?:alert-|finding-)?[0-9a-f]{8}) ", readme)
    assert shown
    for finding in set(shown):
        assert "TG17 timer_tamper" in cotmonitor("show", finding, "--store", str(tmp_path / "demo" / "store")).stdout
    again = cotmonitor("demo", "--dir", str(tmp_path / "demo"))
    assert "nothing new" in again.stderr
    assert again.stdout == first.stdout


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert "would write" in cotmonitor("demo", "--dir", str(tmp_path / "demo"), "--dry-run").stderr
    assert list(tmp_path.iterdir()) == []
