"""What `cotmonitor doctor` tries: the parts of an installation, and what tonight's job needs."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import CotmonitorError

if TYPE_CHECKING:
    from pipelines.job import Job

PACKAGES = (
    *("apache-beam", "pyarrow", "google-re2", "deltalake", "duckdb", "great-expectations", "pydantic", "click", "rich"),
)
EXTRAS = {
    "classifier": ("scikit-learn", "skops"),
    "judge": ("openai",),
    "metrics": ("prometheus-client",),
    "report": ("matplotlib",),
    "tokenizer": ("tokenizers",),
}
LITTLE = 1 << 30  # bytes free below which a night is likely to end with a full disk
SHARE = 0.1  # of the input that its results may take: measured shares are 1 to 5 in 100


class Absent(Exception):
    """Something that is not installed and need not be."""


def told(error: Exception) -> str:
    """An error in words: ours as they are, others with their kind."""
    return str(error) if isinstance(error, CotmonitorError) else f"{type(error).__name__}: {error}"


def python() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors"


def packages() -> str:
    return ", ".join(f"{p} {version(p)}" for p in PACKAGES)


def extra(name: str) -> str:
    missing, found = [], []
    for package in EXTRAS[name]:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        raise Absent(f"{', '.join(missing)}: pip install 'cotmonitor[{name}]'")
    return ", ".join(found)


def core_pack() -> str:
    from monitors.rules import RuleMonitor, RuleSettings, load_pack

    pack = load_pack("core")
    RuleMonitor(pack, RuleSettings()).control()
    return f"{pack.name} {pack.version}: {len(pack.rules)} rules pass their own tests"


def whole() -> str:
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


def contracts() -> str:
    import_module("great_expectations")
    return "great_expectations loads"


INSTALLATION: tuple[tuple[str, Callable[[], str]], ...] = (
    ("python", python),
    ("packages", packages),
    *((f"extra {name}", lambda name=name: extra(name)) for name in EXTRAS),  # type: ignore[misc]
    ("core pack", core_pack),
    ("traces, store and views", whole),
    ("contracts", contracts),
)


def store(path: str) -> str:
    """Whether a store can be asked, and how much is in it."""
    from pipelines.store import Store

    opened = Store.open(path)
    with opened.connect() as con:
        units, alerts = con.execute("SELECT (SELECT count(*) FROM units), (SELECT count(*) FROM alerts)").fetchall()[0]
    return f"{units} units, {alerts} alerts"


def of_job(path: str) -> list[tuple[str, Callable[[], str]]]:
    """What a job file needs tonight. A file that cannot be read is one failed check."""
    from pipelines.job import load_job

    try:
        job = load_job(path, {})
    except CotmonitorError as error:
        words = str(error)

        def unread() -> str:
            raise CotmonitorError(words)

        return [("job file", unread)]
    checks: list[tuple[str, Callable[[], str]]] = [
        ("job: traces", lambda: _traces(job)),
        ("job: store", lambda: _job_store(job)),
        ("job: monitors", lambda: _monitors(job)),
    ]
    if job.judge is not None:
        checks.append(("job: judge", lambda: _judge(job)))
    if job.notify is not None:
        checks.append(("job: notify", lambda: _notify(job)))
    return checks


def _traces(job: Job) -> str:
    from pipelines.inputs import expand, refuse_output

    paths = expand(job.traces, job.allow_empty)
    refuse_output(job.store, job.traces, paths)
    closed = [p for p in paths if not os.access(p, os.R_OK)]
    if closed:
        raise CotmonitorError(f"{closed[0]}: cannot be read, and {len(closed) - 1} others. Check their permissions.")
    return f"{len(paths):,} files, {sum(os.path.getsize(p) for p in paths) / 1e9:.3g} GB"


def _job_store(job: Job) -> str:
    from pipelines.inputs import expand

    if not os.path.exists(job.store):
        above = next(p for p in Path(os.path.abspath(job.store)).parents if p.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            raise CotmonitorError(f"{job.store}: cannot be made, since {above} is read-only")
        found = "will be made"
    else:
        found = store(job.store)
        above = Path(job.store)
        if not os.access(above, os.W_OK | os.X_OK):
            raise CotmonitorError(f"{job.store}: is read-only. Change its permissions.")
    free = shutil.disk_usage(above).free
    wanted = max(LITTLE, SHARE * sum(os.path.getsize(p) for p in expand(job.traces, True)))
    if free < wanted:
        raise CotmonitorError(f"{above}: {free / 1e9:.3g} GB are free, and tonight may want {wanted / 1e9:.3g}")
    return f"{found}; {free / 1e9:.3g} GB free"


def _monitors(job: Job) -> str:
    """Each monitor is loaded, and must find what it is known to find."""
    from pipelines.run import build_monitors

    monitors = build_monitors(job)
    for monitor in monitors:
        monitor.control()
    return ", ".join(f"{m.spec.id} {m.spec.version}" for m in monitors)


def _judge(job: Job) -> str:
    if job.judge is None:
        raise ValueError("no judge")
    job.judge.key()
    extra("judge")
    return f"{job.judge.model}; its key is at hand; nothing was asked"


def _notify(job: Job) -> str:
    if job.notify is None:
        raise ValueError("nobody is told")
    url = job.notify.webhook()
    if job.notify.push or job.notify.metrics_file:
        extra("metrics")
    folder = Path(job.notify.metrics_file or ".").absolute().parent
    if job.notify.metrics_file and not os.access(folder, os.W_OK):
        raise CotmonitorError(f"{folder}: is read-only, and notify.metrics_file is to be written there")
    parts = [("a webhook", url), ("a gateway", job.notify.push), ("a metrics file", job.notify.metrics_file)]
    return ", ".join(name for name, there in parts if there) or "nobody is told"
