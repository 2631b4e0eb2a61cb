"""What `export` writes is clean, keyed or not, and its certificate holds until somebody touches it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.export.run import export_lake
from pipelines.export.settings import Declassification, ExportSettings
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.samples import write_samples

pytestmark = pytest.mark.slow
AUDIENCES = ("grader", "rl")  # one that is shown no reasoning, one that is; the second with keyed ids


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample lake of all layouts, the store of a run of the core pack over it, a key, and an export per audience."""
    home = tmp_path_factory.mktemp("home")
    write_samples(home / "lake", 400)
    run_job(Job(traces=(str(home / "lake"),), store=str(home / "side" / "S")), quiet=True)
    (home / "ids.key").write_text("0123456789abcdef" * 2)
    (home / "ids.key").chmod(0o600)
    for audience in AUDIENCES:
        key = home / "ids.key" if audience == "rl" else None
        settings = ExportSettings(
            traces=str(home / "lake"),
            out=str(home / "train" / audience),
            audience=audience,  # type: ignore[arg-type]
            columns=("success", "training_step"),
            plain_actions=True,
            id_key_file=key,
        )
        export_lake(settings, quiet=True)
    return home


def audit(home: Path, corpus: str, *flags: str, traces: bool = True) -> Result:
    given = ["--store", str(home / "side" / "S"), "--format", "json", "--names", *flags]
    given += ["--traces", str(home / "lake")] if traces else []
    result = CliRunner().invoke(main, ["audit", str(home / corpus), *given])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_export_is_clean(home: Path, audience: str) -> None:
    key = ("--id-key-file", str(home / "ids.key")) if audience == "rl" else ()
    result = audit(home, f"train/{audience}", "--certificate", *key)
    said = json.loads(result.stdout)
    bad = [f for f in said["findings"] if f["verdict"] in ("leak", "associated_unexplained")]
    assert (result.exit_code, bad) == (0, []), result.stderr
    by_check = {f["check"]: f["verdict"] for f in said["findings"]}
    assert by_check["certificate"] == "none_found"
    assert "the same bytes" in next(f["says"] for f in said["findings"] if f["check"] == "certificate")
    assert {by_check[c] for c in ("reward", "inclusion", "repetition")} == {"none_found"}


def test_what_was_declassified_is_told_with_its_last_day(home: Path, tmp_path: Path) -> None:
    expires = dt.date(2026, 1, 31)
    let = Declassification(flow="environment:swe", owner="ada", reason="a test", expires=expires)
    settings = ExportSettings(
        traces=str(home / "lake"),
        out=str(tmp_path / "out"),
        audience="grader",
        where=("environment != swe",),
        declassify=(let,),
    )
    export_lake(settings, quiet=True, today=dt.date(2026, 1, 1))
    (found,) = [
        f
        for f in json.loads(audit(home, str(tmp_path / "out"), "--certificate").stdout)["findings"]
        if f["check"] == "certificate"
    ]
    assert found["verdict"] == "none_found"
    assert found["says"].endswith("environment:swe was declassified by ada until 2026-01-31")


def test_a_keyed_export_without_its_key_joins_by_its_texts_alone(home: Path) -> None:
    blind = json.loads(audit(home, "train/rl", traces=False).stdout)
    assert {f["verdict"] for f in blind["findings"] if f["check"] == "inclusion"} == {"not_identifiable"}
    result = audit(home, "train/rl")
    said = json.loads(result.stdout)
    bad = [f for f in said["findings"] if f["verdict"] in ("leak", "associated_unexplained")]
    assert (result.exit_code, bad) == (0, []), result.stderr
    assert any(f["subject"] == "rows known by their text" for f in said["findings"])


def test_an_edited_export_is_broken(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "train" / "grader", tmp_path / "grader")
    shard = sorted((tmp_path / "grader" / "data").iterdir())[0]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    result = audit(home, str(tmp_path / "grader"), "--certificate", traces=False)
    assert result.exit_code == 3, result.stderr
    (found,) = [f for f in json.loads(result.stdout)["findings"] if f["check"] == "certificate"]
    assert found["verdict"] == "not_identifiable" and found["says"].startswith("it does not hold: ")
    assert shard.name in found["says"]
    assert "the audit says no" in result.stderr
