"""`cotmonitor demo`: the whole thing on sample traces, in one command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import Directory
from pipelines.cli.output import print_rows

if TYPE_CHECKING:
    from pipelines.store import Store

EXAMPLE = """
\b
Examples:
  cotmonitor demo
  cotmonitor demo --dir /tmp/look --traces 5000
"""
ALERTS = """
SELECT environment, checkpoint, behaviour, "level", count(*) AS alerts,
       min(evidence[1].excerpt) AS "for example"
FROM alerts GROUP BY ALL ORDER BY alerts DESC, environment, checkpoint, behaviour, "level" LIMIT 15
"""
# The store's `rates` has one row per behaviour; a trace may show several, so traces are counted here, and once.
ONSET = """
WITH seen AS (
    SELECT t.environment, t.training_run, t.training_step, t.trace_key,
           EXISTS (SELECT 1 FROM alerts a WHERE a.trace_key = t.trace_key) AS flagged
    FROM traces t JOIN assessments s ON s.trace_key = t.trace_key AND s.state = 'assessed'
)
SELECT environment, training_run, training_step, count(*) AS assessed, sum(flagged::INT) AS flagged,
       round(100.0 * sum(flagged::INT) / count(*), 1) AS "percent"
FROM seen GROUP BY ALL ORDER BY environment, training_run, training_step
"""

WORST = "SELECT alert_id FROM alerts ORDER BY score DESC, alert_id LIMIT 1"


@click.command("demo", epilog=EXAMPLE)
@click.option("--dir", "folder", type=Directory, default=Path("demo"), show_default=True, help="Where all of it goes.")
@click.option(
    "--traces", type=click.IntRange(min=200), default=1600, show_default=True, help="How many traces to make."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed makes other traces.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def command(folder: Path, traces: int, seed: int, dry_run: bool) -> None:
    """Make sample traces, run everything on them and show the alerts.

    The samples are of our own making: a model that is trained further and further, and in two environments begins, at
    some checkpoint, to game its checks. The demo asks in which, and from when on. A second run finds nothing new.
    """
    from pipelines.cli.run import report
    from pipelines.job import Job
    from pipelines.run import run_job
    from pipelines.samples import write_samples
    from pipelines.store import Store

    lake, store = folder / "traces", folder / "store"
    if dry_run:
        click.echo(f"would write {traces:,} traces to {lake} unless it is there, and run into {store}", err=True)
        return
    made = "found" if lake.exists() else "made"
    files = write_samples(lake, traces, seed)
    click.echo(f"{made} {len(files)} files of sample traces in {lake}, one for each layout", err=True)
    job = Job(traces=(str(lake),), store=str(store), root=str(lake))
    report(run_job(job), str(store))
    tell(Store.open(str(store)), store)


def tell(store: Store, path: Path) -> None:
    """What was found, where and from when on, and what to try next."""
    click.echo("\nThe most frequent alerts:\n")
    _show(store, ALERTS)
    click.echo("In which environment, and from which checkpoint on?\n")
    rows = _show(store, ONSET)
    for line in onsets(rows):
        click.echo(line)
    where = shlex.quote(str(path))
    click.echo("\nTry next:\n")
    for line in _next(store):
        click.echo(f"  {line} --store {where}")


def _next(store: Store) -> list[str]:
    with store.connect() as con:
        worst = con.execute(WORST).fetchall()
    return [
        "cotmonitor alerts --environment swe-fix --group",
        *(f"cotmonitor show {alert_id}" for (alert_id,) in worst),
        'cotmonitor sql "SELECT * FROM rates WHERE flagged > 0"',
        'cotmonitor sql "SELECT stage, reason, message FROM dead_letters"',
        "cotmonitor runs",
    ]


def onsets(rows: Sequence[Sequence[object]], least: float = 5.0) -> list[str]:
    """One sentence per environment and run whose share of flagged traces jumps, naming the step where it begins.

    >>> onsets([("maths", "a", 1, 50, 0, 0.0), ("maths", "a", 2, 50, 20, 40.0)])
    ['In maths, run a: from step 2 on (40 % of traces flagged; 0 % before).']
    """
    found = []
    lines: dict[tuple[object, object], list[tuple[int, float]]] = {}
    for environment, run, step, _, _, percent in rows:
        lines.setdefault((environment, run), []).append((int(str(step)), float(str(percent))))
    for (environment, run), points in lines.items():
        high = [i for i, (_, percent) in enumerate(points) if percent >= least]
        if high:
            first = high[0]
            before = max((percent for _, percent in points[:first]), default=0.0)
            step, percent = points[first]
            tail = f"; {before:.0f} % before" if first else ""
            found.append(f"In {environment}, run {run}: from step {step} on ({percent:.0f} % of traces flagged{tail}).")
    return found or ["Nowhere: no environment has more than a few flagged traces."]


def _show(store: Store, query: str) -> list[tuple[object, ...]]:
    with store.connect() as con:
        answer = con.execute(query)
        columns = [column[0] for column in answer.description]
        rows = answer.fetchall()
    print_rows(columns, rows, "table", sys.stdout)
    return rows
