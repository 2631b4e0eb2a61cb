"""`cotmonitor export`: training data that no monitor has touched."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import layout_options, parse_rename
from pipelines.cli.output import printable

if TYPE_CHECKING:
    from pipelines.export.run import ExportSummary

AUDIENCES = ("grader", "preference", "sft", "rl")  # schemas.training has them too, and needs pyarrow to be read
MOST_NAMES = 20  # of files with dead letters that the summary tells
EXAMPLE = """
\b
Examples:
  cotmonitor export --traces lake --out train/sft --audience sft --arguments 'bash.command,*.patch'
  cotmonitor export --traces lake --out grade --audience grader --where "environment = swe-fix"
  cotmonitor export nightly-export.yaml --id-key-file ids.key --columns model,success,metadata.seed
  cotmonitor export --traces lake --out train --audience rl -- --runner=FlinkRunner --flink_master=flink:8081

\b
A settings file has the same names as the flags, and may declassify what the firewall would refuse:
  traces: lake
  out: train/rl
  audience: rl
  where: [training_step >= 1000, environment != swe-fix]
  declassify:
    - flow: environment:swe-fix
      owner: ada@lab
      reason: its tests were broken from step 4000 on (ticket 812)
      expires: 2026-12-31
"""


@click.command("export", epilog=EXAMPLE)
@click.argument("settings_file", metavar="[SETTINGS.yaml]", required=False)
@click.option("--traces", metavar="ROOT", default=None, help="The lake: one folder, of which all Parquet is read.")
@click.option("--out", metavar="DIR", default=None, help="A new folder. An export to it that is there is checked.")
@click.option(
    "--audience",
    type=click.Choice(AUDIENCES),
    default=None,
    help="For whom. grader and preference never see reasoning; sft and rl keep it, and never train on it.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Export only traces that meet it: model, checkpoint, training_step, training_run, environment, started_at, "
    "window_index, reward or success, compared with a constant. May be repeated; all must hold.",
)
@click.option("--columns", metavar="LIST", default=None, help="Further columns, such as model,success,metadata.seed.")
@click.option(
    "--arguments",
    metavar="LIST",
    default=None,
    help="Tool arguments that train and that graders see: bash.command, or *.command for that of any tool.",
)
@click.option("--plain-actions", is_flag=True, default=None, help="The same for actions that are text, not calls.")
@click.option(
    "--id-key-file", metavar="FILE", default=None, help="With a key, rows have a keyed digest in place of trace_id."
)
@click.option(
    "--tokenizer", metavar="FILE", default=None, help="A tokenizer.json, by which the masks are checked in tokens."
)
@layout_options
@click.option(
    "--max-dead-letter-ratio", type=float, metavar="R", default=None, help="Fail above this share.  [default: 0.05]"
)
@click.option("--allow-empty", is_flag=True, default=None, help="Let the lake hold no file.")
@click.option("--workers", type=int, metavar="N", default=None, help="Worker processes; by default as many as repay.")
@click.option("--dry-run", is_flag=True, help="Check the settings and the lake, and write nothing.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.option(
    "--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Summary."
)
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM_FLAGS]")
def command(settings_file: str | None, beam_args: tuple[str, ...], **flags: Any) -> None:
    """Make training data from traces, which nothing that a monitor said can touch.

    The result depends on the lake and on these settings alone: one shard of training rows for each file of traces, a
    manifest, a certificate and dead letters, published at once or not at all. Paths in, above or beside a store are
    refused. The same export again finds it published and checks every byte of it. Beam's own flags go after `--`.
    """
    import datetime as dt

    from pipelines.export.load import load_export
    from pipelines.export.run import export_lake

    if settings_file is not None and settings_file.startswith("--"):
        beam_args = (settings_file, *beam_args)
        settings_file = None
    dry_run, quiet, format = flags.pop("dry_run"), flags.pop("quiet"), flags.pop("format")
    settings = load_export(settings_file, _overrides(flags))
    summary = export_lake(settings, beam_args, dry_run, quiet, dt.datetime.now(dt.UTC).date())
    if format == "json":
        json.dump(summary_json(summary), sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif not quiet:
        report(summary)


def _overrides(flags: dict[str, Any]) -> dict[str, Any]:
    rename = dict(parse_rename(flags.pop("rename")))
    for name in ("columns", "arguments"):
        if flags[name] is not None:
            flags[name] = tuple(part for text in flags[name].split(",") if (part := text.strip()))
    flags["where"] = flags["where"] or None
    return {**flags, "map": rename or None}


def summary_json(summary: ExportSummary) -> dict[str, Any]:
    """A machine-readable summary."""
    from dataclasses import asdict

    values = asdict(summary)
    return {**values, "left_out": [{"where": where, "rows": rows} for where, rows in summary.left_out]}


def report(summary: ExportSummary) -> None:
    """The summary in words on stderr."""
    files = _counted(summary.files, "file")
    if summary.status == "dry_run":
        _say(f"would read {files} and write to {summary.out}. Nothing was written.")
        return
    if summary.status == "published_already":
        _say(
            f"published already: {summary.out} is this export of {files}, every byte checked ({summary.seconds:.1f} s)"
        )
        return
    parts = [_counted(summary.exported, "row") + " exported"]
    parts += [f"{rows:,} left out by {where}" for where, rows in summary.left_out]
    parts += [_counted(summary.replicas, "replica")] if summary.replicas else []
    dead = sum(d.rows for d in summary.dead.values())
    _say(f"{_counted(summary.rows, 'row')} from {files} = {' + '.join([*parts, _counted(dead, 'dead letter')])}")
    for reason, letters in sorted(summary.dead.items(), key=lambda pair: -pair[1].rows):
        _say(f"  {letters.rows:,} x {reason}: {letters.first}")
    for digest, name in list(summary.dead_files.items())[:MOST_NAMES]:
        _say(f"  in dead_letters.jsonl {digest} is {name}")
    if len(summary.dead_files) > MOST_NAMES:
        _say(f"  and {len(summary.dead_files) - MOST_NAMES:,} more files, which --format json names")
    for warning in summary.warnings:
        _say(f"warning: {warning}")
    _say(f"published {summary.out}: {summary.bytes / 1e6:,.1f} MB in {summary.seconds:.1f} s")


def _say(text: str) -> None:
    click.echo(f"cotmonitor: {printable(text)}", err=True)


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
