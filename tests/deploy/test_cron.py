"""The crontab's lines are what a shell takes: commands with options they have, users and locks of their own."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.generate import walk

DEPLOY = Path(__file__).parents[2] / "deploy"
COMMANDS = {name.removeprefix("cotmonitor "): command for name, command, _ in walk()}


@dataclass(frozen=True)
class Line:
    user: str
    script: str  # as cron hands it to the shell

    @property
    def words(self) -> list[str]:
        """The words of the program's call."""
        (call,) = re.findall(r"\bcotmonitor (?:run|export|audit) [^;}|]*", self.script)
        return shlex.split(call)[1:]


LINES = [
    Line(user, script.replace("\\%", "%"))
    for line in (DEPLOY / "cron" / "cotmonitor").read_text().splitlines()
    if re.match(r"\d", line)
    for *_, user, script in [line.split(maxsplit=6)]
]
NAMED = {line.words[0]: line for line in LINES}


def test_each_line_calls_a_command_with_options_it_has() -> None:
    assert set(NAMED) == {"run", "export", "audit"}
    for name, line in NAMED.items():
        flags = {o for parameter in COMMANDS[name].params for o in parameter.opts}
        assert {w for w in line.words if w.startswith("--")} <= flags


def test_who_exports_is_another_user_with_another_lock() -> None:
    assert [line.user for line in LINES] == ["cotmonitor-run", "cotmonitor-export", "cotmonitor-run"]
    assert "alerts-store" not in NAMED["export"].script and "cotmonitor-run" not in NAMED["export"].script
    assert "training" not in NAMED["run"].script and "cotmonitor-export" not in NAMED["run"].script


@pytest.mark.parametrize(("code", "said"), [(0, 0), (75, 0), (3, 3), (1, 1)])
def test_a_busy_night_is_no_failure_and_any_other_code_is(tmp_path: Path, code: int, said: int) -> None:
    """The line itself, in cron's shell, with a program that ends as it is told."""
    folders = {"/srv/cotmonitor": tmp_path, "/var/lib/cotmonitor-run": tmp_path}
    script = NAMED["run"].script
    for there, here in folders.items():
        script = script.replace(there, str(here))
    program = tmp_path / "bin" / "cotmonitor"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > called\nexit {code}\n')
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    assert subprocess.run(["/bin/sh", "-c", script], env={"PATH": path}, check=False).returncode == said
    assert (tmp_path / "called").read_text().startswith("run /etc/cotmonitor/nightly.yaml")
    assert stat.S_IMODE(os.stat(tmp_path / "called").st_mode) == 0o600


def test_a_second_run_beside_the_first_leaves_at_once(tmp_path: Path) -> None:
    script = NAMED["run"].script.replace("/srv/cotmonitor", str(tmp_path))
    script = script.replace("/var/lib/cotmonitor-run", str(tmp_path))
    holder = subprocess.Popen(
        ["flock", str(tmp_path / "lock"), "sh", "-c", "echo held; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        environment = {"PATH": "/usr/bin:/bin"}  # without a cotmonitor: it would be 127 if it were called
        done = subprocess.run(["/bin/sh", "-c", script], env=environment, check=False)
        holder.stdin.close()
    assert done.returncode == 0
