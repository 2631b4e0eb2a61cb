"""The guard: links are resolved, and nothing in, above or beside a store is read or written."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import guard as module
from pipelines.guard import Guard
from pipelines.store import marker
from schemas.errors import CotmonitorError, FirewallError, InputError
from tests.pipelines import killing
from tests.pipelines.lakes import flat, rollouts
from tests.pipelines.powers import without_powers

GUARD = Guard()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake and, beside it, a store; links between them and around."""
    flat(tmp_path / "lake" / "day1" / "a.parquet", rollouts(2))
    flat(tmp_path / "lake" / "day2" / "b.parquet", rollouts(2, "b"))
    flat(tmp_path / "other" / "c.parquet", rollouts(2, "c"))
    for store in ("S", "parent/.hidden/_deep/S"):
        (tmp_path / store / "alerts").mkdir(parents=True)
        (tmp_path / store / module.MARKER).write_text("{}")
        flat(tmp_path / store / "alerts" / "x.parquet", rollouts(2, "x"))
    (tmp_path / "free").mkdir()
    (tmp_path / "into").symlink_to("S/alerts")
    (tmp_path / "chain").symlink_to("into")
    (tmp_path / "S" / "alerts" / "back").symlink_to("../../lake")
    (tmp_path / "through").symlink_to("S/alerts/back")
    (tmp_path / "good").symlink_to(tmp_path / "lake")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / module.MARKER).symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_knows_a_store_by_the_marker_that_stores_have() -> None:
    assert module.MARKER == marker.MARKER


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("S", id="a store"),
        pytest.param("S/", id="a store, with a slash"),
        pytest.param("S/_cotmonitor_store", id="its marker"),
        pytest.param("S/new", id="beside the marker, not there yet"),
        pytest.param("S/alerts/x.parquet", id="in it"),
        pytest.param("S/alerts/new/deeper/x", id="in it, not there yet"),
        pytest.param("S/../free", id="out of it again by .."),
        pytest.param("free/../S/alerts", id="into it by .."),
        pytest.param("into", id="a link into it"),
        pytest.param("chain/x.parquet", id="a link to a link into it"),
        pytest.param("through/day1", id="a link that passes through it to a good place"),
        pytest.param("parent", id="above one in hidden folders"),
        pytest.param("parent/.hidden", id="above one, itself hidden"),
        pytest.param(".", id="the folder that holds one"),
        pytest.param("hollow/x", id="a marker that is a broken link"),
        pytest.param("free/_cotmonitor_store", id="what would make a store of a folder"),
    ],
)
def test_refused(here: Path, path: str) -> None:
    with pytest.raises(FirewallError) as caught:
        GUARD.check(path, "--out")
    (fault,) = caught.value.faults
    assert "--out" in fault.what
    assert fault.todo


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        pytest.param("lake", "lake", id="a folder beside a store"),
        pytest.param("good/day1/a.parquet", "lake/day1/a.parquet", id="a good link"),
        pytest.param("lake/day1/../day2", "lake/day2", id="with .."),
        pytest.param("free/new/deeper", "free/new/deeper", id="not there yet"),
    ],
)
def test_passed(here: Path, path: str, resolved: str) -> None:
    assert GUARD.check(path, "--out") == here / resolved


@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("circle", "too many levels of symbolic links", id="a circle of links"),
        pytest.param("lake/day1/a.parquet/x", "not a directory", id="below a file"),
        pytest.param("nowhere/../lake", "no such file", id="back from where nothing is"),
    ],
)
def test_what_cannot_be_seen_is_told(here: Path, path: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        GUARD.check(path, "--out")


def test_a_lake_is_listed_by_name_without_what_is_hidden(here: Path) -> None:
    flat(here / "lake" / "_index" / "z.parquet", rollouts(1))
    flat(here / "lake" / ".old.parquet", rollouts(1))
    (here / "lake" / "twice.parquet").symlink_to("day1/a.parquet")
    listed = [Path(p).relative_to(here).as_posix() for p in GUARD.lake("lake")]
    assert listed == ["lake/day1/a.parquet", "lake/day2/b.parquet"]
    assert [Path(p).name for p in GUARD.lake("good")] == ["a.parquet", "b.parquet"]


REFUSED_LAKES: dict[str, tuple[Callable[[Path], str], str]] = {
    "a glob": (lambda here: "lake/*", "A query over alerts could choose files"),
    "several folders": (lambda here: "lake,other", "A query over alerts could choose files"),
    "a file": (lambda here: "lake/day1/a.parquet", "A query over alerts could choose files"),
    "a store": (lambda here: "S", "is a store of alerts"),
    "a folder of a store": (lambda here: "S/alerts", "is a store of alerts"),
    "a folder with a store far below": (lambda here: "parent", "is a store of alerts"),
    "a link to a file elsewhere": (lambda here: link(here, "../other/c.parquet"), "leads out of lake"),
    "a link to a folder elsewhere": (lambda here: link(here, "../other"), "leads out of lake"),
    "a link into a store": (lambda here: link(here, "../S/alerts/x.parquet"), "is a store of alerts"),
    "a hidden link into a store": (lambda here: link(here, "../S", ".hidden"), "is a store of alerts"),
    "a store that is hidden in it": (lambda here: hide(here), "is a store of alerts"),
    "a remote folder": (lambda here: "s3://bucket/lake", "not supported yet"),
    "nothing": (lambda here: "nowhere", "there is no such folder"),
}


def link(here: Path, to: str, name: str = "link.parquet") -> str:
    (here / "lake" / name).symlink_to(to)
    return "lake"


def hide(here: Path) -> str:
    shutil.copytree(here / "S", here / "lake" / "day1" / "_tmp" / ".S", symlinks=True)
    return "lake"


@pytest.mark.parametrize("case", REFUSED_LAKES)
def test_a_lake_that_could_have_been_chosen_is_refused(here: Path, case: str) -> None:
    make, says = REFUSED_LAKES[case]
    with pytest.raises(InputError, match=says) as caught:
        GUARD.lake(make(here))
    assert isinstance(caught.value, FirewallError) or case in ("a remote folder", "nothing")


def test_a_circle_of_links_in_a_lake_is_no_reason_to_stop(here: Path) -> None:
    (here / "lake" / "day1" / "round").symlink_to("..")
    (here / "lake" / "self.parquet").symlink_to("self.parquet")
    names = [Path(p).name for p in GUARD.lake("lake")]
    assert {"a.parquet", "b.parquet"} <= set(names)


def test_opening_reads_files_and_nothing_else(here: Path) -> None:
    assert GUARD.read("good/day1/a.parquet")[:4] == b"PAR1"
    for path, error in (("lake", IsADirectoryError), ("lake/x", FileNotFoundError), ("into/x.parquet", FirewallError)):
        with pytest.raises(error):
            GUARD.open(path)
    os.mkfifo(here / "pipe")
    with pytest.raises(OSError):
        GUARD.open("pipe")


def test_a_link_put_in_place_of_what_was_looked_at_is_not_followed(here: Path) -> None:
    """One thread swaps a folder for a link into the store as fast as it can; no read ever gets what lies there."""
    (here / "lake" / "x.parquet").write_bytes(b"mine")
    (here / "S" / "x.parquet").write_bytes(b"theirs")
    os.rename(here / "lake", here / "real")
    (here / "lake").symlink_to("real")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for target in ("real", "S"):
                os.symlink(target, here / "new")
                os.replace(here / "new", here / "lake")

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[object] = set()
    try:
        for _ in range(3_000):
            try:
                seen.add(GUARD.read("lake/x.parquet"))
            except FirewallError:
                seen.add("refused")
    finally:
        stop.set()
        thread.join()
    assert seen == {b"mine", "refused"}


def test_the_last_name_is_not_followed_if_it_becomes_a_link(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = module._mode

    def swapped(name: str, folder: int) -> int | None:
        found = mode(name, folder)
        if name == "a.parquet":
            os.unlink(here / "lake/day1/a.parquet")
            os.symlink(here / "S/alerts/x.parquet", here / "lake/day1/a.parquet")
        return found

    monkeypatch.setattr(module, "_mode", swapped)
    with pytest.raises(FirewallError, match="became a link while it was being opened"):
        GUARD.open("lake/day1/a.parquet")


def test_a_file_is_there_whole_or_not_at_all(here: Path) -> None:
    path = here / "free" / "x"
    with pytest.raises(RuntimeError), GUARD.create(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert list((here / "free").iterdir()) == []
    with GUARD.create(path) as file:
        file.write(b"whole")
        assert not path.exists()
    GUARD.write(path, b"again")
    assert (path.read_bytes(), len(list((here / "free").iterdir()))) == (b"again", 1)


@pytest.mark.parametrize("path", ["S/x", "into/x", "S/alerts/new"])
def test_nothing_is_written_into_a_store(here: Path, path: str) -> None:
    before = sorted(p for p in (here / "S").rglob("*"))
    for write in (lambda: GUARD.write(path, b""), lambda: GUARD.folder(path), lambda: GUARD.rename("free", path)):
        with pytest.raises(FirewallError):
            write()
    assert sorted(p for p in (here / "S").rglob("*")) == before


def test_a_write_that_is_refused_is_told_in_words(here: Path) -> None:
    with pytest.raises(CotmonitorError, match=r"free/no/x: cannot be written: no such file or directory\. Nothing was"):
        GUARD.write("free/no/x", b"")
    full = module.failed_write("out", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert str(full) == "out: cannot be written: no space left on device. Make room and run again."


def test_a_folder_is_renamed_whole(here: Path) -> None:
    GUARD.folder("free/a/b")
    GUARD.rename("free/a", "free/c")
    assert [p.name for p in (here / "free" / "c").iterdir()] == ["b"]
    with pytest.raises(OSError):
        GUARD.rename("lake/day1", "lake/day2")


ASK = """
import sys
from pipelines.guard import Guard
print(len(Guard().lake(sys.argv[1])))
try:
    Guard().check(sys.argv[2], "--out")
except Exception as error:
    print(type(error).__name__)
"""


def test_a_store_beside_it_may_be_unreadable(here: Path) -> None:
    prefix = without_powers()
    (here / "S").chmod(0)
    command = [*prefix, sys.executable, "-c", ASK, str(here / "lake"), str(here / "S" / "x")]
    asked = subprocess.run(command, cwd=killing.REPOSITORY, capture_output=True, text=True)
    (here / "S").chmod(0o755)
    assert asked.stdout.split() == ["2", "InputError"], asked.stderr


def test_workers_get_it_as_it_is() -> None:
    assert pickle.loads(pickle.dumps(Guard())) == Guard()
