"""Exports for tests: settings, lakes in all layouts, and what was published, by its bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export.run import ExportSummary, export_lake
from pipelines.export.settings import ExportSettings
from pipelines.samples import write_samples
from tests.pipelines.lakes import flat, rollouts

KEY = b"a key of more than sixteen bytes\n"


def settings(lake: Path, out: Path, **more: Any) -> ExportSettings:
    """An export for `sft` that trains on plain actions, unless said otherwise."""
    return ExportSettings(**{"traces": str(lake), "out": str(out), "audience": "sft", "plain_actions": True} | more)


def export(lake: Path, out: Path, **more: Any) -> ExportSummary:
    """Make one, in this process."""
    return export_lake(settings(lake, out, **{"workers": 1} | more), quiet=True)


def copied(made: Path, folder: Path) -> Path:
    """A copy of an export or a lake, to do harm to."""
    return Path(shutil.copytree(made, folder))


def command(lake: Path, out: Path, *flags: str, workers: int = 1) -> list[str]:
    """The same export on the command line."""
    named = ["--traces", str(lake), "--out", str(out), "--audience", "sft", "--plain-actions", "--quiet"]
    return [sys.executable, "-m", "pipelines.cli", "export", *named, "--workers", str(workers), *flags]


def published(out: Path) -> dict[str, str]:
    """The digest of every file of an export, by its name below the folder."""
    files = sorted(p for p in out.rglob("*") if p.is_file())
    return {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def certificate(out: Path) -> dict[str, Any]:
    """What an export certifies."""
    return json.loads((out / "certificate.json").read_bytes())


def rows(out: Path) -> pa.Table:
    """All rows of an export, shard by shard."""
    return pa.concat_tables([pq.read_table(p) for p in sorted((out / "data").glob("*.parquet"))])


def texts(out: Path) -> Iterator[str]:
    """Every text that an export holds."""
    for messages in rows(out).column("messages").to_pylist():
        yield from (m["text"] for m in messages)


def key_file(folder: Path, key: bytes = KEY) -> Path:
    """A key that its owner alone may read."""
    path = folder / "ids.key"
    path.write_bytes(key)
    path.chmod(0o600)
    return path


def all_layouts(folder: Path, traces: int = 160) -> Path:
    """A lake with a file of each layout, and some bad rows in three of them."""
    write_samples(folder, traces)
    return folder


def small_lake(folder: Path) -> Path:
    """Two files: one has a row without an id, the other a replica and a namesake of rows in the first."""
    one, two = rollouts(40, "a"), rollouts(25, "b")
    flat(folder / "one.parquet", [*one, {**one[1], "trace_id": None}], row_group=15)
    flat(folder / "two" / "two.parquet", [*two, one[0], {**two[2], "trace_id": "a3"}])
    return folder
