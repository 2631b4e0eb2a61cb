"""`cotmonitor traces`: check trace files before a run, or make them from JSONL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from pipelines.cli.options import format_option, layout_options, parse_rename
from pipelines.cli.output import print_rows
from schemas.errors import GateError, InputError


@click.group()
def command() -> None:
    """Check traces without running anything, or convert JSONL to Parquet.

    \b
    cotmonitor traces validate 'lake/**/*.parquet'
    cotmonitor traces convert 'rollouts/*.jsonl.gz' traces.parquet
    """


VALIDATE_COLUMNS = ("file", "layout", "rows", "traces", "dead", "reasons", "without_reasoning", "to_metadata", "error")


@command.command()
@click.argument("patterns", nargs=-1, required=True, metavar="GLOB...")
@layout_options
@click.option(
    "--max-dead-letter-ratio",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Exit with 3 if a larger share of all rows would be dead.",
)
@format_option()
def validate(
    patterns: tuple[str, ...], layout: str | None, rename: tuple[str, ...], max_dead_letter_ratio: float, format: str
) -> None:
    """Count what a run would read: layout, rows, traces, dead rows by reason, traces without reasoning.

    Columns listed under to_metadata are cut to a few characters and no monitor sees them: if the reasoning is among
    them, name it with --map. Exits with 3 if too many rows are dead or a file cannot be read, 2 if none fits.

    \b
    cotmonitor traces validate 'lake/**/*.parquet' --format json
    cotmonitor traces validate answers.parquet --map reasoning=cot,output=answer,trace_id=sample
    """
    from pipelines.inputs import expand
    from pipelines.validate import validate as read_all
    from schemas.layouts import LayoutSettings

    reports = read_all(expand(patterns), LayoutSettings(layout or "auto", parse_rename(rename)))
    rows = [
        (
            r.file,
            r.layout,
            r.rows,
            r.traces,
            r.dead_rows,
            dict(r.dead) if format == "json" else ", ".join(f"{reason} {n}" for reason, n in sorted(r.dead.items())),
            r.share_without_reasoning,
            list(r.unknown_columns) if format == "json" else ", ".join(r.unknown_columns),
            r.error,
        )
        for r in reports
    ]
    print_rows(VALIDATE_COLUMNS, rows, format)
    for report in reports:
        for dead in report.examples:
            click.echo(f"{report.file}: row {dead.row}: {dead.reason}: {dead.message}", err=True)
    unreadable = [r.error for r in reports if r.error]
    if unreadable:
        raise GateError("\n".join([f"{len(unreadable)} of {len(reports)} files cannot be read:", *unreadable]))
    total, dead_rows = sum(r.rows for r in reports), sum(r.dead_rows for r in reports)
    if dead_rows > max_dead_letter_ratio * total:
        raise GateError(
            f"{dead_rows:,} of {total:,} rows would be dead letters, more than --max-dead-letter-ratio "
            f"{max_dead_letter_ratio:g}. Mend the rows named above, or raise the ratio"
        )


@command.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id-from-line", is_flag=True, help="Give rows a trace_id of their own: file name, colon, line number.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there already.")
@click.option("--dry-run", is_flag=True, help="Read everything, say what would be written, and write nothing.")
@click.option(
    "--max-dead-letter-ratio",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Exit with 3 if a larger share of all lines is rejected.",
)
@format_option()
def convert(
    inputs: tuple[str, ...],
    out: Path,
    id_from_line: bool,
    overwrite: bool,
    dry_run: bool,
    max_dead_letter_ratio: float,
    format: str,
) -> None:
    """Turn JSONL rollouts (files or globs, .gz too) into one Parquet file.

    Columns are the union of all keys. A value whose shape differs from line to line becomes a JSON string, and so do
    chat messages. A line that is no JSON object is left out, told with its number, and kept in OUT.rejected.jsonl.
    Exits with 3 if too many lines are rejected, both files written all the same, and with 1 if none is good.

    \b
    cotmonitor traces convert 'rollouts/*.jsonl.gz' traces.parquet
    cotmonitor traces convert a.jsonl b.jsonl traces.parquet --dry-run
    """
    from pipelines.convert import ConvertSettings
    from pipelines.convert import convert as write
    from pipelines.inputs import expand

    report = write(expand(inputs), out, ConvertSettings(id_from_line, overwrite, dry_run))
    print_rows(("column", "type"), [(field.name, str(field.type)) for field in report.schema], format)
    for line in report.told:
        click.echo(line, err=True)
    verb = "would write" if dry_run else "wrote"
    click.echo(
        f"{report.lines:,} lines read, {report.rejected:,} rejected; {verb} {report.rows:,} rows to {out}", err=True
    )
    too_many = report.share_rejected > max_dead_letter_ratio
    kept = "would be kept" if dry_run else "are kept"
    if report.rejected and not too_many:
        click.echo(f"rejected lines {kept} in {report.rejects}", err=True)
    for note in _layout_notes(report.schema, out):
        click.echo(note, err=True)
    if too_many:
        raise GateError(
            f"{report.share_rejected:.3g} of the lines ({report.rejected:,} of {report.lines:,}) were rejected, more "
            f"than --max-dead-letter-ratio {max_dead_letter_ratio:g}. They {kept} in {report.rejects}. Mend them in "
            "the input and convert it again with --overwrite, or raise the ratio"
        )


def _layout_notes(schema: object, out: Path) -> Iterator[str]:
    """What a run would make of the file, while the person who knows its columns is still looking."""
    from schemas.layouts import LayoutSettings, adapter_for

    try:
        yield f"it reads as layout {adapter_for(schema, LayoutSettings(), str(out)).layout}"
    except InputError as error:
        yield f"no run can read it as it is: {error}"
