"""A report says the worst first, in words that are those of the docs, and lies on the store's side alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipelines.audit.finding import CHECKS, VERDICTS, Finding
from pipelines.audit.page import ASKS
from pipelines.audit.report import (
    MEANS,
    WORST_FIRST,
    as_json,
    check_home,
    check_place,
    is_bad,
    ordered,
    verdict_words,
    write,
)
from pipelines.store import Store
from schemas.canary import CANARY
from schemas.errors import CotmonitorError, FirewallError, InputError
from schemas.results import AUDITS
from tests.pipelines.audit.findings import BROKEN, EXPLAINED, LEAK, NONE, UNEXPLAINED, UNKNOWN, UNLOOKED, summary

ALL = (NONE, UNLOOKED, EXPLAINED, UNKNOWN, LEAK, BROKEN, UNEXPLAINED)


def test_every_verdict_and_check_is_explained() -> None:
    assert set(MEANS) == set(WORST_FIRST) == set(VERDICTS)
    assert set(ASKS) == set(CHECKS)
    assert set(VERDICTS) <= set(AUDITS.names)


def test_the_worst_comes_first() -> None:
    assert ordered(ALL) == (BROKEN, LEAK, UNEXPLAINED, UNKNOWN, UNLOOKED, EXPLAINED, NONE)
    assert ordered(reversed(ALL)) == ordered(ALL)


@pytest.mark.parametrize(
    ("findings", "refused"),
    [
        ((), False),
        ((NONE, UNLOOKED, EXPLAINED, UNKNOWN), False),
        ((NONE, LEAK), True),
        ((NONE, UNEXPLAINED), True),
        ((NONE, BROKEN), True),
    ],
    ids=["nothing", "nothing bad", "a leak", "unexplained", "a broken certificate"],
)
def test_what_the_audit_says_no_to(findings: tuple[Finding, ...], refused: bool) -> None:
    assert summary(*findings).refused is refused
    assert any(map(is_bad, findings)) is refused


def test_verdicts_in_words() -> None:
    assert [verdict_words(f) for f in (LEAK, UNEXPLAINED, BROKEN, UNKNOWN, UNLOOKED)] == [
        *("leak", "associated, unexplained", "broken", "not identifiable", "not assessed"),
    ]
    assert verdict_words(EXPLAINED).startswith("associated, explained by reward >= ")
    assert verdict_words(NONE) == "none found; an odds ratio of 1.3 would have been seen"


def test_the_json_holds_everything_and_is_json() -> None:
    read = json.loads(as_json(summary(*ALL), {"alpha": 0.01}), parse_constant=lambda c: pytest.fail(f"holds {c}"))
    assert read["canary"] == f"{CANARY}:audit:{'ab' * 16}"
    assert [f["verdict"] for f in read["findings"]] == [f.verdict for f in ordered(ALL)]
    assert read["counts"] == {v: sum(f.verdict == v for f in ALL) for v in VERDICTS}
    assert (read["refused"], read["nth"], read["settings"]) == (True, 2, {"alpha": 0.01})
    assert read["findings"][1]["examples"][3]["row"] == 3


@pytest.fixture
def places(tmp_path: Path) -> tuple[Store, Path]:
    store = Store.create_or_open(tmp_path / "side" / "S")
    corpus = tmp_path / "training" / "mix"
    corpus.mkdir(parents=True)
    (corpus / "a.jsonl").write_text("{}\n")
    return store, corpus


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("training/mix/r.html", FirewallError, "in, above or beside the corpus"),
        ("training/mix/new/r.html", FirewallError, "in, above or beside the corpus|outside the store"),
        ("training/r.html", FirewallError, "in, above or beside the corpus"),
        ("r.html", FirewallError, "in, above or beside the corpus"),
        ("link/r.html", FirewallError, "in, above or beside the corpus"),
        ("side/S/link/r.html", FirewallError, "in, above or beside the corpus"),
        ("side/S/../r.html", FirewallError, "outside the store"),
        ("side/r.json", FirewallError, "outside the store"),
        ("side/S/r.txt", InputError, "ends in neither"),
        ("side/S/alerts/r.html", InputError, "the store itself uses"),
        ("side/S/_staging/r.html", InputError, "the store itself uses"),
        ("side/S/nowhere/r.html", InputError, "no such folder"),
        ("side/S/mine.json", InputError, "is no report"),
        ("side/S/folder.html", InputError, "the store itself uses"),
    ],
)
@pytest.mark.parametrize("of", ["folder", "file"])
def test_a_report_stays_in_the_store(
    places: tuple[Store, Path], tmp_path: Path, place: str, error: type[CotmonitorError], says: str, of: str
) -> None:
    store, corpus = places
    (tmp_path / "link").symlink_to(corpus)
    (store.path / "link").symlink_to(corpus)
    (store.path / "mine.json").write_text("{}")
    (store.path / "folder.html").mkdir()
    given = [str(corpus if of == "folder" else corpus / "a.jsonl")]
    with pytest.raises(error, match=says):
        check_place(store, tmp_path / place, given)


def test_a_report_goes_where_the_store_lets_it(places: tuple[Store, Path], tmp_path: Path) -> None:
    store, corpus = places
    (store.path / "mine").mkdir()
    os.symlink(store.path, tmp_path / "to the store")
    for place in ("side/S/r.html", "side/S/mine/r.JSON", "to the store/r.html"):
        copy = check_place(store, tmp_path / place, [str(corpus)])
        folder = write(store, "ab" * 16, {"report.html": f"<!-- {CANARY}:audit:x -->", "report.json": "{}"}, copy)
        assert folder == store.path / "_audits" / ("ab" * 16)
        assert copy.read_text() == (folder / f"report{Path(place).suffix.lower()}").read_text()
    assert check_place(store, tmp_path / "side/S/r.html", [str(corpus)])  # an earlier report may be replaced


def test_the_folder_of_reports_may_not_be_a_way_out(places: tuple[Store, Path]) -> None:
    store, corpus = places
    check_home(store)
    (store.path / "_audits").symlink_to(corpus)
    with pytest.raises(FirewallError, match="is a link that leads out of the store"):
        check_home(store)
