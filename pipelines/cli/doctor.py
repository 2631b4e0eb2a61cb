"""`cotmonitor doctor`: does this installation work, part by part?"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from pipelines.cli.output import print_rows

PACKAGES = (
    "apache-beam",
    "pyarrow",
    "google-re2",
    "deltalake",
    "duckdb",
    "great-expectations",
    "pydantic",
    "click",
    "rich",
)


@click.command("doctor", epilog="\b\nExample:\n  cotmonitor doctor --store alerts-store")
@click.option("--store", metavar="DIR", default=None, help="Check this store as well; it is only read.")
@click.option("--format", "format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(store: str | None, format: str) -> None:
    """Check that this installation works: each part is tried for real, in a folder of its own that is removed."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("core pack", _pack),
        ("traces, store and views", _whole),
        ("contracts", _contracts),
    ]
    if store is not None:
        checks.append(("store", lambda: _store(store)))
    rows: list[tuple[str, str, str, float]] = []
    for name, check in checks:
        begun = time.monotonic()
        try:
            state, words = "ok", check()
        except Exception as error:  # noqa: BLE001  whatever fails is what the user asked to know
            state, words = "FAILED", f"{type(error).__name__}: {error}"
        rows.append((name, state, words, time.monotonic() - begun))
    print_rows(["check", "state", "found", "seconds"], rows, format)
    if any(r[1] != "ok" for r in rows):
        sys.exit(1)


def _python() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}"


def _packages() -> str:
    from importlib.metadata import version

    return ", ".join(f"{p} {version(p)}" for p in PACKAGES)


def _pack() -> str:
    from monitors.rules import RuleMonitor, RuleSettings, load_pack

    pack = load_pack("core")
    RuleMonitor(pack, RuleSettings()).control()
    return f"{pack.name} {pack.version}: {len(pack.rules)} rules pass their own tests"


def _whole() -> str:
    """The main job on a few sample traces, end to end."""
    from pipelines.job import Job
    from pipelines.run import run_job
    from pipelines.samples import write_samples

    with tempfile.TemporaryDirectory() as folder:
        write_samples(Path(folder) / "traces", traces=200)
        job = Job(traces=(f"{folder}/traces",), store=f"{folder}/store", workers=1)
        summary = run_job(job, quiet=True)
        if not summary.alerts:
            raise RuntimeError("sample traces full of gaming gave no alert")
        return f"{summary.traces} sample traces gave {summary.alerts} alerts on Beam's in-process runner"


def _contracts() -> str:
    from importlib import import_module

    import_module("great_expectations")
    return "great_expectations loads"


def _store(store: str) -> str:
    from pipelines.store import Store

    opened = Store.open(store)
    with opened.connect() as con:
        units, alerts = con.execute("SELECT (SELECT count(*) FROM units), (SELECT count(*) FROM alerts)").fetchall()[0]
    return f"{units} units, {alerts} alerts"
