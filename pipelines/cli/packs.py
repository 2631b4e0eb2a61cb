"""`cotmonitor packs`: look at rule packs, check them, and see what a change to one would change."""

from __future__ import annotations

import click

from pipelines.cli.options import format_option, layout_options, parse_rename
from pipelines.cli.output import print_rows

RULE_COLUMNS = ("rule", "behaviour", "name", "level", "status", "channels", "tests")
CHANGE_COLUMNS = ("change", "behaviour", "before", "after", "rules", "trace_id", "file", "row", "excerpt")


@click.group()
def command() -> None:
    """List, lint, test and compare rule packs.

    A PACK is the name of one that ships with cotmonitor, such as core, or the path of a .yml file or a folder.

    \b
    cotmonitor packs list
    cotmonitor packs lint my-pack/
    cotmonitor packs test my-pack/
    cotmonitor packs mutate my-pack/
    cotmonitor packs diff core my-pack/ --traces 'lake/**/*.parquet'
    """


@command.command(name="list")
@click.argument("pack", default="core")
@format_option()
def list_(pack: str, format: str) -> None:
    """List the rules of a pack (core if none is named).

    \b
    cotmonitor packs list core --format csv
    """
    from monitors.rules import read_pack
    from schemas.behaviours import BEHAVIOURS

    rows = [
        (
            r.id,
            r.behaviour,
            BEHAVIOURS[r.behaviour].name,
            r.level,
            r.status,
            ", ".join(r.listens),
            f"{len(r.match)}+{len(r.no_match)}",
        )
        for r in sorted(read_pack(pack).rules, key=lambda r: r.id)
    ]
    print_rows(RULE_COLUMNS, rows, format)


@command.command()
@click.argument("pack", default="core")
def lint(pack: str) -> None:
    """Check that a pack can be read and that every pattern is bounded, used and known. Exits with 2 if not.

    \b
    cotmonitor packs lint my-pack/
    """
    from monitors.rules import read_pack

    found = read_pack(pack)
    click.echo(f"{found.name} {found.version}: {len(found.rules)} rules, no faults", err=True)


@command.command()
@click.argument("pack", default="core")
def test(pack: str) -> None:
    """Lint a pack, then run every rule on its own tests, with the engine that judges traces. Exits with 2 if one fails.

    \b
    cotmonitor packs test my-pack/
    """
    from monitors.rules import load_pack

    found = load_pack(pack)
    tests = sum(len(r.match) + len(r.no_match) for r in found.rules)
    click.echo(f"{found.name} {found.version}: {len(found.rules)} rules, {tests} tests, all right", err=True)


@command.command()
@click.argument("pack", default="core")
@click.option("--min-caught", type=click.FloatRange(0, 100), default=95.0, show_default=True, help="Percent.")
@format_option()
def mutate(pack: str, min_caught: float, format: str) -> None:
    """Break one thing of a pack at a time and list what its own tests do not notice. Exits with 3 if that is too much.

    Broken are each pattern, each operand of an `any`, each guard, each stance and each meaning of a guard.

    \b
    cotmonitor packs mutate my-pack/
    cotmonitor packs mutate core --format json
    """
    from monitors.rules import load_pack
    from monitors.rules.mutants import survivors

    found = load_pack(pack)
    missed, tried = survivors(found)
    print_rows(("broken", "where"), [(m.kind, m.what) for m in missed], format)
    caught = tried - len(missed)
    share = 100 * caught / tried
    click.echo(f"{found.name} {found.version}: {caught} of {tried} mutants caught, {share:.1f} %", err=True)
    if share < min_caught:
        raise SystemExit(3)


@command.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--traces", "patterns", multiple=True, required=True, metavar="GLOB", help="Parquet files to judge.")
@click.option("--summary", is_flag=True, help="Print counts by behaviour instead of each alert.")
@click.option(
    "--excerpt-chars", type=click.IntRange(0), default=80, show_default=True, help="Evidence quoted; 0: none."
)
@layout_options
@format_option()
def diff(
    before: str,
    after: str,
    patterns: tuple[str, ...],
    summary: bool,
    excerpt_chars: int,
    layout: str | None,
    rename: tuple[str, ...],
    format: str,
) -> None:
    """Judge traces with packs A and B and list the alerts that appear, vanish or change from A to B.

    Nothing is stored.

    \b
    cotmonitor packs diff core my-pack/ --traces 'lake/**/*.parquet'
    cotmonitor packs diff old.yml new.yml --traces lake --summary --format json
    """
    from monitors.rules import RuleMonitor, RuleSettings, load_pack
    from pipelines.inputs import expand
    from pipelines.packs_diff import CHANGES, Tally, by_behaviour, diff_files
    from schemas.layouts import LayoutSettings

    settings = RuleSettings(excerpt_chars=excerpt_chars)
    old, new = (RuleMonitor(load_pack(ref), settings) for ref in (before, after))
    tally = Tally()
    layouts = LayoutSettings(layout or "auto", parse_rename(rename))
    changes = list(diff_files(old, new, expand(patterns), layouts, tally))
    if summary:
        print_rows(("behaviour", *CHANGES), by_behaviour(changes), format)
    else:
        rows = [
            (c.change, c.behaviour, c.before, c.after, ", ".join(c.rules), c.trace_id, c.file, c.row, c.excerpt)
            for c in changes
        ]
        print_rows(CHANGE_COLUMNS, rows, format)
    dead = f"; {tally.dead:,} rows could not be read" if tally.dead else ""
    said = ", ".join(f"{tally.changes[change]:,} {change}" for change in CHANGES)
    click.echo(
        f"{tally.traces:,} traces: {tally.before:,} alerts before, {tally.after:,} after: {said}{dead}", err=True
    )
