"""A run that is killed, interrupted or out of room at any instant leaves the views as they were; another completes it.

`COTMONITOR_FULL_KILLS=1 pytest -m slow tests/pipelines/test_killed.py` ends it at every single call that changes the
store, which takes an hour or more; without, at a few of them that are drawn anew from a fixed seed.
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.pipelines import killing
from tests.pipelines.killing import KILL, NAMES, ROOM, Asked, Call, Ended, Send
from tests.pipelines.situations import NAMES as SITUATIONS
from tests.pipelines.situations import Situation, restore, situation

FULL = os.environ.get("COTMONITOR_FULL_KILLS") == "1"
REASON = killing.impossible()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=str(REASON))]
SOON = 20.0  # seconds within which nothing may be left of a killed run, on a machine that is busy with other things


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Situation]:
    """Situations by name, each made once."""
    known: dict[str, Situation] = {}

    def make(name: str) -> Situation:
        if name not in known:
            known[name] = situation(name, tmp_path_factory.mktemp("killed"))
        known[name].reset()
        return known[name]

    return make


def drawn(points: Sequence[int], count: int, seed: str) -> list[int]:
    """All points in the full form, else a few."""
    return list(points) if FULL else sorted(random.Random(seed).sample(points, min(count, len(points))))


def completes(s: Situation, expected: object = None) -> None:
    """The store is as it was before the run, or after it where it had come so far, and a further run completes it."""
    seen = s.read()
    assert seen in ((s.before, s.after) if expected is None else (expected,))
    s.run()
    assert s.read() == s.after


@pytest.mark.parametrize("name", SITUATIONS)
def test_whatever_a_kill_would_leave_is_all_or_nothing_and_can_be_completed(
    name: str, made: Callable[[str], Situation], tmp_path: Path
) -> None:
    s = made(name)
    states: dict[int, bytes] = {}
    commit = []

    def keep(call: Call) -> int:
        # what a kill before this call would leave, if it is another than before the last
        state = b"".join(sorted(bytes(p) + str(p.stat().st_size).encode() for p in s.store.rglob("*") if p.is_file()))
        if state not in states.values():
            states[call.number] = state
            if s.store.exists():
                shutil.copytree(s.store, tmp_path / str(call.number))
        if s.commits(call):
            commit.append(call.number)
        return 0

    ended = killing.run(s.command(), s.store, keep)
    assert (ended.code, len(commit)) == (0, 1), ended.stderr
    assert s.before != s.after == s.read()
    first_after = min(n for n in states if n > commit[0])
    points = {commit[0], first_after, *drawn([n for n in states if n not in (commit[0], first_after)], 1, name)}
    for n in sorted(points):
        restore(tmp_path / str(n), s.store)
        completes(s, s.after if n > commit[0] else s.before)
    print(f"{name}: {len(points)} of {len(states)} states, {len(ended.calls)} calls")


@pytest.mark.parametrize(
    ("name", "workers", "count"),
    [(n, w, 1) for n in SITUATIONS for w in (1, 2)] if FULL else [("a new file", 1, 1), ("a first run", 2, 1)],
)
def test_killed_at_any_call(name: str, workers: int, count: int, made: Callable[[str], Situation]) -> None:
    points = drawn(range(1, 90), count, f"{name} {workers}")
    n = done = 0
    while FULL or points:
        n = n + 1 if FULL else points.pop(0)
        s = made(name)
        ended = killing.run(s.command(workers), s.store, lambda call, n=n: KILL if call.number == n else 0)  # type: ignore[misc]
        if ended.code == 0:
            assert len(ended.calls) < n
            assert s.read() == s.after
            break
        assert (ended.code, len(ended.calls) >= n) == (-signal.SIGKILL, True), ended.stderr
        assert ended.outlived < SOON
        completes(s, s.after if any(s.commits(c) for c in ended.calls[: n - 1]) else s.before)
        done += 1
        print(f"{name}, {workers} workers: {n} ok ({ended.calls[n - 1]})", flush=True)
    print(f"{name}, {workers} workers: killed and completed {done} of {n - 1 if FULL else done}", flush=True)


@pytest.mark.parametrize("name", SITUATIONS if FULL else SITUATIONS[1:2])
def test_killed_at_random_instants(name: str, made: Callable[[str], Situation]) -> None:
    takes = 3.0
    if FULL:
        s, begun = made(name), time.monotonic()
        assert killing.run(s.command(), s.store).code == 0
        takes = time.monotonic() - begun
    chance = random.Random(name)
    for i in range(17 if FULL else 1):
        s = made(name)
        when = time.monotonic() + chance.uniform(0, takes)
        with Asked(s.command(1 + i % 2), s.store) as asked:
            while time.monotonic() < when:
                asked.answer()
            os.killpg(asked.process.pid, signal.SIGKILL)
            limit = time.monotonic() + SOON
            while not asked.done():
                asked.answer()
                assert time.monotonic() < limit, asked.processes()
        assert s.read() in (s.before, s.after)
        again = subprocess.run(s.command(), cwd=killing.REPOSITORY, capture_output=True, text=True)
        assert (again.returncode, again.stderr) == (0, "")
        assert s.read() == s.after
        print(f"{name}: instant {i} ok", flush=True)


OUTLIVED = [
    pytest.param("_staging/.*plan", id="before it has workers"),
    pytest.param("_staging/.*rules", id="while they judge"),
    pytest.param("_staging/.*shard", id="when they are done"),
]


@pytest.mark.parametrize("path", OUTLIVED if FULL else OUTLIVED[1:2])
def test_no_process_outlives_the_one_that_a_person_kills(path: str, made: Callable[[str], Situation]) -> None:
    s = made("a new file")
    ended = killing.run(s.command(2), s.store, once(path, Send(signal.SIGKILL, everyone=False)))
    assert (ended.code, ended.outlived < SOON) == (-signal.SIGKILL, True)
    completes(s, s.before)


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
    pytest.param("mkdir _staging", 1, True, id="before it works"),
    pytest.param("rename _staging/.*rules", 1, True, id="while it judges"),
    pytest.param("rename _staging/.*rules", 2, True, id="while two workers judge"),
    pytest.param("rename _staging/.*rules", 2, False, id="while two workers judge, it alone"),
    pytest.param("mkdir _docs", 1, True, id="while contracts are checked"),
    pytest.param("link.* alerts/_delta_log", 1, True, id="while it registers files"),
    pytest.param("open.* units/_delta_log", 1, True, id="while it commits"),
    pytest.param("unlink units/_delta_log", 1, True, id="when it has committed"),
]


@pytest.mark.parametrize(("path", "workers", "everyone"), INTERRUPTED if FULL else INTERRUPTED[1:3])
def test_interrupted(path: str, workers: int, everyone: bool, made: Callable[[str], Situation]) -> None:
    s = made("a new file")
    ended = killing.run(s.command(workers), s.store, once(path, Send(signal.SIGINT, everyone)))
    assert ended.code == 130, ended.stderr
    assert "cotmonitor: interrupted" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.outlived < SOON
    completes(s, s.after if "units" in path else s.before)


def kind_of(call: Call) -> str:
    """What is done to which table, or to which kind of staged file, without the ids in its name."""
    return re.sub(r"(?<=contracts-)\w+|\d[\w.-]*", "*", str(call))


def takes_room(call: Call) -> bool:
    return "unlink" not in call.name and call.name != "rmdir"


@pytest.mark.parametrize("lasting", [True, False], ids=["and stays full", "once"])
def test_no_room_left(lasting: bool, made: Callable[[str], Situation]) -> None:
    s = made("a new file")
    kinds = {"write traces/.*" if lasting else "openat units/_delta_log/*#*"}
    if FULL:
        calls = killing.run(s.command(), s.store, about=NAMES + ROOM).calls
        kinds = {kind_of(c) for c in calls if takes_room(c)}
    wrong = []
    for kind in sorted(kinds):
        s = made("a new file")
        ended = killing.run(s.command(), s.store, full(kind, lasting), NAMES + ROOM)
        assert kind in map(kind_of, ended.calls)
        if not told(ended):
            wrong.append(f"{kind}: exit {ended.code}: {ended.stderr}")
        completes(s)
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
    well = ended.code == 0 if not said else (ended.code, len(said), "no space left" in said[0]) == (1, 1, True)
    return well and "Traceback" not in ended.stderr


@pytest.mark.parametrize("free", (8, 20, 40, 60, 80, 100, 130, 160) if FULL else (60,))
def test_a_disk_that_is_really_full(free: int, made: Callable[[str], Situation], tmp_path: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", tmp_path]).returncode:
        pytest.skip("a small disk can be made only by root, where mounting is allowed")
    try:
        disk = situation("a first run", tmp_path / "disk")
        disk.reset()
        filler = tmp_path / "filler"
        with open(filler, "wb") as f:
            size = shutil.disk_usage(tmp_path).free - (free << 10)
            f.write(b"\0" * size)
        ended = killing.run(disk.command(), disk.store)
        assert ended.code == 1, ended.stderr
        assert told(ended), ended.stderr
        assert disk.read() == disk.before
        filler.unlink()
        completes(disk, disk.before)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
