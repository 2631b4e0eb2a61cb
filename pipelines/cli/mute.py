"""`cotmonitor mute`: what somebody answers for need not wake anybody, until a day."""

from __future__ import annotations

import datetime as dt

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows
from pipelines.cli.review import login_name

EXAMPLE = """
\b
Examples:
  cotmonitor mute add --store S --finding 3f9a1c --owner ann --reason "known, ticket 12" --until 2026-12-24
  cotmonitor mute add --store S --behaviour TG12 --environment swe-fix --reason "old tests" --until 2026-12-24
  cotmonitor mute list --store S
  cotmonitor mute lift 5b21 --store S --reason "mended"
"""
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("mute", epilog=EXAMPLE)
def command() -> None:
    """Keep known alerts out of the list for a while, with an owner, a reason and a last day.

    Nothing is deleted: a muted alert is in every table and in `rates`, `cotmonitor alerts` says how many it does not
    show, and after the last day it is shown again. A mute is of one finding, of alike evidence (signature), or of a
    behaviour, rule or monitor in one environment.
    """


@command.command("add", epilog=EXAMPLE)
@store_option()
@click.option("--finding", default=None, metavar="ID", help="A finding or one of its alerts, or the first digits.")
@click.option("--signature", default=None, metavar="DIGEST", help="Alike evidence: the last column of alerts --group.")
@click.option("--behaviour", default=None, metavar="ID", help="A behaviour, in --environment.")
@click.option("--rule", default=None, metavar="ID", help="A rule, in --environment.")
@click.option("--monitor", default=None, metavar="ID", help="A monitor, in --environment or with another of these.")
@click.option("--environment", default=None, metavar="E", help="Only in this environment.")
@click.option("--owner", default=login_name, show_default="your login name", help="Who answers for it.")
@click.option("--reason", required=True, help="Why it may be quiet.")
@click.option("--until", type=DAY, required=True, metavar="YYYY-MM-DD", help="The last day; at most 180 days from now.")
@click.option("--dry-run", is_flag=True, help="Say how many alerts it would cover, and do nothing.")
def add(
    store: str,
    finding: str | None,
    signature: str | None,
    behaviour: str | None,
    rule: str | None,
    monitor: str | None,
    environment: str | None,
    owner: str | None,
    reason: str,
    until: dt.datetime,
    dry_run: bool,
) -> None:
    """Mute a finding, alike evidence, or a behaviour, rule or monitor in one environment."""
    from pipelines.cli.alerts import behaviour_id
    from pipelines.store import Store
    from pipelines.store.query import find_alert
    from pipelines.upkeep.muting import mute

    opened = Store.open(store, write=not dry_run)
    if finding is not None:
        with opened.connect() as con:
            finding = find_alert(con, finding).text("finding_id")
    if signature is not None:
        signature = _signature(opened, signature)
    given = {
        "finding_id": finding,
        "signature": signature,
        "monitor": monitor,
        "behaviour": behaviour_id(behaviour) if behaviour is not None else None,
        "rule": rule,
        "environment": environment,
    }
    scope = {name: value for name, value in given.items() if value is not None}
    done = mute(opened, scope, owner or "", reason, until.date(), dry_run=dry_run)
    did = "would mute" if dry_run else "muted"
    click.echo(f"cotmonitor: {did} {done.alerts:,} alerts until {until.date()}: mute {done.mute_id[:12]}", err=True)


def _signature(store: object, given: str) -> str:
    """A whole signature from its first digits."""
    from pipelines.store import Store
    from schemas.errors import InputError

    if not isinstance(store, Store):
        raise TypeError("a store is needed")
    with store.connect() as con:
        found = con.execute("SELECT DISTINCT signature FROM alerts WHERE starts_with(signature, ?)", [given]).fetchall()
    if len(found) != 1:
        raise InputError(f"{len(found)} signatures begin with {given!r}. `cotmonitor alerts --group` shows them.")
    return str(found[0][0])


@command.command("list", epilog=EXAMPLE)
@store_option()
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@format_option()
def listing(store: str, everything: bool, format: str) -> None:
    """List mutes, the next to end first, with how many alerts each covers."""
    from pipelines.store import Store

    query = f"""SELECT left(m.mute_id, 12) AS mute, m.* EXCLUDE (mute_id, canary),
                       (SELECT count(*) FROM muted d WHERE d.mute_id = m.mute_id) AS alerts
                FROM mutes m {"" if everything else "WHERE in_force"} ORDER BY last_day, mute_id"""
    with Store.open(store).connect() as con:
        answer = con.execute(query)
        columns, rows = [c[0] for c in answer.description or []], answer.fetchall()
    if format == "table":  # most of a scope is empty
        kept = [i for i, _ in enumerate(columns) if not rows or any(r[i] is not None for r in rows)]
        columns, rows = [columns[i] for i in kept], [tuple(r[i] for i in kept) for r in rows]
    print_rows(columns, rows, format)


@command.command("lift", epilog=EXAMPLE)
@click.argument("mute_id", metavar="MUTE_ID")
@store_option()
@click.option("--owner", default=login_name, show_default="your login name", help="Who lifts it.")
@click.option("--reason", required=True, help="Why it need not be quiet any more.")
@click.option("--dry-run", is_flag=True, help="Say what would be lifted, and do nothing.")
def lifting(mute_id: str, store: str, owner: str | None, reason: str, dry_run: bool) -> None:
    """End a mute before its last day."""
    from pipelines.store import Store
    from pipelines.upkeep.muting import lift

    known = lift(Store.open(store, write=not dry_run), mute_id, owner or "", reason, dry_run)
    click.echo(f"cotmonitor: {'would lift' if dry_run else 'lifted'} mute {known[:12]}", err=True)
