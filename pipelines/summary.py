"""What a run leaves for the machine that started it: one JSON file, written for failed runs too.

It holds counts and ids, and no text of a trace, for it is read by schedulers and pagers, which many people read.
`error` alone is prose: it may name files, and stays on the store's side.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitors.measure.missed import wilson
from pipelines.account import Summary
from pipelines.job import Job
from pipelines.store import Store
from pipelines.store.views import Z
from schemas.errors import CotmonitorError, Fault, InputError
from schemas.results import LEVELS
from schemas.version import VERSION

MOST_IDS = 100  # of new findings: a pager reads a few, and `cotmonitor alerts --run ID` lists them all
FAULT_OF_OURS = 1  # what Python ends with after a traceback
INTERRUPTED = 130
COUNTS = ("files", "known", "rows", "traces", "dead", "alerts", "not_assessed", "without_reasoning", "cost_usd")
ASKED = ("calls", "cached")  # of a judge

# A finding is new if no other run had reported it before and had its report counted. Ids survive a new pack.
FINDINGS = """
WITH counted AS (
    SELECT DISTINCT a.finding_id, a.run_id
    FROM raw.alerts a
    SEMI JOIN raw.units u ON u.unit_id = a.unit_id AND u.run_id = a.run_id AND coalesce(u.shadow, false) = false
),
ours AS (
    SELECT finding_id, any_value(behaviour) AS behaviour, any_value(environment) AS environment,
           max(list_position({levels}, "level")) AS severity
    FROM alerts a WHERE run_id = $run AND NOT EXISTS (FROM muted m WHERE m.alert_id = a.alert_id) GROUP BY finding_id
)
SELECT finding_id, behaviour, environment, {levels}[severity] AS "level",
       NOT EXISTS (SELECT 1 FROM counted c WHERE c.finding_id = ours.finding_id AND c.run_id <> $run) AS fresh
FROM ours ORDER BY severity DESC, finding_id
"""
# Growing: tonight's share is above what it was, by more than chance: the lower end of its 95 % interval (Wilson 1927,
# each trace for itself) is above the share of all nights before.
GROWING = """
WITH looked AS (
    SELECT t.environment, s.run_id = $run AS tonight, count(DISTINCT s.trace_key) AS n
    FROM assessments s JOIN traces t USING (trace_key) WHERE s.state = 'assessed' GROUP BY ALL
),
hits AS (
    SELECT a.behaviour, a.environment, a.run_id = $run AS tonight, count(DISTINCT a.trace_key) AS k
    FROM alerts a
    WHERE a."level" <> 'informational' AND NOT EXISTS (FROM muted m WHERE m.alert_id = a.alert_id) GROUP BY ALL
)
SELECT h.behaviour, h.environment, h.k, l.n, coalesce(b.k, 0), p.n
FROM hits h
JOIN looked l ON l.tonight AND l.environment IS NOT DISTINCT FROM h.environment
JOIN looked p ON NOT p.tonight AND p.environment IS NOT DISTINCT FROM h.environment
LEFT JOIN hits b ON NOT b.tonight AND b.behaviour = h.behaviour AND b.environment IS NOT DISTINCT FROM h.environment
WHERE h.tonight AND h.k >= {least} AND p.n >= {before} ORDER BY h.k DESC, h.behaviour, h.environment
"""
LEAST = 3  # traces of tonight, and traces before it, without which nothing is called growing
BEFORE = 30
LAST_ROW = """SELECT "rows", traces, dead, cost_usd FROM runs WHERE run_id = ?"""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(Strict):
    """Findings of one behaviour, level and environment."""

    behaviour: str
    level: str
    environment: str | None
    reported: int = Field(description="Findings of this run.")
    new: int = Field(description="Those that no run before it had reported.")


class Growth(Strict):
    """A behaviour that more of tonight's traces of an environment show than those of the nights before."""

    behaviour: str
    environment: str | None
    flagged: int = Field(description="Traces of this run with an alert of it.")
    assessed: int = Field(description="Traces of this run in that environment that were looked at.")
    flagged_before: int
    assessed_before: int


class Findings(Strict):
    """What a run reported, and what of it is new since the runs before it."""

    reported: int = Field(description="Findings that alert, of all levels but informational.")
    new: int = Field(description="Those that no run before had reported; a new version of a pack makes none new.")
    groups: tuple[Group, ...] = Field(description="By behaviour, level (informational too) and environment.")
    growing: tuple[Growth, ...] = Field((), description="Behaviours above their share of all nights before, surely.")
    new_ids: tuple[str, ...] = Field(
        description=f"Finding ids of the new ones that alert, the worst first, at most {MOST_IDS}."
    )


class MonitorCounts(Strict):
    """What one monitor did."""

    monitor: str
    version: str
    files: int
    traces: int
    assessed: int
    without_reasoning: int
    not_assessed: int
    alerts: int


class RunSummary(Strict):
    """One run. Null is what is not known: `files` of a run that failed before it looked, `findings` of a failed one."""

    schema_version: Literal[1] = 1
    code_version: str = Field(VERSION, description="Version of cotmonitor.")
    status: Literal["running", "done", "nothing_new", "dry_run", "failed", "interrupted"] = Field(
        description="`running` is what a run that was killed leaves behind."
    )
    exit_code: int | None = Field(None, description="What the command ends with; null while it runs.")
    error: str | None = Field(None, description="Why it failed, in words; it may name files, so keep it to yourselves.")
    error_kind: str | None = Field(None, description="The kind of failure, such as `GateError`; safe to send.")
    run_id: str | None = Field(None, description="Its row in `runs`; null before it has one.")
    run_date: dt.date | None = Field(None, description="The date asked for; null is the day on which it began.")
    store: str | None = Field(None, description="The store, as it was named; null where the job could not be read.")
    started_at: dt.datetime
    finished_at: dt.datetime | None = None
    seconds: float | None = None
    files: int | None = Field(None, description="Files that had something to do.")
    known: int | None = Field(None, description="Files that were done already.")
    rows: int | None = Field(None, description="Rows read.")
    traces: int | None = Field(None, description="Rows that became traces.")
    dead: int | None = Field(None, description="Rows that became dead letters.")
    alerts: int | None = Field(None, description="Alert rows committed, informational ones too.")
    not_assessed: int | None = Field(None, description="Traces, monitor by monitor, that could not be looked at.")
    without_reasoning: int | None = Field(None, description="Of the assessed, those that had no reasoning to read.")
    cost_usd: float | None = Field(None, description="Paid to a judge.")
    calls: int | None = Field(None, description="Calls of a judge.")
    cached: int | None = Field(None, description="Of these, answered from the cache.")
    monitors: tuple[MonitorCounts, ...] = ()
    warnings: tuple[str, ...] = Field(
        (), description="Contracts that were near to saying no, and budgets that ran out."
    )
    findings: Findings | None = None


class SummaryFile:
    """The file of one run, if it was asked for. Enter `told()` around the run; say what comes to pass within."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.tell: Callable[[RunSummary], None] | None = None
        self.began = time.monotonic()
        self.summary = RunSummary(status="running", started_at=dt.datetime.now(dt.UTC))

    def asked(self, job: Job, tell: Callable[[RunSummary], None] | None = None) -> None:
        """The job could be read; `tell` is called with the summary once the run has ended, well or not."""
        self.tell = tell
        self._put(store=job.store, run_date=job.date)

    def begun(self, run_id: str) -> None:
        """The run has an id."""
        self._put(run_id=run_id)

    def ended(self, summary: Summary) -> None:
        """The run came to its end; what it found is asked of the store."""
        store = self.summary.store
        if (self.path is None and self.tell is None) or store is None:
            return
        monitors = tuple(MonitorCounts.model_validate(m) for m in summary.monitors)
        counts: dict[str, Any] = {name: getattr(summary, name) for name in (*COUNTS, *ASKED)}
        found = findings(store, summary.run_id) if summary.status in ("done", "nothing_new") else None
        self._put(
            **self._over(summary.status, 0),
            **counts,
            run_id=summary.run_id if summary.status != "dry_run" else None,
            monitors=monitors,
            warnings=summary.warnings,
            findings=found,
        )
        if self.tell is not None:
            self.tell(self.summary)

    @contextmanager
    def told(self) -> Iterator[SummaryFile]:
        """Write that the run is under way, and, however it ends, how."""
        self._put()
        try:
            yield self
        except BaseException as error:
            wanted = self.path is not None or self.tell is not None
            if wanted and self.summary.exit_code is None:  # else it ended, and only the telling was broken off
                self._failed(error)
                if self.tell is not None:
                    self.tell(self.summary)
            raise

    def _failed(self, error: BaseException) -> None:
        stopped = isinstance(error, KeyboardInterrupt)
        code = error.exit_code if isinstance(error, CotmonitorError) else INTERRUPTED if stopped else FAULT_OF_OURS
        try:
            self._put(
                **self._over("interrupted" if stopped else "failed", code),
                **_read_so_far(self.summary.store, self.summary.run_id),
                error=str(error) or type(error).__name__,
                error_kind=type(error).__name__,
            )
        except (OSError, InputError):  # the disk is full, say: the error that is under way is the one to show
            return

    def _over(self, status: str, code: int) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC)
        return {
            "status": status,
            "exit_code": code,
            "finished_at": now,
            "seconds": round(time.monotonic() - self.began, 3),
        }

    def _put(self, **values: Any) -> None:
        self.summary = self.summary.model_copy(update=values)
        if self.path is None:
            return
        scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            scratch.write_text(json.dumps(self.summary.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
            scratch.replace(self.path)  # a reader sees the old summary or the new one, never a half
        except OSError as error:
            scratch.unlink(missing_ok=True)
            what = os.strerror(error.errno or errno.EIO).lower()
            todo = "name a file in a folder that is there and may be written"
            raise InputError([Fault(f"--summary {self.path}", None, f"cannot be written: {what}", todo)]) from error


def findings(store: str, run_id: str) -> Findings:
    """The findings of a run that count now, and which of them no run before it had reported."""
    with Store.open(store).connect() as con:
        rows = con.execute(FINDINGS.format(levels=list(LEVELS)), {"run": run_id}).fetchall()
        grown = con.execute(GROWING.format(least=LEAST, before=BEFORE), {"run": run_id}).fetchall()
    groups: dict[tuple[str, str, str | None], list[bool]] = {}
    for _, behaviour, environment, level, fresh in rows:
        groups.setdefault((behaviour, level, environment), []).append(fresh)
    alerting = [(finding, fresh) for finding, _, _, level, fresh in rows if level != LEVELS[0]]
    new = [finding for finding, fresh in alerting if fresh]
    return Findings(
        reported=len(alerting),
        new=len(new),
        groups=tuple(
            Group(behaviour=b, level=level, environment=e, reported=len(fresh), new=sum(fresh))
            for (b, level, e), fresh in groups.items()
        ),
        growing=tuple(
            Growth(behaviour=b, environment=e, flagged=k, assessed=n, flagged_before=kb, assessed_before=nb)
            for b, e, k, n, kb, nb in grown
            if wilson(k, n, Z)[0] > kb / nb
        ),
        new_ids=tuple(new[:MOST_IDS]),
    )


def _read_so_far(store: str | None, run_id: str | None) -> dict[str, Any]:
    """What a failed run had counted, from its row in the store; nothing where there is none to be read."""
    if store is None or run_id is None:
        return {}
    try:
        with Store.open(store).connect() as con:
            found = con.execute(LAST_ROW, [run_id]).fetchall()
    except Exception:  # noqa: BLE001  whatever broke the run may have broken the store as well
        return {}
    return dict(zip(("rows", "traces", "dead", "cost_usd"), found[0], strict=True)) if found else {}
