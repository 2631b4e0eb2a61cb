"""What a person sees while a run works: a live display on a terminal, a plain line now and then in a log.

Workers may be processes on other machines, so progress is read from the manifests they leave in the staging folder.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from pipelines.stage import Place, read_manifest

POLL_SECONDS = 0.25
LOG_SECONDS = 10.0


class Tally:
    """Counts over the manifests of one part seen so far; each manifest is read once."""

    def __init__(self, place: Place, parts: tuple[str, ...]) -> None:
        self._folder = place.folder
        self._parts = parts
        self._seen: set[str] = set()
        self.rows: dict[str, int] = dict.fromkeys(parts, 0)
        self.nbytes = 0
        self.alerts = 0
        self.dead = 0
        self.shards = 0

    def update(self) -> None:
        try:
            names = {p.name for p in self._folder.iterdir()}
        except OSError:
            return
        self.shards = sum(n.endswith(".done") for n in names)
        for name in names - self._seen:
            if not name.endswith(".json") or name.startswith("."):
                continue
            manifest = read_manifest(Path(self._folder) / name)
            self._seen.add(name)
            if manifest.part in self.rows:
                self.rows[manifest.part] += manifest.rows
            if manifest.part == self._parts[0]:
                self.nbytes += manifest.nbytes
            self.alerts += manifest.alerts
            self.dead += manifest.rows if manifest.part == "dead" else 0

    @property
    def traces(self) -> int:
        return min(self.rows.values(), default=0)


class Progress:
    """Shows a run's progress on stderr until the block ends; `quiet` shows nothing."""

    def __init__(self, place: Place, parts: tuple[str, ...], shards: int, nbytes: int, quiet: bool = False) -> None:
        self._tally = Tally(place, parts)
        self._shards, self._nbytes = shards, nbytes
        self._quiet = quiet
        self._stop = threading.Event()
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        (self._live if sys.stderr.isatty() else self._log)()

    def _log(self) -> None:
        while not self._stop.wait(LOG_SECONDS):
            self._tally.update()
            sys.stderr.write(f"cotmonitor: {self._words()}\n")
            sys.stderr.flush()

    def _live(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("monitoring", total=1.0, words="starting workers")
            self._each(lambda: bar.update(task, completed=self._share(), words=self._words()))
            if self._share() > 0.99:
                bar.update(task, completed=1.0)

    def _each(self, show: Callable[[], None]) -> None:
        while True:
            stopped = self._stop.wait(POLL_SECONDS)
            self._tally.update()
            show()
            if stopped:
                return

    def _share(self) -> float:
        """Done, by whichever says more: shards finished, or bytes against the plan's estimate (never quite all)."""
        by_shard = self._tally.shards / self._shards if self._shards else 1.0
        by_bytes = min(self._tally.nbytes / self._nbytes, 0.99) if self._nbytes else 0.0
        return max(by_shard, by_bytes)

    def _words(self) -> str:
        t = self._tally
        seconds = max(time.monotonic() - self._start, 1e-6)
        dead = f", {t.dead:,} dead" if t.dead else ""
        return (
            f"{t.traces:,} traces, {t.nbytes / 1e6:,.0f} MB at {t.nbytes / 1e6 / seconds:,.0f} MB/s, "
            f"{t.alerts:,} alerts{dead}, {t.shards}/{self._shards} shards"
        )
