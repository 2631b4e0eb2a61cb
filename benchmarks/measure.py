"""Run a command and watch what it costs: wall time, and the memory of the whole process tree."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took. `pss_mb` counts pages that processes share once, `rss_mb` counts them in each."""

    seconds: float
    pss_mb: float
    rss_mb: float
    stdout: str


class CommandFailed(RuntimeError):
    """The measured command ended with an error, so its figures mean nothing."""


def measure(command: Sequence[str], cwd: Path) -> Cost:
    """Run to the end, polling memory all the while; short peaks between two polls are missed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=err, text=True)
        root, pss, rss = psutil.Process(process.pid), 0.0, 0.0
        while process.poll() is None:
            now_pss, now_rss = _memory(root)
            pss, rss = max(pss, now_pss), max(rss, now_rss)
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{err.read()[-4000:]}")
        return Cost(seconds, pss / 1e6, rss / 1e6, out.read())


def _memory(root: psutil.Process) -> tuple[float, float]:
    """(PSS, RSS) in bytes of a process and all below it; on systems without PSS both are RSS."""
    pss = rss = 0.0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for member in family:
        try:
            resident = member.memory_info().rss
            rss += resident
            pss += _proportional(member.pid) or resident
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended while we were looking
    return pss, rss


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
