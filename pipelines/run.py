"""One run of the main job, from plan to commit: what `cotmonitor run` and `cotmonitor demo` call."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitors.classifier import STARTER, ClassifierSettings, load_classifier
from monitors.code import THRESHOLD, CodeMonitor, CodeSettings
from monitors.monitor import Monitor
from monitors.rules import RuleMonitor, RuleSettings, load_pack
from pipelines.account import Summary, Work, monitor_rows, record, spent, summarise
from pipelines.commit import StagedRun, collect, commit, commit_dead_letters, committed, delete_staged
from pipelines.execute import execute
from pipelines.hush import hush_beam
from pipelines.inputs import expand, refuse_output
from pipelines.job import Job
from pipelines.judge import within
from pipelines.plan import Plan, default_workers, write_plan
from pipelines.planning import check_map, plan_work
from pipelines.read import ReadSettings
from pipelines.stage import Place, clear, manifests
from pipelines.store import Store
from pipelines.store.lock import at_work
from pipelines.store.marker import failed_write
from pipelines.units import unit_rows
from schemas import errors
from schemas.errors import GateError, InputError
from schemas.ledger import INGEST

if TYPE_CHECKING:
    from pipelines.monitor import MonitorJob
    from schemas.contracts.checker import Checker
    from schemas.contracts.report import Report
    from schemas.contracts.run import PastRun


def build_monitors(job: Job) -> tuple[Monitor, ...]:
    """The monitors that a job names, each with its packs loaded and checked; all faults at once."""
    monitors: list[Monitor] = []
    faults: list[errors.Fault] = []
    for name in job.monitors:
        if name == "code":
            threshold = job.threshold or THRESHOLD  # below it a trace's score ranks, and nobody is woken
            monitors.append(CodeMonitor(CodeSettings(excerpt_chars=job.excerpt_chars, threshold=threshold)))
            continue
        kind, _, ref = name.partition(":")
        try:
            if kind == "classifier":
                monitors.append(load_classifier(ref or STARTER, ClassifierSettings(job.excerpt_chars, job.threshold)))
                continue
            pack = load_pack(ref or "core")
        except InputError as error:
            faults += error.faults or [errors.Fault(name, None, str(error))]
            continue
        monitors.append(RuleMonitor(pack, RuleSettings(excerpt_chars=job.excerpt_chars, threshold=job.threshold)))
    if faults:
        raise errors.PackError(faults)
    ids = [m.spec.id for m in monitors]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise errors.PackError(
            [errors.Fault(i, None, "two packs bear this name", "give each pack a name of its own") for i in twice]
        )
    return tuple(monitors)


def run_job(
    job: Job,
    beam_args: Sequence[str] = (),
    dry_run: bool = False,
    quiet: bool = False,
    named: Callable[[str], None] | None = None,
    only: Container[str] | None = None,
) -> Summary:
    """Run one job to its end; over the files of these names alone if `only` is given.

    `named` is told the run's id as soon as it will have a row in `runs`.

    Raises a `CotmonitorError` for every failure that has words; a failed run has left its row in `runs` and its dead
    letters in the store, and nothing else.
    """
    begun = time.monotonic()
    hush_beam()
    monitors = build_monitors(job)
    paths = expand(job.traces, job.allow_empty)
    refuse_output(job.store, job.traces, paths)
    if beam_args:
        from pipelines.runner import options

        options(1, beam_args)  # said before anything is written, rather than by a failed run
    judge = within.judge_of(job, monitors, dry_run)
    store = _store(job, dry_run)
    work = plan_work(job, monitors, judge, paths, store, only)
    check_map(job, work.todo)
    if dry_run:
        return within.dry(work, store, partial(run_job, quiet=True))
    if store is None:
        raise errors.StoreError(f"{job.store}: cannot be opened")
    if named is not None:
        named(work.stamp.run_id)
    if not work.todo and not work.judge_todo:
        rows, left = monitor_rows(work), work.warnings()
        summary = Summary(work.stamp.run_id, "nothing_new", 0, work.known, monitors=rows, warnings=left)
        record(store, work, "done", begun, summary)
        return replace(summary, seconds=time.monotonic() - begun)
    from schemas.contracts.checker import Checker

    place = Place(str(store.path), work.stamp.run_id)
    record(store, work, "running", begun, Summary(work.stamp.run_id, "running", len(work.todo), work.known))
    try:
        with at_work(store.path), Checker() as checker:  # imports great_expectations beside the pipeline, not after it
            controls = within.controls(store, work)
            summary = Summary(work.stamp.run_id, "done", 0, work.known)
            if work.todo:
                summary = _run(store, place, work, beam_args, begun, quiet, checker)
            if controls is not None:
                controls.check()  # only now: a judge that is not to be believed keeps no cheap alert back
                gate = partial(_gate, store, place, work, checker)
                summary = within.judge(store, place, work, beam_args, begun, quiet, gate, controls, summary)
    except BaseException as error:
        _give_up(store, place, work, begun, error)
        if isinstance(error, OSError):  # all that is opened here, and not by a worker, is our own
            raise failed_write(Path(error.filename or place.folder), error) from error
        raise
    clear(place)
    return summary


def _run(
    store: Store, place: Place, work: Work, beam_args: Sequence[str], begun: float, quiet: bool, checker: Checker
) -> Summary:
    job = work.job
    workers = job.workers or (None if _remote(beam_args) else default_workers(sum(p.file.size for p in work.todo) * 3))
    plan = write_plan(work.todo, place.plan, workers, job.sample)
    _pipeline(place, work, plan, workers or 1, beam_args, quiet)
    staged = collect(place, plan.shards)
    report = _gate(store, place, work, checker, staged)
    units = unit_rows(staged.counts, staged.files, work.parts, work.stamp, job.sample, job.shadow)
    ours = commit(store, staged, units, work.stamp, work.before, job.shadow)
    clear(place)
    summary = summarise(work, ours, report, begun)
    record(store, work, "judging" if work.judge_todo else "done", begun, summary, report)
    return summary


def _pipeline(place: Place, work: Work, plan: Plan, workers: int, beam_args: Sequence[str], quiet: bool) -> None:
    from pipelines.monitor import MonitorJob, build

    read = ReadSettings(work.layout, int(work.job.batch_mb * (1 << 20)), 4_000 if work.job.keep_payloads else 0)
    read = replace(read, left_out=work.left_out)
    pairs = tuple(zip(work.parts[1:], work.monitors, strict=True))
    monitor_job: MonitorJob = MonitorJob(place, work.stamp, read, work.parts[0], pairs, plan.shards)
    execute(place, lambda p: build(p, monitor_job), tuple(p.id for p in work.parts), plan, workers, beam_args, quiet)


def _gate(
    store: Store,
    place: Place,
    work: Work,
    checker: Checker,
    staged: StagedRun,
    ids: tuple[str, ...] | None = None,
    page: str = "",
) -> Report:
    """Check the contracts over all that was staged; raise `GateError` with figures if one is broken.

    `ids` are the monitors that staged something, all cheap ones if not given; only these are compared with recent runs.
    """
    from pipelines.gate import gate, why_dead
    from schemas.contracts.run import Staged

    planned = staged.counts.select(["file", "rows", "parts", "traces"]).rename_columns(
        ["file", "rows", "monitors", "traces"]
    )
    report = gate(
        Staged(
            staged.files,
            planned,
            tuple(m.spec.id for m in work.monitors) if ids is None else ids,
            staged.violations,
            _history(store, work.job) if ids is None else (),
        ),
        work.job.contracts,
        Path(store.path) / "_docs" / f"{work.stamp.run_id}{page}",
        checker=checker,
        spill=place.folder,
    )
    if report.failed:
        rotten = any(r.setting.endswith("max_dead_letter_ratio") for r in report.failed)
        raise GateError("\n".join([report.explain(), *([why_dead(staged.files["dead_letters"])] if rotten else [])]))
    return report


def _history(store: Store, job: Job) -> tuple[PastRun, ...]:
    """Recent runs over the same inputs, newest first."""
    from schemas.contracts.run import PastRun
    from schemas.contracts.run.staged import RECENT_RUNS

    with store.connect() as con:
        rows = con.execute(
            """SELECT "rows", alerts, config FROM runs WHERE status = 'done' AND "rows" > 0 ORDER BY started_at DESC"""
        ).fetchall()
    past = [(PastRun(int(r), int(a)), json.loads(config)) for r, a, config in rows]
    alike = (list(job.traces), job.shadow)
    same = [run for run, config in past if (config.get("traces"), config.get("shadow", False)) == alike]
    return tuple(same[:RECENT_RUNS])


def _give_up(store: Store, place: Place, work: Work, begun: float, error: BaseException) -> None:
    """Commit the failed run's row and dead letters, as far as the store still lets us, and clear the staging folder.

    It may have failed after its commit: then it did its work, whatever came next.
    """
    words = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
    try:
        units = committed(store, work.stamp.run_id)
        if units.num_rows:
            status = "done" if work.finished(units) else "failed"
            record(store, work, status, begun, spent(store, summarise(work, units, None, begun)), error=words)
            if status == "failed":
                delete_staged(store, place)
            clear(place)
            return
        found = list(manifests(place))
        rows = sum(m.rows for m in found if m.part in (INGEST, "dead"))
        dead = sum(m.rows for m in found if m.part == "dead")
        counts = Summary(work.stamp.run_id, "failed", len(work.todo), work.known, rows, rows - dead, dead)
        commit_dead_letters(store, place, work.stamp)
        record(store, work, "failed", begun, spent(store, counts), error=words)
    except Exception as second:  # noqa: BLE001  e.g. the disk is full: the first error is the one to show
        logging.getLogger(__name__).warning("the failed run could not be recorded: %s", second)
    try:
        delete_staged(store, place)
    except Exception as second:  # noqa: BLE001  as above
        logging.getLogger(__name__).warning("what the failed run had staged could not be deleted: %s", second)
    clear(place)


def _store(job: Job, dry_run: bool) -> Store | None:
    """The store to write; for a dry run the one that is there, if any."""
    if not dry_run:
        return Store.create_or_open(job.store)
    return Store.open(job.store) if os.path.exists(job.store) else None


def _remote(beam_args: Sequence[str]) -> bool:
    from pipelines.runner import is_local

    return not is_local(beam_args)
