"""Metrics in, report out: in this process, or in one started early that imports GX while the pipeline works."""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from schemas.contracts.gx_pages import write_pages
from schemas.contracts.promise import Metrics, Promise
from schemas.contracts.report import Report, results_from
from schemas.contracts.suites import judged, validate

LOG = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds for a process that needs one: a machine that swaps, not one that hangs for ever


def check(metrics: Metrics, promised: Sequence[Promise], docs: Path | None = None) -> Report:
    """Hold the figures to what is promised of them; with `docs`, write great_expectations' pages below it."""
    validated = validate(metrics.frames, promised)
    results = []
    for promise in promised:
        answers = validated[promise.table].results
        found = next(a for a in answers if a.expectation_config.kwargs["column"] == promise.metric)
        absent = metrics.skipped.get(f"{promise.table}.{promise.metric}")
        results.append(judged(promise, metrics.frames[promise.table], found, absent))
    if docs:
        write_pages(validated, docs / "great_expectations")
    return Report(tuple(results))


class Checker:
    """A process of its own for `check`, so that the seconds of importing GX pass beside the pipeline and not after it.

    Start it when the pipeline starts and close it when done. If it died, the check is made in this process instead.
    """

    def __init__(self) -> None:
        paths = [p or os.getcwd() for p in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "schemas.contracts.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # an interrupt is the parent's business; its end closes our stdin
        )

    @property
    def pid(self) -> int:
        """The process' id."""
        return self._process.pid

    def check(self, metrics: Metrics, promised: Sequence[Promise], docs: Path | None = None) -> Report:
        """As the function `check`."""
        request = {
            "metrics": {"frames": dict(metrics.frames), "skipped": dict(metrics.skipped)},
            "promised": [asdict(promise) for promise in promised],
            "docs": str(docs) if docs else None,
        }
        try:
            answer = self._ask(json.dumps(request))
        except (OSError, ValueError) as error:
            LOG.warning("contracts are checked in this process: the one started for it failed (%s)", error)
            return check(metrics, promised, docs)
        return Report(results_from(answer["results"]))

    def _ask(self, request: str) -> dict[str, Any]:
        """One line to the process and one back; it lives on, so that its own ending costs nothing."""
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("it has no pipes")
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], PATIENCE)[0]:
            raise OSError(f"no answer within {PATIENCE:.0f} seconds")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                pipe.close()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
