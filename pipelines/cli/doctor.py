"""`cotmonitor doctor`: does this installation work, part by part?"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor doctor
  cotmonitor doctor nightly.yaml
  cotmonitor doctor --store alerts-store --format json
"""


@click.command("doctor", epilog=EXAMPLE)
@click.argument("job_file", metavar="[JOB.yaml]", required=False)
@click.option("--store", metavar="DIR", default=None, help="Check this store as well; it is only read.")
@click.option("--format", "format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(job_file: str | None, store: str | None, format: str) -> None:
    """Check that this installation works: each part is tried for real, in a folder of its own that is removed.

    With a job file, what tonight needs is looked at as well: its traces, its store and the room there, its monitors,
    and the variables for a judge and a webhook. Nothing is sent to either. Ends with exit code 1 if anything failed;
    `absent` is an extra that is not installed, which is no failure.
    """
    from pipelines import doctor

    checks: list[tuple[str, Callable[[], str]]] = [*doctor.INSTALLATION]
    if job_file is not None:
        checks += doctor.of_job(job_file)
    if store is not None:
        checks.append(("store", lambda: doctor.store(store)))
    rows: list[tuple[str, str, str, float]] = []
    for name, check in checks:
        begun = time.monotonic()
        try:
            state, words = "ok", check()
        except doctor.Absent as error:
            state, words = "absent", str(error)
        except Exception as error:  # noqa: BLE001  whatever fails is what the user asked to know
            state, words = "FAILED", doctor.told(error)
        rows.append((name, state, words, time.monotonic() - begun))
    print_rows(["check", "state", "found", "seconds"], rows, format)
    if any(r[1] == "FAILED" for r in rows):
        sys.exit(1)
