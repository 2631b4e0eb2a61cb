"""Stores with known books, written through the store's own API but without a pipeline."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.store import StagedFile, Store
from pipelines.store.views import VIEWS
from schemas.canary import marked_id
from schemas.digest import digest, trace_keys
from schemas.ledger import DEAD_LETTERS, INGEST, RUNS, UNITS
from schemas.results import ALERTS, ASSESSMENTS, REVIEWS
from schemas.table import Table
from schemas.trace import CHANNELS, TRACES

# the others have rows in an empty store, too: of what comes with cotmonitor
OF_RESULTS = tuple(v for v in VIEWS if v not in ("calibrations", "score_maps"))
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = EPOCH.date()


@dataclass(frozen=True)
class Finding:
    behaviour: str
    stance: str = "executed"
    level: str = "high"
    score: float = 0.9
    evidence: tuple[tuple[int, int, int, str | None], ...] = ((0, 0, 2, "sa"),)  # step, start, end, excerpt


@dataclass(frozen=True)
class Trace:
    """A trace of a file; `looks` says what each monitor made of it, None that it could not look."""

    trace_id: str
    text: str = "same"
    dims: Mapping[str, object] = field(default_factory=dict)
    looks: Mapping[str, Sequence[Finding] | None] = field(default_factory=dict)
    channels: tuple[str, ...] = ("reasoning", "action")
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # by monitor and category
    true_digest: str | None = None  # where the trace lies in a file, too

    @property
    def trace_digest(self) -> str:
        return self.true_digest or digest(self.text)

    @property
    def key(self) -> str:
        return trace_keys([self.trace_id], [self.trace_digest])[0]


@dataclass(frozen=True)
class Monitor:
    id: str = "rules.core"
    version: str = "1"
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"TG08": ("reasoning",), "TG01": ("action",)})

    @property
    def digest(self) -> str:
        return digest(self.id, self.version)


@dataclass(frozen=True)
class File:
    name: str
    traces: Sequence[Trace]
    fingerprint: str = "v1"
    dead: int = 0


def unit_id(file: File, part: str) -> str:
    return digest(file.name, file.fingerprint, part)


def run_row(
    run_id: str, monitors: Iterable[Monitor] = (), status: str = "running", minute: int = 0, **more: object
) -> dict[str, object]:
    at = EPOCH + dt.timedelta(minutes=minute)
    row: dict[str, object] = {c.name: 0 for c in RUNS.columns}
    return row | {
        "run_id": run_id,
        "recorded_at": at,
        "status": status,
        "started_at": at,
        "run_date": DAY,
        "code_version": "0",
        "config": json.dumps({"root": None}),
        "monitors": [
            {
                "monitor": m.id,
                "version": m.version,
                "digest": m.digest,
                "behaviours": [{"behaviour": b, "channels": list(c)} for b, c in m.scopes.items()],
            }
            for m in monitors
        ],
        "contracts": None,
        "error": None,
        **more,
    }


def append_run(store: Store, row: Mapping[str, object]) -> None:
    store.append(RUNS, pa.Table.from_pylist([dict(row)], RUNS.arrow()), str(row["run_id"]))


def review(store: Store, finding_id: str, verdict: str, reviewer: str = "ann", minute: int = 0) -> None:
    at = EPOCH + dt.timedelta(minutes=minute)
    row = {"finding_id": finding_id, "verdict": verdict, "note": None, "reviewer": reviewer, "reviewed_at": at}
    store.append(REVIEWS, pa.Table.from_pylist([row], REVIEWS.arrow()), "review")


def finding_id(trace: Trace, monitor: str, behaviour: str) -> str:
    return marked_id("finding", digest(trace.key, monitor, behaviour))


def stage_files(
    store: Store, run_id: str, files: Sequence[File], monitors: Sequence[Monitor], ingest: bool = True
) -> None:
    """Write and register the result rows of a run; nothing counts before `commit`."""
    tables: dict[Table, list[dict[str, object]]] = {TRACES: [], ASSESSMENTS: [], ALERTS: [], DEAD_LETTERS: []}
    for file in files:
        for row, trace in enumerate(file.traces):
            at: dict[str, object] = {"run_id": run_id, "file": file.name, "row_group": 0, "row": row}
            at |= {"trace_key": trace.key, "trace_digest": trace.trace_digest, "trace_id": trace.trace_id, **trace.dims}
            if ingest:
                lengths = {f"{c}_chars": len(trace.text) for c in CHANNELS} | {"steps": 1, "redacted_steps": 0}
                tables[TRACES].append(at | lengths | {"unit_id": unit_id(file, INGEST)})
            for monitor in monitors:
                found = trace.looks.get(monitor.id, ())
                own = at | {
                    "monitor": monitor.id,
                    "monitor_digest": monitor.digest,
                    "unit_id": unit_id(file, monitor.digest),
                }
                state, reason = ("not_assessed", "over_budget") if found is None else ("assessed", None)
                scores = trace.scores.get(monitor.id, {})
                tables[ASSESSMENTS].append(
                    own
                    | {"state": state, "reason": reason, "channels": list(trace.channels)}
                    | {"score": max(scores.values(), default=None), **scores}
                )
                tables[ALERTS] += [own | _alert(trace, monitor, f) for f in found or ()]
        tables[DEAD_LETTERS] += [
            {
                "unit_id": unit_id(file, INGEST),
                "run_id": run_id,
                "stage": "adapt",
                "file": file.name,
                "row_group": 0,
                "row": 1000 + i,
                "rows": 1,
                "reason": "null_id",
                "message": "trace_id is null",
            }
            for i in range(file.dead if ingest else 0)
        ]
    for table, rows in tables.items():
        if rows:
            name = f"{run_id}-{table.name}.parquet"
            path = store.table_path(table.name) / name
            known = [{c: r.get(c) for c in table.names} for r in rows]
            pq.write_table(pa.Table.from_pylist(known, table.arrow()), path)
            store.add_files(table, [StagedFile(name, len(rows), path.stat().st_size)], run_id)


def _alert(trace: Trace, monitor: Monitor, found: Finding) -> dict[str, object]:
    finding = finding_id(trace, monitor.id, found.behaviour)
    return {
        "alert_id": marked_id("alert", digest(finding, monitor.digest)),
        "finding_id": finding,
        "run_date": DAY,
        "monitor_version": monitor.version,
        "rules": [f"{found.behaviour}.rule"],
        "category": "test_gaming" if found.behaviour.startswith("TG") else "hidden_objective",
        "behaviour": found.behaviour,
        "stance": found.stance,
        "sanctioned": "none",
        "level": found.level,
        "score": found.score,
        "threshold": 0.0,
        "channel": "reasoning",
        "evidence": [
            {"step": step, "start": start, "end": end, "rule": f"{found.behaviour}.rule", "excerpt": excerpt}
            for step, start, end, excerpt in found.evidence
        ],
        "signature": digest(found.behaviour),
        "rationale": "because",
        "canary": "COTMONITOR-CANARY-DO-NOT-TRAIN:alert",
        "schema_version": ALERTS.version,
    }


def unit_table(
    run_id: str, files: Sequence[File], monitors: Sequence[Monitor], ingest: bool = True, sample: int | None = None
) -> pa.Table:
    rows = []
    for file in files:
        for part, part_digest in [(INGEST, INGEST)] * ingest + [(m.id, m.digest) for m in monitors]:
            looks = [t.looks.get(part, ()) for t in file.traces]
            rows.append(
                {
                    "unit_id": unit_id(file, part_digest),
                    "run_id": run_id,
                    "run_date": DAY,
                    "file": file.name,
                    "fingerprint": file.fingerprint,
                    "adapter_digest": "adapter",
                    "monitor": part,
                    "monitor_digest": part_digest,
                    "sample": sample,
                    "rows": len(file.traces) + file.dead,
                    "traces": len(file.traces),
                    "dead": file.dead,
                    "assessed": sum(x is not None for x in looks),
                    "not_assessed": sum(x is None for x in looks),
                    "without_reasoning": 0,
                    "retryable": sum(x is None for x in looks),
                    "alerts": sum(len(x or ()) for x in looks),
                }
            )
    schema = pa.schema([f for f in UNITS.arrow() if f.name not in ("sequence", "committed_at")])
    return pa.Table.from_pylist(rows, schema)


def night(
    store: Store,
    run_id: str,
    files: Sequence[File],
    monitors: Sequence[Monitor] = (Monitor(),),
    ingest: bool = True,
    sample: int | None = None,
) -> None:
    """A whole run: its row, its results, its units."""
    append_run(store, run_row(run_id, monitors))
    stage_files(store, run_id, files, monitors, ingest)
    store.commit_units(store.units_snapshot(), unit_table(run_id, files, monitors, ingest, sample))


def rows(store: Store, query: str) -> list[tuple[object, ...]]:
    with store.connect(threads=2) as con:
        return con.execute(query).fetchall()


def fresh(folder: Path) -> Store:
    return Store.create_or_open(folder / "store")
