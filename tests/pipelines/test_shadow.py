"""Shadow runs: what a new pack would change is seen beside what counts, and changes nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.run import run_job
from pipelines.store import Store
from tests.pipelines.lakes import flat, pack, rollouts
from tests.pipelines.situations import job
from tests.pipelines.test_run import count, views


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    flat(tmp_path / "lake" / "one.parquet", rollouts(30, "a"))
    return tmp_path / "lake"


def louder(folder: Path) -> str:
    """A later version of the tiny pack, which hears the honest traces as well and takes an exit more seriously."""
    new = ("hard-?cod(?:e|ing)", "(?:hard-?cod(?:e|ing)|loop)")
    same = ("no_match: [a hard problem, some code]", "no_match: [a hard problem, some text]")
    return pack(folder / "new", ("version: 1.0.0", "version: 2.0.0"), ("level: medium", "level: high"), new, same)


def test_a_shadow_is_seen_in_its_own_views_and_in_no_other(tmp_path: Path, lake: Path) -> None:
    store = tmp_path / "S"
    run_job(job(lake, store, pack(tmp_path)), quiet=True)
    before = views(store)
    shadow = job(lake, store, louder(tmp_path)).model_copy(update={"shadow": True})
    done = run_job(shadow, quiet=True)
    assert done.alerts == 30 + 2  # every trace speaks of one or the other, and two leave early
    assert views(store) == before
    assert count(store, "SELECT count(*) FROM shadow_assessments") == 30
    changes = "SELECT count(*) FROM shadow_changes WHERE change = '{}'"
    assert [count(store, changes.format(c)) for c in ("new", "gone", "level", "same")] == [24, 0, 2, 6]
    assert run_job(shadow, quiet=True).status == "nothing_new"


def test_a_shadow_in_force_counts_and_is_a_shadow_no_more(tmp_path: Path, lake: Path) -> None:
    new = louder(tmp_path)
    run_job(job(lake, tmp_path / "S", pack(tmp_path)), quiet=True)
    run_job(job(lake, tmp_path / "S", new).model_copy(update={"shadow": True}), quiet=True)
    run_job(job(lake, tmp_path / "S", new), quiet=True)
    run_job(job(lake, tmp_path / "T", new), quiet=True)
    assert views(tmp_path / "S") == views(tmp_path / "T")
    assert count(tmp_path / "S", "SELECT count(*) FROM shadow_changes WHERE change <> 'same'") == 0


def test_what_only_the_shadow_took_in_is_taken_in_and_not_assessed(tmp_path: Path, lake: Path) -> None:
    store = tmp_path / "S"
    run_job(job(lake, store, pack(tmp_path)).model_copy(update={"shadow": True}), quiet=True)
    assert count(store, "SELECT count(*) FROM traces") == 30
    assert count(store, "SELECT count(*) FROM assessments") == 0
    assert count(store, "SELECT count(*) FROM shadow_changes WHERE both_looked") == 0
    told = CliRunner().invoke(main, ["shadow", "--store", str(store)])
    assert told.exit_code == 0
    assert "the shadow looked at 30 traces, both at 0 of them" in told.output


def test_a_finding_that_is_gone_is_told_where_both_looked(tmp_path: Path, lake: Path) -> None:
    store = tmp_path / "S"
    run_job(job(lake, store, louder(tmp_path)), quiet=True)
    flat(lake / "two.parquet", rollouts(10, "b"))
    run_job(job(lake, store, louder(tmp_path)), quiet=True)
    (lake / "two.parquet").unlink()
    run_job(job(lake, store, pack(tmp_path)).model_copy(update={"shadow": True}), quiet=True)
    with Store.open(store).connect() as con:
        found = con.execute("SELECT change, count(*), bool_and(trace_id[1] = 'a') FROM shadow_changes GROUP BY ALL")
        assert sorted(found.fetchall()) == [("gone", 24, True), ("level", 2, True), ("same", 6, True)]
    listed = CliRunner().invoke(main, ["shadow", "--store", str(store), "--list", "--format", "csv"])
    assert listed.stdout.count("\ngone,") + listed.stdout.count(",gone,") == 24
