"""`cotmonitor backfill`: past nights for a monitor that did not see them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from pipelines.cli.options import layout_options
from pipelines.cli.run import job_flags, report, say

EXAMPLE = """
\b
Examples:
  cotmonitor backfill nightly.yaml --monitor rules:./new.yml --from 2026-11-01 --to 2026-11-22 --dry-run
  cotmonitor backfill --traces lake --store S --monitor code --from 2026-11-01 --by started
"""
DAY = click.DateTime(["%Y-%m-%d"])


@click.command("backfill", epilog=EXAMPLE)
@click.argument("job_file", metavar="[JOB.yaml]", required=False)
@click.option("--traces", multiple=True, metavar="GLOB", help="The lake, as the nightly job names it. May be repeated.")
@click.option("--store", metavar="DIR", default=None, help="The store that the nightly job writes.")
@click.option("--root", metavar="DIR", default=None, help="The root that the nightly job names files by.")
@layout_options
@click.option(
    "--monitor", "monitors", metavar="NAME", required=True, help="Which monitor, as `run --monitors` names it."
)
@click.option("--from", "first", type=DAY, required=True, metavar="YYYY-MM-DD", help="The first day.")
@click.option("--to", "last", type=DAY, default=None, metavar="YYYY-MM-DD", help="The last day.  [default: today]")
@click.option(
    "--by",
    type=click.Choice(["night", "started"]),
    default="night",
    show_default=True,
    help="Days of the nights that took files in, or days on which traces in a file began.",
)
@click.option("--shadow", is_flag=True, default=None, help="Judge beside what counts, as `run --shadow` does.")
@click.option("--workers", type=int, metavar="N", default=None, help="Worker processes; by default as many as repay.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM_FLAGS]")
def command(
    job_file: str | None,
    first: dt.datetime,
    last: dt.datetime | None,
    by: str,
    dry_run: bool,
    quiet: bool,
    beam_args: tuple[str, ...],
    **flags: Any,
) -> None:
    """Let one monitor judge the files of past days that it has not judged.

    Files are judged whole, and those that it has judged already are left alone, so that a backfill that was interrupted
    is completed by the same line. No other monitor runs, and what others found stays as it is. Files of these days that
    are not in the lake any more are counted.
    """
    from pipelines.backfill import backfill
    from pipelines.job import load_job

    if job_file is not None and job_file.startswith("--"):
        beam_args, job_file = (job_file, *beam_args), None
    until = (last or dt.datetime.now(dt.UTC)).date()
    job = load_job(job_file, job_flags(flags))
    done = backfill(job, first.date(), until, by, beam_args, dry_run, quiet)
    if quiet:
        return
    say(f"{done.files:,} files of {first.date()} to {until}, by {by}")
    if done.gone:
        say(f"warning: {done.gone:,} of them are not in the lake any more, or were rewritten, and are not judged")
    if done.summary is not None:
        report(done.summary, job.store)
