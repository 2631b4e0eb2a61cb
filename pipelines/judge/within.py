"""Where a run meets its judge: before it reads anything, after the cheap monitors have committed, and on a dry run."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from monitors.monitor import Monitor
from pipelines.account import Summary, Work, monitor_rows, record, with_judge
from pipelines.commit import StagedRun
from pipelines.job import Job
from pipelines.judge.monitor import Judge
from pipelines.stage import Place
from pipelines.store import Store
from schemas.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.judge.controls import Asked
    from schemas.contracts.report import Report


def judge_of(job: Job, monitors: tuple[Monitor, ...], dry_run: bool) -> Judge | None:
    """The job's judge, its server permitted and its key at hand; a dry run needs no key."""
    if job.judge is None or job.shadow:  # a judge goes by what counts
        return None
    if job.judge.name in {m.spec.id for m in monitors}:
        raise InputError(f"judge.name: a monitor is called {job.judge.name!r} already. Give the judge another name.")
    if not dry_run:
        job.judge.key()
        if importlib.util.find_spec("openai") is None:
            raise InputError("judge: the openai package is not installed. Run pip install 'cotmonitor[judge]'.")
    return Judge.of(job.judge, monitors, job.excerpt_chars, os.environ)


def controls(store: Store, work: Work) -> Asked | None:
    """Ask the judge its controls, if it has anything to do, and put the calls into the books."""
    if work.judge is None or not work.judge_todo:
        return None
    from pipelines.judge.controls import ask_controls
    from pipelines.judge.run import book_controls

    asked = ask_controls(work.judge, str(store.path), work.stamp.run_id)
    book_controls(store, asked, work.stamp.run_id)
    return asked


def judge(
    store: Store,
    place: Place,
    work: Work,
    beam_args: Sequence[str],
    begun: float,
    quiet: bool,
    gate: Callable[[StagedRun, tuple[str, ...], str], Report],
    asked: Asked,
    cheap: Summary,
) -> Summary:
    """The judge's pass, and the summary of the whole run."""
    from pipelines.judge.run import judge_pass
    from pipelines.runner import is_local

    def check(staged: StagedRun, counts: pa.Table, ids: tuple[str, ...]) -> Report:
        return gate(replace(staged, counts=counts), ids, "-judge")

    workers = 1 if is_local(beam_args) else work.job.workers or 1  # it waits rather than works
    done = judge_pass(store, place, work, beam_args, workers, quiet, check, asked.wanted)
    summary = with_judge(cheap, work, done.units, done.report, done.chosen, store, begun)
    record(store, work, "done", begun, summary, done.report)
    return summary


def dry(work: Work, store: Store | None, run_cheap: Callable[[Job], object]) -> Summary:
    """What would be done; for a judge, how many calls the policy would make at what price."""
    rows, left = monitor_rows(work), work.warnings()
    summary = Summary(work.stamp.run_id, "dry_run", len(work.todo), work.known, monitors=rows, warnings=left)
    if work.judge is None:
        return summary
    from pipelines.judge.dry import foreseen

    return replace(summary, foreseen=foreseen(work, store, run_cheap))
