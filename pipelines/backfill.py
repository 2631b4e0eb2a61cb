"""Backfill: one monitor over the files that past nights took in, and over no others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.account import Summary
from pipelines.inputs import expand, name_of
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store import Store
from schemas.errors import InputError
from schemas.ledger import INGEST

CHOSEN = {
    "night": f"SELECT file FROM units WHERE monitor = '{INGEST}' AND run_date BETWEEN ? AND ?",
    "started": "SELECT DISTINCT file FROM traces WHERE started_at::DATE BETWEEN ? AND ?",
}


@dataclass(frozen=True, slots=True)
class Backfilled:
    """The files of the days, those of them that the lake does not have any more, and what the run did."""

    files: int
    gone: int
    summary: Summary | None


def backfill(
    job: Job,
    first: dt.date,
    last: dt.date,
    by: str = "night",
    beam_args: Sequence[str] = (),
    dry_run: bool = False,
    quiet: bool = False,
) -> Backfilled:
    """Run the job's one monitor over the files that were taken in from `first` to `last`, both included.

    `by` is `night`, the date of the run that took a file in, or `started`, on which a trace in it began. Raises
    `InputError` where the days are in the wrong order or more than one monitor is named.
    """
    if first > last:
        raise InputError(f"--from {first} is after --to {last}. Give the earlier day first.")
    if len(job.monitors) != 1:
        raise InputError(
            f"--monitor {','.join(job.monitors)}: names {len(job.monitors)} monitors. Backfill one by one."
        )
    with Store.open(job.store).connect() as con:
        names = frozenset(row[0] for row in con.execute(CHOSEN[by], [first, last]).fetchall())
    if not names:
        return Backfilled(0, 0, None)
    here = {name_of(path, job.root) for path in expand(job.traces, job.allow_empty)}
    alone = job.model_copy(update={"judge": None, "since": None})
    return Backfilled(
        len(names),
        len(names - here),
        run_job(alone, beam_args, dry_run, quiet, only=names & here) if names & here else None,
    )
