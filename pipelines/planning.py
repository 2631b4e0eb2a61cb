"""Before a run: which of its files have something to do, for which monitors, under which id."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitors.monitor import Monitor
from pipelines.account import Left, Work
from pipelines.decide import RunStamp
from pipelines.inputs import InputFile, fingerprint
from pipelines.job import Job
from pipelines.plan import Part, Pending, pending
from pipelines.store import Store
from pipelines.store.forgotten import forgotten
from schemas import errors
from schemas.digest import digest
from schemas.errors import InputError
from schemas.layouts import LayoutSettings
from schemas.layouts.detect import TOOL
from schemas.ledger import INGEST, UNITS
from schemas.trace import TRACES

if TYPE_CHECKING:
    from pipelines.judge.monitor import Judge


def plan_work(
    job: Job,
    monitors: tuple[Monitor, ...],
    judge: Judge | None,
    paths: Sequence[str],
    store: Store | None,
    only: Container[str] | None = None,
) -> Work:
    """What there is to do: of the files at `paths`, those of the names in `only` if given, and not done yet."""
    layout = LayoutSettings(job.layout, tuple(sorted(job.map.items())))
    adapter_digest = digest(layout.digest, "sample", job.sample) if job.sample else layout.digest
    stamp = RunStamp(new_run_id(), job.date or dt.datetime.now(dt.UTC).date(), adapter_digest)
    ingest = Part(INGEST, digest(INGEST, TRACES.version, int(job.keep_payloads)))
    parts = (ingest, *(Part(m.spec.id, m.spec.digest) for m in monitors))
    files = [f for f in fingerprint(paths, job.root) if only is None or f.name in only]
    units = store.units_snapshot().done(job.shadow) if store is not None else UNITS.arrow().empty_table()
    files, left = _since(files, job, units)
    left_out = forgotten(store) if store is not None else None
    before = units.column("unit_id").combine_chunks()
    done = before.filter(pc.equal(units.column("retryable").combine_chunks(), 0)) if job.retry else before
    todo = tuple(pending(files, parts, adapter_digest, frozenset(done.to_pylist())))
    to_judge = (
        () if judge is None else tuple(pending(files, (judge.part,), adapter_digest, frozenset(done.to_pylist())))
    )
    known = len(files) - len({p.file.name for p in (*todo, *to_judge)})
    return Work(job, stamp, layout, parts, monitors, todo, known, before, judge, to_judge, left, left_out)


def _since(files: list[InputFile], job: Job, units: pa.Table) -> tuple[list[InputFile], Left | None]:
    """The files that are modified on the day of `since` (UTC) or later, or that cannot say when, and what is left."""
    if job.since is None:
        return files, None
    first = dt.datetime.combine(job.since, dt.time(), dt.UTC).timestamp()
    old = frozenset(f.name for f in files if 0 < f.modified < first)
    read = frozenset(units.filter(pc.equal(units.column("monitor"), INGEST)).column("file").to_pylist())
    return [f for f in files if f.name not in old], Left(job.since, len(old), len(old - read))


def new_run_id() -> str:
    """Time, so that ids sort, and chance, so that two runs begun together differ. Never made in a worker."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def check_map(job: Job, todo: Sequence[Pending]) -> None:
    """A column to be renamed must be in some file, or a misspelt name would pass unnoticed.

    In some, not in each: files of several layouts may be read together.
    """
    sought = {source: target for target, source in job.map.items() if not source.startswith(TOOL)}
    read = False
    for pending_file in todo:
        if not sought:
            return
        try:
            names = pq.read_schema(pending_file.file.path).names
        except (OSError, ValueError):  # it will be a dead letter
            continue
        read = True
        sought = {source: target for source, target in sought.items() if source not in names}
    if read and sought:
        what, todo_next = "no file has a column of this name", "check its spelling with `cotmonitor traces validate`"
        raise InputError([errors.Fault(f"--map {t}={s}", None, what, todo_next) for s, t in sought.items()])
