"""`cotmonitor store`: upkeep of a store between runs."""

from __future__ import annotations

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows
from pipelines.cli.review import login_name

EXAMPLE = """
\b
Examples:
  cotmonitor store check --store S
  cotmonitor store optimize --store S
  cotmonitor store retain --store S --days 400 --superseded 30 --dry-run
  cotmonitor store vacuum --store S
  cotmonitor store forget 'trace-17' --store S --owner ann --reason "the user asked for it"
"""
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group("store", epilog=EXAMPLE)
def command() -> None:
    """Check a store, make it smaller, carry it to this version, and make it forget.

    Commands that take something out of a store need it for themselves: while a run is at work they end with exit code
    75, and so does a run that begins meanwhile.
    """


@command.command("check", epilog=EXAMPLE)
@store_option()
@format_option()
def check_command(store: str, format: str) -> None:
    """Check that a store keeps its promises: files there and whole, rows accounted for, traces looked at.

    Ends with exit code 3 if one is broken. What is only worth knowing is listed too.
    """
    from pipelines.store import Store
    from pipelines.upkeep.checking import check
    from schemas.errors import GateError

    faults = check(Store.open(store))
    rows = [(f.check, f.where, "broken" if f.bad else "to know", f.what) for f in faults]
    print_rows(["check", "where", "kind", "what"], rows, format)
    broken = sum(f.bad for f in faults)
    if broken:
        raise GateError(f"{store}: {broken:,} promises are broken")
    click.echo(f"cotmonitor: {store} keeps its promises", err=True)


@command.command("optimize", epilog=EXAMPLE)
@store_option()
@dry_run_option
@format_option()
def optimize_command(store: str, dry_run: bool, format: str) -> None:
    """Rewrite many small files into a few large ones, so that queries are quick; no row changes.

    The old files stay for readers that have them open, until `cotmonitor store vacuum`.
    """
    from pipelines.store import Store
    from pipelines.upkeep.compact import optimize

    done = optimize(Store.open(store, write=not dry_run), dry_run)
    print_rows(["table", "files", "files_after"], [(c.table, c.before, c.after) for c in done], format)


@command.command("vacuum", epilog=EXAMPLE)
@store_option()
@click.option("--hours", type=click.FloatRange(min=1), default=168, show_default=True, help="Keep what is younger.")
@dry_run_option
@format_option()
def vacuum_command(store: str, hours: float, dry_run: bool, format: str) -> None:
    """Remove files that no table has known for a week, and what killed runs left behind."""
    from pipelines.store import Store
    from pipelines.upkeep.compact import vacuum

    removed = vacuum(Store.open(store, write=not dry_run), hours, dry_run)
    print_rows(["table", "files"], list(removed.items()), format)


@command.command("migrate", epilog=EXAMPLE)
@store_option()
@dry_run_option
def migrate_command(store: str, dry_run: bool) -> None:
    """Bring a store that an earlier version made up to this one; a run does the same when it opens it."""
    from pipelines.upkeep.migrating import migrate

    steps = migrate(store, dry_run)
    for step in steps:
        click.echo(f"cotmonitor: {'would ' if dry_run else ''}{step}", err=True)
    if not steps:
        click.echo(f"cotmonitor: {store} is of this version", err=True)


@command.command("retain", epilog=EXAMPLE)
@store_option()
@click.option("--days", type=click.IntRange(min=1), default=None, metavar="N", help="Keep nights of the last N days.")
@click.option(
    "--superseded",
    type=click.IntRange(min=0),
    default=None,
    metavar="N",
    help="Keep results that no view shows any more, of older packs or failed runs, for N days.",
)
@dry_run_option
@format_option()
def retain_command(store: str, days: int | None, superseded: int | None, dry_run: bool, format: str) -> None:
    """Delete what is older than it is kept, for good.

    Of old nights, traces that a person reviewed stay, with all that was said of them. Runs, units, audits, reviews,
    mutes and calibrations stay always. A file whose night is gone counts as done still: it is read again only by a
    monitor that changed, so take old files out of the lake as well, or run with `--since`.
    """
    from pipelines.store import Store
    from pipelines.upkeep.retaining import retain

    done = retain(Store.open(store, write=not dry_run), days, superseded, dry_run=dry_run)
    print_rows(["table", "superseded", "old"], [(a.table, a.superseded, a.old) for a in done], format)


@command.command("forget", epilog=EXAMPLE)
@click.argument("trace_id", metavar="TRACE_ID")
@store_option()
@click.option("--owner", default=login_name, show_default="your login name", help="Who asks for it.")
@click.option("--reason", required=True, help="Why. Do not name the trace here.")
@click.option("--undo", is_flag=True, help="Let later runs take the trace in again; what is deleted stays deleted.")
@dry_run_option
@format_option()
def forget_command(
    trace_id: str, store: str, owner: str | None, reason: str, undo: bool, dry_run: bool, format: str
) -> None:
    """Delete a trace everywhere in a store, and keep later runs from taking it in again.

    Gone are its rows in all tables, current or not, dead letters that hold its id, reviews and mutes of its findings,
    the tables' older versions, answers of judges about it, and audits' reports that name it. A keyed digest of the id
    stays. Not reached are the lake itself, exports, label files, and copies of the store. TRACE_ID is the whole id.
    """
    from pipelines.store import Store
    from pipelines.store.forgotten import forgotten
    from pipelines.upkeep import forgetting
    from schemas.errors import InputError

    if not (owner or "").strip() or not reason.strip() or trace_id in reason:
        raise InputError("--owner and --reason are kept in the trace's place. Give both, without the trace's id.")
    opened = Store.open(store, write=not dry_run)
    if undo:
        known = forgotten(opened)
        was = known is not None and trace_id in known
        if was and not dry_run:
            forgetting.let_in(opened, trace_id, str(owner), reason)
        click.echo(
            f"cotmonitor: {'may be taken in again' if was else 'was not forgotten; nothing is changed'}", err=True
        )
        return
    found = forgetting.find(opened, trace_id) if dry_run else forgetting.forget(opened, trace_id, str(owner), reason)
    rows = [*found.rows.items(), ("answers of judges", len(found.calls)), ("reports", len(found.reports))]
    print_rows(["what", "rows"], rows, format)
    if found.empty:
        click.echo("cotmonitor: the store held nothing of it; later runs will leave it out", err=True)
