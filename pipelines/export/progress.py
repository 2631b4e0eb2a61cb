"""What a person sees while an export works: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.25
LOG_SECONDS = 10.0


@contextmanager
def shown(work: Path, shards: int, quiet: bool, doing: str) -> Iterator[None]:
    """Show on stderr, until the block ends, how many shards are staged; workers may be on other machines."""
    stop = threading.Event()
    show = _live if sys.stderr.isatty() else _log
    thread = threading.Thread(target=show, args=(work, shards, doing, stop), name="progress", daemon=True)
    if not quiet:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if thread.is_alive():
            thread.join(timeout=5)


def _done(work: Path) -> int:
    return sum(1 for _ in work.glob("shard-*.json"))


def _log(work: Path, shards: int, doing: str, stop: threading.Event) -> None:
    while not stop.wait(LOG_SECONDS):
        sys.stderr.write(f"cotmonitor: {doing}, {_done(work):,} of {shards:,} shards\n")
        sys.stderr.flush()


def _live(work: Path, shards: int, doing: str, stop: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed}/{task.total} shards"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=shards)
        while not stop.wait(POLL_SECONDS):
            bar.update(task, completed=_done(work))
