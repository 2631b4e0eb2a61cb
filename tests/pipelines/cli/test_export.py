"""`cotmonitor export`: settings from flags and files, and what is said of the result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cli.export import AUDIENCES
from schemas.canary import CANARY
from schemas.training import AUDIENCES as KNOWN
from tests.pipelines.export.exports import key_file, small_lake
from tests.pipelines.lakes import flat, rollouts

FILE = """\
traces: lake
out: out
audience: sft
arguments: bash.command
where: [environment != swe]
declassify:
  - flow: environment:swe
    owner: ada
    reason: its tests were broken
    expires: 2100-01-01
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a small lake."""
    small_lake(tmp_path / "lake")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(*args: str) -> Result:
    result = CliRunner().invoke(main, ["export", *args])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.stderr
    return result


def test_the_audiences_are_those_that_there_are() -> None:
    assert AUDIENCES == KNOWN


def test_it_says_what_became_of_every_row(desk: Path) -> None:
    done = export("--traces", "lake", "--out", "out", "--audience", "rl", "--where", "reward > 0.5", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    done = export("--traces", "lake", "--out", "out2", "--audience", "rl", "--where", "reward > 0.5")
    assert done.exit_code == 0, done.stderr
    lines = done.stderr.splitlines()
    said = "68 rows from 2 files = 32 rows exported + 35 left out by reward > 0.5 + 1 dead letter"
    assert lines[0] == f"cotmonitor: {said}"
    assert lines[1] == "cotmonitor:   1 x null_id: one.parquet, row 10: trace_id is null"
    assert lines[2].startswith("cotmonitor:   in dead_letters.jsonl ") and lines[2].endswith(" is one.parquet")
    assert lines[-1].startswith("cotmonitor: published out2: ")
    again = export("--traces", "lake", "--out", "out2", "--audience", "rl", "--where", "reward>0.5")
    assert (again.exit_code, "published already" in again.stderr) == (0, True)


def test_in_json(desk: Path) -> None:
    done = export("--traces", "lake", "--out", "out", "--audience", "grader", "--format", "json")
    summary = json.loads(done.stdout)
    assert (summary["status"], summary["rows"], summary["exported"], summary["replicas"]) == ("done", 68, 66, 1)
    assert list(summary["dead_files"].values()) == ["one.parquet"]


def test_a_settings_file_with_flags_on_top(desk: Path) -> None:
    (desk / "job.yaml").write_text(FILE)
    refused = export("job.yaml", "--quiet")
    assert refused.exit_code == 2
    assert "expires on 2100-01-01, more than 366 days ahead" in refused.stderr
    key = key_file(desk)
    done = export("job.yaml", "--where", "reward >= 0", "--id-key-file", key.name, "--out", "other", "--dry-run")
    assert "is declassified, and nothing in this export needs it" in done.stderr  # the flag took the place of `where`
    (desk / "job.yaml").write_text(FILE[: FILE.index("where")])
    done = export("job.yaml", "--id-key-file", key.name, "--out", "other", "--dry-run")
    assert done.stderr == "cotmonitor: would read 2 files and write to other. Nothing was written.\n"
    assert not (desk / "other").exists()


WRONG = [
    pytest.param(["--traces", "lake"], ["'audience' is missing", "'out' is missing"], id="too little"),
    pytest.param(["--audience", "raters"], ["'raters' is not one of"], id="an audience that there is not"),
    pytest.param(
        ["--where", "trace_id = a", "--columns", "colour,metadata.alert_id", "--arguments", "x", "--map", "cot=y"],
        ["trace_id", "'colour'", "metadata.alert_id", "'x' names no argument", "nothing is called 'cot'"],
        id="five things at once",
    ),
    pytest.param(["--id-key-file", "none"], ["the key cannot be read"], id="no key"),
    pytest.param(["--traces", "lake/*"], ["query over alerts could choose"], id="a glob"),
    pytest.param(["--out", "lake/out"], ["lies inside the input folder"], id="into the lake"),
    pytest.param(["--out", "S/out"], ["is a store of alerts"], id="into a store"),
    pytest.param(["--id-key-file", "S/key"], ["is a store of alerts"], id="a key in a store"),
    pytest.param(["--tokenizer", "S/key"], ["is a store of alerts"], id="a tokenizer in a store"),
    pytest.param(["--traces", "S"], ["is a store of alerts"], id="a store for a lake"),
    pytest.param(["--workers", "0"], ["--workers: found 0"], id="no workers"),
    pytest.param(["--max-dead-letter-ratio", "7"], ["--max-dead-letter-ratio: found 7"], id="a ratio that is none"),
    pytest.param(["--", "--no_such_flag=1"], ["no Beam option has this name"], id="a Beam flag that there is not"),
    pytest.param(["S/job.yaml"], ["is a store of alerts"], id="settings in a store"),
]


@pytest.mark.parametrize(("args", "says"), WRONG)
def test_what_cannot_be_meant_is_refused_in_words(args: list[str], says: list[str], desk: Path) -> None:
    (desk / "S").mkdir()
    (desk / "S" / "_cotmonitor_store").write_text("{}")
    (desk / "S" / "key").write_bytes(b"0123456789abcdef")
    (desk / "S" / "job.yaml").write_text(FILE)
    before = sorted(desk.rglob("*"))
    good = {"--traces": "lake", "--out": "out", "--audience": "sft"}
    given = [] if says[0].startswith("'audience'") else [w for f, v in good.items() if f not in args for w in (f, v)]
    own = args.index("--") if "--" in args else len(args)
    done = export(*args[:own], *given, *args[own:])
    assert done.exit_code == 2, done.stderr
    for word in says:
        assert word in done.stderr
    assert sorted(desk.rglob("*")) == before


FILES = [
    pytest.param("audience: raters\n", "job.yaml:1: audience: found 'raters'. Input should be 'grader',", id="a value"),
    pytest.param("audence: sft\n", "job.yaml:1: unknown key 'audence'. Did you mean 'audience'?", id="a misspelt key"),
    pytest.param("files: [a]\n", "job.yaml:1: unknown key 'files'.", id="a list of files"),
    pytest.param("ids: [a]\n", "job.yaml:1: unknown key 'ids'.", id="a list of ids"),
    pytest.param("workers: yes\n", "job.yaml:1: workers: found True. A number is needed.", id="a flag for a number"),
    pytest.param("- a\n", "job.yaml:1: an export's file is a mapping, found a list. Begin with `traces:`", id="a list"),
    pytest.param(
        "declassify:\n  - flow: id:TG08.x\n    owner: ''\n    reason: b\n",
        "job.yaml:2: 'declassify.0.expires' is missing. Add `expires:`.\n"
        "job.yaml:3: declassify.0.owner: found ''. Say more.",
        id="half a declassification",
    ),
]


@pytest.mark.parametrize(("text", "says"), FILES)
def test_faults_of_a_settings_file_have_their_lines(text: str, says: str, desk: Path) -> None:
    (desk / "job.yaml").write_text(text)
    done = export("job.yaml", "--traces", "lake", "--out", "out")
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_gate_that_says_no_ends_with_3(desk: Path) -> None:
    flat(desk / "lake" / "leak.parquet", [{**r, "output": CANARY} for r in rollouts(2, "x")])
    done = export("--traces", "lake", "--out", "out", "--audience", "sft", "--quiet")
    assert done.exit_code == 3
    assert "no canary stands anywhere, in any disguise. Observed" in done.stderr
    assert "All figures: " in done.stderr and (desk / "out.contracts.html").exists()
    (desk / "lake" / "leak.parquet").unlink()
    assert export("--traces", "lake", "--out", "out", "--audience", "sft", "--quiet").exit_code == 0
    assert not (desk / "out.contracts.html").exists()


def test_an_audience_of_graders_by_layout_flags(desk: Path) -> None:
    flat(desk / "lake2" / "a.parquet", [{"id": "x", "cot": "hm", "output": "done"}])
    done = export(
        "--traces", "lake2", "--out", "o", "--audience", "grader", "--map", "reasoning=cot", "--layout", "flat"
    )
    assert done.exit_code == 0, done.stderr
    assert "1 row from 1 file = 1 row exported + 0 dead letters" in done.stderr
