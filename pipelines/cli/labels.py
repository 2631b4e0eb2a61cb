"""`cotmonitor labels`: what is held to be true of traces, who says so, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipelines.cli.options import format_option, layout_options, parse_rename, store_option
from pipelines.cli.output import print_rows

# schemas.labels.ORIGINS and schemas.behaviours.CATEGORIES, whose import --help need not wait for
ORIGINS = ("human", "counterfactual", "model", "regex", "presumed")
CATEGORIES = ("test_gaming", "hidden_objective")
AGREEMENT_COLUMNS = (
    *("first", "second", "about", "both_sure", "unsure", "agreed", "kappa", "low", "high"),
    *("by_trace_low", "by_trace_high", "remark", "canary"),
)
LabelFile = click.Path(dir_okay=False, path_type=Path)


def out_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")(function)
    function = click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")(function)
    return click.option(
        "--out", type=LabelFile, required=True, help="The label file: its ending says .parquet, .jsonl or .csv."
    )(function)


@click.group()
def command() -> None:
    """Import, export and compare labels.

    A label file has one row per trace, category or behaviour, and labeller (docs/labels.md). It is monitor signal:
    keep it beside the store, never beside training data.

    \b
    cotmonitor labels template --traces 'lake/**/*.parquet' --sample 100 --labeller ann --out ann.csv
    cotmonitor labels import --traces 'lake/**/*.parquet' --label-column label --out labels.parquet
    cotmonitor labels from-reviews --store alerts-store --out reviews.jsonl
    cotmonitor labels agreement ann.csv ben.csv
    """


@command.command(name="import")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--traces", "patterns", multiple=True, metavar="GLOB", help="Traces, to read a column or look ids up.")
@click.option("--label-column", default=None, metavar="NAME", help="The column of the traces that holds the label.")
@click.option(
    "--label-map", "meanings", multiple=True, metavar="VALUE=MEANING[,...]", help="What the column's values mean."
)
@click.option("--origin", type=click.Choice(ORIGINS), default=None, help="The ground of labels that do not say theirs.")
@click.option("--labeller", default=None, help="Whose they are, where they do not say.  [default: the column or file]")
@layout_options
@out_options
def import_(
    files: tuple[str, ...],
    patterns: tuple[str, ...],
    label_column: str | None,
    meanings: tuple[str, ...],
    origin: str | None,
    labeller: str | None,
    layout: str | None,
    rename: tuple[str, ...],
    out: Path,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Make one label file of a column of the traces, or of label FILES that people or programs wrote.

    A MEANING is test_gaming, hidden_objective, a behaviour id, benign (neither) or unknown. A FILE needs a column
    `label`, one of `category` and `behaviour`, and a `trace_key`, or `trace_id` and `trace_digest`, or with --traces a
    `trace_id` that only one trace bears.

    \b
    cotmonitor labels import --traces lake --label-column verdict --label-map hack=TG08,ok=benign --out labels.parquet
    cotmonitor labels import ann.csv ben.csv --traces lake --out labels.parquet
    """
    from pipelines.inputs import expand
    from pipelines.labels.files import Defaults, marked, read_labels
    from pipelines.labels.lake import keys_by_id
    from schemas.layouts import LayoutSettings

    if bool(files) == bool(label_column):
        raise click.UsageError("give label files, or --traces with --label-column")
    layouts = LayoutSettings(layout or "auto", parse_rename(rename))
    if label_column:
        if not patterns:
            raise click.UsageError("--label-column needs --traces")
        found = _of_column(patterns, layouts, label_column, meanings, origin, labeller or label_column)
    else:
        keys = keys_by_id(expand(patterns), layouts) if patterns else None
        found = []
        for file in files:
            found += marked(read_labels(file, Defaults(origin, labeller or Path(file).stem), keys))
    _write(found, out, overwrite, dry_run)


@command.command()
@click.argument("file")
@out_options
def export(file: str, out: Path, overwrite: bool, dry_run: bool) -> None:
    """Write a label file in another form, for a spreadsheet, say.

    \b
    cotmonitor labels export labels.parquet --out labels.csv
    """
    from pipelines.labels.files import marked, read_labels

    _write(marked(read_labels(file)), out, overwrite, dry_run)


@command.command("from-reviews")
@store_option()
@out_options
def from_reviews(store: str, out: Path, overwrite: bool, dry_run: bool) -> None:
    """Make labels of the reviews in a store: the newest verdict of each reviewer on each finding.

    Only what was flagged is reviewed, so such labels tell how many alerts are right, and not how much was missed.

    \b
    cotmonitor labels from-reviews --store alerts-store --out reviews.parquet
    """
    from pipelines.labels.reviews import labels_of_reviews
    from pipelines.store import Store

    found, lost = labels_of_reviews(Store.open(store))
    if lost:
        click.echo(f"cotmonitor: {lost:,} reviews are of findings that no committed run holds; left out", err=True)
    _write(found, out, overwrite, dry_run)


@command.command()
@click.option("--traces", "patterns", multiple=True, required=True, metavar="GLOB", help="Traces to be labelled.")
@click.option("--sample", type=click.IntRange(1), default=100, show_default=True, help="How many, drawn by chance.")
@click.option("--category", type=click.Choice(CATEGORIES), default=CATEGORIES[0], show_default=True)
@click.option("--labeller", required=True, help="Who is going to fill it in.")
@layout_options
@out_options
def template(
    patterns: tuple[str, ...],
    sample: int,
    category: str,
    labeller: str,
    layout: str | None,
    rename: tuple[str, ...],
    out: Path,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Write a label file to be filled in by hand, every row unsure; the same traces give the same sample.

    \b
    cotmonitor labels template --traces lake --sample 50 --labeller ann --out ann.csv
    """
    from pipelines.inputs import expand
    from pipelines.labels.lake import template as drawn
    from schemas.layouts import LayoutSettings

    layouts = LayoutSettings(layout or "auto", parse_rename(rename))
    _write(drawn(expand(patterns), layouts, category, labeller, sample), out, overwrite, dry_run)


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@format_option()
def agreement(files: tuple[str, ...], format: str) -> None:
    """Cohen's kappa of each pair of labellers, by category and behaviour, with 95 % intervals.

    low and high are the large-sample interval (Fleiss, Cohen and Everitt 1969), by_trace_* that of a bootstrap over
    traces. What either is unsure of does not enter.

    \b
    cotmonitor labels agreement ann.csv ben.csv --format json
    """
    from pipelines.labels.agree import agreements
    from pipelines.labels.files import CANARY_LINE, Defaults, read_labels

    labels = [label for file in files for label in read_labels(file, Defaults(labeller=Path(file).stem))]
    rows = [
        (
            p.first,
            p.second,
            p.about,
            p.both,
            p.unsure,
            p.agreement.agreed.value,
            p.agreement.kappa.value,
            p.agreement.kappa.low,
            p.agreement.kappa.high,
            p.agreement.kappa_by_trace.low,
            p.agreement.kappa_by_trace.high,
            "" if p.agreement.kappa.value is not None else str(p.agreement.kappa),
            CANARY_LINE,
        )
        for p in agreements(labels)
    ]
    if not rows:
        click.echo("cotmonitor: no two labellers spoke of the same traces", err=True)
    print_rows(AGREEMENT_COLUMNS, rows, format)


def _of_column(
    patterns: tuple[str, ...], layouts: Any, column: str, meanings: tuple[str, ...], origin: str | None, labeller: str
) -> list[Any]:
    from collections import Counter

    from pipelines.inputs import expand
    from pipelines.labels.column import check_column, check_values, labels_of, parse_meanings, values_of
    from pipelines.labels.lake import Seen, read_traces

    known = parse_meanings(meanings)
    seen, counts, found = Seen(), Counter[str](), []
    for batch in read_traces(expand(patterns), layouts, seen):
        values = values_of(batch, column)
        counts.update(v for v in values if v is not None)
        found += list(labels_of(batch, values, known, origin or "presumed", labeller))
    check_column(column, counts, len(seen.keys), "--label-column")
    check_values(counts, known)
    return found


def _write(labels: list[Any], out: Path, overwrite: bool, dry_run: bool) -> None:
    from collections import Counter

    from pipelines.labels.files import write_labels

    traces = len({label.trace_key for label in labels})
    counts = Counter(f"{label.category} {label.label}" for label in labels)
    said = ", ".join(f"{n:,} {what}" for what, n in sorted(counts.items())) or "nothing"
    if not dry_run:
        write_labels(labels, out, overwrite)
    click.echo(
        f"cotmonitor: {'would write' if dry_run else 'wrote'} {len(labels):,} labels of {traces:,} traces "
        f"to {out}: {said}",
        err=True,
    )
