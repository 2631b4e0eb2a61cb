"""What the lake holds, and how the work is cut: a task is a whole file, and many small files make a shard."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export.ids import keyed
from pipelines.guard import Guard
from pipelines.inputs import InputFile, fingerprint
from pipelines.plan import INFLATION, SHARD_BYTES, SHARD_TASKS, TASKS, WHOLE
from schemas.digest import digest


@dataclass(frozen=True, slots=True)
class Lake:
    """Every file of a lake, in the order of their names, which is the order of everything that is made of them.

    `root` is the folder as it was given; neither it nor a file's name may stand in what is exported.
    """

    root: str
    files: tuple[InputFile, ...]

    @property
    def nbytes(self) -> int:
        return sum(f.size for f in self.files)


def list_lake(guard: Guard, root: str, allow_empty: bool = False) -> Lake:
    """The Parquet files in and below a folder, with their fingerprints; the order of listing does not matter."""
    folder = os.path.abspath(os.path.expanduser(root))
    paths = guard.lake(root, allow_empty)
    return Lake(folder, tuple(sorted(fingerprint(paths, folder, guard.open), key=lambda f: f.name)))


def veiled(text: str, key: bytes | None) -> str:
    """What stands for a file's name or fingerprint in an export: a digest, keyed where ids are.

    >>> veiled("day=1/swe.parquet", None) == veiled("day=2/swe.parquet", None)
    False
    """
    return digest("lake", text) if key is None else keyed(f"lake:{text}", key)


def part_name(name: str, key: bytes | None) -> str:
    """The name of the shard that mirrors a lake's file."""
    return f"part-{veiled(name, key)}.parquet"


def write_plan(files: Sequence[InputFile], path: Path, guard: Guard) -> int:
    """Write the plan, one row group a shard, and say how many there are."""
    shards = 0
    with guard.create(path) as sink, pq.ParquetWriter(sink, TASKS, compression="zstd") as writer:
        for group in _shards(files):
            columns = {
                "file": [f.name for f in group],
                "path": [f.path for f in group],
                "fingerprint": [f.fingerprint for f in group],
                "row_group": [WHOLE] * len(group),
                "start": [0] * len(group),
                "stop": [WHOLE] * len(group),
                "chosen": [None] * len(group),
                "parts": [[] for _ in group],
            }
            writer.write_table(pa.table(columns, schema=TASKS), row_group_size=len(group))
            shards += 1
    return shards


def _shards(files: Sequence[InputFile]) -> Iterator[list[InputFile]]:
    group: list[InputFile] = []
    size = 0
    for file in files:
        if group and ((size + file.size) * INFLATION > SHARD_BYTES or len(group) >= SHARD_TASKS):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group
