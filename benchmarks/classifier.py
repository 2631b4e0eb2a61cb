"""How much text a core classifies in a second: `python -m benchmarks.classifier [--model MODEL] [--traces GLOB]`.

Processor time of one process, judging alone: traces are read before. Short traces, where a fixed cost a trace counts,
long ones, and one very long step, whose memory is told too. Under load figures are low; the load is printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator, Sequence

import pyarrow as pa

from monitors.classifier import STARTER, ClassifierMonitor, load_classifier
from pipelines.inputs import expand
from pipelines.labels.lake import Seen, read_traces
from pipelines.samples import samples
from schemas.layouts import LayoutSettings
from schemas.trace import STEPS

LONG = 40  # samples whose steps make up one long trace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default=STARTER)
    parser.add_argument("--traces", action="append", metavar="GLOB", help="measure on these instead")
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--long-mb", type=int, default=50)
    asked = parser.parse_args()
    monitor = load_classifier(asked.model)
    monitor.control()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, batches in _inputs(asked.traces, asked.samples):
        print(f"{name}: {_told(monitor, batches)}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = "I read the parser again, and the sum in row 3 is right. " * (asked.long_mb * 1_000_000 // 56)
    step = {"role": "assistant", "channel": "reasoning", "name": None, "text": text, "redacted": False}
    told = _told(monitor, [pa.array([[step]], STEPS)])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1_024
    print(f"one step of {asked.long_mb} MB: {told}, memory grew by {grown:,.0f} MB, making the step included")


def _inputs(patterns: Sequence[str] | None, n: int) -> Iterator[tuple[str, list[pa.ListArray]]]:
    if patterns:
        files = expand(patterns)
        for path in files:
            yield path, [b.column("steps") for b in read_traces([path], LayoutSettings(), Seen())]
        return
    made = [
        [
            {"role": t.role, "channel": t.channel, "name": t.name, "text": t.text, "redacted": t.redacted}
            for t in s.steps
        ]
        for s in samples(n, 7)
    ]
    yield f"{n:,} samples", [pa.array(made, STEPS)]
    joined = [[step for trace in made[i : i + LONG] for step in trace] for i in range(0, n, LONG)]
    yield f"the same, {LONG} to a trace", [pa.array(joined, STEPS)]


def _told(monitor: ClassifierMonitor, batches: Sequence[pa.ListArray]) -> str:
    size = sum(b.flatten().field("text").nbytes for b in batches)
    traces = sum(map(len, batches))
    begun = time.process_time()
    for steps in batches:
        monitor.judge(steps)
    seconds = time.process_time() - begun
    return f"{size / 1e6 / seconds:.1f} MB/s a core ({size / 1e6:.1f} MB, {traces:,} traces, {seconds:.2f} s)"


if __name__ == "__main__":
    main()
