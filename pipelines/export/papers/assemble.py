"""From what workers staged and checked to the papers of an export: manifest, dead letters, certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from pipelines.canaries import SelfTest
from pipelines.export.asked import Asked
from pipelines.export.gate import Found, tokens_of
from pipelines.export.listing import Lake, veiled
from pipelines.export.masking.rows import RowCounts
from pipelines.export.papers.certify import Accounting, Certificate, Source
from pipelines.export.papers.dead import Dead, added
from pipelines.export.papers.manifest import Shard, manifest, shard_path
from pipelines.export.papers.publish import CERTIFICATE, DEAD_LETTERS, MANIFEST, Staging
from pipelines.export.shard import ExportJob, staged_shards
from schemas.contracts.report import Report


def accounting(asked: Asked, found: Sequence[Found], dead: dict[str, Dead]) -> Accounting:
    """What became of every row of the lake."""
    left_out = tuple((str(w), sum(f.staged.left_out[i] for f in found)) for i, w in enumerate(asked.where))
    return Accounting(
        rows=sum(f.staged.rows for f in found),
        exported=sum(f.verified.check.rows for f in found),
        replicas=sum(f.staged.replicas for f in found),
        left_out=left_out,
        dead={reason: d.rows for reason, d in dead.items()},
    )


def dead_reasons(job: ExportJob) -> dict[str, Dead]:
    """Why rows are dead, over all shards."""
    return added(staged.dead for staged in staged_shards(job))


def write_papers(
    asked: Asked,
    lake: Lake,
    job: ExportJob,
    staged: Staging,
    found: Sequence[Found],
    account: Accounting,
    tested: SelfTest,
    report: Report,
) -> None:
    """Write all that lies beside the data; the certificate comes last, over all the rest."""
    made = manifest([_shard(f, asked.key) for f in found]).json()
    letters = _write_letters(job, staged)
    job.guard.write(staged.out / MANIFEST, made)
    sizes = {f.name: f.size for f in lake.files}
    tokens = tokens_of(found)
    withheld = sum((f.staged.counts for f in found), RowCounts())
    certificate = Certificate(
        asked.stated,
        asked.settings.declassify,
        tuple(_source(f, sizes[f.staged.name], asked.key) for f in found),
        account,
        len(lake.files),
        len(found),
        report.results,
        tested,
        withheld,
        asdict(tokens) if tokens is not None else None,
        {MANIFEST: hashlib.sha256(made).hexdigest(), DEAD_LETTERS: letters},
    )
    job.guard.write(staged.out / CERTIFICATE, certificate.json(asked.key))


def _shard(found: Found, key: bytes | None) -> Shard:
    file, seen = found.staged, found.verified
    return Shard(shard_path(file.part), seen.check.rows, seen.bytes, seen.sha256, veiled(file.name, key))


def _source(found: Found, size: int, key: bytes | None) -> Source:
    file = found.staged
    return Source(veiled(file.name, key), veiled(file.fingerprint, key), size, found.verified.source_rows)


def _write_letters(job: ExportJob, staged: Staging) -> str:
    """All dead letters in the order of the lake's names; gives their digest."""
    sha256 = hashlib.sha256()
    with job.guard.create(staged.out / DEAD_LETTERS) as sink:
        for shard in range(job.shards):
            with job.guard.open(job.of_shard("dead", shard, "jsonl")) as letters:
                while chunk := letters.read(1 << 20):
                    sink.write(chunk)
                    sha256.update(chunk)
    return sha256.hexdigest()
