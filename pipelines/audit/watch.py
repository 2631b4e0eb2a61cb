"""How far the scan is, for whoever waits: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

PLAN, DONE = "shards.parquet", "shard-*.done"  # what a scan leaves in its staging folder
POLL_SECONDS = 0.5
LOG_SECONDS = 10.0


@contextmanager
def watched(folder: Path, quiet: bool) -> Iterator[None]:
    """Tell how many shards below `folder` are done, until the block ends."""
    if quiet:
        yield
        return
    stop = threading.Event()
    tell = _live if sys.stderr.isatty() else _log
    thread = threading.Thread(target=tell, args=(folder, stop), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def progress(folder: Path) -> tuple[int, int]:
    """Shards done and shards planned; nothing planned yet is (0, 0)."""
    try:
        planned = pq.read_metadata(folder / PLAN).num_rows
    except (OSError, ValueError):  # it is not there, or half of it
        return 0, 0
    return sum(1 for _ in folder.glob(DONE)), planned


def _log(folder: Path, stop: threading.Event) -> None:
    while not stop.wait(LOG_SECONDS):
        done, planned = progress(folder)
        if planned:
            sys.stderr.write(f"cotmonitor: {done:,} of {planned:,} shards\n")
            sys.stderr.flush()


def _live(folder: Path, stop: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("scanning"), BarColumn(), MofNCompleteColumn(), TextColumn("shards"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scanning", total=None)
        _each(stop, lambda: bar.update(task, completed=progress(folder)[0], total=progress(folder)[1] or None))


def _each(stop: threading.Event, show: Callable[[], None]) -> None:
    while not stop.wait(POLL_SECONDS):
        show()
