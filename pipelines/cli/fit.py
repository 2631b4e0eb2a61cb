"""`cotmonitor fit`: a classifier from labelled traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import Directory, layout_options, parse_rename

if TYPE_CHECKING:
    from pipelines.fit.run import Made

EXAMPLE = """
\b
Examples:
  cotmonitor fit --traces 'eval/**/*.parquet' --label-column label --category test_gaming --out models/ours
  cotmonitor fit --traces eval --labels reviews.parquet --category test_gaming --ordinary 'lake/**/*.parquet' --out ours
  cotmonitor run --traces lake --store alerts-store --monitors rules:core,classifier:models/ours
"""
CATEGORIES = ("test_gaming", "hidden_objective")  # schemas.behaviours.CATEGORIES


@click.command("fit", epilog=EXAMPLE)
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
@click.option("--category", type=click.Choice(CATEGORIES), required=True, help="What the model is to look for.")
@click.option(
    "--behaviour", default=None, metavar="ID", help="What positives are called whose label names none.  [TG22 or HO01]"
)
@click.option("--out", type=Directory, required=True, help="The model: a new folder.")
@click.option("--name", default=None, metavar="NAME", help="Its name.  [default: that of the folder]")
@click.option("--model-version", default="1.0.0", show_default=True, metavar="X.Y.Z", help="Its version.")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="MONITOR",
    help="Traces without a label take this monitor's word: positive where it alerts, negative where it is silent.",
)
@click.option(
    "--unlabelled-weight",
    type=click.FloatRange(0, 1),
    default=None,
    help="What a trace weighs that is held to be negative since it has no label.  [0, or 0.3 with --teacher]",
)
@click.option(
    "--group-by", default=None, metavar="COLUMN", help="The task.  [default: task_id, rollout_group or prompt]"
)
@click.option(
    "--group-pattern", default=None, metavar="REGEX", help="Its groups in --group-by (or trace_id) name the task."
)
@click.option(
    "--source-column",
    default=None,
    metavar="COLUMN",
    help="Where a trace comes from.  [default: source, or the file's name]",
)
@click.option(
    "--leave-out", multiple=True, metavar="COLUMN", help="Measure with each value of this column left out, too."
)
@click.option(
    "--ordinary", multiple=True, metavar="GLOB", help="Ordinary traffic to set thresholds on; it is not fitted on."
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 0.5),
    default=0.004,
    show_default=True,
    help="Share of ordinary traces that may be alerted.",
)
@click.option("--notes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Paragraphs for the card.")
@click.option("--most-traces", type=click.IntRange(1), default=50_000, show_default=True, help="More are an error.")
@click.option("--bootstrap", type=click.IntRange(100), default=1_000, show_default=True, help="Replicates.")
@click.option("--dry-run", is_flag=True, help="Read labels and traces, say what would be fitted on, and write nothing.")
@layout_options
def command(
    patterns: tuple[str, ...],
    labels: tuple[str, ...],
    label_column: str | None,
    meanings: tuple[str, ...],
    category: str,
    behaviour: str | None,
    out: Path,
    name: str | None,
    model_version: str,
    teachers: tuple[str, ...],
    unlabelled_weight: float | None,
    group_by: str | None,
    group_pattern: str | None,
    source_column: str | None,
    leave_out: tuple[str, ...],
    ordinary: tuple[str, ...],
    false_alarms: float,
    notes: Path | None,
    most_traces: int,
    bootstrap: int,
    dry_run: bool,
    layout: str | None,
    rename: tuple[str, ...],
) -> None:
    """Fit a classifier on labelled traces, and write it with its card (docs/classifier.md).

    The model holds weights of hashed words and no text. Tasks and sources are left out whole wherever it is measured.
    It is monitor signal: keep it beside the store, never beside training data.
    """
    from monitors.classifier.saved import save_model
    from pipelines.fit.run import fitted, gather
    from pipelines.fit.settings import FitSettings
    from pipelines.labels.column import parse_meanings
    from schemas.behaviours import BEHAVIOURS
    from schemas.errors import Fault, InputError
    from schemas.layouts import LayoutSettings

    if behaviour is not None and (behaviour not in BEHAVIOURS or BEHAVIOURS[behaviour].category != category):
        raise InputError([Fault("--behaviour", None, f"{behaviour!r} is no behaviour of {category}")])
    _check_out(out, patterns + ordinary)
    settings = FitSettings(
        traces=patterns,
        category=category,
        name=_name(name or out.resolve().name),
        labels=labels,
        label_column=label_column,
        meanings=parse_meanings(meanings),
        behaviour=behaviour,
        version=model_version,
        teachers=teachers,
        unlabelled_weight=(0.3 if teachers else 0.0) if unlabelled_weight is None else unlabelled_weight,
        group_by=group_by,
        group_pattern=group_pattern,
        source_column=source_column,
        leave_out=leave_out,
        ordinary=ordinary,
        false_alarms=false_alarms,
        most_traces=most_traces,
        replicates=bootstrap,
        notes=tuple(p.strip() for p in notes.read_text("utf-8").split("\n\n") if p.strip()) if notes else (),
        layout=LayoutSettings(layout or "auto", parse_rename(rename)),
    )
    try:
        gathered = gather(settings, _say)
        examples = gathered.examples
        counts = ", ".join(f"{gathered.basis.count(b):,} {b}" for b in dict.fromkeys(gathered.basis))
        _say(f"{len(gathered.keys):,} traces ({counts}), of which {int(examples.positive().sum()):,} are positive")
        if dry_run:
            _say(f"would fit {settings.name} for {category} and write {out}")
            return
        made = fitted(settings, gathered, _say)
    except ImportError as error:
        from monitors.classifier.saved import MISSING

        raise InputError(MISSING) from error
    save_model(out, made.weights, made.card)
    _shown(made, out)


def _shown(made: Made, out: Path) -> None:
    for figure in made.card.figures:
        value = f"not measurable: {figure.why}" if figure.value is None else f"{figure.value:.3f}"
        counts = f" ({figure.k:,}/{figure.n:,})" if figure.k is not None else ""
        click.echo(f"{figure.way}: {figure.what}: {value}{counts}")
    for head in made.card.heads:
        _say(f"{head.behaviour} alerts from {head.threshold:.4f} on")
    _say(f"wrote {out}: {len(made.weights):,} bytes of weights; read its card.md before you rely on it")


def _name(name: str) -> str:
    import re

    from schemas.errors import Fault, InputError

    if not re.fullmatch(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", name):
        todo = "use small letters, digits, - and _, e.g. --name ours"
        raise InputError([Fault("--name", None, f"{name!r} is no name for a model", todo)])
    return name


def _check_out(out: Path, patterns: tuple[str, ...]) -> None:
    from pipelines.inputs import refuse_output
    from schemas.errors import Fault, InputError

    if out.exists():
        raise InputError([Fault(str(out), None, "there is something there already", "name a folder that is new")])
    refuse_output(str(out), patterns, ())


def _say(text: str) -> None:
    click.echo(f"cotmonitor: {text}", err=True)
