"""`cotmonitor sql`: questions to a store in SQL."""

from __future__ import annotations

import sys

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor sql "SELECT * FROM rates WHERE flagged > 0 ORDER BY low DESC" --store S
  cotmonitor sql "PIVOT rates ON training_step USING max(rate) GROUP BY environment, behaviour" --store S
  cotmonitor sql "SELECT reason, count(*) FROM assessments GROUP BY ALL" --store S --format csv
  cotmonitor sql - --store S < query.sql
"""


@click.command("sql", epilog=EXAMPLE)
@click.argument("query", metavar="SQL")
@store_option()
@format_option()
@click.option("--memory-limit", metavar="SIZE", default=None, help="As DuckDB takes it, e.g. 4GB; it spills beyond.")
def command(query: str, store: str, format: str, memory_limit: str | None) -> None:
    """Query the store with SQL, as DuckDB speaks it. Nothing can be written.

    The views units, traces, assessments, alerts, dead_letters, judgements, reviews, runs, rates and cases show what
    counts; raw.alerts and so on hold every row ever written. SHOW TABLES and DESCRIBE alerts tell what there is.
    """
    from pipelines.store import Store
    from pipelines.store.query import ask

    text = sys.stdin.read() if query == "-" else query
    with Store.open(store).connect(memory_limit) as con:
        answer = ask(con, text)
    print_rows(answer.columns, answer.rows, format)
