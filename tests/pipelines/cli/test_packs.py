"""`cotmonitor packs` as it is called: data on stdout, prose on stderr, 2 for a pack that is at fault."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.monitors.rules.making import GOOD


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["packs", *arguments])


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yml"
    path.write_text(GOOD)
    return str(path)


def test_list(good: str) -> None:
    found = call("list", good, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == [
        {
            "rule": "TG08.lookup",
            "behaviour": "TG08",
            "name": "special_casing",
            "level": "medium",
            "status": "stable",
            "channels": "reasoning",
            "tests": "2+2",
        }
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("lint", "tried 1.0.0: 1 rules, no faults\n"),
        ("test", "tried 1.0.0: 1 rules, 4 tests, all right\n"),
    ],
)
def test_a_sound_pack(good: str, command: str, said: str) -> None:
    found = call(command, good)
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", said)


def test_mutate_lists_what_no_test_notices(good: str) -> None:
    found = call("mutate", good, "--format", "json")
    assert (found.exit_code, json.loads(found.stdout)) == (3, [{"broken": "stance", "where": "TG08.lookup: None"}])
    assert found.stderr == "tried 1.0.0: 1 of 2 mutants caught, 50.0 %\n"
    assert call("mutate", good, "--min-caught", "50").exit_code == 0


FAULTY = {
    "lint: an unknown level": (
        "lint",
        GOOD.replace("medium", "severe"),
        ":9: rule TG08.lookup: unknown level 'severe'.",
    ),
    "test: an unknown level": (
        "test",
        GOOD.replace("medium", "severe"),
        ":9: rule TG08.lookup: unknown level 'severe'.",
    ),
    "list: an unknown level": (
        "list",
        GOOD.replace("medium", "severe"),
        ":9: rule TG08.lookup: unknown level 'severe'.",
    ),
    "test: a test that fails": (
        "test",
        GOOD.replace("I hard-code it", "I code it"),
        ":21: rule TG08.lookup: match test 1",
    ),
}


@pytest.mark.parametrize(("command", "text", "said"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_pack(tmp_path: Path, command: str, text: str, said: str) -> None:
    path = tmp_path / "p.yml"
    path.write_text(text)
    found = call(command, str(path))
    assert found.exit_code == 2
    assert f"{path}{said}" in found.stderr
    assert "Traceback" not in found.output


def test_a_pack_that_is_not_there() -> None:
    found = call("lint", "nowhere")
    assert found.exit_code == 2
    assert "nowhere: no such rule pack." in found.stderr


@pytest.fixture
def traces(tmp_path: Path) -> str:
    path = tmp_path / "traces.parquet"
    pq.write_table(pa.table({"trace_id": ["a", "b"], "cot": ["hard-code", "hardcode"]}), path)
    return str(path)


def test_diff(tmp_path: Path, good: str, traces: str) -> None:
    wider = tmp_path / "wider.yml"
    wider.write_text(GOOD.replace("'hard-code'", "'hard-?code'"))
    arguments = ["diff", good, str(wider), "--traces", traces, "--map", "reasoning=cot"]
    found = call(*arguments, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == [
        {
            "change": "appears",
            "behaviour": "TG08",
            "before": None,
            "after": "low",
            "rules": "TG08.lookup",
            "trace_id": "b",
            "file": traces,
            "row": 1,
            "excerpt": "hardcode",
        }
    ]
    assert found.stderr == "2 traces: 1 alerts before, 2 after: 1 appears, 0 vanishes, 0 changes\n"
    summary = call(*arguments, "--summary", "--format", "csv")
    assert summary.stdout.splitlines() == ["behaviour,appears,vanishes,changes", "TG08,1,0,0"]


def test_diff_of_no_files_is_no_quiet_success(good: str, tmp_path: Path) -> None:
    found = call("diff", good, good, "--traces", str(tmp_path / "*.parquet"))
    assert found.exit_code == 2
    assert "nothing matches" in found.stderr


@pytest.mark.parametrize("command", ["list", "lint", "test", "diff"])
def test_help_has_an_example(command: str) -> None:
    assert f"cotmonitor packs {command}" in call(command, "--help").stdout
