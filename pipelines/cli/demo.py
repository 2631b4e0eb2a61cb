"""`cotmonitor demo`: the whole thing on sample traces, in one command."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import Directory
from pipelines.cli.output import print_rows
from schemas.results import LEVELS

if TYPE_CHECKING:
    from pipelines.store import Store

EXAMPLE = """
\b
Examples:
  cotmonitor demo
  cotmonitor demo --dir /tmp/look --traces 5000
"""
ALERTS = r"""
SELECT environment, checkpoint, behaviour, "level", count(DISTINCT trace_key) AS traces,
       left(regexp_replace(min(evidence[1].excerpt), '\s+', ' ', 'g'), 72) AS "for example"
FROM alerts WHERE "level" <> 'informational'
GROUP BY ALL ORDER BY traces DESC, environment, checkpoint, behaviour, "level" LIMIT 12
"""
# `rates` has one row per behaviour, and a trace may show several: for a share of traces each is counted once
SHARES = """
WITH seen AS (
    SELECT t.environment, t.training_run, t.training_step, t.trace_key,
           coalesce(t.rollout_group, t.task_id, t.trace_key) AS cluster,
           EXISTS (
               SELECT 1 FROM alerts a WHERE a.trace_key = t.trace_key AND a."level" <> 'informational'
           ) AS flagged
    FROM traces t JOIN assessments s ON s.trace_key = t.trace_key AND s.state = 'assessed'
)
SELECT environment, training_run, training_step,
       sum(flagged::INT) / count(*) AS share, count(DISTINCT cluster) AS clusters
FROM seen GROUP BY ALL ORDER BY environment, training_run, training_step
"""
RATES = """
SELECT environment, training_run, training_step, monitor, behaviour, assessed, flagged, rate, low, high
FROM rates WHERE stance = 'any' AND flagged > 0
ORDER BY low DESC, environment, training_run, training_step, behaviour, monitor LIMIT 8
"""
WORST = f"""
SELECT alert_id FROM alerts ORDER BY list_position({list(LEVELS)}, "level") DESC, score DESC, alert_id LIMIT 1
"""


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
    click.echo("\nThe most frequent alerts, by traces\n")
    _show(store, ALERTS)
    click.echo("Share of traces flagged, in percent, by environment and training step\n")
    _, shares = _ask(store, SHARES)
    points = [Point(str(e), str(r), int(str(s)), float(str(p)), int(str(n))) for e, r, s, p, n in shares]
    print_rows(*matrix(points), "table", sys.stdout)
    click.echo("In which environment, and from which checkpoint on?\n")
    for sentence in onsets(points):
        click.echo(f"  {sentence}")
    click.echo("\nThe behaviours behind it, from the view `rates`, with 95 % intervals that respect rollout groups\n")
    _show(store, RATES)
    # `make demo` calls the program by its path, since nobody has activated the environment yet
    program = "cotmonitor" if shutil.which("cotmonitor") else shlex.quote(sys.argv[0])
    where = shlex.quote(str(path))
    click.echo("Try next\n")
    for line in _next(store):
        click.echo(f"  {program} {line} --store {where}")


def _next(store: Store) -> list[str]:
    _, worst = _ask(store, WORST)
    return [
        "alerts --environment swe-fix --group",
        *(f"show {alert_id}" for (alert_id,) in worst),
        'sql "SELECT * FROM rates WHERE flagged > 0"',
        'sql "SELECT stage, reason, message FROM dead_letters"',
        "runs",
    ]


@dataclass(frozen=True, slots=True)
class Point:
    """The share of traces flagged at one step of one training run, and the rollout groups that it was seen in."""

    environment: str
    run: str
    step: int
    share: float
    clusters: int

    @property
    def surely(self) -> float:
        """Lower end of the 95 % interval (Wilson 1927), as if rollouts of one group were all alike.

        >>> round(Point("maths", "a", 1, 0.5, 10).surely, 3)
        0.237
        """
        z, n = 1.959964, self.clusters
        spread = z * math.sqrt(self.share * (1 - self.share) / n + z * z / (4 * n * n))
        return max(0.0, (self.share + z * z / (2 * n) - spread) / (1 + z * z / n))


def matrix(points: Sequence[Point]) -> tuple[list[str], list[list[str]]]:
    """One row per environment and run, one column per step.

    >>> matrix([Point("maths", "a", 1, 0.0, 9), Point("maths", "a", 2, 0.4, 9)])
    (['environment', 'run', '1', '2'], [['maths', 'a', '0.0', '40.0']])
    """
    steps = sorted({p.step for p in points})
    lines: dict[tuple[str, str], dict[int, str]] = {}
    for p in points:
        lines.setdefault((p.environment, p.run), {})[p.step] = f"{100 * p.share:.1f}"
    rows = [[environment, run, *(at.get(s, "") for s in steps)] for (environment, run), at in lines.items()]
    return ["environment", "run", *map(str, steps)], rows


def onsets(points: Sequence[Point], least: float = 0.05) -> list[str]:
    """One sentence per environment and run with a step at which surely more than `least` of the traces are flagged.

    >>> onsets([Point("maths", "a", 1, 0.0, 9), Point("maths", "a", 2, 0.4, 9)])
    ['In maths, run a, from step 2 on: 40 % of traces flagged there, at most 0 % before.']
    """
    lines: dict[tuple[str, str], list[Point]] = {}
    for p in points:
        lines.setdefault((p.environment, p.run), []).append(p)
    found = []
    for (environment, run), line in lines.items():
        first = next((i for i, p in enumerate(line) if p.surely > least), None)
        if first is not None:
            before = f", at most {100 * max(p.share for p in line[:first]):.0f} % before" if first else ""
            flagged = f"{100 * line[first].share:.0f} % of traces flagged there{before}"
            found.append(f"In {environment}, run {run}, from step {line[first].step} on: {flagged}.")
    return found or ["Nowhere: no environment has more than a few flagged traces."]


def _ask(store: Store, query: str) -> tuple[list[str], list[tuple[object, ...]]]:
    with store.connect() as con:
        answer = con.execute(query)
        return [column[0] for column in answer.description], answer.fetchall()


def _show(store: Store, query: str) -> None:
    print_rows(*_ask(store, query), "table", sys.stdout)
