"""`cotmonitor missed`: how many traces the cheap monitors missed, from the share that a judge read by chance."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.alerts import LEVELS
from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor missed --store S
  cotmonitor missed --store S --labels negatives.parquet --format json
"""
COLUMNS = ("environment", "unflagged", "drawn", "unread", "hits", "confirmed", "denied", "missed", "low", "high", "how")


@click.command("missed", epilog=EXAMPLE)
@store_option()
@click.option("--judge", metavar="ID", default="judge", show_default=True, help="The judge that read them.")
@click.option(
    "--labels",
    "labels",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Label files: the judge's errors on traces labelled negative of both categories correct its count.",
)
@click.option(
    "--min-level", type=click.Choice(LEVELS), default="low", show_default=True, help="Flagged means from this level on."
)
@format_option()
def command(store: str, judge: str, labels: tuple[Path, ...], min_level: str, format: str) -> None:
    """Estimate how many of the traces that no cheap monitor flagged show something, by environment.

    The judge's random share is counted up to all unflagged traces: by what people confirmed (`cotmonitor review` on the
    judge's findings), else corrected by its error on labelled negatives, else as the upper bound that an uncorrected
    count is. What the judge itself misses is missed here, too.
    """
    from pipelines.judge.missed import missed_by_environment
    from pipelines.labels.files import read_labels
    from pipelines.labels.truth import truths
    from pipelines.store import Store

    truth = truths(label for path in labels for label in read_labels(str(path))) if labels else None
    with Store.open(store).connect() as con:
        found = list(missed_by_environment(con, judge, min_level, truth))
    rows = []
    for r in found:
        d, e = r.drawn, r.estimate
        estimate = (None, None, None, "nothing drawn") if e is None else (e.value, e.low, e.high, e.how)
        rows.append([r.environment, d.unflagged, d.n, r.unread, d.hits, d.confirmed, d.denied, *estimate])
    print_rows(list(COLUMNS), rows, format)
