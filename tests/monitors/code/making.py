"""Short traces for tests of the code monitor."""

from __future__ import annotations

import pyarrow as pa

from monitors.code import CodeMonitor, CodeSettings
from monitors.monitor import Verdict
from schemas.trace import STEPS

Trace = list[tuple[str, ...]]  # (channel, text) or (channel, text, tool)
ROLES = {"prompt": "user", "observation": "tool"}
MONITOR = CodeMonitor()


def array(*traces: Trace) -> pa.ListArray:
    """Traces as a monitor is given them."""
    rows = [
        [
            {
                "role": ROLES.get(step[0], "assistant"),
                "channel": step[0],
                "name": step[2] if len(step) > 2 else None,
                "text": step[1],
                "redacted": False,
            }
            for step in trace
        ]
        for trace in traces
    ]
    return pa.array(rows, STEPS)


def judged(trace: Trace, settings: CodeSettings | None = None) -> Verdict:
    """What the monitor says of one trace."""
    monitor = CodeMonitor(settings) if settings else MONITOR
    [verdict] = monitor.judge(array(trace))
    return verdict


def found(trace: Trace) -> set[str]:
    """The behaviours that are found and that nobody had asked for."""
    return {f.behaviour for f in judged(trace).findings if f.sanctioned == "none"}
