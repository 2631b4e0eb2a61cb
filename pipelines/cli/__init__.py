"""The command line: `cotmonitor`, one file per command, each imported only when it is called.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a gate or an audit said no, 75 busy, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from pipelines.cli.output import printable
from schemas.errors import CotmonitorError

COMMANDS = {
    "demo": "Make sample traces, run everything on them and show the alerts.",
    "run": "Read traces, run the monitors, commit the alert tables.",
    "backfill": "Let a monitor judge past days that it has not judged.",
    "shadow": "Compare a monitor run as a shadow with the one in force.",
    "alerts": "List alerts.",
    "sql": "Query the store with SQL.",
    "show": "Show an alert: the trace, its evidence, and why.",
    "missed": "Estimate what the cheap monitors missed, from what a judge read by chance.",
    "mute": "Keep known alerts out of the list for a while.",
    "review": "Record a person's verdict on a finding.",
    "runs": "List runs and how they ended.",
    "export": "Make training data that no monitor has touched.",
    "audit": "Find what monitors said in a training corpus.",
    "evaluate": "Measure monitors against labelled traces.",
    "calibrate": "Choose thresholds on ordinary traffic.",
    "fit": "Fit a classifier on labelled traces.",
    "labels": "Import, export and compare labels of traces.",
    "packs": "List, lint, test and compare rule packs.",
    "store": "Check, shrink and migrate a store, and make it forget.",
    "traces": "Check traces without running, or convert JSONL to Parquet.",
    "doctor": "Check that this installation works.",
}


class LazyGroup(click.Group):
    """Lists every command without importing any, so that `cotmonitor --help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"pipelines.cli.{name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"pipelines.cli.{name}.command is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except CotmonitorError as error:
            click.echo(f"cotmonitor: {printable(str(error))}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # `cotmonitor alerts | head` is no failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except (KeyboardInterrupt, click.Abort):
            click.echo(
                "cotmonitor: interrupted; nothing half-done was committed or published, run again to complete it",
                err=True,
            )
            ctx.exit(130)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cotmonitor", prog_name="cotmonitor")
def main() -> None:
    """Watch what reasoning models think: traces in, alert tables out.

    \b
    cotmonitor run --traces 'lake/**/*.parquet' --store alerts-store
    cotmonitor alerts --store alerts-store --min-level medium
    cotmonitor sql "SELECT * FROM rates WHERE flagged > 0" --store alerts-store
    """
