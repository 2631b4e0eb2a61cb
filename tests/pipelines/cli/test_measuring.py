"""`evaluate` and `labels` as they are called."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.cli.evaluate import LEVELS
from pipelines.cli.labels import CATEGORIES, ORIGINS
from pipelines.labels.files import read_labels
from pipelines.samples import write_samples
from pipelines.store import Store
from schemas import behaviours, labels, results
from schemas.canary import CANARY
from tests.pipelines.evaluate.lakes import labelled
from tests.pipelines.lakes import pack
from tests.pipelines.store.books import File, Finding, Trace, finding_id, fresh, night, review


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measuring")
    labelled(folder / "lake")
    pack(folder)
    return folder


def test_the_words_in_help_are_those_of_the_schemas() -> None:
    assert LEVELS == results.LEVELS
    assert ORIGINS == labels.ORIGINS
    assert CATEGORIES == behaviours.CATEGORIES


def evaluate(lake: Path, *more: object) -> Result:
    traces = ("--traces", lake / "lake", "--label-column", "label")
    return call("evaluate", *traces, "--monitors", f"rules:{lake}/tiny.yml", "--bootstrap", 100, *more)


def test_evaluate_writes_three_files_with_canaries(lake: Path, tmp_path: Path) -> None:
    done = evaluate(lake, "--out", tmp_path / "out", "--variants", "reasoning_stripped")
    assert done.exit_code == 0, done.output
    names = {"report.json", "report.html", "figures.csv"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == names
    assert all(CANARY in (tmp_path / "out" / n).read_text() for n in names)
    assert done.stdout.startswith(CANARY)
    assert "Caught at a false-positive rate" in done.stdout


@pytest.mark.parametrize("format", ["json", "csv"])
def test_evaluate_prints_data_alone(lake: Path, format: str) -> None:
    done = evaluate(lake, "--variants", "none", "--format", format)
    assert done.exit_code == 0, done.output
    if format == "json":
        assert json.loads(done.stdout)["canary"].startswith(CANARY)
    else:
        assert all(CANARY in row["canary"] for row in csv.DictReader(io.StringIO(done.stdout)))


def test_a_dry_run_writes_nothing(lake: Path, tmp_path: Path) -> None:
    done = evaluate(lake, "--out", tmp_path / "out", "--dry-run")
    assert done.exit_code == 0
    assert "would measure" in done.stderr
    assert not (tmp_path / "out").exists()


USAGE = [
    (("--traces", "LAKE"), "give either --labels or --label-column"),
    (("--traces", "LAKE", "--label-column", "label", "--labels", "x.csv"), "give either"),
    (("--traces", "LAKE/none*", "--label-column", "label"), "nothing matches"),
    (("--traces", "LAKE", "--label-column", "label", "--cluster-pattern", "("), "is no pattern"),
    (("--traces", "LAKE", "--label-column", "label", "--out", "LAKE/out"), "inside the input folder"),
    (("--traces", "LAKE", "--labels", "none.parquet"), "cannot be read"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE, ids=[w for _, w in USAGE])
def test_evaluate_says_no_in_words(lake: Path, arguments: tuple[str, ...], words: str) -> None:
    done = call("evaluate", *(a.replace("LAKE", str(lake / "lake")) for a in arguments))
    assert done.exit_code == 2
    assert words in done.stderr


def test_labels_of_a_column_feed_evaluate(lake: Path, tmp_path: Path) -> None:
    out = tmp_path / "l.parquet"
    made = call("labels", "import", "--traces", lake / "lake", "--label-column", "label", "--out", out)
    assert made.exit_code == 0, made.output
    assert "test_gaming true" in made.stderr
    of_file = call("evaluate", "--traces", lake / "lake", "--labels", out, "--monitors", f"rules:{lake}/tiny.yml",
                   "--variants", "none", "--bootstrap", 100, "--format", "json")  # fmt: skip
    of_column = evaluate(lake, "--variants", "none", "--format", "json")
    first, second = json.loads(of_file.stdout), json.loads(of_column.stdout)
    assert first["measured"] == second["measured"]
    assert first["data"] == second["data"]


def test_a_template_is_filled_in_and_imported(lake: Path, tmp_path: Path) -> None:
    blank = tmp_path / "ann.csv"
    made = call("labels", "template", "--traces", lake / "lake", "--sample", 12, "--labeller", "ann", "--out", blank)
    assert made.exit_code == 0, made.output
    text = blank.read_text()
    assert "hard-code" not in text
    again = call("labels", "template", "--traces", lake / "lake", "--sample", 12, "--labeller", "ben",
                 "--out", tmp_path / "ben.csv")  # fmt: skip
    assert again.exit_code == 0
    assert text.replace("ann", "ben") == (tmp_path / "ben.csv").read_text()
    blank.write_text(text.replace(",unsure,", ",true,", 6).replace(",unsure,", ",false,", 5))
    (tmp_path / "ben.csv").write_text(text.replace("ann", "ben").replace(",unsure,", ",true,", 8))
    whole = call("labels", "import", blank, tmp_path / "ben.csv", "--out", tmp_path / "all.jsonl")
    assert whole.exit_code == 0, whole.output
    assert len(read_labels(str(tmp_path / "all.jsonl"))) == 24
    agreed = call("labels", "agreement", tmp_path / "all.jsonl", "--format", "json")
    (row,) = json.loads(agreed.stdout)
    assert (row["both_sure"], row["unsure"], row["about"]) == (8, 4, "test_gaming")
    assert CANARY in row["canary"]


def test_reviews_become_labels(tmp_path: Path) -> None:
    store: Store = fresh(tmp_path / "store")
    trace = Trace("bad", "one", looks={"rules.core": [Finding("TG08"), Finding("TG01")]})
    night(store, "20260101-a", [File("a", [trace])])
    review(store, finding_id(trace, "rules.core", "TG08"), "false_positive", "ann", minute=1)
    review(store, finding_id(trace, "rules.core", "TG08"), "true_positive", "ann", minute=2)
    review(store, finding_id(trace, "rules.core", "TG01"), "unsure", "ben")
    review(store, "finding-" + "0" * 32, "unsure", "ben")
    done = call("labels", "from-reviews", "--store", store.path, "--out", tmp_path / "r.csv")
    assert done.exit_code == 0, done.output
    assert "1 reviews are of findings that no committed run holds" in done.stderr
    found = {(x.behaviour, x.label, x.labeller, x.stance) for x in read_labels(str(tmp_path / "r.csv"))}
    assert found == {("TG08", "true", "ann", "executed"), ("TG01", "unsure", "ben", "executed")}
    assert {x.trace_key for x in read_labels(str(tmp_path / "r.csv"))} == {trace.key}


def test_the_sample_lake_is_measured_end_to_end(tmp_path: Path) -> None:
    """Labels from what the shipped pack says: here it is the way that matters, through four layouts and bad rows."""
    write_samples(tmp_path / "lake", 400)
    blank = tmp_path / "l.csv"
    call("labels", "template", "--traces", tmp_path / "lake", "--sample", 400, "--labeller", "ann", "--out", blank)
    blank.write_text(blank.read_text().replace(",unsure,", ",true,", 100).replace(",unsure,", ",false,"))
    done = call("evaluate", "--traces", tmp_path / "lake", "--labels", blank, "--variants", "none", "--monitors",
                "rules:core", "--out", tmp_path / "out", "--bootstrap", 100, "--format", "json")  # fmt: skip
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["data"]["dead_rows"] > 0
    assert {m["monitor"] for m in report["measured"]} == {"rules.core"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 20_000
