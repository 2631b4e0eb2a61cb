"""One export, from settings to a published folder: what `cotmonitor export` calls."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.export.asked import Asked, check, check_map
from pipelines.export.listing import Lake, list_lake, veiled, write_plan
from pipelines.export.papers.dead import Dead
from pipelines.export.papers.publish import Staging, staging, tidy
from pipelines.export.papers.published import published
from pipelines.export.progress import shown
from pipelines.export.settings import ExportSettings
from pipelines.export.words import explain
from pipelines.guard import Guard, failed_write
from pipelines.hush import hush_beam
from pipelines.inputs import refuse_output
from pipelines.interrupt import heeded
from pipelines.plan import default_workers
from pipelines.read import ReadSettings
from pipelines.scratch import sweep

if TYPE_CHECKING:
    import apache_beam as beam

    from pipelines.export.shard import ExportJob

TOKENIZER = "tokenizer.json"  # the copy that workers read: the very bytes that the certificate names


@dataclass(frozen=True)
class ExportSummary:
    """What an export did: rows == exported + sum(left_out) + replicas + sum(dead).

    `dead_files` maps the digest that stands for a file in dead_letters.jsonl to its name: for the terminal, never for
    what is exported.
    """

    status: str  # done, published_already, dry_run
    out: str
    files: int
    rows: int = 0
    exported: int = 0
    replicas: int = 0
    left_out: tuple[tuple[str, int], ...] = ()
    dead: Mapping[str, Dead] = field(default_factory=dict)
    dead_files: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


def export_lake(
    settings: ExportSettings,
    beam_args: Sequence[str] = (),
    dry_run: bool = False,
    quiet: bool = False,
    today: dt.date | None = None,
) -> ExportSummary:
    """Export a lake, all of it or nothing.

    `today` is the day by which declassifications expire. Raises a `CotmonitorError` for every failure that has words;
    then nothing was published.
    """
    begun = time.monotonic()
    hush_beam()
    guard = Guard()
    asked = check(settings, guard, today)
    if beam_args:
        from pipelines.runner import options

        options(1, beam_args)  # said before anything is written, rather than by a failed export
    lake = list_lake(guard, settings.traces, settings.allow_empty)
    refuse_output(settings.out, [settings.traces], [f.path for f in lake.files])
    check_map(settings, lake, guard)
    before = published(asked, lake, guard)
    if before is None and not dry_run:
        with staging(guard, asked.target) as staged:
            before = published(asked, lake, guard)  # another may have been faster
            if before is None:
                try:
                    done = _export(asked, lake, staged, beam_args, quiet)
                except OSError as error:  # all that is opened here, and not by a worker, is our own
                    raise failed_write(error.filename or staged.work, error) from error
                return replace(done, seconds=time.monotonic() - begun)
    if before is None:
        return ExportSummary("dry_run", settings.out, len(lake.files))
    tidy(guard, asked.target)
    return ExportSummary(
        "published_already",
        settings.out,
        len(lake.files),
        before.rows,
        before.exported,
        before.replicas,
        before.left_out,
        {reason: Dead(rows, "") for reason, rows in before.dead.items()},
        seconds=time.monotonic() - begun,
    )


def _export(asked: Asked, lake: Lake, staged: Staging, beam_args: Sequence[str], quiet: bool) -> ExportSummary:
    """Stage -> verify -> drop replicas -> contracts -> papers -> publish."""
    from pipelines.export.checked import collected
    from pipelines.export.gate import Found, controls, gate
    from pipelines.export.papers.assemble import accounting, dead_reasons, write_papers
    from pipelines.export.shard import ExportJob
    from schemas.contracts.checker import Checker

    guard = staged.guard
    job = ExportJob(
        guard=guard,
        data=str(staged.data),
        work=str(staged.work),
        read=ReadSettings(asked.layout, payload_chars=0, open=guard.open, in_order=True, arguments=True),
        where=asked.where,
        rows=asked.rows,
        key_file=asked.key_file,
        root=lake.root,
        tokenizer=str(staged.work / TOKENIZER) if asked.tokenizer is not None else None,
    )
    if asked.tokenizer is not None:
        guard.write(staged.work / TOKENIZER, asked.tokenizer)
    job = replace(job, shards=write_plan(lake.files, job.plan, guard))
    with Checker() as checker:  # imports great_expectations beside the pipeline, not after it
        tested = controls(guard, staged.work)
        _stage(job, staged, _workers(asked, lake, beam_args), beam_args, quiet)
        found = [Found(*pair) for pair in collected(job)]
        dead = dead_reasons(job)
        account = accounting(asked, found, dead)
        report = gate(asked, len(lake.files), found, tested, dead, checker)
    write_papers(asked, lake, job, staged, found, account, tested, report)
    staged.publish()
    return ExportSummary(
        "done",
        asked.settings.out,
        len(lake.files),
        account.rows,
        account.exported,
        account.replicas,
        account.left_out,
        dead,
        {veiled(f.staged.name, asked.key): f.staged.name for f in found if f.staged.dead},
        sum(f.verified.bytes for f in found),
        warnings=tuple(map(str, report.warnings)),
    )


def _stage(job: ExportJob, staged: Staging, workers: int, beam_args: Sequence[str], quiet: bool) -> None:
    """Run the pipeline over all shards, and again over those that turn out to hold replicas."""
    from pipelines.export.pipeline import build, build_rewrite
    from pipelines.export.replicas import find_replicas

    with shown(staged.work, job.shards, quiet, "exporting"):
        _run(job, workers, beam_args, lambda p: build(p, job))
        sweep(staged.data)  # a worker that an engine has given up would put back what is now rewritten
        concerned = find_replicas(job, staged.spill)
        if concerned:
            _run(job, workers, beam_args, lambda p: build_rewrite(p, job, concerned))


def _run(job: ExportJob, workers: int, beam_args: Sequence[str], build: Callable[[beam.Pipeline], object]) -> None:
    """Run Beam and turn what a worker said into our own error."""
    import apache_beam as beam

    from pipelines.runner import finish, local_runner, options

    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what goes wrong is told once, and by us
    try:
        with heeded():
            parsed = options(workers, beam_args)
            pipeline = beam.Pipeline(local_runner(parsed), parsed)
            build(pipeline)
            finish(pipeline)
    except Exception as error:
        raise explain(job.guard, Path(job.work), error) from error


def _workers(asked: Asked, lake: Lake, beam_args: Sequence[str]) -> int:
    from pipelines.runner import is_local

    return asked.settings.workers or (default_workers(lake.nbytes * 3) if is_local(beam_args) else 1)
