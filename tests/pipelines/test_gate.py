"""The gate: a report, and a page that shows it without a network."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.gate import gate
from schemas.contracts.checker import Checker
from schemas.contracts.run import ContractSettings
from schemas.contracts.run.promises import FRAMES
from tests.schemas.contracts.run.rows import Run, clean

HOSTILE = 'night/<script src="https://example.org/x.js">.parquet'


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with Checker() as process:
        yield process


def broken() -> Run:
    """A row lost from a file with a hostile name, and a thin night."""
    run = clean()
    for rows in (run.traces, run.assessments, run.dead_letters, run.planned):
        for row in rows:
            row["file"] = row["file"].replace("night/b.parquet", HOSTILE)
    run.planned[1]["rows"] += 7
    run.violations["evidence spans lie inside their step"] = 1234
    run.history = [type(run.history[0])(4100, 300)] * 3
    return run


def test_a_broken_run_is_explained_with_figures_docs_and_the_setting(tmp_path: Path, checker: Checker) -> None:
    report = gate(broken().stage(tmp_path), ContractSettings(), tmp_path / "docs", checker=checker)
    words = report.explain()
    assert [r.metric for r in report.failed] == ["unaccounted_rows", "rows"]
    assert "2 of 40 contracts failed" in words
    assert (
        f"rows read = traces + dead rows, in each file and in total. Observed all files: 7; file {HOSTILE}: 7" in words
    )
    assert "evidence spans lie inside their step: 1,234; expected 0" in words
    assert "set contracts.min_volume_ratio or max_volume_ratio in the job file. (warning)" in words
    assert str(tmp_path / "docs" / "index.html") in words
    assert '"metric": "unaccounted_rows"' in report.to_json()


class Assets(HTMLParser):
    """Every script, and every address that a page would fetch or lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts = 0
        self.addresses: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.addresses |= {value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")}


@pytest.mark.parametrize("run", [clean(), broken()], ids=["a clean run", "a broken run"])
def test_the_docs_have_names_and_figures_and_nothing_from_elsewhere(run: Run, tmp_path: Path, checker: Checker) -> None:
    report = gate(run.stage(tmp_path), ContractSettings(), tmp_path / "docs", checker=checker)
    index = Path(report.docs).read_text()
    shown = [escape(words) for r in report.results for words in (r.expectation, r.metric, r.observed, r.expected)]
    assert [words for words in shown if words not in index] == []
    pages = {str(p.relative_to(tmp_path / "docs")): p.read_text() for p in (tmp_path / "docs").rglob("*.html")}
    assert set(pages) == {"index.html", *(f"great_expectations/{name}.html" for name in FRAMES)}
    for name, html in pages.items():
        found = Assets(html)
        assert found.scripts == 0, name
        assert [a for a in found.addresses if "//" in a] == [], name
        assert "url(" not in html, name
    for address in Assets(index).addresses:
        assert address[0] == "#" or address in pages


@pytest.mark.parametrize("ready", [True, False], ids=["once it is warm", "while it still imports"])
def test_a_checker_that_died_does_not_wave_a_run_through(ready: bool, tmp_path: Path) -> None:
    staged = broken().stage(tmp_path)
    with Checker() as process:
        if ready:
            assert gate(staged, ContractSettings(), tmp_path / "docs", checker=process).failed
        os.kill(process.pid, signal.SIGKILL)
        report = gate(staged, ContractSettings(), tmp_path / "docs", checker=process)
    assert [r.metric for r in report.failed] == ["unaccounted_rows", "rows"]


def test_a_page_that_cannot_be_written_does_not_change_the_verdict(tmp_path: Path, checker: Checker) -> None:
    (tmp_path / "docs").write_text("a file is in the way")
    report = gate(broken().stage(tmp_path), ContractSettings(), tmp_path / "docs", checker=checker)
    assert report.failed
    assert report.docs == ""


def test_a_checker_that_is_not_needed_ends_at_once() -> None:
    with Checker() as process:
        pid = process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
