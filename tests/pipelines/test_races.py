"""Two runs on one store: whichever is faster, the views are those of one run, and no reader ever sees a half."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pipelines.run import run_job
from pipelines.store import Store
from pipelines.store.marker import MARKER
from tests.pipelines import killing
from tests.pipelines.killing import Call
from tests.pipelines.lakes import flat, pack, rollouts
from tests.pipelines.situations import Views, command, job, read

FULL = os.environ.get("COTMONITOR_FULL_KILLS") == "1"
pytestmark = pytest.mark.slow
THEIRS = ["the same files", "other files", "another pack"]
OVERTAKEN = {
    "before it makes the store": "mkdir units$",
    "when it has planned": "open.* _staging/.*plan",
    "when it has staged": "mkdir _docs",
    "before it registers": "open.* assessments/_delta_log/0*1.json",
    "before it commits": "rename units/",
    "as it commits": "link.* units/_delta_log/0*1.json",
}


@pytest.fixture
def lakes(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of traces below one root, which share no file but a trace."""
    one, two = rollouts(40, "a"), rollouts(25, "b")
    flat(tmp_path / "lake" / "one" / "one.parquet", [*one, {**one[1], "trace_id": None}], row_group=15)
    flat(tmp_path / "lake" / "two" / "two.parquet", [*two, one[0]])
    return tmp_path / "lake" / "one", tmp_path / "lake" / "two"


NOTHING_BY_HALVES = {
    "seen twice": """
        SELECT finding_id FROM alerts GROUP BY finding_id HAVING count(*) > 1
        UNION ALL SELECT trace_key FROM traces GROUP BY trace_key HAVING count(*) > 1
        UNION ALL SELECT trace_key FROM assessments GROUP BY trace_key, monitor HAVING count(*) > 1
        UNION ALL SELECT file FROM units GROUP BY file, monitor HAVING count(*) > 1""",
    "an alert whose assessment is not seen": """
        SELECT alert_id FROM alerts ANTI JOIN assessments USING (trace_key, monitor)""",
    "a trace of a unit that is not seen": """
        SELECT trace_key FROM raw.traces t SEMI JOIN units u ON t.unit_id = u.unit_id AND t.run_id = u.run_id
        ANTI JOIN traces v ON t.trace_key = v.trace_key""",
    "a trace not assessed by a monitor that has done its file": """
        SELECT trace_key FROM raw.traces t SEMI JOIN units i ON t.unit_id = i.unit_id AND t.run_id = i.run_id
        JOIN units m ON m.file = t.file AND m.monitor <> 'ingest'
        ANTI JOIN assessments s ON s.trace_key = t.trace_key AND s.monitor = m.monitor""",
    "a unit with other rows than it says": """
        SELECT unit_id FROM units u WHERE monitor = 'ingest' AND traces
            <> (SELECT count(*) FROM raw.traces t WHERE t.unit_id = u.unit_id AND t.run_id = u.run_id)
        UNION ALL SELECT unit_id FROM units u WHERE monitor <> 'ingest' AND assessed
            <> (SELECT count(*) FROM raw.assessments a WHERE a.unit_id = u.unit_id AND a.run_id = u.run_id)
        UNION ALL SELECT unit_id FROM units u WHERE monitor <> 'ingest' AND alerts
            <> (SELECT count(*) FROM raw.alerts a WHERE a.unit_id = u.unit_id AND a.run_id = u.run_id)""",
}


def sound(store: Path) -> set[tuple[str, str]]:
    """The files and monitors done, as a reader sees them now, once it is sure that nothing is there by halves."""
    if not (store / MARKER).exists():
        return set()
    with Store.open(store).connect() as con:
        for what, query in NOTHING_BY_HALVES.items():
            assert con.execute(query).fetchall() == [], what
        return set(con.execute("SELECT file, monitor FROM units").fetchall())


def one_by_one(store: Path, root: Path, pack: str, *lakes: Path) -> Views:
    """The views where nothing races; of a trace in both, the one that was committed last is seen."""
    for lake in lakes:
        run_job(job(lake, store, pack, root), quiet=True)
    return read(store)


@pytest.mark.skipif(killing.impossible() is not None, reason=str(killing.impossible()))
@pytest.mark.parametrize(
    ("when", "theirs"),
    [(w, t) for w in OVERTAKEN for t in THEIRS]
    if FULL
    else [("before it makes the store", THEIRS[0]), ("as it commits", THEIRS[0]), ("as it commits", THEIRS[2])],
)
def test_overtaken_by_another_run(when: str, theirs: str, lakes: tuple[Path, Path], tmp_path: Path) -> None:
    store, root = tmp_path / "S", tmp_path / "lake"
    ours = pack(tmp_path / "ours")
    other = pack(tmp_path / "other", ("version: 1.0.0", "version: 1.1.0")) if theirs == "another pack" else ours
    lake = lakes[1] if theirs == "other files" else lakes[0]
    overtaken: list[Call] = []

    def ask(call: Call) -> int:
        if not overtaken and re.search(OVERTAKEN[when], str(call)):
            overtaken.append(call)
            run_job(job(lake, store, other, root), quiet=True)
            sound(store)
        return 0

    ended = killing.run(command(lakes[0], store, ours, root=root), store, ask)
    assert (ended.code, len(overtaken)) == (0, 1), ended.stderr
    sound(store)
    assert read(store) == one_by_one(tmp_path / "fresh", root, ours, lake, lakes[0])
    with Store.open(store).connect() as con:
        units = con.execute("SELECT count(*), count(DISTINCT unit_id) FROM raw.units").fetchall()[0]
    assert units[0] == units[1]  # what the other had done was dropped from ours


@pytest.mark.parametrize(
    "theirs", ["the same files", "other files", "another pack"] * 5 if FULL else ["the same files"]
)
def test_started_together(theirs: str, lakes: tuple[Path, Path], tmp_path: Path) -> None:
    store, root = tmp_path / "S", tmp_path / "lake"
    ours = pack(tmp_path / "ours")
    other = pack(tmp_path / "other", ("version: 1.0.0", "version: 1.1.0")) if theirs == "another pack" else ours
    lake = lakes[1] if theirs == "other files" else lakes[0]
    runs = [
        subprocess.Popen(c, cwd=killing.REPOSITORY, stderr=subprocess.PIPE, text=True)
        for c in (command(lakes[0], store, ours, root=root), command(lake, store, other, root=root))
    ]
    seen: set[tuple[str, str]] = set()
    while any(r.poll() is None for r in runs):
        now = sound(store)
        assert seen <= now  # what was once seen stays
        seen = now
    for r in runs:
        said = r.communicate()[1]
        assert r.returncode in (0, 75), said
        assert "Traceback" not in said
        assert said == "" or r.returncode == 75, said
    if all(r.returncode == 0 for r in runs):
        one = one_by_one(tmp_path / "fresh1", root, ours, lake, lakes[0])
        assert read(store) in (one, one_by_one(tmp_path / "fresh2", root, other, lakes[0], lake))
    assert seen <= sound(store)
