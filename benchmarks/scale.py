"""How time and memory grow with the input: `python -m benchmarks.scale`.

Two shapes. `tiny`: many traces of about 150 bytes, files of 250,000 rows in one row group each, as rollouts of short
tasks come. `huge`: one trace of so many megabytes. Each size is run by `cotmonitor run` in a process of its own; time
is processor seconds of the process and its children, which a busy machine changes less than wall time. The exponent is
the slope of the logarithm of (seconds - fixed) over that of the size, fixed being the seconds of a small input, by
which everything is loaded and warm.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import measure

ROOT = Path(__file__).parent.parent
FILE_ROWS = 250_000
WORDS = "the loop adds each item then returns total so check edge case empty list and test pass value index".split()


@dataclass(frozen=True, slots=True)
class Taken:
    """One run: its size (traces, or megabytes of one trace), processor and wall seconds, peak memory of the tree."""

    size: int
    cpu_seconds: float
    seconds: float
    peak_mb: float


def tiny(folder: Path, traces: int, seed: int = 0) -> None:
    """Write so many small traces."""
    folder.mkdir(parents=True)
    for n, first in enumerate(range(0, traces, FILE_ROWS)):
        rows = min(FILE_ROWS, traces - first)
        draw = np.random.default_rng((seed, n))
        pool = pa.array([" ".join(draw.choice(WORDS, 14)) for _ in range(5_000)])
        at = np.arange(first, first + rows)
        ids = pa.array([f"t{i}" for i in at])
        drawn = pool.take(pa.array(draw.integers(0, len(pool), rows)))
        table = pa.table(
            {
                "trace_id": ids,
                "environment": pa.array([f"env-{i % 20}" for i in at]),
                "checkpoint": pa.array([f"step-{i % 50:03d}" for i in at]),
                "training_step": pa.array(at % 50),
                "task_id": pa.array([f"task-{i % 997}" for i in at]),
                "prompt": pa.repeat(pa.scalar("Add the numbers."), rows),
                # the number makes each text its own, as the texts of a sampled model are
                "reasoning": pa.compute.binary_join_element_wise(drawn, ids, " "),
                "output": pa.repeat(pa.scalar("42"), rows),
            }
        )
        pq.write_table(table, folder / f"{n:05d}.parquet", compression="zstd", row_group_size=FILE_ROWS)


def huge(folder: Path, megabytes: int, seed: int = 0) -> None:
    """Write one trace of so many megabytes in its reasoning."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    parts = [" ".join(draw.choice(WORDS, 200_000)) for _ in range(4)]
    length = sum(len(p) + 1 for p in parts)
    text = "\n".join(parts * (megabytes * 1_000_000 // length + 1))[: megabytes * 1_000_000]
    pq.write_table(pa.table({"trace_id": ["one"], "reasoning": [text], "output": ["42"]}), folder / "one.parquet")


SHAPES = {"tiny": tiny, "huge": huge}
FIXED = {"tiny": 20_000, "huge": 5}


def run(shape: str, size: int, monitors: str, workers: int, keep: Path) -> Taken:
    """Make the input, run over it, remove both."""
    SHAPES[shape](keep / "lake", size)
    command = ["-m", "pipelines.cli", "run", "--traces", str(keep / "lake"), "--root", str(keep / "lake"), "--quiet"]
    command += ["--store", str(keep / "store"), "--monitors", monitors, "--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = measure([sys.executable, *command], ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    shutil.rmtree(keep)
    return Taken(size, cpu, cost.seconds, cost.pss_mb)


def exponent(taken: list[Taken], fixed: float) -> float:
    """The slope of log(seconds beyond the fixed ones) over log(size), by least squares.

    >>> round(exponent([Taken(n, 5 + n / 10, 0, 0) for n in (100, 200, 400)], 5), 3)
    1.0
    """
    x = [math.log(t.size) for t in taken]
    y = [math.log(max(t.cpu_seconds - fixed, 1e-9)) for t in taken]
    return float(np.polyfit(x, y, 1)[0])


def main() -> None:
    """Run the sizes, print each as it is done, then the exponent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=list(SHAPES))
    parser.add_argument("sizes", type=int, nargs="+", help="traces for tiny, megabytes for huge")
    parser.add_argument("--monitors", default="rules:core,code")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    base = Path(mkdtemp(prefix="cotmonitor-scale-"))
    fixed = run(given.shape, FIXED[given.shape], given.monitors, given.workers, base / "fixed")
    print(json.dumps({"fixed": asdict(fixed)}), flush=True)
    taken = []
    for size in given.sizes:
        taken.append(run(given.shape, size, given.monitors, given.workers, base / str(size)))
        print(json.dumps(asdict(taken[-1])), flush=True)
    if len(taken) > 1:
        print(json.dumps({"exponent": round(exponent(taken, fixed.cpu_seconds), 3)}))
    shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
