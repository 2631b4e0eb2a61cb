"""The store: who may open it, what a commit promises, and what races and kills leave behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines.store import TABLES, Conflict, StagedFile, Store, delta
from pipelines.store.connect import literal
from pipelines.store.marker import FORMAT, MARKER
from pipelines.store.views import VIEWS
from schemas.errors import CotmonitorError, StoreError
from schemas.ledger import RUNS, UNITS
from schemas.results import ASSESSMENTS
from schemas.table import Table
from schemas.trace import TRACES
from tests.pipelines.store.books import (
    OF_RESULTS,
    File,
    Finding,
    Monitor,
    Trace,
    append_run,
    fresh,
    night,
    rows,
    run_row,
    stage_files,
    unit_table,
)

ROOT = Path(__file__).parents[3]
HIT = Trace("t1", looks={"rules.core": [Finding("TG08")]})


def tree(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}


def unit(run_id: str, name: str) -> pa.Table:
    return unit_table(run_id, [File(name, [])], [])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "no such folder"),
        (lambda p: p.write_text("x"), "is a file, not a store"),
        (lambda p: p.mkdir(), "is not a store"),
        (lambda p: marked(p, '{"format": 99}'), f"knows formats up to {FORMAT}"),
        (lambda p: marked(p, "not json"), "is damaged"),
        (lambda p: marked(p, "[]"), "is damaged"),
    ],
    ids=["missing", "a file", "another folder", "newer format", "no JSON in the marker", "no format in the marker"],
)
def test_opening_what_is_no_store_says_why(tmp_path: Path, make: object, says: str) -> None:
    make(tmp_path / "s")  # type: ignore[operator]
    with pytest.raises(StoreError, match=says) as raised:
        Store.open(tmp_path / "s")
    assert raised.value.exit_code == 2 and str(tmp_path / "s") in str(raised.value)


def marked(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / MARKER).write_text(text)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("s3://bucket/store", "not supported yet"),
        ("", "is empty"),
        ("a\\b", "Delta Lake cannot"),
        ("a\nb", "Delta Lake cannot"),
        ("a%20b", "'%20'"),
    ],
)
def test_a_path_that_cannot_carry_a_store_is_refused(tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        Store.create_or_open(path if not path or "://" in path else f"{tmp_path}/{path}")


def test_a_folder_with_other_things_never_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(StoreError, match=r"not empty \(it holds 'thesis.doc'\)"):
        Store.create_or_open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_can_be_read_and_not_written(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    store.path.chmod(0o500)
    try:
        assert rows(Store.open(store.path), "SELECT * FROM alerts") == []
        with pytest.raises(StoreError, match="read-only"):
            Store.open(store.path, write=True)
    finally:
        store.path.chmod(0o700)


@pytest.mark.parametrize(
    "name",
    [
        "it's",
        'q"x',
        "br[ab]",
        "st*r",
        "q?x",
        "50%",
        "%zz",
        "é😀",
        "date=2026-01-01",
        "a b",
        "`b`",
        "h#",
        "{b}",
        "$1",
        "-x",
    ],
)
def test_a_store_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "bra").mkdir()  # what `br[ab]` would match as a glob
    store = Store.create_or_open(tmp_path / name)
    night(store, "r1", [File("a", [HIT])])
    night(store, "r2", [File("b", [Trace("t2")])])
    with Store.open(tmp_path / name).connect() as con:
        assert con.execute("SELECT trace_id FROM traces ORDER BY 1").fetchall() == [("t1",), ("t2",)]
        assert [c[0] for c in con.execute("SELECT * FROM traces").description][: len(TRACES.names)] == list(
            TRACES.names
        )


def test_reading_writes_nothing(tmp_path: Path) -> None:
    night(fresh(tmp_path), "r1", [File("a", [HIT])])
    before = tree(tmp_path)
    store = Store.open(tmp_path / "store")
    for view in VIEWS:
        rows(store, f"SELECT * FROM {view}")
    store.units_snapshot()
    assert tree(tmp_path) == before
    with pytest.raises(StoreError, match="reading only"):
        append_run(store, run_row("r2"))
    with pytest.raises(StoreError, match="reading only"):
        store.commit_units(store.units_snapshot(), unit("r2", "b"))
    assert tree(tmp_path) == before


def test_a_store_that_was_only_begun_reads_as_empty_and_is_mended_by_the_next_writer(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    for name in ("traces", "units", "runs"):
        shutil.rmtree(store.path / name)
    (store.path / "units" / "_delta_log").mkdir(parents=True)
    half = Store.open(store.path)
    assert all(rows(half, f"SELECT * FROM {v}") == [] for v in OF_RESULTS)
    assert half.units_snapshot().current.num_rows == 0
    night(Store.open(store.path, write=True), "r1", [File("a", [HIT])])
    assert rows(half, "SELECT trace_id FROM alerts") == [("t1",)]


def test_the_store_carries_its_views_as_sql(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "it's `a` store")
    night(store, "r1", [File("a", [HIT, Trace("t2")])])
    duck, spark = ((store.path / "_views" / f"{d}.sql").read_text() for d in ("duckdb", "spark"))
    assert all(f"TEMPORARY VIEW `{v}`" in spark for v in VIEWS)
    assert f"FROM delta.`{tmp_path}/it's ``a`` store/units`" in spark
    # the delta extension is a download, so Parquet stands in for it
    for name, table in TABLES.items():
        path = str(store.table_path(name)).replace("'", "''")
        files = [str(store.table_path(name) / f) for f in delta.files(delta.snapshot(store.table_path(name)))]
        assert f"delta_scan('{path}')" in duck
        pq.write_table(table.arrow().empty_table(), tmp_path / f"{name}.parquet")
        source = f"read_parquet([{', '.join(map(literal, files or [str(tmp_path / f'{name}.parquet')]))}])"
        duck = duck.replace(f"delta_scan('{path}')", source)
    with duckdb.connect() as con:
        con.execute(duck)
        for view in (*("units", "traces", "assessments", "alerts", "runs", "rates"), *("suspicion", "cases")):
            found = con.execute(f'SELECT * FROM "{view}" ORDER BY ALL').fetchall()
            assert found == rows(store, f"SELECT * FROM {view} ORDER BY ALL") != []


def test_sequences_count_commits_from_one(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    for n in range(1, 4):
        store.commit_units(store.units_snapshot(), unit(f"r{n}", f"f{n}"))
        assert store.units_snapshot().sequence == n
    assert rows(store, "SELECT file, sequence FROM units ORDER BY 2") == [("f1", 1), ("f2", 2), ("f3", 3)]


@pytest.mark.parametrize("behind", [1, 3], ids=["by one commit", "by three"])
def test_a_commit_on_an_old_snapshot_is_refused_and_leaves_nothing(tmp_path: Path, behind: int) -> None:
    store = fresh(tmp_path)
    old = store.units_snapshot()
    for n in range(behind):
        store.commit_units(store.units_snapshot(), unit("winner", f"f{n}"))
    files = tree(store.table_path("units"))
    with pytest.raises(Conflict) as raised:
        store.commit_units(old, unit("loser", "f0"))
    assert raised.value.exit_code == 75
    assert set(tree(store.table_path("units"))) == set(files)
    store.commit_units(store.units_snapshot(), unit("loser", "g"))
    assert rows(store, "SELECT run_id, sequence FROM units WHERE file = 'g'") == [("loser", behind + 1)]


def test_a_snapshot_serves_for_one_commit_only(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    snapshot = store.units_snapshot()
    store.commit_units(snapshot, unit("r1", "a"))
    with pytest.raises(Conflict):
        store.commit_units(snapshot, unit("r1", "a"))
    assert rows(store, "SELECT count(*) FROM raw.units") == [(1,)]


def test_other_appends_do_not_get_in_the_way_of_a_commit(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    snapshot = store.units_snapshot()
    stage_files(store, "r0", [File("a", [HIT])], [Monitor()])
    append_run(store, run_row("r0"))
    store.commit_units(snapshot, unit("r1", "a"))
    assert rows(store, "SELECT run_id FROM units") == [("r1",)]


def test_appending_and_registering_the_same_again_changes_nothing(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    for _ in range(2):
        append_run(store, run_row("r1"))
        stage_files(store, "r1", [File("a", [HIT])], [Monitor()])
    assert rows(store, "SELECT count(*) FROM raw.runs") == [(1,)]
    assert rows(store, "SELECT count(*) FROM raw.traces") == [(1,)]


def test_a_file_that_is_not_there_is_never_registered(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    with pytest.raises(CotmonitorError, match="no such file") as raised:
        store.add_files(TRACES, [StagedFile("gone.parquet", 1, 1)], "r1")
    assert raised.value.exit_code == 1
    assert delta.files(delta.snapshot(store.table_path("traces"))) == []


RACER = """
import sys
from pipelines.store import Conflict, Store
from tests.pipelines.store.test_store import unit
folder, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = Store.create_or_open(folder)
for n in range(rounds):
    while True:
        snapshot = store.units_snapshot()
        try:
            store.commit_units(snapshot, unit(f"{name}-{n}", f"{name}-{n}"))
            break
        except Conflict:
            pass
"""


def race(store: Path, name: str, rounds: int, barrier: threading.Barrier) -> None:
    barrier.wait()
    opened = Store.create_or_open(store)
    for n in range(rounds):
        while True:
            snapshot = opened.units_snapshot()
            try:
                opened.commit_units(snapshot, unit(f"{name}-{n}", f"{name}-{n}"))
                break
            except Conflict:
                continue


def test_racing_threads_make_one_store_and_each_commit_counts_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=race, args=(tmp_path / "s", f"w{i}", 4, barrier)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert_serial(tmp_path / "s", 16)


@pytest.mark.slow
def test_racing_processes_make_one_store_and_each_commit_counts_once(tmp_path: Path) -> None:
    # enough commits for Delta to write a checkpoint on the way, which must not forget the transaction's number
    command = [sys.executable, "-c", RACER, str(tmp_path / "s")]
    racers = [
        subprocess.Popen([*command, f"w{i}", "40"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    for r in racers:
        assert r.stdout is not None and r.stdout.readline() == "ready\n"
    for r in racers:
        assert r.stdin is not None
        r.stdin.write("go\n")
        r.stdin.flush()
    assert [r.wait(120) for r in racers] == [0, 0, 0]
    assert any("checkpoint" in p.name for p in (tmp_path / "s/units/_delta_log").iterdir())
    assert_serial(tmp_path / "s", 120)


def assert_serial(folder: Path, commits: int) -> None:
    store = Store.open(folder)
    found = rows(store, "SELECT sequence, count(*) FROM raw.units GROUP BY 1 ORDER BY 1")
    assert found == [(n, 1) for n in range(1, commits + 1)]
    assert rows(store, "SELECT count(DISTINCT run_id) FROM units") == [(commits,)]
    assert store.units_snapshot().sequence == commits
    files = [p.name for p in (folder / "units").iterdir() if p.is_file()]
    assert len(files) == commits and not [f for f in files if f.endswith(".tmp")]


def test_a_reader_never_sees_half_a_night(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    done = threading.Event()

    def write() -> None:
        try:
            for n in range(12):
                files = [
                    File(f"f{n}-{i}", [Trace(f"t{n}-{i}-{j}", looks=HIT.looks) for j in range(5)]) for i in range(2)
                ]
                night(store, f"r{n}", files)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    looks = 0
    while not done.is_set() or not looks:
        with Store.open(store.path).connect() as con:
            looks += 1
            units = con.execute("SELECT coalesce(sum(traces), 0) FROM units WHERE monitor = 'ingest'").fetchall()[0][0]
            for view in ("traces", "assessments", "alerts"):
                assert con.execute(f"SELECT count(*) FROM {view}").fetchall() == [(units,)], view
    writer.join()
    assert rows(store, "SELECT count(*) FROM alerts") == [(120,)]


MAKE = "import sys; from pipelines.store import Store; Store.create_or_open(sys.argv[1])"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", [1, 2, 3, 4, 6, 9, 11])
def test_a_store_killed_while_it_was_made_is_none_or_empty_and_can_be_made_again(tmp_path: Path, call: int) -> None:
    folder = tmp_path / "s"
    calls = "mkdir,rename,renameat2,link,linkat,unlink"
    strace = f"strace -f -qq -o /dev/null -e trace={calls} -e inject={calls}:signal=KILL:when={call}"
    command = [*strace.split(), sys.executable, "-c", MAKE, str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, stderr=subprocess.DEVNULL)
    if (folder / MARKER).exists():
        assert json.loads((folder / MARKER).read_text())["format"] == FORMAT
        assert all(rows(Store.open(folder), f"SELECT * FROM {v}") == [] for v in OF_RESULTS)
    night(Store.create_or_open(folder), "r1", [File("a", [HIT])])
    assert rows(Store.open(folder), "SELECT trace_id FROM alerts") == [("t1",)]
    assert all(delta.snapshot(folder / name) is not None for name in TABLES)


def test_two_rows_of_one_run_are_both_kept(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    append_run(store, run_row("r1", status="running"))
    append_run(store, run_row("r1", status="failed", minute=3, error="disk full"))
    assert rows(store, "SELECT count(*) FROM raw.runs") == [(2,)]
    assert rows(store, "SELECT status, error FROM runs") == [("failed", "disk full")]
    assert RUNS.names == tuple(c[0] for c in Store.open(store.path).connect().execute("SELECT * FROM runs").description)


def before(table: Table) -> Table:
    """The table as version 1 had it."""
    return Table(table.name, 1, table.doc, tuple(c for c in table.columns if c.since == 1), table.key)


@pytest.fixture
def older(tmp_path: Path) -> Store:
    """A store written before `assessments` had scores by category, with one night in it."""
    store = Store.create_or_open(tmp_path / "store")
    shutil.rmtree(store.table_path("assessments"))
    delta.create(store.table_path("assessments"), before(ASSESSMENTS))
    night(store, "r1", [File("a", [HIT])])
    [file] = store.table_path("assessments").glob("*.parquet")
    pq.write_table(pq.read_table(file, columns=list(before(ASSESSMENTS).names)), file)
    return store


SCORES = "SELECT trace_id, test_gaming FROM assessments JOIN traces USING (trace_key) ORDER BY ALL"


def test_a_store_of_before_a_column_reads_as_null_there_and_nothing_is_written(older: Store) -> None:
    written = tree(older.path)
    reader = Store.open(older.path)
    assert rows(reader, SCORES) == [("t1", None)]
    assert rows(reader, "SELECT count(*) FROM alerts") == [(1,)]
    assert tree(older.path) == written


def test_a_store_of_before_a_column_gets_it_once_it_is_written_to(older: Store) -> None:
    for name in ("b", "c"):
        store = Store.open(older.path, write=True)
        night(store, f"r-{name}", [File(name, [Trace(name, scores={"rules.core": {"test_gaming": 0.25}})])])
    assert rows(Store.open(older.path), SCORES) == [("b", 0.25), ("c", 0.25), ("t1", None)]
    history = DeltaTable(str(older.table_path("assessments"))).history()
    assert sum(h["operation"] == "ADD COLUMN" for h in history) == 1


def test_two_who_widen_a_table_at_once_do_it_once(older: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Store.open(older.path, write=True), range(8)))
    fields = [f.name for f in DeltaTable(str(older.table_path("assessments"))).schema().fields]
    assert sorted(fields) == sorted(ASSESSMENTS.names)


def test_a_store_of_another_version_is_named_as_such(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "S")
    older = Table("units", 0, "As it was once.", tuple(c for c in UNITS.columns if c.name != "alerts"))
    shutil.rmtree(store.table_path("units"))
    delta.create(store.table_path("units"), older)
    for ask in (store.units_snapshot, store.connect):
        with pytest.raises(StoreError, match="has no column alerts, so another version of cotmonitor made the store"):
            ask()
