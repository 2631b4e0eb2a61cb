"""The judge's pass of a run: after the cheap monitors have committed, over what they said, with a commit of its own."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.account import Work
from pipelines.commit import StagedRun, collect, commit
from pipelines.execute import execute
from pipelines.judge.cache import Cache
from pipelines.judge.controls import Asked
from pipelines.judge.monitor import Judge
from pipelines.judge.plan import stage_unasked, write_chosen
from pipelines.judge.policy import Chosen, Source, choose
from pipelines.judge.reading import judgement_rows
from pipelines.plan import Pending, Plan
from pipelines.read import ReadSettings
from pipelines.stage import COUNTS, Place, clear
from pipelines.store import Store
from pipelines.units import unit_rows
from schemas.contracts.report import Report
from schemas.errors import BusyError
from schemas.ledger import INGEST
from schemas.results import JUDGEMENTS

LOCK = Path("_judge") / "lock"  # below the store: two runs at once would pay twice for the same answers
Check = Callable[[StagedRun, pa.Table, tuple[str, ...]], Report]


@dataclass(frozen=True)
class Pass:
    """What the pass did: the decision, the units that it committed, and the report on its contracts."""

    chosen: Chosen
    units: pa.Table
    report: Report


def source_of(work: Work, todo: Sequence[Pending]) -> Source:
    """Where the scores lie: the units of the files' traces and of the cheap monitors over them."""
    return Source.of(
        [
            (p.file.name, part.id, part.unit_id(p.file.fingerprint, work.stamp.adapter_digest))
            for p in todo
            for part in work.parts
        ]
    )


def decide_calls(store: Store, judge: Judge, source: Source) -> Chosen:
    """What the policy chooses, and what it would cost."""
    cache = Cache.of(store.path)
    with store.connect() as con:
        return choose(con, source, judge.settings, judge.ask, cache.has)


def book_controls(store: Store, asked: Asked, run_id: str) -> None:
    """Put the calls for the controls into the books; they belong to no unit."""
    rows = judgement_rows([("", call) for call in asked.calls])
    store.append(JUDGEMENTS, pa.Table.from_batches([rows]), run_id)


def judge_pass(
    store: Store,
    place: Place,
    work: Work,
    beam_args: Sequence[str],
    workers: int,
    quiet: bool,
    check: Check,
    wanted: dict[str, Any],
) -> Pass:
    """Decide, ask, stage, check, commit; `wanted` is how the server is asked for JSON in a batch.

    Whatever was answered before a failure is kept, and not asked again."""
    judge, todo = work.judge, work.judge_todo
    if judge is None:
        raise ValueError("no judge")
    with alone(store):
        before = store.units_snapshot().current.column("unit_id").combine_chunks()
        chosen = decide_calls(store, judge, source_of(work, todo))
        rows = place.folder / "chosen.parquet"
        plan = write_chosen(chosen.rows, todo, judge.part, place.plan, rows)
        units = {p.file.name: judge.part.unit_id(p.file.fingerprint, work.stamp.adapter_digest) for p in todo}
        stage_unasked(chosen.rows, units, place, judge.part, judge.spec, work.stamp)
        if plan.shards:
            _ask(place, work, judge, plan, rows, beam_args, workers, quiet, wanted)
        staged = collect(place, plan.shards)
        counts = _counts(store, work, todo, judge.part.id)
        report = check(staged, counts, (judge.spec.id,))
        made = unit_rows(counts, staged.files, (judge.part,), work.stamp, work.job.sample)
        ours = commit(store, staged, made, work.stamp, before)
    clear(place)
    return Pass(chosen, ours, report)


def _ask(
    place: Place,
    work: Work,
    judge: Judge,
    plan: Plan,
    rows: Path,
    beam_args: Sequence[str],
    workers: int,
    quiet: bool,
    wanted: dict[str, Any],
) -> None:
    from pipelines.judge.pipeline import JudgeJob, build
    from pipelines.monitor import MonitorJob

    read = ReadSettings(work.layout, int(work.job.batch_mb * (1 << 20)), 0, left_out=work.left_out)
    base = MonitorJob(place, work.stamp, read, work.parts[0], (), plan.shards)
    line = judge.line(place.store, work.stamp.run_id, work.job.retry)
    reader = judge.reader(work.stamp.run_id)
    if judge.settings.mode == "batch":
        from pipelines.judge.batch import BatchSettings, fill_cache
        from pipelines.judge.questions import planned_questions

        waits = BatchSettings(judge.settings.poll_seconds, judge.settings.batch_wait_seconds, wanted)
        fill_cache(line, waits, lambda: planned_questions(plan, rows, read, reader))
    job = JudgeJob(base, judge.part, judge.spec, line, reader, str(rows))
    execute(place, lambda p: build(p, job), (judge.part.id,), plan, workers, beam_args, quiet)


def _counts(store: Store, work: Work, todo: Sequence[Pending], part: str) -> pa.Table:
    """The counts of the files (schema COUNTS), as those who took them in have them."""
    ids = {work.parts[0].unit_id(p.file.fingerprint, work.stamp.adapter_digest): p for p in todo}
    with store.connect() as con:
        con.register("wanted", pa.table({"unit_id": pa.array(list(ids), pa.string())}))
        found = con.execute(
            f"""SELECT u.unit_id, arg_max(u."rows", u.sequence), arg_max(u.traces, u.sequence),
                       arg_max(u.dead, u.sequence)
                FROM raw.units u JOIN wanted USING (unit_id) WHERE u.monitor = '{INGEST}' GROUP BY u.unit_id"""
        ).fetchall()
    rows = [
        {
            "file": ids[unit].file.name,
            "fingerprint": ids[unit].file.fingerprint,
            "parts": [part],
            "rows": n,
            "traces": traces,
            "dead": dead,
        }
        for unit, n, traces, dead in sorted(found)
    ]
    return pa.Table.from_pylist(rows, COUNTS)


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold the store's only place for a judge; who finds it taken is told to try again. It ends with the process."""
    path = store.path / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(
                f"{store.path}: another run is asking a judge, and both would pay for the same answers. Run again."
            ) from None
        yield
