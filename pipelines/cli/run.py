"""`cotmonitor run`: the main job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import layout_options, parse_rename
from pipelines.cli.output import print_rows

if TYPE_CHECKING:
    from pipelines.job import Job
    from pipelines.summary import RunSummary

EXAMPLE = """
\b
Examples:
  cotmonitor run --traces 'lake/**/*.parquet' --store alerts-store
  cotmonitor run nightly.yaml --date 2026-11-22
  cotmonitor run --traces lake --store S --monitors rules:core,rules:./mine.yml --sample 500
  cotmonitor run nightly.yaml --judge-model gpt-5-mini --dry-run
  cotmonitor run nightly.yaml --monitors rules:./new.yml --shadow
  cotmonitor run nightly.yaml --quiet --summary last-run.json
  cotmonitor run nightly.yaml -- --runner=FlinkRunner --flink_master=flink:8081
"""


@click.command("run", epilog=EXAMPLE)
@click.argument("job_file", metavar="[JOB.yaml]", required=False)
@click.option(
    "--traces", multiple=True, metavar="GLOB", help="Files, folders or globs of Parquet traces. May be repeated."
)
@click.option("--store", metavar="DIR", default=None, help="The store; made if it is not there.")
@click.option("--root", metavar="DIR", default=None, help="Name files by their path below DIR instead of absolutely.")
@layout_options
@click.option("--date", metavar="YYYY-MM-DD", default=None, help="The date the run is for; today (UTC) if not given.")
@click.option(
    "--since",
    metavar="YYYY-MM-DD",
    default=None,
    help="Only files last modified on that day (UTC) or later; how many are left out is said.",
)
@click.option(
    "--shadow",
    is_flag=True,
    default=None,
    help="Judge beside what counts: seen by `cotmonitor shadow`, and in nobody's alerts. No judge is asked.",
)
@click.option(
    "--monitors",
    metavar="LIST",
    default=None,
    help="Comma-separated: rules (core pack), rules:PACK, code, classifier or classifier:MODEL.  [default: rules:core, "
    "code, and classifier where scikit-learn and skops are installed]",
)
@click.option("--sample", type=int, metavar="N", default=None, help="Draw N traces evenly; the same ones each time.")
@click.option("--workers", type=int, metavar="N", default=None, help="Worker processes; by default as many as repay.")
@click.option(
    "--retry", is_flag=True, default=None, help="Do again what could not be assessed or read, where that may help."
)
@click.option("--allow-empty", is_flag=True, default=None, help="Let a pattern match nothing.")
@click.option(
    "--max-dead-letter-ratio", type=float, metavar="R", default=None, help="Fail above this share.  [default: 0.05]"
)
@click.option(
    "--excerpt-chars", type=int, metavar="N", default=None, help="Evidence kept per span; 0 keeps none.  [default: 200]"
)
@click.option("--threshold", type=float, metavar="S", default=None, help="Alert from this score on.  [default: 0]")
@click.option(
    "--batch-mb",
    type=float,
    metavar="MB",
    default=None,
    help="Text per batch; changes speed, never results.  [default: 16]",
)
@click.option("--judge-model", metavar="NAME", default=None, help="Let this model read what is worth its price.")
@click.option("--judge-endpoint", metavar="URL", default=None, help="The judge's server; traces are sent to it alone.")
@click.option(
    "--judge-mode",
    type=click.Choice(["sync", "batch"]),
    default=None,
    help="Ask at once, or by the Batch API: cheaper, within a day.  [default: sync]",
)
@click.option(
    "--summary",
    "summary_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE.json",
    help="Write counts, exit code, run id and new findings to this file, also if the run fails.",
)
@click.option(
    "--metrics-file",
    default=None,
    metavar="FILE.prom",
    help="Write the run's figures in OpenMetrics, for a node exporter.",
)
@click.option("--push-metrics", default=None, metavar="URL", help="Push them to this Prometheus gateway.")
@click.option(
    "--webhook-variable",
    default=None,
    metavar="NAME",
    help="Post a notice to the address in this environment variable: new or growing findings, failures.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.option(
    "--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Summary."
)
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM_FLAGS]")
def command(job_file: str | None, beam_args: tuple[str, ...], summary_file: Path | None, **flags: Any) -> None:
    """Read traces, run the monitors, commit the alert tables.

    What was done before is not done again: a second run over the same files says so and stops. Beam's own flags go
    after `--`.
    """
    from pipelines.job import load_job
    from pipelines.run import run_job
    from pipelines.standard import LEFT_OUT, can_classify
    from pipelines.summary import SummaryFile

    if job_file is not None and job_file.startswith("--"):
        beam_args = (job_file, *beam_args)
        job_file = None
    dry_run, quiet, format = flags.pop("dry_run"), flags.pop("quiet"), flags.pop("format")
    with SummaryFile(summary_file).told() as file:
        job = load_job(job_file, job_flags(flags))
        file.asked(job, _teller(job) if job.notify is not None and not dry_run else None)
        if "monitors" not in job.model_fields_set and not can_classify() and not quiet:
            say(LEFT_OUT)
        summary = run_job(job, beam_args, dry_run, quiet, file.begun)
        file.ended(summary)
    if format == "json":
        json.dump(summary_json(summary), sys.stdout, indent=1, default=str)
        sys.stdout.write("\n")
    elif not quiet:
        report(summary, job.store)


def _teller(job: Job) -> Callable[[RunSummary], None]:
    """What tells others of the run; asked for at once, so that a webhook without an address is a fault of tonight."""
    from pipelines.notify.telling import tell

    settings = job.notify
    if settings is None:
        raise ValueError("nobody is to be told")
    settings.webhook()

    def told(summary: RunSummary) -> None:
        for sentence in tell(summary, settings):
            say(f"warning: {sentence}")

    return told


def say(text: str) -> None:
    click.echo(f"cotmonitor: {text}", err=True)


def job_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Flags as the keys of a job file; those that a command does not have are not given."""
    rename = dict(parse_rename(flags.pop("rename")))
    flags["traces"] = flags["traces"] or None
    flags["monitors"] = tuple(m for m in flags["monitors"].split(",") if m) if flags["monitors"] is not None else None
    ratio = flags.pop("max_dead_letter_ratio", None)
    contracts = {"max_dead_letter_ratio": ratio} if ratio is not None else None
    judge = {name: value for name in ("model", "mode") if (value := flags.pop(f"judge_{name}", None)) is not None}
    if (endpoint := flags.pop("judge_endpoint", None)) is not None:
        judge |= {"endpoint": endpoint, "endpoints": (endpoint,)}  # who types an address permits it
    given = (flags.pop(name, None) for name in ("metrics_file", "push_metrics", "webhook_variable"))
    named = zip(("metrics_file", "push", "webhook_variable"), given, strict=True)
    notify = {name: value for name, value in named if value is not None}
    return {**flags, "map": rename or None, "contracts": contracts, "judge": judge or None, "notify": notify or None}


def summary_json(summary: Any) -> dict[str, Any]:
    """A machine-readable summary."""
    from dataclasses import asdict

    return asdict(summary)


def counted(n: int, thing: str) -> str:
    """
    >>> counted(1, "file"), counted(1605, "row")
    ('1 file', '1,605 rows')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def _foreseen(f: Any) -> None:
    """What a judge would be asked, and its price."""
    chosen = ", ".join(f"{n:,} {by}" for by, n in f.by.items()) or "none"
    say(f"the judge would read {sum(f.by.values()):,} of {counted(f.traces, 'trace')} ({chosen})")
    price = "of unknown price (the job has no price for the model)" if f.usd is None else f"at most {f.usd:,.2f} USD"
    say(f"that is at most {counted(f.calls, 'call')}, {counted(f.tokens, 'token')}, {price}")
    if f.free:
        say(f"the answers for {counted(f.free, 'trace')} are paid for already")
    if f.over_budget:
        say(f"{counted(f.over_budget, 'trace')} would be over the budget, and not assessed")


def report(summary: Any, store: str) -> None:
    """The summary in words on stderr, the monitors' accounts as rows."""
    if summary.status == "dry_run":
        say(f"would read {counted(summary.files, 'file')}; {summary.known:,} done already. Nothing was written.")
    elif summary.status == "nothing_new":
        files = counted(summary.known, "file")
        say(f"nothing new: {files}, all done for every monitor named ({summary.seconds:.1f} s)")
        for warning in summary.warnings:
            say(f"warning: {warning}")
        return
    else:
        known = f"; {counted(summary.known, 'file')} done already" if summary.known else ""
        rows = f"{counted(summary.rows, 'row')} from {counted(summary.files, 'file')}"
        say(f"{rows} = {counted(summary.traces, 'trace')} + {counted(summary.dead, 'dead letter')}{known}")
        say(f"{counted(summary.alerts, 'alert')}, {summary.not_assessed:,} not assessed, in {summary.seconds:.1f} s")
    if summary.foreseen is not None:
        _foreseen(summary.foreseen)
    if summary.calls:
        calls = f"{counted(summary.calls, 'call')}, {summary.cached:,} from the cache"
        say(f"the judge: {calls}, {summary.cost_usd:.2f} USD")
    columns = ["monitor", "version", "files", "traces", "assessed", "without_reasoning", "not_assessed", "alerts"]
    print_rows(columns, [[m[c] for c in columns] for m in summary.monitors], "table", sys.stderr)
    for warning in summary.warnings:
        say(f"warning: {warning}")
    if summary.status == "done":
        if summary.alerts:
            say(f"next: cotmonitor alerts --store {store} --group")
        say(f"run {summary.run_id}")
