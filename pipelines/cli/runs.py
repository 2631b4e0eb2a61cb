"""`cotmonitor runs`: what ran, and how it ended."""

from __future__ import annotations

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor runs --store S
  cotmonitor runs --store S --limit 1 --format json
"""
IN_FORCE = """
SELECT c.category, c.calibration_id, c.shipped, c.calibrated_at::DATE, c.threshold, c.target_fpr, c.flagged, c.ordinary,
       c.low, c.high, s.above, s.silent, s.unknown, c.own
FROM (
    SELECT *, count(*) FILTER (NOT pooled) OVER (PARTITION BY category) - 1 AS own FROM calibrations WHERE in_force
) c JOIN (
    SELECT category, count(*) FILTER (suspicion >= threshold) AS above,
           count(*) FILTER (suspicion >= threshold AND alerts = 0) AS silent,
           count(*) FILTER (suspicion IS NULL) AS unknown
    FROM suspicion GROUP BY category
) s USING (category) WHERE c.environment = '*' ORDER BY c.category DESC
"""


@click.command("runs", epilog=EXAMPLE)
@store_option()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@format_option()
def command(store: str, limit: int, format: str) -> None:
    """List runs and how they ended, newest first.

    `unfinished` is a run that is still at work, or was killed before its commit; `judging` one whose cheap monitors
    have committed and whose judge has not. `not_assessed` says why traces were not looked at. Where a judge was asked:
    money, calls, the share that the cache answered, and seconds (median, 95 in 100) of the others. As json or csv every
    column is given, with the job as it ran. On stderr stands the calibration in force, and how many traces are above
    its threshold.
    """
    from pipelines.judge.accounts import OF_JUDGES, of_runs
    from pipelines.store import Store

    with Store.open(store).connect() as con:
        answer = con.execute(of_runs(format == "table"), [limit])
        columns = [c[0] for c in answer.description or []]
        rows = answer.fetchall()
        if format == "table" and not any(r[columns.index("calls")] for r in rows):
            kept = [i for i, c in enumerate(columns) if c not in OF_JUDGES]
            columns, rows = [columns[i] for i in kept], [tuple(r[i] for i in kept) for r in rows]
        in_force = con.execute(IN_FORCE).fetchall()
    print_rows(columns, rows, format)
    if not rows:
        click.echo("cotmonitor: no run has written to this store yet", err=True)
    for line in in_force:
        click.echo(f"cotmonitor: {_told(*line)}", err=True)


def _told(
    category: str,
    calibration: str,
    shipped: bool,
    made: object,
    threshold: float | None,
    target: float,
    flagged: int,
    ordinary: int,
    low: float | None,
    high: float | None,
    above: int,
    silent: int,
    unknown: int,
    own: int,
) -> str:
    """The calibration in force for a category, in a sentence."""
    origin = "comes with cotmonitor; `cotmonitor calibrate` makes one of your traffic" if shipped else f"of {made}"
    if threshold is None:
        return f"{category}: {calibration} ({origin}) has no threshold"
    interval = f" ({low:.2%} to {high:.2%})" if low is not None and high is not None else ""
    where = f", others in {own:,} environments" if own else ""
    what = f"threshold {threshold:.4g}{where} for {target:.3g} of ordinary traces, reached by {flagged:,}/{ordinary:,}"
    seen = f"{above:,} traces are above, {silent:,} of them without an alert; {unknown:,} were looked at by no monitor"
    return f"{category}: {calibration} ({origin}): {what}{interval}; {seen}"
