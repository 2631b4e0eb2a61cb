"""What a run did, told three ways: a summary for who started it, a row in `runs`, and the work it set out to do."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from monitors.monitor import Monitor, MonitorSpec
from pipelines.decide import RunStamp
from pipelines.job import Job, job_json
from pipelines.plan import Part, Pending
from pipelines.store import Store
from pipelines.units import totals
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST, RUNS
from schemas.version import VERSION

if TYPE_CHECKING:
    from pipelines.judge.monitor import Judge
    from pipelines.judge.policy import Chosen, Foreseen
    from pipelines.store.forgotten import Forgotten
    from schemas.contracts.report import Report


@dataclass(frozen=True)
class Left:
    """Files that `since` leaves out, older than its date, and those of them that no run has ever read."""

    since: dt.date
    files: int
    unread: int

    def __str__(self) -> str:
        unread = f", {self.unread:,} of them never read" if self.unread else ", all of them read before"
        return f"{self.files:,} files last modified before {self.since} are left out{unread}"


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
    judge: Judge | None = None
    judge_todo: tuple[Pending, ...] = ()
    left: Left | None = None
    left_out: Forgotten | None = None

    def warnings(self) -> tuple[str, ...]:
        """What a reader of the summary must not miss: what this run did not look at."""
        return (str(self.left),) if self.left is not None and self.left.files else ()

    def finished(self, units: pa.Table) -> bool:
        """Whether a run that committed these units had nothing left to do."""
        return self.judge is None or not self.judge_todo or self.judge.spec.id in units.column("monitor").to_pylist()


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
    cost_usd: float = 0.0
    calls: int = 0
    cached: int = 0
    foreseen: Foreseen | None = None


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
        warnings=(*(str(w) for w in (report.warnings if report else ())), *work.warnings()),
    )


def monitor_rows(work: Work, by_monitor: dict[str, dict[str, int]] | None = None) -> tuple[dict[str, Any], ...]:
    """One row per monitor: what it did, or, without counts, in how many files it has something to do."""
    rows = []
    todo = (*work.todo, *work.judge_todo)
    for spec in specs(work):
        counts = (by_monitor or {}).get(spec.id, {})
        files = counts.get("files", 0) if by_monitor is not None else sum(spec.id in p.parts for p in todo)
        done = {c: counts.get(c, 0) for c in ("traces", "assessed", "without_reasoning", "not_assessed", "alerts")}
        rows.append({"monitor": spec.id, "version": spec.version, "files": files, **done})
    return tuple(rows)


def specs(work: Work) -> tuple[MonitorSpec, ...]:
    """The specs of the cheap monitors, and of the judge after them."""
    return (*(m.spec for m in work.monitors), *((work.judge.spec,) if work.judge is not None else ()))


def with_judge(
    cheap: Summary, work: Work, units: pa.Table, report: Report, chosen: Chosen, store: Store, begun: float
) -> Summary:
    """The summary of a run whose judge has committed `units` after the cheap monitors."""
    judged = totals(units).get(work.judge.spec.id, {}) if work.judge is not None else {}
    rows = [r for r in cheap.monitors if work.judge is None or r["monitor"] != work.judge.spec.id]
    mine = [
        r for r in monitor_rows(work, totals(units)) if work.judge is not None and r["monitor"] == work.judge.spec.id
    ]
    return spent(
        store,
        replace(
            cheap,
            alerts=cheap.alerts + judged.get("alerts", 0),
            not_assessed=cheap.not_assessed + judged.get("not_assessed", 0),
            seconds=time.monotonic() - begun,
            monitors=(*rows, *mine),
            warnings=(*cheap.warnings, *(str(w) for w in report.warnings), *_over(chosen)),
        ),
    )


def _over(chosen: Chosen) -> tuple[str, ...]:
    if not chosen.over_budget:
        return ()
    return (f"{chosen.over_budget:,} traces are over the judge's budget and not assessed; run with --retry to go on",)


def spent(store: Store, summary: Summary) -> Summary:
    """The summary with what its run has paid a judge, as the books have it."""
    with store.connect() as con:
        row = con.execute(
            """SELECT coalesce(sum(cost_usd), 0.0), count(*), count(*) FILTER (cached) FROM raw.judgements
               WHERE run_id = ?""",
            [summary.run_id],
        ).fetchall()[0]
    return replace(summary, cost_usd=row[0], calls=row[1], cached=row[2])


def record(
    store: Store, work: Work, status: str, begun: float, summary: Summary, report: Report | None = None, error: str = ""
) -> None:
    """Append a row to `runs`."""
    now = dt.datetime.now(dt.UTC)
    seconds = time.monotonic() - begun
    used = [
        {
            "monitor": spec.id,
            "version": spec.version,
            "digest": spec.digest,
            "behaviours": [{"behaviour": s.behaviour, "channels": list(s.channels)} for s in spec.scopes],
        }
        for spec in specs(work)
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
        "monitors": used,
        "files": summary.files,
        "rows": summary.rows,
        "traces": summary.traces,
        "dead": summary.dead,
        "alerts": summary.alerts,
        "cost_usd": summary.cost_usd,
        "contracts": report.to_json() if report is not None else None,
        "error": error or None,
    }
    store.append(RUNS, pa.Table.from_pylist([row], RUNS.arrow()), work.stamp.run_id)
