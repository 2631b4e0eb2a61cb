"""What a run did, told three ways: a summary for who started it, a row in `runs`, and the work it set out to do."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from monitors.monitor import Monitor
from pipelines.decide import RunStamp
from pipelines.job import Job, job_json
from pipelines.plan import Part, Pending
from pipelines.store import Store
from pipelines.units import totals
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST, RUNS
from schemas.version import VERSION

if TYPE_CHECKING:
    from schemas.contracts.report import Report


@dataclass(frozen=True)
class Work:
    """A planned run: what there is to do and with what."""

    job: Job
    stamp: RunStamp
    layout: LayoutSettings
    parts: tuple[Part, ...]  # ingest first
    monitors: tuple[Monitor, ...]
    todo: tuple[Pending, ...]
    known: int
    before: pa.Array  # ids of the units there when it was planned


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
    without_reasoning: int = 0
    seconds: float = 0.0
    monitors: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


def summarise(work: Work, units: pa.Table, report: Report | None, begun: float) -> Summary:
    """The summary of a run that committed `units`."""
    files = units.group_by("file").aggregate([(c, "max") for c in ("rows", "traces", "dead")])
    by_monitor = totals(units)
    judged = [counts for monitor, counts in by_monitor.items() if monitor != INGEST]
    rows, traces, dead = (pa.compute.sum(files.column(f"{c}_max")).as_py() or 0 for c in ("rows", "traces", "dead"))
    return Summary(
        run_id=work.stamp.run_id,
        status="done",
        files=files.num_rows,
        known=work.known,
        rows=rows,
        traces=traces,
        dead=dead,
        alerts=sum(c["alerts"] for c in judged),
        not_assessed=sum(c["not_assessed"] for c in judged),
        without_reasoning=sum(c["without_reasoning"] for c in judged),
        seconds=time.monotonic() - begun,
        monitors=monitor_rows(work, by_monitor),
        warnings=tuple(str(w) for w in report.warnings) if report else (),
    )


def monitor_rows(work: Work, by_monitor: dict[str, dict[str, int]] | None = None) -> tuple[dict[str, Any], ...]:
    """One row per monitor: what it did, or, without counts, in how many files it has something to do."""
    rows = []
    for m in work.monitors:
        counts = (by_monitor or {}).get(m.spec.id, {})
        files = counts.get("files", 0) if by_monitor is not None else sum(m.spec.id in p.parts for p in work.todo)
        done = {c: counts.get(c, 0) for c in ("traces", "assessed", "without_reasoning", "not_assessed", "alerts")}
        rows.append({"monitor": m.spec.id, "version": m.spec.version, "files": files, **done})
    return tuple(rows)


def record(
    store: Store, work: Work, status: str, begun: float, summary: Summary, report: Report | None = None, error: str = ""
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
