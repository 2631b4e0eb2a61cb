"""What the processes of an export load and open, as the system and Python itself saw it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.store import Store
from tests.pipelines import killing
from tests.pipelines.export.exports import command, small_lake
from tests.pipelines.lakes import flat

# written down by every Python process, from its first moment on: what it imports and what it opens
WATCH = """
import os, sys
def _note(event, args):
    if event in ("import", "open") and isinstance(args[0], (str, bytes)):
        line = f"{os.getpid()} {event} {os.fsdecode(args[0])}\\n".encode("utf-8", "replace")
        os.write(_to, line)
_to = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
sys.addaudithook(_note)
"""
ALERT_SIDE = re.compile(
    r"(monitors|schemas\.results|schemas\.behaviours|schemas\.contracts\.run|pipelines\.store|pipelines\.audit)(\.|$)"
)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A lake with a store beside it, over a shard's limit, so that two workers have something to do."""
    small_lake(tmp_path / "lake")
    Store.create_or_open(str(tmp_path / "S"))
    flat(tmp_path / "S" / "alerts" / "x.parquet", [{"trace_id": "a"}])
    return tmp_path


def watched(world: Path, flags: list[str]) -> list[tuple[str, str, str]]:
    """Run a command and give what its processes imported and opened: pid, event, name."""
    (world / "site").mkdir()
    (world / "site" / "sitecustomize.py").write_text(WATCH)
    log = world / "watched"
    environment = os.environ | {"PYTHONPATH": f"{world / 'site'}", "WATCHED": str(log)}
    done = subprocess.run(flags, cwd=killing.REPOSITORY, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(" ", 2) for line in log.read_text(errors="replace").splitlines()]
    return [(pid, event, name) for pid, event, name in (line for line in lines if len(line) == 3)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_no_process_of_an_export_knows_of_monitors(workers: int, world: Path) -> None:
    seen = watched(world, command(world / "lake", world / "out", workers=workers))
    imported = {name for _, event, name in seen if event == "import"}
    assert {"pipelines.export.shard", "pipelines.export.verify", "schemas.contracts.export"} <= imported
    assert not [name for name in imported if ALERT_SIDE.match(name)]
    exporting = {pid for pid, event, name in seen if event == "import" and name == "pipelines.export.shard"}
    assert len(exporting) >= 2 * workers - 1  # the workers were watched as well
    inside = [name for _, event, name in seen if event == "open" and name.startswith(str(world / "S"))]
    assert inside == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
def test_no_process_of_an_export_opens_anything_of_a_store_or_a_monitor(world: Path) -> None:
    log = world / "strace"
    traced = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-e", "signal=none", "-o", str(log)]
    flags = command(world / "lake", world / "out", workers=2)
    done = subprocess.run([*traced, *flags], cwd=killing.REPOSITORY, capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"strace is not allowed here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    calls = log.read_text(errors="replace")
    assert "pipelines/export" in calls and "one.parquet" in calls
    opened = re.findall(r'"([^"]*)"', calls)
    assert not [p for p in opened if p.startswith(str(world / "S")) or p == "S"]
    assert not [p for p in opened if re.search(r"(^|/)monitors/", p)]
    # by name from an open folder, as the guard walks: nothing that only a store has
    assert not {"S", "_cotmonitor_store", "alerts"} & set(opened)


# what opens, makes or removes by itself; given an open file, Arrow's readers and writers do not
DOORS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "makedirs", "mkdtemp", "rmtree"}
DOORS |= {"unlink", "rename", "replace", "remove", "rmdir", "symlink", "link", "TemporaryDirectory", "from_file"}
ARROW = {"read_table", "ParquetWriter", "ParquetFile", "read_metadata", "read_schema", "write_table", "memory_map"}
FILES = {"file", "source", "sink", "keys", "staged", "plan", "letters", "group"}
MAY = {
    "ids.read_key": "open",  # for those who give it no door, which an export does
    "tokens.read": "read_bytes",  # of a path that the guard has resolved, and of the copy in the staging folder
    "publish._locked": "open",  # the lock, on the export's own staging folder
    "publish._made": "mkdtemp",  # within it
    "publish.staging": "rmtree",  # of it
    "publish.tidy": "rmtree",  # of one that a killed attempt left
    "publish.publish": "unlink",  # of the page of a failed attempt
    "certificate._made_again": "TemporaryDirectory",  # for an export made again, which goes through the door itself
    "gate.controls": "self_test",  # plants its canaries in the staging folder
}


def opened(module: Path) -> list[str]:
    """Calls in a module that open or change a path, but not through the guard and not on an open file."""
    found = []
    for function in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            name, given = called.split(".")[-1], ast.unparse(node.args[0]) if node.args else ""
            guarded = re.search(r"(^|\.)guard\.\w+$|^opener$|^Guard\(\)\.\w+$", called) is not None
            dataclass = name == "replace" and called == "replace"  # of dataclasses
            text = name == "replace" and called != "os.replace" and len(node.args) == 2
            if (name in DOORS and not guarded and not dataclass and not text) or (
                called.startswith(("pq.", "pa.")) and name in ARROW and given not in FILES
            ):
                found.append(f"{module.stem}.{function.name}: {name}")
    return found


def test_an_export_opens_nothing_but_through_the_guard() -> None:
    folder = killing.REPOSITORY / "pipelines" / "export"
    modules = [*folder.rglob("*.py"), folder.parent / "cli" / "export.py"]
    found = {call for module in modules for call in opened(module)}
    assert found - {f"{where}: {name}" for where, name in MAY.items()} == set()
    assert len(found) >= 4  # the check sees what there is
