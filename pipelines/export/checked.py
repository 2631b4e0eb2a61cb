"""What was staged, read again by a reader of its own, and put together for the contracts and the certificate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.export.masking.tokens import RoundTrip, TokenReport
from pipelines.export.shard import ExportJob, StagedFile, StagedShard, staged_shards
from pipelines.export.verify import batches, verify_shard
from pipelines.inputs import fingerprint
from schemas.contracts.export import ShardCheck
from schemas.errors import BusyError


@dataclass(frozen=True, slots=True)
class Verified:
    """What stands in one staged file, and how many rows the footer of its source says it has (None: unreadable)."""

    part: str
    bytes: int
    sha256: str
    source_rows: int | None
    check: ShardCheck
    tokens: TokenReport | None


def verify_staged(job: ExportJob, staged: StagedShard, tokenizer: RoundTrip | None = None) -> None:
    """Read every file of a shard again and write down what is in it, in characters and, with a tokenizer, in tokens.

    Raises BusyError where a source is no longer the file that was listed.
    """
    found = [asdict(_verified(job, file, tokenizer)) for file in staged.files]
    kind = "rechecked" if job.of_shard("rewritten", staged.shard, "json").exists() else "checked"
    job.guard.write(job.of_shard(kind, staged.shard, "json"), json.dumps(found).encode())


def _verified(job: ExportJob, file: StagedFile, tokenizer: RoundTrip | None) -> Verified:
    (now,) = fingerprint([file.path], job.root, job.guard.open)
    if now.fingerprint != file.fingerprint:
        raise BusyError(f"{file.path}: changed while it was being exported. Run again when nothing writes to the lake.")
    path = Path(job.data) / file.part
    with job.guard.open(path) as staged:
        sha256 = hashlib.file_digest(staged, "sha256").hexdigest()
        size = staged.tell()
    check = verify_shard(path, job.guard.open, job.rows)
    tokens = _tokens(job, path, tokenizer) if tokenizer else None
    return Verified(file.part, size, sha256, _source_rows(job, file.path), check, tokens)


def _tokens(job: ExportJob, path: Path, tokenizer: RoundTrip) -> TokenReport:
    report = TokenReport()
    with job.guard.open(path) as source:
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20)
        for batch in batches(file, ["messages"]):
            report += tokenizer.check(batch)
    return report


def _source_rows(job: ExportJob, path: str) -> int | None:
    try:
        with job.guard.open(path) as source:
            return pq.read_metadata(source).num_rows
    except (OSError, ValueError):
        return None


def collected(job: ExportJob) -> Iterator[tuple[StagedFile, Verified]]:
    """Every staged file, with what the last look at it found, in the order of the lake's names."""
    for staged in staged_shards(job):
        seen = {v.part: v for kind in ("checked", "rechecked") for v in _read(job, kind, staged.shard)}
        for file in staged.files:
            yield file, seen[file.part]


def _read(job: ExportJob, kind: str, shard: int) -> Iterator[Verified]:
    path = job.of_shard(kind, shard, "json")
    if path.exists():
        for values in json.loads(job.guard.read(path)):
            tokens = TokenReport(**values["tokens"]) if values["tokens"] else None
            yield Verified(**{**values, "check": ShardCheck(**values["check"]), "tokens": tokens})
