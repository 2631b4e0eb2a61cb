"""A run in OpenMetrics: to a file for a node exporter's textfile collector, or pushed to a gateway.

Counts of one night are gauges, since a batch job has no counter that grows for ever. What is not known is left out: a
run that failed before it read anything has no `cotmonitor_run_traces`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.summary import RunSummary
from schemas.errors import InputError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

JOB = "cotmonitor"
GAUGES = {
    "files": "Files that had something to do.",
    "rows": "Input rows read.",
    "traces": "Rows that became traces.",
    "dead": "Rows that became dead letters.",
    "alerts": "Alert rows committed, informational ones too.",
    "not_assessed": "Traces, monitor by monitor, that could not be looked at.",
    "without_reasoning": "Of the assessed, those that had no reasoning to read.",
    "cost_usd": "Paid to a judge.",
    "seconds": "Wall time.",
}
BY_MONITOR = ("assessed", "not_assessed", "without_reasoning", "alerts")


def registry(summary: RunSummary) -> CollectorRegistry:
    """The run as metrics of `prometheus_client`."""
    try:
        from prometheus_client import CollectorRegistry, Gauge
    except ImportError:
        raise InputError(
            "metrics: prometheus-client is not installed. Run pip install 'cotmonitor[metrics]'."
        ) from None
    made = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{JOB}_run_{name}", text, labels, registry=made)

    gauge("success", "Whether the last run ended well: 1, or 0.").set(summary.exit_code == 0)
    if summary.exit_code is not None:
        gauge("exit_code", "What the last run ended with.").set(summary.exit_code)
    if summary.finished_at is not None:
        gauge("finished_seconds", "When the last run ended, seconds since 1970.").set(summary.finished_at.timestamp())
    for name, text in GAUGES.items():
        if (value := getattr(summary, name)) is not None:
            gauge(name, text).set(value)
    if summary.monitors:
        looked = gauge("monitor_traces", "Traces by what a monitor did with them.", "monitor", "state")
        for m in summary.monitors:
            for state in BY_MONITOR:
                looked.labels(m.monitor, state).set(getattr(m, state))
    if summary.findings is not None:
        found = gauge("findings", "Findings reported.", "behaviour", "level", "environment", "new")
        for g in summary.findings.groups:
            where = (g.behaviour, g.level, g.environment or "")
            found.labels(*where, "yes").set(g.new)
            found.labels(*where, "no").set(g.reported - g.new)
        gauge("new_findings", "Findings that alert and that no run before had reported.").set(summary.findings.new)
        gauge("growing", "Behaviours that are more frequent in an environment than before.").set(
            len(summary.findings.growing)
        )
    return made


def write(summary: RunSummary, path: Path) -> None:
    """Write the metrics as text, whole or not at all; the name should end with `.prom` for a node exporter."""
    from prometheus_client.openmetrics.exposition import generate_latest

    text = generate_latest(registry(summary))
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(text)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def push(summary: RunSummary, gateway: str, timeout: float) -> None:
    """Replace the gateway's group `job="cotmonitor"` with this run's metrics. Raises `OSError` where it cannot."""
    from prometheus_client import push_to_gateway

    push_to_gateway(gateway, JOB, registry(summary), timeout=timeout)
