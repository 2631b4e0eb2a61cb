"""One run of the main job, from plan to commit: what `cotmonitor run` and `cotmonitor demo` call."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from monitors.monitor import Monitor
from monitors.rules import RuleMonitor, RuleSettings, load_pack
from pipelines.commit import StagedRun, collect, commit, commit_dead_letters, committed, delete_staged, unit_rows
from pipelines.decide import RunStamp
from pipelines.inputs import expand, fingerprint
from pipelines.job import Job, job_json
from pipelines.plan import Part, Pending, Plan, default_workers, pending, write_plan
from pipelines.progress import Progress
from pipelines.read import ReadSettings
from pipelines.stage import Place, failures, manifests
from pipelines.store import Store
from schemas import errors
from schemas.digest import digest
from schemas.errors import CotmonitorError, GateError, InputError
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST, RUNS
from schemas.trace import TRACES

if TYPE_CHECKING:
    from pipelines.monitor import MonitorJob
    from schemas.contracts import Checker, PastRun, Report

VERSION = "0.1.0"


@dataclass(frozen=True)
class Summary:
    """What a run did; `files` counts those with something to do, `known` those without."""

    run_id: str
    status: str  # done, nothing_new, dry_run
    files: int
    known: int
    rows: int = 0
    traces: int = 0
    dead: int = 0
    alerts: int = 0
    not_assessed: int = 0
    seconds: float = 0.0
    monitors: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """A planned run: what there is to do and with what."""

    job: Job
    stamp: RunStamp
    layout: LayoutSettings
    parts: tuple[Part, ...]  # ingest first
    monitors: tuple[Monitor, ...]
    todo: tuple[Pending, ...]
    known: int
    before: frozenset[str]  # the units there when it was planned


class RunFailed(CotmonitorError):
    """The pipeline broke off; the runs table and the log say why."""


def build_monitors(job: Job) -> tuple[Monitor, ...]:
    """The monitors that a job names, each with its packs loaded and checked; all faults at once."""
    monitors: list[Monitor] = []
    faults: list[errors.Fault] = []
    for name in job.monitors:
        try:
            pack = load_pack(name.partition(":")[2] or "core")
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


def run_job(job: Job, beam_args: Sequence[str] = (), dry_run: bool = False, quiet: bool = False) -> Summary:
    """Run one job to its end.

    Raises a `CotmonitorError` for every failure that has words; a failed run has left its row in `runs` and its dead
    letters in the store, and nothing else.
    """
    begun = time.monotonic()
    monitors = build_monitors(job)
    paths = expand(job.traces, job.allow_empty)
    _check_apart(job)
    store = Store.open(job.store) if dry_run and _exists(job.store) else None if dry_run else Store.create_or_open(job.store)
    work = _plan_work(job, monitors, paths, store)
    if dry_run:
        return Summary(work.stamp.run_id, "dry_run", len(work.todo), work.known, monitors=_monitor_rows(work))
    if store is None:
        raise errors.StoreError(f"{job.store}: cannot be opened")
    if not work.todo:
        summary = Summary(work.stamp.run_id, "nothing_new", 0, work.known, monitors=_monitor_rows(work))
        _record(store, work, "done", begun, summary)
        return replace(summary, seconds=time.monotonic() - begun)
    place = Place(str(store.path), work.stamp.run_id)
    _record(store, work, "running", begun, Summary(work.stamp.run_id, "running", len(work.todo), work.known))
    try:
        summary = _run(store, place, work, beam_args, begun, quiet)
    except BaseException as error:
        _give_up(store, place, work, begun, error)
        raise
    shutil.rmtree(place.folder, ignore_errors=True)
    return summary


def _run(store: Store, place: Place, work: _Work, beam_args: Sequence[str], begun: float, quiet: bool) -> Summary:
    from schemas.contracts import Checker

    logging.getLogger().addFilter(lambda record: "apitools" not in record.getMessage())  # Beam asks for it at import
    job = work.job
    workers = job.workers or (None if _remote(beam_args) else default_workers(sum(p.file.size for p in work.todo) * 3))
    plan = write_plan(work.todo, place.plan, workers, job.sample)
    with Checker() as checker:  # imports great_expectations beside the pipeline, not after it
        _pipeline(place, work, plan, workers or 1, beam_args, quiet)
        staged = collect(place, plan.shards, tuple(p.id for p in work.parts))
        report = _gate(store, place, work, staged, checker)
    units = unit_rows(staged, work.todo, work.parts, work.stamp, job.sample)
    ours = commit(store, staged, units, work.stamp, work.before)
    summary = _summary(work, ours, report, begun)
    _record(store, work, "done", begun, summary, report)
    return summary


def _plan_work(job: Job, monitors: tuple[Monitor, ...], paths: Sequence[str], store: Store | None) -> _Work:
    layout = LayoutSettings(job.layout, tuple(sorted(job.map.items())))
    adapter_digest = digest(layout.digest, *(["sample", job.sample] if job.sample else []))
    stamp = RunStamp(_new_run_id(), job.date or dt.datetime.now(dt.UTC).date(), adapter_digest)
    ingest = Part(INGEST, digest(INGEST, TRACES.version, int(job.keep_payloads)))
    parts = (ingest, *(Part(m.spec.id, m.spec.digest) for m in monitors))
    files = list(fingerprint(paths, job.root))
    units: dict[str, int] = {}
    if store is not None:
        current = store.units_snapshot().current
        units = dict(zip(current.column("unit_id").to_pylist(), current.column("retryable").to_pylist(), strict=True))
    done = frozenset(u for u, retryable in units.items() if not (job.retry and retryable))
    todo = tuple(pending(files, parts, adapter_digest, done))
    return _Work(job, stamp, layout, parts, monitors, todo, len(files) - len(todo), frozenset(units))


def _pipeline(place: Place, work: _Work, plan: Plan, workers: int, beam_args: Sequence[str], quiet: bool) -> None:
    """Run Beam and turn what a worker said into our own error."""
    import apache_beam as beam

    from pipelines.monitor import MonitorJob, build
    from pipelines.runner import local_runner, options

    read = ReadSettings(work.layout, int(work.job.batch_mb * (1 << 20)), 4_000 if work.job.keep_payloads else 0)
    pairs = tuple(zip(work.parts[1:], work.monitors, strict=True))
    monitor_job: MonitorJob = MonitorJob(place, work.stamp, read, work.parts[0], pairs, plan.shards)
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    try:
        with Progress(place, tuple(p.id for p in work.parts), plan.shards, plan.nbytes, quiet):
            parsed = options(workers, beam_args)
            pipeline = beam.Pipeline(local_runner(parsed), parsed)
            build(pipeline, monitor_job)
            pipeline.run().wait_until_finish()
    except Exception as error:
        raise _explain(place, error) from error


def _explain(place: Place, error: Exception) -> CotmonitorError:
    """The worker's own words where it left some."""
    said = failures(place)
    if said:
        kind = getattr(errors, said[0]["kind"], None) if said[0]["kind"] else None
        if kind is not None and issubclass(kind, CotmonitorError):
            found: CotmonitorError = kind(said[0]["message"])
            return found
        return RunFailed(f"a worker failed: {said[0]['type']}: {said[0]['message']}. Nothing was committed.")
    if isinstance(error, CotmonitorError):
        return error
    return RunFailed(f"the runner failed: {type(error).__name__}: {error}. Nothing was committed.")


def _gate(store: Store, place: Place, work: _Work, staged: StagedRun, checker: Checker) -> Report:
    """Check the contracts over all that was staged; raise `GateError` with figures if one is broken."""
    from pipelines.gate import gate
    from schemas.contracts import Staged

    planned = staged.counts.select(["file", "rows", "parts", "traces"]).rename_columns(["file", "rows", "monitors", "traces"])
    report = gate(
        Staged(staged.files, planned, tuple(m.spec.id for m in work.monitors), staged.violations, _history(store, work.job)),
        work.job.contracts,
        Path(store.path) / "_docs" / work.stamp.run_id,
        checker=checker,
        spill=place.folder,
    )
    if report.failed:
        raise GateError(report.explain())
    return report


def _history(store: Store, job: Job) -> tuple[PastRun, ...]:
    """Recent runs over the same inputs, newest first."""
    from schemas.contracts import PastRun
    from schemas.contracts.staged import RECENT_RUNS

    with store.connect() as con:
        rows = con.execute(
            """SELECT "rows", alerts, config FROM runs WHERE status = 'done' AND "rows" > 0 ORDER BY started_at DESC"""
        ).fetchall()
    same = [PastRun(int(r), int(a)) for r, a, config in rows if json.loads(config).get("traces") == list(job.traces)]
    return tuple(same[:RECENT_RUNS])


def _summary(work: _Work, units: pa.Table, report: Report | None, begun: float) -> Summary:
    def total(column: str, ingest: bool) -> int:
        return sum(r[column] for r in units.select(["monitor", column]).to_pylist() if (r["monitor"] == INGEST) == ingest)

    by_file = {r["file"]: r for r in units.to_pylist()}
    return Summary(
        work.stamp.run_id,
        "done",
        len(work.todo),
        work.known,
        sum(r["rows"] for r in by_file.values()),
        sum(r["traces"] for r in by_file.values()),
        sum(r["dead"] for r in by_file.values()),
        total("alerts", False),
        total("not_assessed", False),
        time.monotonic() - begun,
        _monitor_rows(work, units),
        tuple(str(w) for w in report.warnings) if report else (),
    )


def _monitor_rows(work: _Work, units: pa.Table | None = None) -> tuple[dict[str, Any], ...]:
    rows = []
    for m in work.monitors:
        mine = [] if units is None else [u for u in units.to_pylist() if u["monitor"] == m.spec.id]
        counts = {c: sum(u[c] for u in mine) for c in ("traces", "assessed", "not_assessed", "alerts")}
        pending_files = sum(m.spec.id in p.parts for p in work.todo)
        rows.append({"monitor": m.spec.id, "version": m.spec.version, "files": pending_files, **counts})
    return tuple(rows)


def _record(
    store: Store, work: _Work, status: str, begun: float, summary: Summary, report: Report | None = None, error: str = ""
) -> None:
    """Append a row to `runs`."""
    now = dt.datetime.now(dt.UTC)
    seconds = time.monotonic() - begun
    specs = [
        {
            "monitor": m.spec.id,
            "version": m.spec.version,
            "digest": m.spec.digest,
            "behaviours": [{"behaviour": s.behaviour, "channels": list(s.channels)} for s in m.spec.scopes],
        }
        for m in work.monitors
    ]
    row: dict[str, object] = {
        "run_id": work.stamp.run_id,
        "recorded_at": now,
        "status": status,
        "started_at": now - dt.timedelta(seconds=seconds),
        "seconds": seconds,
        "run_date": work.stamp.run_date,
        "code_version": VERSION,
        "config": json.dumps(job_json(work.job, work.job.root), sort_keys=True),
        "monitors": specs,
        "files": summary.files,
        "rows": summary.rows,
        "traces": summary.traces,
        "dead": summary.dead,
        "alerts": summary.alerts,
        "cost_usd": 0.0,
        "contracts": report.to_json() if report is not None else None,
        "error": error or None,
    }
    store.append(RUNS, pa.Table.from_pylist([row], RUNS.arrow()), work.stamp.run_id)


def _give_up(store: Store, place: Place, work: _Work, begun: float, error: BaseException) -> None:
    """Commit the failed run's row and dead letters, as far as the store still lets us, and clear the staging folder.

    It may have failed after its commit: then it did its work, whatever came next.
    """
    words = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
    try:
        units = committed(store, work.stamp.run_id)
        if units.num_rows:
            _record(store, work, "done", begun, _summary(work, units, None, begun), error=words)
            shutil.rmtree(place.folder, ignore_errors=True)
            return
        found = list(manifests(place))
        rows = sum(m.rows for m in found if m.part in (INGEST, "dead"))
        dead = sum(m.rows for m in found if m.part == "dead")
        counts = Summary(work.stamp.run_id, "failed", len(work.todo), work.known, rows, rows - dead, dead)
        commit_dead_letters(store, place, work.stamp)
        _record(store, work, "failed", begun, counts, error=words)
    except Exception as second:  # e.g. the disk is full: the first error is the one to show
        logging.getLogger(__name__).warning("the failed run could not be recorded: %s", second)
    try:
        delete_staged(store, place)
    except Exception as second:  # as above
        logging.getLogger(__name__).warning("what the failed run had staged could not be deleted: %s", second)
    shutil.rmtree(place.folder, ignore_errors=True)


def _new_run_id() -> str:
    """Time, so that ids sort, and chance, so that two runs begun together differ. Never made in a worker."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _exists(store: str) -> bool:
    return os.path.exists(store)


def _check_apart(job: Job) -> None:
    """A store inside the input folder would be read as traces the next night."""
    store = os.path.abspath(job.store)
    for pattern in job.traces:
        if os.path.isdir(pattern) and (store + os.sep).startswith(os.path.abspath(pattern) + os.sep):
            fault = errors.Fault(job.store, None, f"the store lies inside the input folder {pattern}", "choose another place")
            raise InputError([fault])


def _remote(beam_args: Sequence[str]) -> bool:
    from pipelines.runner import is_local

    return not is_local(beam_args)
