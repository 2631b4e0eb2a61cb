"""`cotmonitor calibrate`: from which suspicion on a trace is flagged, chosen on ordinary traffic."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

if TYPE_CHECKING:
    from pipelines.calibrate.run import Calibrated

EXAMPLE = """
\b
Examples:
  cotmonitor calibrate --store S --checkpoint base --target-fpr 0.01
  cotmonitor calibrate --store S --date 2026-11-01..2026-11-14 --alerts-per-night 40 --per environment
  cotmonitor calibrate --store S --environment swe-fix --labels reviews.parquet --target-fpr 0.01 --dry-run
"""
# schemas.results.LEVELS, whose import --help need not wait for
LEVELS = ("informational", "low", "medium", "high", "critical")
SHOWN = ("category", "environment", "threshold", "target_fpr", "flagged", "ordinary", "low", "high", "tasks", "kept")


@click.command("calibrate", epilog=EXAMPLE)
@store_option()
@click.option("--environment", multiple=True, metavar="E", help="Traffic of this environment is ordinary. Repeatable.")
@click.option("--model", multiple=True, metavar="M", help="Of this model. Repeatable.")
@click.option("--checkpoint", multiple=True, metavar="C", help="Of this checkpoint. Repeatable.")
@click.option("--training-run", multiple=True, metavar="R", help="Of this training run. Repeatable.")
@click.option("--date", "dates", default=None, metavar="D[..D]", help="Of runs for these dates.")
@click.option("--all-traffic", is_flag=True, help="All that the store holds is ordinary.")
@click.option(
    "--labels", multiple=True, metavar="FILE", help="Label files: maps and weights are fitted again, too. Repeatable."
)
@click.option("--target-fpr", type=float, default=None, metavar="SHARE", help="Ordinary traces that may be flagged.")
@click.option("--alerts-per-night", type=float, default=None, metavar="N", help="Or how many traces, in a night.")
@click.option(
    "--per", type=click.Choice(["environment"]), default=None, help="A threshold for each environment with the traffic."
)
@click.option(
    "--keep-level",
    type=click.Choice([*LEVELS, "none"]),
    default="high",
    show_default=True,
    help="Alerts of this level or above are listed whatever the threshold.",
)
@click.option("--base-rate", type=float, default=0.01, show_default=True, help="The share of traces assumed to be bad.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and do nothing.")
@format_option()
def command(
    store: str,
    environment: tuple[str, ...],
    model: tuple[str, ...],
    checkpoint: tuple[str, ...],
    training_run: tuple[str, ...],
    dates: str | None,
    all_traffic: bool,
    labels: tuple[str, ...],
    target_fpr: float | None,
    alerts_per_night: float | None,
    per: str | None,
    keep_level: str,
    base_rate: float,
    dry_run: bool,
    format: str,
) -> None:
    """Choose thresholds on ordinary traffic that the store's monitors have assessed.

    You say which traffic is ordinary; what people confirmed or labels name is left out of it. The threshold is the
    lowest that keeps to --target-fpr in each category, or to --alerts-per-night in all. The calibration is appended to
    the store and is in force from then on: `alerts` lists what reaches its threshold (docs/calibrate.md).
    """
    from pipelines.calibrate.cuts import Aim
    from pipelines.calibrate.run import CalibrateSettings, calibrate
    from pipelines.calibrate.traffic import Declared

    if (target_fpr is None) == (alerts_per_night is None):
        raise click.UsageError("give either --target-fpr or --alerts-per-night")
    if target_fpr is not None and not 0 < target_fpr < 1:
        raise click.BadParameter(f"{target_fpr:g} is not between 0 and 1", param_hint="--target-fpr")
    if alerts_per_night is not None and alerts_per_night <= 0:
        raise click.BadParameter(f"{alerts_per_night:g} is not above 0", param_hint="--alerts-per-night")
    if not 0 < base_rate < 1:
        raise click.BadParameter(f"{base_rate:g} is not between 0 and 1", param_hint="--base-rate")
    since, until = _dates(dates)
    settings = CalibrateSettings(
        store,
        Aim(target_fpr, alerts_per_night, per is not None),
        Declared(environment, model, checkpoint, training_run, since, until),
        all_traffic,
        labels,
        None if keep_level == "none" else keep_level,
        base_rate,
    )
    made = calibrate(settings, dry_run)
    if format == "table":
        rows = [[*(row[c] for c in SHOWN), "that of *" if row["pooled"] else None] for row in made.rows]
        print_rows([*SHOWN, "note"], rows, format)
    else:
        print_rows(list(made.rows[0]), [list(row.values()) for row in made.rows], format)
    _tell(made, dry_run)


def _tell(made: Calibrated, dry_run: bool) -> None:
    for remark in made.remarks:
        click.echo(f"cotmonitor: {remark}", err=True)
    name = made.rows[0]["calibration_id"]
    did = "would be in force" if dry_run else "is in force" if made.written else "was in force already"
    click.echo(f"cotmonitor: {name} {did}", err=True)


def _dates(given: str | None) -> tuple[dt.date | None, dt.date | None]:
    if given is None:
        return None, None
    first, _, last = given.partition("..")
    try:
        return dt.date.fromisoformat(first), dt.date.fromisoformat(last or first)
    except ValueError:
        raise click.BadParameter(f"{given!r} is no date. Write 2026-11-01 or 2026-11-01..2026-11-14") from None
