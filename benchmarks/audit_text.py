"""How fast the audit reads a corpus, in how much memory, and how much of what is hidden in it it finds.

    python -m benchmarks.audit_text --gb 2            speed and memory, beside the floor of merely reading the files
    python -m benchmarks.audit_text --sizes           the same for three sizes, and how time grows with size
    python -m benchmarks.audit_text --recall          rewritten rationales found, and honest rows taken for one

The corpus has rows of 8 KB or so, whose words follow a law like Zipf's and are not all ASCII, half as JSON lines with
messages, half as Parquet with columns; the audit looks for canaries, ids and 2,000 rationales, and indexes every row.
Recall is measured on seeds that no threshold was chosen on (those were chosen on seeds from 10,000 up).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import rationales as made
from benchmarks.generate import Shape, generate
from benchmarks.measure import Cost, measure

ROOT = Path(__file__).parent.parent
DATA = ROOT / "bench-data"
TEXTS = 2_000
SEEDS = 200
HONEST = 2_000  # rows without a leak in each corpus whose recall is measured
SIZES = (0.25, 0.5, 1.0)  # each twice the one before
FILES = 4
READ = 1 << 20
FLOOR = "floor"


def corpus(gb: float) -> Path:
    """A corpus of so many gigabytes of text on disk: JSON lines, and the same amount as Parquet."""
    folder = DATA / f"audit-{gb:g}"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "corpus").mkdir(parents=True)
        half = Shape(gb * 500, "flat", FILES, row_group_mb=32)
        generate(folder / "parquet", half)
        for i, path in enumerate(sorted((folder / "parquet").glob("*.parquet"))):
            path.rename(folder / "corpus" / f"table-{i}.parquet")
        generate(folder / "lines", Shape(gb * 500, "messages", FILES, seed=8))
        for i, path in enumerate(sorted((folder / "lines").glob("*.parquet"))):
            _as_lines(path, folder / "corpus" / f"lines-{i}.jsonl")
            path.unlink()
        (folder / "made").touch()
    return folder / "corpus"


def _as_lines(source: Path, target: Path) -> None:
    with target.open("w", encoding="utf-8") as out:
        for batch in pq.ParquetFile(source).iter_batches(1_000):
            for row in batch.to_pylist():
                row["messages"] = json.loads(row["messages"])
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


def scan(folder: Path, workers: int, store: Path) -> None:
    """What is measured: one audit of the text, in a process of its own."""
    from pipelines.audit.corpus.files import CorpusSettings
    from pipelines.audit.text.index import build_index
    from pipelines.audit.text.pipeline import scan_corpus
    from pipelines.audit.text.texts import MonitorText
    from pipelines.hush import hush_beam
    from pipelines.stage import Place

    hush_beam()
    index = build_index([MonitorText("alert", f"alert-{i}", made.rationale(i)) for i in range(TEXTS)])
    scanned = scan_corpus(CorpusSettings(str(folder)), index, Place(str(store), "audit"), workers)
    rows = scanned.rows
    leaks = [f.subject for f in scanned.findings if f.verdict == "leak"]
    print(json.dumps({"rows": len(rows), "bytes": scanned.nbytes, "leaks": leaks}))


def floor(folder: Path) -> None:
    """The least that any audit must do: read every byte once."""
    total = 0
    for path in sorted(folder.iterdir()):
        with path.open("rb", buffering=0) as f:
            while chunk := f.read(READ):
                total += len(chunk)
    print(json.dumps({"bytes": total}))


def speed(gb: float, workers: int) -> float:
    """Measure one size, print it, and return the processor seconds."""
    folder = corpus(gb)
    store = DATA / "audit-store"
    shutil.rmtree(store, ignore_errors=True)
    size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
    base = measure([sys.executable, "-m", "benchmarks.audit_text", "--do", FLOOR, "--folder", str(folder)], ROOT)
    command = [sys.executable, "-m", "benchmarks.audit_text", "--do", "scan", "--folder", str(folder)]
    before = _cpu()
    cost: Cost = measure([*command, "--store", str(store), "--workers", str(workers)], ROOT)
    cpu = _cpu() - before
    shutil.rmtree(store, ignore_errors=True)
    found = json.loads(cost.stdout.splitlines()[-1])
    text = found["bytes"] / 1e6
    print(
        f"{gb:g} GB, {workers} workers: {size:,.0f} MB of files, {text:,.0f} MB of text, {found['rows']:,} rows, "
        f"{found['leaks'] or 'no leak'}"
    )
    print(f"  audit  {cost.seconds:7.1f} s  {text / cost.seconds:7.1f} MB/s of text  peak {cost.pss_mb:,.0f} MB (PSS)")
    print(f"         {cpu:7.1f} s of processor time, {text / cpu:.1f} MB a second of it")
    print(f"  floor  {base.seconds:7.1f} s  {size / base.seconds:7.1f} MB/s of files, only read", flush=True)
    return cpu


def _cpu() -> float:
    """Processor seconds of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sizes(workers: int) -> None:
    """How processor time grows with size, once the start of the processes, the same for each, is taken off."""
    first, second, third = (speed(gb, workers) for gb in SIZES)
    exponent = math.log((third - second) / (second - first)) / math.log(2)
    small, large = (
        1_000 * (b - a) / t for a, b, t in zip(SIZES, SIZES[1:], (second - first, third - second), strict=False)
    )
    print(f"beyond the start: {small:.1f} and {large:.1f} MB a second of processor time, power {exponent:.2f} of size")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--do", choices=("scan", FLOOR), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do == "scan":
        scan(given.folder, given.workers, given.store)
    elif given.do == FLOOR:
        floor(given.folder)
    elif given.recall:
        from benchmarks.audit_recall import recall

        begun = time.perf_counter()
        recall(SEEDS, HONEST)
        print(f"{time.perf_counter() - begun:.0f} s")
    elif given.sizes:
        sizes(given.workers)
    else:
        speed(given.gb, given.workers)


if __name__ == "__main__":
    main()
