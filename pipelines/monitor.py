"""The main job as a Beam pipeline: shards in, staged results out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import apache_beam as beam
import pyarrow as pa

from monitors.monitor import Monitor
from pipelines import decide
from pipelines.ahead import ahead
from pipelines.coders import TraceBatchCoder
from pipelines.counting import count
from pipelines.plan import Part
from pipelines.plan import read_shard as tasks_of
from pipelines.read import LARGE, DeadBatch, Element, ReadSettings, ShardCount, TraceBatch, read_shard
from pipelines.stage import COUNTS, Manifest, Place, ShardDone, report_failure, shared, stage, stage_counts
from schemas.ledger import DEAD_LETTERS, INGEST
from schemas.results import ALERTS, ASSESSMENTS
from schemas.trace import TRACES

T = TypeVar("T")

beam.coders.registry.register_coder(TraceBatch, TraceBatchCoder)


@dataclass(frozen=True)
class MonitorJob:
    """All that the workers need, small enough to travel with the pipeline."""

    place: Place
    stamp: decide.RunStamp
    read: ReadSettings
    ingest: Part
    monitors: tuple[tuple[Part, Monitor], ...]
    shards: int


@dataclass(frozen=True)
class Judged:
    """What one monitor made of one batch: rows of `assessments` and `alerts`, and broken row-level promises."""

    shard: int
    index: int
    nbytes: int
    looked: pa.RecordBatch
    found: pa.RecordBatch | None
    violations: dict[str, int]


@dataclass(frozen=True)
class Outputs:
    """What the pipeline leaves behind: one manifest per staged batch, one word per shard."""

    staged: beam.PCollection[Manifest]
    shards: beam.PCollection[ShardDone]


def build(p: beam.Pipeline, job: MonitorJob) -> Outputs:
    """Plan -> read and adapt -> each monitor -> decide -> stage; contracts and commit follow when all is staged."""
    shards = p | "Plan" >> beam.Create(range(job.shards)) | "Spread" >> beam.Reshuffle()
    reading = beam.ParDo(ReadTraces(job)).with_output_types(TraceBatch, dead=DeadBatch, counts=ShardCount)
    read = shards | "Read" >> reading.with_outputs("dead", "counts", main="traces")
    staged = [read.traces | "Stage traces" >> beam.ParDo(StageTraces(job))]
    for part, monitor in job.monitors:
        judged = read.traces | f"Judge {part.id}" >> beam.ParDo(Judge(job, part, monitor))
        staged.append(judged | f"Stage {part.id}" >> beam.ParDo(StageJudged(job, part)))
    staged.append(read.dead | "Stage dead letters" >> beam.ParDo(StageDead(job)))
    done = read.counts | "Stage counts" >> beam.ParDo(StageCounts(job))
    return Outputs(staged | "Staged" >> beam.Flatten(), done)


class Step(beam.DoFn):
    """A step that leaves its own words behind when it fails, since a runner hands on only a traceback."""

    def __init__(self, job: MonitorJob) -> None:
        self.job = job

    def guarded(self, work: Callable[[], Iterable[T]]) -> Iterator[T]:
        try:
            yield from work()
        except Exception as error:
            report_failure(self.job.place, error)
            raise


class ReadTraces(Step):
    """Shard number -> `TraceBatch`; dead letters and counts on outputs of their own."""

    def setup(self) -> None:
        shared(self.job.place)

    def process(self, shard: int) -> Iterator[object]:
        return self.guarded(lambda: self._read(shard))

    def _read(self, shard: int) -> Iterator[object]:
        tasks = tasks_of(str(self.job.place.plan), shard)
        for piece in ahead(read_shard(shard, tasks, self.job.read), _large):
            if isinstance(piece, DeadBatch):
                count("dead_letters", len(piece.letters))
                yield beam.pvalue.TaggedOutput("dead", piece)
            elif isinstance(piece, ShardCount):
                yield beam.pvalue.TaggedOutput("counts", piece)
            else:
                count("traces", len(piece.traces))
                yield piece


def _large(piece: Element) -> bool:
    return isinstance(piece, TraceBatch) and piece.traces.nbytes > LARGE


class Judge(Step):
    """`TraceBatch` -> `Judged`, for one monitor. The monitor is shown the steps and nothing else."""

    def __init__(self, job: MonitorJob, part: Part, monitor: Monitor) -> None:
        super().__init__(job)
        self.part, self.monitor = part, monitor

    def setup(self) -> None:
        try:
            self.monitor.control()
        except Exception as error:
            report_failure(self.job.place, error)
            raise

    def process(self, batch: TraceBatch) -> Iterator[Judged]:
        if self.part.id in batch.parts:
            yield from self.guarded(lambda: [self._judge(batch)])

    def _judge(self, batch: TraceBatch) -> Judged:
        verdicts = self.monitor.judge(batch.traces.column("steps"))
        spec, stamp = self.monitor.spec, self.job.stamp
        units = decide.unit_ids(batch.traces, batch.fingerprints, self.part, stamp)
        looked = decide.assessments(batch.traces, units, verdicts, spec, stamp)
        found = decide.alerts(batch.traces, units, verdicts, spec, stamp)
        broken = decide.violations(batch.traces, looked, found, verdicts)
        count("alerts", len(found) if found is not None else 0)
        return Judged(batch.shard, batch.index, batch.traces.nbytes, looked, found, broken)


class StageTraces(Step):
    """Write the `traces` rows of a batch, where its files are new."""

    def process(self, batch: TraceBatch) -> Iterator[Manifest]:
        if INGEST in batch.parts:
            yield from self.guarded(lambda: [self._stage(batch)])

    def _stage(self, batch: TraceBatch) -> Manifest:
        rows = decide.seen(batch.traces, batch.fingerprints, self.job.ingest, self.job.stamp)
        broken = TRACES.violations(rows)
        place, n = self.job.place, len(rows)
        return stage(place, INGEST, batch.shard, batch.index, {TRACES: rows}, n, batch.traces.nbytes, broken)


class StageJudged(Step):
    """Write the assessments and alerts of a batch."""

    def __init__(self, job: MonitorJob, part: Part) -> None:
        super().__init__(job)
        self.part = part

    def process(self, judged: Judged) -> Iterator[Manifest]:
        return self.guarded(lambda: [self._stage(judged)])

    def _stage(self, j: Judged) -> Manifest:
        tables = {ASSESSMENTS: j.looked} | ({ALERTS: j.found} if j.found is not None else {})
        rows = len(j.looked)
        return stage(self.job.place, self.part.id, j.shard, j.index, tables, rows, j.nbytes, j.violations)


class StageDead(Step):
    """Write dead letters. Batches of letters are numbered apart from batches of traces."""

    def process(self, batch: DeadBatch) -> Iterator[Manifest]:
        if INGEST in batch.parts:
            yield from self.guarded(lambda: [self._stage(batch)])

    def _stage(self, batch: DeadBatch) -> Manifest:
        names = [n for n in DEAD_LETTERS.names if n not in ("unit_id", "run_id")]
        columns: dict[str, object] = {n: [getattr(x, n) for x in batch.letters] for n in names}
        stamp = self.job.stamp
        units = [self.job.ingest.unit_id(x.fingerprint, stamp.adapter_digest) for x in batch.letters]
        rows = DEAD_LETTERS.batch(columns | {"unit_id": units, "run_id": [stamp.run_id] * len(units)})
        lost = sum(x.rows for x in batch.letters)
        broken = DEAD_LETTERS.violations(rows)
        return stage(self.job.place, DEAD, batch.shard, batch.index, {DEAD_LETTERS: rows}, lost, 0, broken)


class StageCounts(Step):
    """Write a shard's counts by file, and the word that the shard is done."""

    def process(self, count: ShardCount) -> Iterator[ShardDone]:
        return self.guarded(lambda: [self._stage(count)])

    def _stage(self, count: ShardCount) -> ShardDone:
        done = ShardDone(count.shard, count.parts, count.trace_batches, count.dead_batches)
        columns = [[getattr(f, name) for f in count.files] for name in COUNTS.names]
        stage_counts(self.job.place, done, pa.table(columns, schema=COUNTS))
        return done


DEAD = "dead"  # the part under which dead letters are staged; they belong to the unit of `ingest`
