"""`cotmonitor review`: a person's verdict on a finding."""

from __future__ import annotations

import datetime as dt
import getpass

import click

from pipelines.cli.options import store_option

EXAMPLE = """
\b
Examples:
  cotmonitor review finding-3f9a1c --store S --verdict true_positive --note "reads the expected values from the test"
  cotmonitor review 3f9a1c --store S --verdict false_positive --reviewer ann --dry-run
"""
VERDICTS = (
    "true_positive",
    "false_positive",
    "unsure",
)  # schemas.results.VERDICTS, whose import --help need not wait for


def login_name() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in a container
        return None


@click.command("review", epilog=EXAMPLE)
@click.argument("finding", metavar="FINDING_ID")
@store_option()
@click.option("--verdict", type=click.Choice(VERDICTS), required=True, help="What you make of it.")
@click.option("--note", default=None, help="Why, for whoever comes after you.")
@click.option("--reviewer", default=login_name, show_default="your login name", help="Who you are.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and do nothing.")
def command(finding: str, store: str, verdict: str, note: str | None, reviewer: str | None, dry_run: bool) -> None:
    """Record a person's verdict on a finding.

    FINDING_ID is the id of a finding or of one of its alerts, or the first digits of one, with its kind before them or
    not. A verdict outlives new versions of the monitor, as the finding does. Your newest one counts, beside those of
    others.
    """
    import pyarrow as pa

    from pipelines.store import Store
    from pipelines.store.query import brief, find_alert
    from schemas.errors import InputError
    from schemas.results import REVIEWS

    reviewer = (reviewer or "").strip()
    if not reviewer:
        raise InputError("nobody knows who you are. Give --reviewer NAME.")
    opened = Store.open(store, write=not dry_run)
    with opened.connect() as con:
        found = find_alert(con, finding)
    row = {
        "finding_id": found.text("finding_id"),
        "verdict": verdict,
        "note": note or None,
        "reviewer": reviewer,
        "reviewed_at": dt.datetime.now(dt.UTC),
    }
    if not dry_run:
        opened.append(REVIEWS, pa.Table.from_pylist([row], REVIEWS.arrow()), "review")
    did = "would record" if dry_run else "recorded"
    what = f"{found.text('behaviour')} in trace {brief(found.text('trace_id'))!r} by {found.text('monitor')}"
    click.echo(f"cotmonitor: {did} {verdict} by {brief(reviewer)} on finding {row['finding_id']}: {what}", err=True)
