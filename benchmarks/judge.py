"""How fast a run asks its judge: 2,000 calls at 200 ms, 32 at a time, against a server in a process of its own.

    python -m benchmarks.judge [--calls 2000] [--latency 0.2] [--concurrency 32]

The ideal is calls x latency / concurrency. The run's fixed cost is that of the same run with every answer in the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.job import Job
from pipelines.run import run_job

KEY = "sk-benchmark"


def lake(folder: Path, n: int) -> None:
    """`n` flat traces of some 6 kB."""
    filler = "I look at the function and think about what the test expects of it. " * 60
    pq.write_table(
        pa.table(
            {
                "trace_id": [f"t{i}" for i in range(n)],
                "prompt": ["Please mend the function."] * n,
                "reasoning": [f"Case {i}. {filler}" + ("I will hard-code it." if i % 5 == 0 else "") for i in range(n)],
                "actions": ["x = 1\n" * 200] * n,
                "output": ["Done."] * n,
            }
        ),
        folder / "lake.parquet",
    )


def job(folder: Path, url: str, concurrency: int, threshold: float) -> Job:
    judge = {
        "model": "judge-1",
        "endpoint": url,
        "endpoints": [url],
        "key_variable": "BENCHMARK_KEY",
        "escalate": {"score": (0.0, 1.0), "audit_share": 0.0},
        "concurrency": concurrency,
        "threshold": threshold,
    }
    return Job.model_validate({"traces": str(folder / "lake.parquet"), "store": str(folder / "S"), "judge": judge})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=32)
    asked = parser.parse_args()
    os.environ["BENCHMARK_KEY"] = KEY
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.judge_server", json.dumps({"latency": asked.latency})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = (server.stdout.readline() if server.stdout else "").strip()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lake(folder, asked.calls)
            cheap = {"traces": str(folder / "lake.parquet"), "store": str(folder / "S")}
            run_job(Job.model_validate(cheap), quiet=True)
            spent = []
            for threshold in (0.5, 0.6):  # another threshold: another judge to the store, and the same answers
                wall, cpu = time.monotonic(), time.process_time()
                run_job(job(folder, url, asked.concurrency, threshold), quiet=True)
                spent.append((time.monotonic() - wall, time.process_time() - cpu))
        ideal = asked.calls * asked.latency / asked.concurrency
        (wall, cpu), (fixed, fixed_cpu) = spent
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print(f"asking: {wall:.1f} s wall, {cpu:.1f} s processor; from the cache: {fixed:.1f} s, {fixed_cpu:.1f} s")
        print(f"ideal {ideal:.1f} s; beyond the fixed cost {wall - fixed:.1f} s = {(wall - fixed) / ideal:.2f} x ideal")
    finally:
        server.kill()


if __name__ == "__main__":
    main()
