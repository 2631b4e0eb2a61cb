"""The manifest: which files an export is made of, and canonical JSON, in which all that is published is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipelines.export.papers.publish import DATA

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of training rows. `source` stands for the name of the lake's file that it mirrors."""

    file: str
    rows: int
    bytes: int
    sha256: str
    source: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of training rows, in the order of their own names, which says nothing of the lake's."""

    shards: tuple[Shard, ...]
    format: int = FORMAT

    def json(self) -> bytes:
        """The manifest as it is published."""
        totals = {"rows": sum(s.rows for s in self.shards), "bytes": sum(s.bytes for s in self.shards)}
        return canonical({**asdict(self), **totals})


def manifest(shards: Sequence[Shard]) -> Manifest:
    """The manifest of these shards."""
    return Manifest(tuple(sorted(shards, key=lambda s: s.file)))


def shard_path(part: str) -> str:
    return f"{DATA}/{part}"


def canonical(value: object) -> bytes:
    """JSON that is the same for the same value: keys sorted, one a line, no other spelling, a line break at the end.

    >>> canonical({"b": 1, "a": "é"})
    b'{\\n "a": "\\\\u00e9",\\n "b": 1\\n}\\n'
    """
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"
