"""An export that is killed, interrupted or out of room at any instant has published all or nothing; another does it.

`COTMONITOR_FULL_KILLS=1 pytest -m slow tests/pipelines/export/test_killed.py` ends it at every single call that changes
the folder; without, at a few of them that are drawn from a fixed seed.
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.export.papers.publish import staging_folder
from schemas.errors import BusyError
from tests.pipelines import killing
from tests.pipelines.export.exports import command, export, published, small_lake
from tests.pipelines.killing import KILL, NAMES, ROOM, Call, Ended, Send

FULL = os.environ.get("COTMONITOR_FULL_KILLS") == "1"
REASON = killing.impossible()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=str(REASON))]
SOON = 20.0  # seconds within which nothing may be left of a killed export, on a machine that is busy


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A lake, and every byte of its export."""
    folder = tmp_path_factory.mktemp("expected")
    small_lake(folder / "lake")
    export(folder / "lake", folder / "out")
    return folder / "lake", published(folder / "out")


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """The folder in which the export is to appear."""
    (tmp_path / "train").mkdir()
    return tmp_path / "train"


def drawn(points: Sequence[int], count: int, seed: str) -> list[int]:
    return list(points) if FULL else sorted(random.Random(seed).sample(points, min(count, len(points))))


def completes(train: Path, expected: tuple[Path, dict[str, str]], there: bool | None = None) -> None:
    """All of the export is there or nothing of it; one more makes it so, and leaves nothing else behind."""
    out = train / "out"
    assert not out.exists() or published(out) == expected[1]
    assert there is None or out.exists() is there
    was = out.exists()
    assert export(expected[0], out).status == ("published_already" if was else "done")
    assert published(out) == expected[1]
    assert [p.name for p in train.iterdir()] == ["out"]


def publishes(call: Call) -> bool:
    """Whether this is the call that makes an export appear."""
    return call.name.startswith("rename") and call.path == "out"


def test_whatever_a_kill_would_leave_is_all_or_nothing(
    train: Path, tmp_path: Path, expected: tuple[Path, dict[str, str]]
) -> None:
    states: dict[int, bytes] = {}
    commit = []

    def keep(call: Call) -> int:
        files = [p for p in train.rglob("*") if not p.is_dir()]
        state = b"".join(sorted(bytes(p) + str(p.stat().st_size).encode() for p in files))
        if state not in states.values():
            states[call.number] = state
            shutil.copytree(train, tmp_path / str(call.number))
        commit.extend([call.number] if publishes(call) else [])
        return 0

    ended = killing.run(command(expected[0], train / "out"), train, keep)
    assert (ended.code, len(commit)) == (0, 1), ended.stderr
    assert published(train / "out") == expected[1]
    points = {commit[0], *(n for n in states if n > commit[0]), *drawn([n for n in states if n < commit[0]], 3, "x")}
    for n in sorted(points & set(states)):
        completes(tmp_path / str(n), expected, there=n > commit[0])
    print(f"{len(points)} of {len(states)} states, {len(ended.calls)} calls")


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_call(workers: int, train: Path, expected: tuple[Path, dict[str, str]]) -> None:
    points = drawn(range(1, 60), 1, f"{workers} workers")
    n = done = 0
    while FULL or points:
        n = n + 1 if FULL else points.pop(0)
        shutil.rmtree(train)
        train.mkdir()
        ended = killing.run(
            command(expected[0], train / "out", workers=workers),
            train,
            lambda call, n=n: KILL if call.number == n else 0,  # type: ignore[misc]
        )
        if ended.code == 0:
            assert len(ended.calls) < n
            assert published(train / "out") == expected[1]
            break
        assert ended.code == -signal.SIGKILL, ended.stderr
        assert ended.outlived < SOON
        completes(train, expected, there=any(publishes(c) for c in ended.calls[: n - 1]))
        done += 1
        print(f"{workers} workers: {n} ok ({ended.calls[n - 1]})", flush=True)
    print(f"{workers} workers: killed and completed {done}", flush=True)


def once(path: str, answer: Send) -> killing.Ask:
    """Answer the first call like this so."""
    hit: list[Call] = []

    def ask(call: Call) -> int | Send:
        if hit or not re.search(path, str(call)):
            return 0
        hit.append(call)
        return answer

    return ask


INTERRUPTED = [
    pytest.param("mkdir .*attempt", 1, id="before it works"),
    pytest.param("/shard-000000", 1, id="while it stages"),
    pytest.param("/shard-000000", 2, id="while two workers stage"),
    pytest.param("/certificate.json", 1, id="when all is staged"),
]


@pytest.mark.parametrize(("path", "workers"), INTERRUPTED if FULL else INTERRUPTED[1:2])
def test_interrupted(path: str, workers: int, train: Path, expected: tuple[Path, dict[str, str]]) -> None:
    asked = once(path, Send(signal.SIGINT))
    ended = killing.run(command(expected[0], train / "out", workers=workers), train, asked)
    assert ended.code == 130, ended.stderr
    assert "cotmonitor: interrupted" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.outlived < SOON
    assert list(train.iterdir()) == []
    completes(train, expected, there=False)


def kind_of(call: Call) -> str:
    """What is done to which kind of file, without what differs between attempts."""
    return re.sub(r"attempt-\w+|controls-\w+|part-\w+|(?<=\.parquet\.)[\w.-]+|\d[\w.-]*", "*", str(call))


def takes_room(call: Call) -> bool:
    return "unlink" not in call.name and call.name != "rmdir"


@pytest.mark.parametrize("lasting", [True, False] if FULL else [True], ids=lambda x: "and stays full" if x else "once")
def test_no_room_left(lasting: bool, train: Path, expected: tuple[Path, dict[str, str]]) -> None:
    kinds = ["write .out.exporting/*/out/data/.*.parquet.*"]
    if FULL:
        calls = killing.run(command(expected[0], train / "out"), train, about=NAMES + ROOM).calls
        kinds = sorted({kind_of(c) for c in calls if takes_room(c)})
    wrong = []
    for kind in kinds:
        shutil.rmtree(train)
        train.mkdir()
        ended = killing.run(command(expected[0], train / "out"), train, full(kind, lasting), NAMES + ROOM)
        assert kind in map(kind_of, ended.calls)
        if not told(ended):
            wrong.append(f"{kind}: exit {ended.code}: {ended.stderr}")
        completes(train, expected, there=ended.code == 0)
        print(f"no room for {kind}: exit {ended.code}: {ended.stderr.strip()[:300]}", flush=True)
    assert not wrong, "\n".join(wrong)


def full(kind: str, lasting: bool) -> killing.Ask:
    """A disk that is full from the first call of a kind on, or for that call alone."""
    hit: list[Call] = []

    def ask(call: Call) -> int:
        if takes_room(call) and (lasting if hit else kind_of(call) == kind):
            hit.append(call)
            return errno.ENOSPC
        return 0

    return ask


def told(ended: Ended) -> bool:
    """Whether it said, once and in words, that there is no room, unless it could do without what it could not write."""
    said = [line for line in ended.stderr.splitlines() if line.startswith("cotmonitor: ")]
    if any("while running" in line for line in said):  # a step of Beam's is nobody's business
        return False
    well = ended.code == 0 if not said else (ended.code, len(said), "no space left" in said[0]) == (1, 1, True)
    return well and "Traceback" not in ended.stderr


def test_two_at_once(train: Path, expected: tuple[Path, dict[str, str]]) -> None:
    """One of them publishes; the other is told to try again, or finds it done."""
    both = [
        subprocess.Popen(command(expected[0], train / "out"), cwd=killing.REPOSITORY, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate()[1] for run in both]
    codes = sorted(run.returncode for run in both)
    assert codes in ([0, 0], [0, 75]), said
    assert not any("Traceback" in s for s in said)
    completes(train, expected, there=True)


def test_another_at_work_is_told(train: Path, expected: tuple[Path, dict[str, str]]) -> None:
    """While one stages, a second is refused at once; and the first goes on as if nothing had been."""
    refused: list[str] = []

    def ask(call: Call) -> int:
        if not refused and "/shard-000000" in call.path:
            try:
                export(expected[0], train / "out")
            except BusyError as error:
                refused.append(str(error))
        return 0

    ended = killing.run(command(expected[0], train / "out"), train, ask)
    assert ended.code == 0, ended.stderr
    assert "another export to the same folder is at work" in refused[0]
    completes(train, expected, there=True)


@pytest.mark.parametrize("theirs", ["an export", "an empty folder", "a file", "a folder of theirs"][: 4 if FULL else 1])
def test_somebody_else_was_faster(
    theirs: str, train: Path, tmp_path: Path, expected: tuple[Path, dict[str, str]]
) -> None:
    """Between the last look and the renaming, something appears in the place where the export was to be."""
    out = train / "out"

    def appear() -> None:
        if theirs == "a file":
            out.write_text("theirs")
        elif theirs == "an export":
            shutil.copytree(expected[0].parent / "out", out)
        else:
            out.mkdir()
            if theirs != "an empty folder":
                (out / "x").write_text("theirs")

    def ask(call: Call) -> int:
        if publishes(call):
            appear()
        return 0

    ended = killing.run(command(expected[0], out), train, ask)
    if theirs == "an empty folder":  # in which nothing is lost
        assert ended.code == 0, ended.stderr
        completes(train, expected, there=True)
        return
    assert ended.code == 75, ended.stderr
    assert "appeared while it was being exported" in ended.stderr
    assert not staging_folder(out).exists()
    if theirs == "an export":
        completes(train, expected, there=True)
    else:
        assert (out if theirs == "a file" else out / "x").read_text() == "theirs"
