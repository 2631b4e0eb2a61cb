"""Measure the monitors of acts and of words: `python -m benchmarks.code_actions [FOLDER ...]`.

Each way judges the same batches in one process; figures are CPU seconds (`time.process_time`), the least of the rounds,
and megabytes are 10^6 bytes of text as UTF-8, prompts included. The floor is what nobody can be quicker than who reads
code with a parser: `ast.parse` of every piece of Python, once each. Without folders it makes traces of its own.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from monitors.code import CodeMonitor
from monitors.code.extract import Reader
from monitors.code.language import PYTHON
from monitors.code.piece import Placed
from monitors.code.transcript import turns
from monitors.rules import RuleMonitor, load_pack
from pipelines.samples import write_samples
from schemas.layouts import LayoutSettings, adapter_for
from schemas.trace import CHANNELS

OWN = frozenset(("action", "output", "memory"))


def batches(folder: Path, rows: int) -> Iterator[pa.ListArray]:
    """The steps of all traces under a folder, `rows` at a time."""
    for path in sorted(folder.rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            adapter = adapter_for(file.schema_arrow, LayoutSettings(), path.name)
            for batch in file.iter_batches(rows, columns=list(adapter.columns)):
                steps = adapter.adapt(batch).traces.column("steps")
                if len(steps):
                    yield steps


def size(steps: Sequence[pa.ListArray]) -> int:
    """Bytes of text."""
    return sum(t.as_buffer().size for s in steps for t in s.flatten().field("text") if t.is_valid)


def python_of(steps: Sequence[pa.ListArray]) -> list[str]:
    """Every piece of Python that was written, once each."""
    found: dict[str, None] = {}
    for batch in steps:
        for step in batch.flatten().to_pylist():
            text, channel = step["text"] or "", step["channel"]
            if channel not in OWN or channel not in CHANNELS:
                continue
            parts = [(t.start, t.end) for t in turns(text) if t.own] if channel == "action" else [(0, len(text))]
            for start, end in parts:
                if end > start:
                    pieces = Reader().pieces(Placed(text).part(start, end), channel, step["name"])
                    found.update({p.text: None for p in pieces if p.language == PYTHON})
    return list(found)


def parse(programs: Sequence[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for program in programs:
            try:
                ast.parse(program)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue


def least(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the quickest of several rounds."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def measured(folder: Path, rounds: int, rows: int) -> dict[str, object]:
    steps = list(batches(folder, rows))
    megabytes, traces = size(steps) / 1e6, sum(map(len, steps))
    code, rules = CodeMonitor(), RuleMonitor(load_pack("core"))
    for monitor in (code, rules):
        monitor.control()  # compiled before the clock runs
    programs = python_of(steps)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    by_code = least(lambda: [code.judge(s) for s in steps], rounds)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    by_rules = least(lambda: [rules.judge(s) for s in steps], rounds)
    floor = least(lambda: parse(programs), rounds)
    rate = {name: round(megabytes / max(s, 1e-9), 1) for name, s in (("rules", by_rules), ("code", by_code))}
    return {
        "folder": folder.name,
        "traces": traces,
        "megabytes": round(megabytes, 1),
        "cpu_seconds": {"rules": round(by_rules, 2), "code": round(by_code, 2), "ast.parse": round(floor, 2)},
        "megabytes_a_cpu_second": {**rate, "rules and code": round(megabytes / max(by_rules + by_code, 1e-9), 1)},
        "code_by_ast.parse": round(by_code / floor, 1) if floor > 0.01 else None,
        "peak_memory_grown_mb": round(grown / 1e3, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of Parquet traces in any layout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=64, help="traces a batch")
    parser.add_argument("--traces", type=int, default=2000, help="how many to make where no folder is given")
    given = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), "load": [round(x, 1) for x in os.getloadavg()]}))
    for folder in given.folders:
        print(json.dumps(measured(folder, given.rounds, given.rows)), flush=True)
    if not given.folders:
        with TemporaryDirectory() as made:
            folder = Path(made) / "samples"
            write_samples(folder, given.traces, 7)
            print(json.dumps(measured(folder, given.rounds, given.rows)))


if __name__ == "__main__":
    main()
