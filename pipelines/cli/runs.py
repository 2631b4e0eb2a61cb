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
SHORT = r"""
SELECT run_id, status, started_at, seconds, files, "rows", traces, dead, alerts,
       regexp_replace(error, '\s*\n\s*', ' | ', 'g') AS error
FROM runs ORDER BY started_at DESC, run_id DESC LIMIT ?
"""
WHOLE = "SELECT * FROM runs ORDER BY started_at DESC, run_id DESC LIMIT ?"


@click.command("runs", epilog=EXAMPLE)
@store_option()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@format_option()
def command(store: str, limit: int, format: str) -> None:
    """List runs and how they ended, newest first.

    `unfinished` is a run that is still at work, or was killed before its commit. As json or csv every column is given,
    with the job as it ran.
    """
    from pipelines.store import Store

    with Store.open(store).connect() as con:
        answer = con.execute(SHORT if format == "table" else WHOLE, [limit])
        columns = [c[0] for c in answer.description or []]
        rows = answer.fetchall()
    print_rows(columns, rows, format)
    if not rows:
        click.echo("cotmonitor: no run has written to this store yet", err=True)
