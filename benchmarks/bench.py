"""Measure `cotmonitor run` beside what a careful person would write by hand: `make bench`.

The ways are run in turn, round after round, so that a slow minute of the machine hits all of them; figures are medians.
Throughput is marginal: the extra megabytes of the larger input by the extra seconds they took. What is left is the
fixed cost. Megabytes are 10^6 bytes of text as UTF-8, prompts included, not of Parquet on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.generate import Shape, generate
from benchmarks.measure import Cost, measure

ROOT = Path(__file__).parent.parent
PACK = "benchmarks/pack20.yml"
RE_SIZES = (2.0, 10.0)  # Python's `re` is so slow that more would only cost patience


@dataclass(frozen=True, slots=True)
class Input:
    """A generated folder and the bytes of text in it."""

    folder: Path
    megabytes: float


@dataclass(slots=True)
class Way:
    """One way to scan, on a small and a large input, and what each round cost."""

    name: str
    small: Input
    large: Input
    command: Callable[[Input, Path], list[str]]
    costs: dict[str, list[Cost]] = field(default_factory=lambda: {"small": [], "large": []})

    def run_once(self) -> None:
        for size, given in (("small", self.small), ("large", self.large)):
            with _scratch() as scratch:
                self.costs[size].append(measure(self.command(given, scratch), ROOT))

    def result(self) -> dict[str, object]:
        seconds = {size: statistics.median(c.seconds for c in costs) for size, costs in self.costs.items()}
        spread = {size: [round(c.seconds, 2) for c in costs] for size, costs in self.costs.items()}
        more, longer = self.large.megabytes - self.small.megabytes, seconds["large"] - seconds["small"]
        rate = more / longer if longer > 0 else None  # on a busy machine the larger input may be the quicker one
        fixed = max(seconds["small"] - self.small.megabytes / rate, 0.0) if rate else None
        return {
            "way": self.name,
            "small_mb": round(self.small.megabytes, 1),
            "large_mb": round(self.large.megabytes, 1),
            "small_seconds": round(seconds["small"], 2),
            "large_seconds": round(seconds["large"], 2),
            "marginal_mb_per_second": round(rate, 1) if rate else None,
            "fixed_seconds": round(fixed, 2) if fixed is not None else None,
            "peak_pss_mb": round(statistics.median(c.pss_mb for c in self.costs["large"])),
            "peak_rss_mb": round(statistics.median(c.rss_mb for c in self.costs["large"])),
            "rounds": spread,
        }


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="cotmonitor-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cotmonitor(given: Input, store: Path, processes: int) -> list[str]:
    command = [sys.executable, "-m", "pipelines.cli", "run", "--traces", f"{given.folder}/*.parquet"]
    return [*command, "--store", str(store / "store"), "--monitors", f"rules:{PACK}", "--workers", str(processes)]


def baseline(way: str, given: Input, processes: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.baselines", way, str(given.folder), "--processes", str(processes)]


def repeat_run(given: Input, processes: int) -> tuple[float, float]:
    """Seconds of a run over a handful of traces, and of the same run again with nothing new."""
    with _scratch() as scratch:
        command = cotmonitor(given, scratch, processes)
        return measure(command, ROOT).seconds, measure(command, ROOT).seconds


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure."""

    small: float
    large: float
    rounds: int
    processes: int
    layout: str
    one_row_group: bool
    data: Path
    output: Path


def settings() -> Settings:
    parser = argparse.ArgumentParser(description="Measure cotmonitor beside plain loops.")
    parser.add_argument("--full", action="store_true", help="250 MB and 1 GB instead of 100 and 500 MB")
    parser.add_argument("--small", type=float, help="megabytes of the small input")
    parser.add_argument("--large", type=float, help="megabytes of the large input")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--layout", default="flat", choices=("flat", "canonical", "messages", "scout"))
    parser.add_argument("--one-row-group", action="store_true", help="each file in one row group")
    parser.add_argument("--data", type=Path, default=ROOT / "bench-data")
    parser.add_argument("--output", type=Path, help="where the JSON goes (default DATA/bench.json)")
    a = parser.parse_args()
    small, large = (250.0, 1000.0) if a.full else (100.0, 500.0)
    small, large = a.small or small, a.large or large
    if small >= large:
        parser.error(f"--small {small:g} must be below --large {large:g}")
    data = a.data.resolve()
    return Settings(
        small, large, a.rounds, a.processes, a.layout, a.one_row_group, data, a.output or data / "bench.json"
    )


def prepare(s: Settings, megabytes: float, layout: str) -> Input:
    """A generated input, made once and kept; the baselines always read the flat layout."""
    files = max(s.processes * 2, 4)
    groups = "one" if s.one_row_group else "many"
    folder = s.data / f"{layout}-{megabytes:g}mb-{files}files-{groups}"
    total = generate(folder, Shape(megabytes, layout, files, one_row_group=s.one_row_group))
    return Input(folder, total / 1e6)


def ways(s: Settings) -> list[Way]:
    inputs = {(mb, kind): prepare(s, mb, kind) for mb in (s.small, s.large) for kind in {s.layout, "flat"}}
    few, some = (prepare(s, mb, "flat") for mb in RE_SIZES)
    ours, plain = ((inputs[s.small, kind], inputs[s.large, kind]) for kind in (s.layout, "flat"))
    n = s.processes
    return [
        Way(f"cotmonitor run, {n} workers", *ours, lambda given, scratch: cotmonitor(given, scratch, n)),
        Way(f"pyarrow + re2.Set loop, {n} processes", *plain, lambda given, _: baseline("plain-set", given, n)),
        Way(f"the same over Arrow's bytes, {n} processes", *plain, lambda given, _: baseline("set", given, n)),
        Way("Python re loop, 1 process", few, some, lambda given, _: baseline("re", given, 1)),
    ]


def main() -> None:
    s = settings()
    contenders = ways(s)
    few = Input(prepare(s, 0.1, s.layout).folder, 0.1)
    starts: list[tuple[float, float]] = []
    for number in range(s.rounds):
        print(f"round {number + 1} of {s.rounds} ...", file=sys.stderr, flush=True)
        starts.append(repeat_run(few, s.processes))
        for way in contenders:
            way.run_once()
    results = [way.result() for way in contenders]
    first, again = (statistics.median(column) for column in zip(*starts, strict=True))
    report = {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "settings": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(s).items()},
        "pack": PACK,
        "tiny_run_seconds": round(first, 2),
        "nothing_new_seconds": round(again, 2),
        "ways": results,
    }
    s.output.parent.mkdir(parents=True, exist_ok=True)
    s.output.write_text(json.dumps(report, indent=1) + "\n")
    print(table(results))
    print(f"\na run over 0.1 MB: {first:.1f} s; the same again, nothing new: {again:.1f} s; JSON in {s.output}")


HEADINGS = ("", "MB/s", "fixed s", "small s", "large s", "peak MB", "RSS sum MB")
FIELDS = (
    *("way", "marginal_mb_per_second", "fixed_seconds", "small_seconds", "large_seconds"),
    *("peak_pss_mb", "peak_rss_mb"),
)


def table(results: list[dict[str, object]]) -> str:
    rows = [HEADINGS, *(tuple("noise" if r[f] is None else str(r[f]) for f in FIELDS) for r in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


if __name__ == "__main__":
    main()
