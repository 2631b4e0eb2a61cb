"""What a careful person would write in an afternoon, to measure ourselves against.

    python -m benchmarks.baselines set bench-data/flat-250 --processes 2
    python -m benchmarks.baselines re bench-data/flat-10

`set` reads batches with pyarrow, matches each text against one re2.Set and searches the hits again for spans, in as
many processes as asked; it matches Arrow's bytes in place, as somebody would who had measured. `plain-set` is the same
loop as one writes it first, over Python strings. `re` is a loop over Python's own regular expressions. None of them
keeps books, checks contracts, heeds guards or writes tables; they count hits.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import re2
import yaml

from schemas.digest import text_buffer

PACK = Path(__file__).with_name("pack20.yml")
COLUMN_OF = {"reasoning": "reasoning", "action": "actions", "output": "output"}


def patterns() -> dict[str, list[str]]:
    """The pack's patterns by the column they are looked for in."""
    found: dict[str, list[str]] = {}
    for rule in yaml.safe_load(PACK.read_text(encoding="utf-8"))["rules"]:
        for channel in rule["channels"]:
            found.setdefault(COLUMN_OF[channel], []).extend(rule["patterns"].values())
    return found


def batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        yield from file.iter_batches(batch_size=1024, columns=columns, use_threads=False)


def count_with_set(path: Path) -> int:
    """Spans found in a file by one re2.Set per column."""
    options = re2.Options()
    options.max_mem = 256 << 20
    sets, singles = {}, {}
    for column, sources in patterns().items():
        sets[column] = re2.Set.SearchSet(options)
        for source in sources:
            sets[column].Add(source)
        sets[column].Compile()
        singles[column] = [re2.compile(source, options) for source in sources]
    spans = 0
    for batch in batches(path, list(sets)):
        for column, engine in sets.items():
            data, starts = text_buffer(batch.column(column))
            for start, end in np.stack([starts[:-1], starts[1:]], axis=1).tolist():
                text = data[start:end]
                for hit in engine.Match(text) or ():
                    spans += sum(1 for _ in singles[column][hit].finditer(text))
    return spans


def count_with_plain_set(path: Path) -> int:
    """Spans found in a file by one re2.Set per column, over Python strings."""
    options = re2.Options()
    options.max_mem = 256 << 20
    found = patterns()
    sets = {column: re2.Set.SearchSet(options) for column in found}
    for column, sources in found.items():
        for source in sources:
            sets[column].Add(source)
        sets[column].Compile()
    singles = {column: [re2.compile(source, options) for source in sources] for column, sources in found.items()}
    spans = 0
    for batch in batches(path, list(sets)):
        for column, engine in sets.items():
            for text in batch.column(column).to_pylist():
                for hit in engine.Match(text) or ():
                    spans += sum(1 for _ in singles[column][hit].finditer(text))
    return spans


def count_with_re(path: Path) -> int:
    """Spans found in a file by a loop over compiled patterns of the standard library."""
    compiled = {column: [re.compile(source) for source in sources] for column, sources in patterns().items()}
    spans = 0
    for batch in batches(path, list(compiled)):
        for column, expressions in compiled.items():
            for text in batch.column(column).to_pylist():
                for expression in expressions:
                    spans += sum(1 for _ in expression.finditer(text or ""))
    return spans


WAYS: dict[str, Callable[[Path], int]] = {
    "set": count_with_set,
    "plain-set": count_with_plain_set,
    "re": count_with_re,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Count hits the plain way.")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.parquet"))
    count = WAYS[arguments.way]
    if arguments.processes > 1:
        with multiprocessing.Pool(arguments.processes) as pool:
            spans = sum(pool.imap_unordered(count, files))
    else:
        spans = sum(map(count, files))
    print(json.dumps({"spans": spans}))


if __name__ == "__main__":
    main()
