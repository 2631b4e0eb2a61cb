"""The export as a Beam pipeline: files of traces in, one staged file of training rows for each out."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import apache_beam as beam

from pipelines.counting import count
from pipelines.export.checked import verify_staged
from pipelines.export.masking.tokens import RoundTrip
from pipelines.export.shard import ExportJob, StagedShard, export_shard, rewrite_shard
from pipelines.export.words import report_failure
from schemas.errors import CotmonitorError

T = TypeVar("T")


@dataclass(frozen=True)
class Outputs:
    """What the pipeline leaves behind: a word per shard once its files are staged, and one once they were verified."""

    staged: beam.PCollection[StagedShard]
    verified: beam.PCollection[int]


def build(p: beam.Pipeline, job: ExportJob) -> Outputs:
    """Plan -> read, adapt, select, mask, stage -> verify; contracts and publishing follow when all is staged.

    From reading to staging is one step: a file's rows are written in their order, by one writer, into one file.
    """
    shards = p | "Plan" >> beam.Create(range(job.shards)) | "Spread" >> beam.Reshuffle()
    staged = shards | "Export files" >> beam.ParDo(ExportFiles(job))
    return Outputs(staged, staged | "Verify" >> beam.ParDo(VerifyFiles(job)))


def build_rewrite(p: beam.Pipeline, job: ExportJob, concerned: Sequence[int]) -> Outputs:
    """Shards with replicas, known once all is staged -> drop them from their files -> verify those again."""
    shards = p | "Shards with replicas" >> beam.Create(concerned) | "Spread" >> beam.Reshuffle()
    staged = shards | "Drop replicas" >> beam.ParDo(DropReplicas(job))
    return Outputs(staged, staged | "Verify" >> beam.ParDo(VerifyFiles(job)))


class _Step(beam.DoFn):
    """A step that leaves its own words behind when it fails, since a runner hands on only a traceback."""

    def __init__(self, job: ExportJob) -> None:
        self.job = job

    def told(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            report_failure(self.job.guard, Path(self.job.work), error)
            raise


class ExportFiles(_Step):
    """Shard number -> its files as training rows, staged, and what became of every row."""

    def setup(self) -> None:
        if not self.job.plan.exists():
            raise CotmonitorError(
                f"{self.job.work}: a worker on {socket.gethostname()} cannot see the plan of this export. Workers and "
                "launcher need the lake and the folder of --out on one file system, under the same paths."
            )
        self.key = self.told(self.job.key)

    def process(self, shard: int) -> Iterator[StagedShard]:
        staged = self.told(lambda: export_shard(self.job, shard, self.key))
        count("exported_rows", sum(f.kept for f in staged.files))
        count("export_dead_letters", sum(f.dead for f in staged.files))
        yield staged


class DropReplicas(_Step):
    """Shard number -> those of its files that hold replicas, staged once more without them."""

    def process(self, shard: int) -> Iterator[StagedShard]:
        yield self.told(lambda: rewrite_shard(self.job, shard))


class VerifyFiles(_Step):
    """Staged files -> what another reader finds in them; gives the shard's number."""

    def setup(self) -> None:
        named = self.job.tokenizer
        self.tokenizer = self.told(lambda: RoundTrip.of(self.job.guard.read(named), named)) if named else None

    def process(self, staged: StagedShard) -> Iterator[int]:
        self.told(lambda: verify_staged(self.job, staged, self.tokenizer))
        yield staged.shard
