"""`cotmonitor shadow`: what a new monitor would change, judged beside the one in force."""

from __future__ import annotations

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor run nightly.yaml --monitors rules:./new.yml --shadow
  cotmonitor shadow --store S
  cotmonitor shadow --store S --list --format csv
"""
COUNTED = """
SELECT monitor, behaviour, count(*) FILTER (change IN ('same', 'level', 'gone')) AS live,
       count(*) FILTER (change <> 'gone' AND both_looked) AS shadow,
       count(*) FILTER (change = 'new' AND both_looked) AS new, count(*) FILTER (change = 'gone') AS gone,
       count(*) FILTER (change = 'level') AS other_level,
       count(*) FILTER (NOT both_looked) AS only_shadow_looked
FROM shadow_changes GROUP BY ALL ORDER BY ALL
"""
LISTED = "SELECT * FROM shadow_changes WHERE change <> 'same' ORDER BY change, monitor, behaviour, finding_id"
LOOKED = """
SELECT s.monitor, count(*) FILTER (s.state = 'assessed'),
       count(*) FILTER (s.state = 'assessed' AND l.state = 'assessed')
FROM shadow_assessments s LEFT JOIN assessments l ON s.trace_key = l.trace_key AND s.monitor = l.monitor
GROUP BY s.monitor ORDER BY s.monitor
"""


@click.command("shadow", epilog=EXAMPLE)
@store_option()
@click.option("--list", "listed", is_flag=True, help="Each finding that would change, instead of counts.")
@format_option()
def command(store: str, listed: bool, format: str) -> None:
    """Compare shadow monitors with those in force of the same name, on traces that both looked at.

    What a shadow says stands in the views `shadow_alerts`, `shadow_assessments` and `shadow_changes` and in no others.
    To put it in force, run it without `--shadow`.
    """
    from pipelines.store import Store

    with Store.open(store).connect() as con:
        answer = con.execute(LISTED if listed else COUNTED)
        columns, rows = [c[0] for c in answer.description or []], answer.fetchall()
        looked = con.execute(LOOKED).fetchall()
    print_rows(columns, rows, format)
    if not looked:
        click.echo("cotmonitor: no shadow has run here; `cotmonitor run ... --shadow` starts one", err=True)
    for monitor, shadow, both in looked:
        click.echo(f"cotmonitor: {monitor}: the shadow looked at {shadow:,} traces, both at {both:,} of them", err=True)
