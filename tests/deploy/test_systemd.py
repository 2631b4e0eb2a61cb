"""The units are what systemd takes, the users see no more than they should, and nothing leads from run to export."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.generate import walk
from tests.deploy.units import EDGES, SYSTEMD, settings, words

UNITS = sorted(p for p in SYSTEMD.iterdir() if p.suffix in (".service", ".timer"))
JOBS = ("run", "export", "audit")
COMMANDS = {name.removeprefix("cotmonitor "): command for name, command, _ in walk()}
NEEDED = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")
CALLED = ("opt/cotmonitor/bin/cotmonitor", "bin/sh", "etc/cotmonitor/on-failure")
EXPOSED = "15"  # of 100: what `systemd-analyze security` may find at most


def service(job: str) -> Path:
    return SYSTEMD / f"cotmonitor-{job}.service"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with systemd's own units, ours, and what they call."""
    root = tmp_path_factory.mktemp("machine")
    ours = root / "etc" / "systemd" / "system"
    ours.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, ours)
    (root / "usr" / "lib" / "systemd").mkdir(parents=True)
    shutil.copytree("/lib/systemd/system", root / "usr" / "lib" / "systemd" / "system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    for name in CALLED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("#!/bin/sh\n")
        (root / name).chmod(0o755)
    return root


def verified(root: Path, *units: Path) -> str:
    """What `systemd-analyze verify` has to say."""
    given = [str(u.relative_to(root)) for u in units]
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", *given], cwd=root, capture_output=True, text=True, check=False
    )
    return f"{done.stdout}{done.stderr}" or ("" if done.returncode == 0 else f"exit code {done.returncode}")


@NEEDED
def test_systemd_finds_nothing_wrong_with_the_units(machine: Path) -> None:
    assert len(UNITS) == 7
    assert verified(machine, *(machine / "etc/systemd/system" / u.name for u in UNITS)) == ""


@NEEDED
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ProtectSystem=strict", "ProtectSistem=strict", "Unknown key"),
        ("/opt/cotmonitor/bin/cotmonitor", "/opt/cotmonitor/bin/cotmonitors", "not executable"),
        ("SystemCallFilter=@system-service", "SystemCallFilter=@system-servant", "Unknown"),
    ],
)
def test_systemd_would_say_so_if_it_did(machine: Path, old: str, new: str, told: str) -> None:
    unit = machine / "etc" / "systemd" / "system" / "cotmonitor-spoilt.service"
    unit.write_text(service("run").read_text().replace(old, new))
    assert told in verified(machine, unit)


@NEEDED
@pytest.mark.parametrize("unit", [u.name for u in UNITS if u.suffix == ".service"])
def test_a_unit_is_exposed_to_little(machine: Path, unit: str) -> None:
    call = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", f"--root={machine}"]
    path = f"etc/systemd/system/{unit}"
    done = subprocess.run([*call, path], cwd=machine, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:]


@NEEDED
@ROOT
def test_users_and_folders_are_made_and_a_store_is_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for tool, kind in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        there = tmp_path / "usr" / "lib" / f"{kind}.d" / "cotmonitor.conf"
        there.parent.mkdir(parents=True)
        shutil.copy(SYSTEMD / f"cotmonitor.{kind}", there)
        more = ["--create"] if kind == "tmpfiles" else []
        subprocess.run([tool, *more, f"--root={tmp_path}"], check=True, capture_output=True)
    ids = {line.split(":")[0]: int(line.split(":")[2]) for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    groups = {line.split(":")[0]: int(line.split(":")[2]) for line in (tmp_path / "etc/group").read_text().splitlines()}
    seen = {p.name: p.stat() for p in (tmp_path / "srv/cotmonitor").iterdir()}
    modes = {name: oct(s.st_mode & 0o7777) for name, s in seen.items()}
    assert modes == {"lake": "0o750", "alerts-store": "0o700", "training": "0o2750"}
    assert seen["alerts-store"].st_uid == ids["cotmonitor-run"]
    assert (seen["training"].st_uid, seen["training"].st_gid) == (ids["cotmonitor-export"], groups["cotmonitor-audit"])
    assert (seen["lake"].st_uid, seen["lake"].st_gid) == (0, groups["cotmonitor-lake"])


def test_the_run_cannot_write_training_data_and_the_export_cannot_read_the_store() -> None:
    store, training = "/srv/cotmonitor/alerts-store", "/srv/cotmonitor/training"
    assert words(service("run"), "ReadWritePaths") == [store]
    assert words(service("export"), "ReadWritePaths") == [training]
    assert f"-{training}" in words(service("run"), "InaccessiblePaths")
    assert f"-{store}" in words(service("export"), "InaccessiblePaths")
    assert words(service("audit"), "ReadWritePaths") == [store]  # it sees both sides, and writes to one
    users = {job: words(service(job), "User")[0] for job in JOBS}
    assert users["export"] not in (users["run"], users["audit"])
    assert "cotmonitor-audit" not in words(service("run"), "SupplementaryGroups")
    for job in JOBS:
        assert settings(service(job))["ProtectSystem"] == ["strict"]


def test_nothing_leads_from_the_run_to_the_export_and_the_audit_asks_for_neither() -> None:
    for suffix in (".service", ".timer"):
        text = (SYSTEMD / f"cotmonitor-export{suffix}").read_text()
        named = set(words(SYSTEMD / f"cotmonitor-export{suffix}", *EDGES))
        assert named <= {"cotmonitor-failed@%N.service", "timers.target"}
        assert "cotmonitor-run.service" not in text and "cotmonitor-run.timer" not in text
        for other in ("run", "audit"):
            assert not [w for w in words(SYSTEMD / f"cotmonitor-{other}{suffix}", *EDGES) if w.endswith("export.timer")]
    assert not [w for w in words(service("run"), *EDGES) if "export" in w]
    ordered = {"cotmonitor-run.service", "cotmonitor-export.service"}
    assert set(words(service("audit"), "After")) == ordered
    assert not ordered & set(words(service("audit"), *(e for e in EDGES if e != "After")))


@pytest.mark.parametrize("job", JOBS)
def test_a_unit_calls_a_command_with_options_it_has(job: str) -> None:
    (line,) = settings(service(job))["ExecStart"]
    given = shlex.split(line.replace("%%", "%"))
    given = shlex.split(given[2]) if given[0] == "/bin/sh" else given
    given = given[given.index("/opt/cotmonitor/bin/cotmonitor") + 1 :]
    assert given[0] == job
    flags = {o for parameter in COMMANDS[job].params for o in parameter.opts}
    assert {w for w in given if w.startswith("--")} <= flags
    assert settings(service(job))["RestartPreventExitStatus"] == ["2 3"]


def test_only_a_drop_in_opens_the_way_to_a_judge_and_to_nobody_else() -> None:
    assert all(settings(service(job))["PrivateNetwork"] == ["yes"] for job in JOBS)
    judge = settings(SYSTEMD / "judge.conf")
    assert judge["IPAddressDeny"] == ["any"]
    assert len(judge["IPAddressAllow"]) == 2
