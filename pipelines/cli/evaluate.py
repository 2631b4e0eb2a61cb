"""`cotmonitor evaluate`: what monitors catch at a false-alarm rate people can live with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import Directory, layout_options, parse_rename
from pipelines.cli.output import print_rows
from pipelines.standard import standard_monitors

if TYPE_CHECKING:
    from pipelines.evaluate.report import Report
    from pipelines.evaluate.settings import EvaluateSettings

EXAMPLE = """
\b
Examples:
  cotmonitor evaluate --traces 'lake/**/*.parquet' --label-column label --out figures
  cotmonitor evaluate --traces eval/ --labels labels.parquet --calibration 'ordinary/**/*.parquet' --format json
  cotmonitor evaluate --traces eval/ --labels reviews.parquet --store alerts-store
  cotmonitor evaluate --traces eval/ --label-column label --fitted tfidf --leave-out model
"""
LEVELS = ("informational", "low", "medium", "high", "critical")  # schemas.results.LEVELS


@click.command("evaluate", epilog=EXAMPLE)
@click.option("--traces", "patterns", multiple=True, required=True, metavar="GLOB", help="Labelled traces.")
@click.option("--labels", multiple=True, metavar="FILE", help="Label files; their rows are matched by trace_key.")
@click.option("--label-column", default=None, metavar="NAME", help="Or the column of the traces that holds the label.")
@click.option(
    "--label-map",
    "meanings",
    multiple=True,
    metavar="VALUE=MEANING[,...]",
    help="What values of the label column mean: test_gaming, hidden_objective, a behaviour id, benign or unknown.",
)
@click.option("--monitors", default=None, metavar="NAME[,...]", help="Monitors to run.  [default: those of run]")
@click.option("--store", default=None, metavar="DIR", help="Take scores from this store, and run no monitor.")
@click.option(
    "--calibration",
    multiple=True,
    metavar="GLOB",
    help="Ordinary traffic to choose thresholds on. Without it, one half of the negatives sets those of the other.",
)
@click.option("--group-by", multiple=True, metavar="COLUMN", help="Tell figures apart by this column, too.")
@click.option(
    "--source-column",
    default=None,
    metavar="COLUMN",
    help="Where a trace comes from.  [default: source, or the file's name]",
)
@click.option(
    "--cluster-by", default=None, metavar="COLUMN", help="The task.  [default: task_id, rollout_group or the prompt]"
)
@click.option(
    "--cluster-pattern", default=None, metavar="REGEX", help="Its groups in --cluster-by (or trace_id) name the task."
)
@click.option(
    "--fitted", default=None, metavar="NAME[,...]", help="Fit these as well, leaving folds out: tfidf, classifier."
)
@click.option("--leave-out", default="source", show_default=True, metavar="COLUMN", help="What --fitted leaves out.")
@click.option(
    "--variants",
    default="all",
    show_default=True,
    metavar="NAME[,...]",
    help="Changes of traces to judge again: none, all or names.",
)
@click.option("--mask", default=None, metavar="WORD[,...]", help="Words of roles or artefacts to mask as well.")
@click.option(
    "--min-level", type=click.Choice(LEVELS), default="low", show_default=True, help="From which level on is alerted."
)
@click.option("--nightly", type=click.IntRange(1), default=100_000, show_default=True, help="Traces a night.")
@click.option("--bootstrap", type=click.IntRange(100), default=1_000, show_default=True, help="Replicates.")
@click.option("--out", type=Directory, default=None, help="Write report.json, report.html and figures.csv here.")
@click.option("--no-html", is_flag=True, help="Leave the page out, which needs matplotlib.")
@click.option("--dry-run", is_flag=True, help="Say what would be measured, and do nothing.")
@click.option("--format", "format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@layout_options
def command(
    patterns: tuple[str, ...],
    labels: tuple[str, ...],
    label_column: str | None,
    meanings: tuple[str, ...],
    monitors: str | None,
    store: str | None,
    calibration: tuple[str, ...],
    group_by: tuple[str, ...],
    source_column: str | None,
    cluster_by: str | None,
    cluster_pattern: str | None,
    fitted: str | None,
    leave_out: str,
    variants: str,
    mask: str | None,
    min_level: str,
    nightly: int,
    bootstrap: int,
    out: Path | None,
    no_html: bool,
    dry_run: bool,
    format: str,
    layout: str | None,
    rename: tuple[str, ...],
) -> None:
    """Measure monitors against labelled traces.

    Headline figures are what is caught at 1 % and 0.1 % false positives, the threshold chosen on ordinary traffic;
    beside them stands what the figures rest on, and whether the labels can be told without looking (docs/evaluate.md).
    Reports are monitor signal: keep them beside the store, never beside training data.
    """
    from pipelines.evaluate.settings import EvaluateSettings
    from pipelines.labels.column import parse_meanings
    from schemas.layouts import LayoutSettings

    if bool(labels) == bool(label_column):
        raise click.UsageError("give either --labels or --label-column")
    defaults = () if store else standard_monitors()
    settings = EvaluateSettings(
        traces=patterns,
        labels=labels,
        label_column=label_column,
        meanings=parse_meanings(meanings),
        monitors=_names(monitors) or defaults,
        store=store,
        calibration=calibration,
        group_by=group_by,
        source_column=source_column,
        cluster_by=cluster_by,
        cluster_pattern=cluster_pattern,
        min_level=min_level,
        nightly=nightly,
        replicates=bootstrap,
        variants={"all": None, "none": ()}.get(variants, _names(variants)),
        mask=_names(mask),
        fitted=_names(fitted),
        leave_out=leave_out,
        layout=LayoutSettings(layout or "auto", parse_rename(rename)),
    )
    _check(settings, out, no_html)
    if dry_run:
        _say(f"would measure {', '.join(settings.monitors) or store} and {'write ' + str(out) if out else 'print'}")
        return
    from pipelines.evaluate.run import evaluate

    report = evaluate(settings, _say)
    if out is not None:
        _write(report, out, no_html)
    _print(report, format)


def _check(settings: EvaluateSettings, out: Path | None, no_html: bool) -> None:
    """Everything that would fail after an hour, at once."""
    import re

    from pipelines.evaluate.plots import check_plotting
    from pipelines.inputs import expand, refuse_output
    from schemas.errors import Fault, InputError

    paths = expand((*settings.traces, *settings.calibration))
    try:
        re.compile(settings.cluster_pattern or "")
    except re.error as error:
        raise InputError([Fault("--cluster-pattern", None, f"is no pattern: {error}")]) from None
    if out is not None:
        refuse_output(str(out), (*settings.traces, *settings.calibration), paths)
        if not no_html:
            check_plotting()


def _write(report: Report, out: Path, no_html: bool) -> None:
    from pipelines.evaluate.page import page
    from pipelines.evaluate.report import as_json
    from pipelines.evaluate.views import CSV_COLUMNS, csv_rows

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(as_json(report), encoding="utf-8")
    with (out / "figures.csv").open("w", encoding="utf-8", newline="") as stream:
        print_rows(CSV_COLUMNS, list(csv_rows(report)), "csv", stream)
    if not no_html:
        (out / "report.html").write_text(page(report), encoding="utf-8")
    _say(f"wrote {', '.join(sorted(p.name for p in out.iterdir()))} to {out}")


def _print(report: Report, format: str) -> None:
    from pipelines.cli.output import printable
    from pipelines.evaluate.report import as_json
    from pipelines.evaluate.views import CSV_COLUMNS, csv_rows, views

    if format == "json":
        sys.stdout.write(as_json(report))
    elif format == "csv":
        print_rows(CSV_COLUMNS, list(csv_rows(report)), "csv")
    else:
        click.echo(report.canary)
        for view in views(report):
            click.echo(f"\n{view.title}\n{view.about}")
            print_rows(view.columns, view.rows, "table")
        for remark in report.remarks:
            click.echo(printable(f"note: {remark}"))


def _names(value: str | None) -> tuple[str, ...]:
    return tuple(n.strip() for n in (value or "").split(",") if n.strip())


def _say(words: str) -> None:
    click.echo(f"cotmonitor: {words}", err=True)
