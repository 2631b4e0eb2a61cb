"""`cotmonitor audit`: did anything that a monitor said reach a training corpus?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import store_option
from pipelines.cli.output import printable
from pipelines.cli.run import counted, say

if TYPE_CHECKING:
    from pipelines.audit.finding import Finding
    from pipelines.audit.report import AuditSummary

EXAMPLE = """
\b
Examples:
  cotmonitor audit training/2026-11-22 --store S --traces lake --certificate
  cotmonitor audit 'mixes/*.jsonl.gz' --store S --traces lake --selection mix.yaml
  cotmonitor audit mix.jsonl --store S --traces lake --payloads grader-requests.jsonl
  cotmonitor audit mix.jsonl --store S --traces lake --reward-fn 'python grade.py' --format json

\b
Exit codes: 0 nothing found, 3 a leak, something unexplained, or a broken certificate; 1, 2 and 75 as elsewhere.
"""
NAMED = 5  # rows shown below a finding on a terminal; the report has more
LEVELS = ("informational", "low", "medium", "high", "critical")  # schemas.results.LEVELS, unimported for a fast --help


@click.command("audit", epilog=EXAMPLE)
@click.argument("corpus", metavar="CORPUS")
@store_option()
@click.option("--traces", metavar="ROOT", default=None, help="The lake that the corpus was made from.")
@click.option(
    "--selection", metavar="FILE", default=None, help="YAML that declares how rows were chosen and columns made."
)
@click.option("--payloads", metavar="P", default=None, help="What graders were sent: a file, folder or glob.")
@click.option(
    "--reward-fn", metavar="CMD", default=None, help="A command that reads rows and writes rewards; needs --traces."
)
@click.option(
    "--reward-sample",
    type=click.IntRange(min=2),
    default=200,
    show_default=True,
    metavar="N",
    help="Traces that it is asked about.",
)
@click.option(
    "--reward-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    show_default=True,
    metavar="S",
    help="Seconds that it may take, each of four times.",
)
@click.option("--certificate", is_flag=True, help="CORPUS is an export: check its certificate first.")
@click.option("--id-key-file", metavar="F", default=None, help="The key of an export with keyed ids.")
@click.option(
    "--id-column",
    metavar="NAME",
    default=None,
    help="The column with the ids, if it has another name than sample_id, trace_id or id.",
)
@click.option(
    "--min-level",
    type=click.Choice(LEVELS),
    default="low",
    show_default=True,
    help="A trace is flagged by an alert from this level on.",
)
@click.option(
    "--alpha",
    metavar="A",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Chance of a false alarm in all audits of this corpus together.",
)
@click.option(
    "--report", metavar="F", default=None, help="Write the report here too, an .html or .json inside the store."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=None,
    metavar="N",
    help="Worker processes; by default as many as repay.",
)
@click.option("--names", is_flag=True, help="Name rows where no person may be looking: in a log, in --format json.")
@click.option("--dry-run", is_flag=True, help="Say what would be looked at, and do nothing.")
@click.option("--quiet", is_flag=True, help="No progress, no findings in words.")
@click.option(
    "--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Summary."
)
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM_FLAGS]")
def command(corpus: str, beam_args: tuple[str, ...], **flags: Any) -> None:
    """Did anything that a monitor said reach a training corpus?

    CORPUS is a file, folder or glob of Parquet, JSONL or text, plain or gzipped. The report names rows and joins them
    to alerts, so it is written to the store (`_audits`), never to CORPUS, and on stdout there are counts only, unless
    --names asks for more. What was not looked at is said: it is not the same as clean.
    """
    from pipelines.hush import hush_beam

    hush_beam()  # before the next line imports Beam
    from pipelines.audit.run import audit_corpus
    from pipelines.audit.settings import settings_of
    from schemas.errors import GateError

    names, dry_run, quiet, format = (flags.pop(n) for n in ("names", "dry_run", "quiet", "format"))
    summary = audit_corpus(settings_of({"corpus": corpus, **flags}), beam_args, quiet=quiet, dry_run=dry_run)
    if format == "json":
        json.dump(summary_json(summary, names), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    if not quiet:
        tell(summary, names or sys.stderr.isatty())
    if summary.refused:
        bad = sum(summary.counts[v] for v in ("leak", "associated_unexplained"))
        what = f"{bad} of its findings" if bad else "its certificate"
        raise GateError(f"the audit says no, because of {what}. Report: {summary.report}")


def summary_json(summary: AuditSummary, names: bool) -> dict[str, Any]:
    """Figures and verdicts; with `names` all that the report says, rows too."""
    from pipelines.audit.report import as_plain

    whole = as_plain(summary)
    if not names:
        kept = ("check", "channel", "verdict", "rows", "estimate", "low", "high", "p", "margin")
        whole["findings"] = [{k: f[k] for k in kept} for f in whole["findings"]]
    return whole


def tell(summary: AuditSummary, names: bool) -> None:
    """The audit in words on stderr, the worst first."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pipelines.audit.report import interval, is_bad, verdict_words

    spent = (
        "the same was asked before, which spends nothing"
        if summary.asked_before
        else f"number {summary.nth} of this corpus"
    )
    what = f"{counted(summary.files, 'file')}, {counted(summary.nbytes, 'byte')}"
    what += f", {counted(summary.rows, 'row')}" if summary.status == "done" else ""
    if summary.status == "dry_run":
        say(f"would audit {what}; {spent}, with alpha {summary.alpha:.2g}. Nothing was written.")
        return
    say(f"{what}; {spent}, with alpha {summary.alpha:.2g} of {summary.alpha_total:g}")
    console = Console(file=sys.stderr, width=None if sys.stderr.isatty() else 160, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in ("verdict", "check", "subject", "rows", "odds ratio", "what was seen"):
        table.add_column(column, justify="right" if column == "rows" else "left", overflow="fold")
    for finding in summary.findings:
        style = "bold red" if is_bad(finding) else "yellow" if finding.verdict.startswith("not_") else ""
        rows = f"{finding.rows:,}" if finding.rows else ""
        cells = (verdict_words(finding), finding.check, finding.subject, rows, interval(finding))
        table.add_row(
            *(Text(printable(c), style if i == 0 else "") for i, c in enumerate(cells)), _seen(finding, names)
        )
    console.print(table)
    say(f"report: {summary.report}/report.html ({summary.seconds:.1f} s)")


def _seen(finding: Finding, names: bool) -> Any:
    from rich.text import Text

    from pipelines.audit.report import told

    lines = [told(finding)]
    for row in finding.examples[: NAMED if names else 0]:
        place = "" if row.file is None else f"{row.file}{'' if row.row is None else f':{row.row}'} "
        lines.append(f"  {place}{row.sample_id or row.trace_key or ''} {row.detail}")
    if names and finding.examples and finding.rows > NAMED:
        lines.append(f"  and {finding.rows - min(NAMED, len(finding.examples)):,} more")
    return Text(printable("\n".join(lines)))
