"""The judge's pass as a Beam pipeline: shards of chosen rows in, staged verdicts and calls out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from monitors.monitor import MonitorSpec
from pipelines import decide
from pipelines.counting import count
from pipelines.judge.asking import Asker, Line, hire, let_go
from pipelines.judge.calling import Reply
from pipelines.judge.reading import Chosen, Laid, Reader, judgement_rows, lay_out, understand
from pipelines.monitor import MonitorJob, Outputs, ReadTraces, StageCounts, Step
from pipelines.plan import Part
from pipelines.read import DeadBatch, ShardCount, TraceBatch
from pipelines.stage import Manifest, report_failure, stage
from schemas.errors import CotmonitorError
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS

UNDER_WAY = 4  # traces laid out for each place at the judge's table: enough that no place is ever empty


@dataclass(frozen=True)
class JudgeJob:
    """All that the workers need. `base` says where and how traces are read, `rows` which and why, a group a shard."""

    base: MonitorJob
    part: Part
    spec: MonitorSpec
    line: Line
    reader: Reader
    rows: str


@dataclass(frozen=True)
class AskedBatch:
    """What became of one batch."""

    shard: int
    index: int
    nbytes: int
    looked: pa.RecordBatch
    found: pa.RecordBatch | None
    calls: pa.RecordBatch
    violations: dict[str, int]


def build(p: beam.Pipeline, job: JudgeJob) -> Outputs:
    """Plan -> read the chosen rows -> ask -> stage; contracts and commit follow when all is staged."""
    shards = p | "Plan" >> beam.Create(range(job.base.shards)) | "Spread" >> beam.Reshuffle()
    reading = beam.ParDo(ReadTraces(job.base)).with_output_types(TraceBatch, dead=DeadBatch, counts=ShardCount)
    read = shards | "Read" >> reading.with_outputs("dead", "counts", main="traces")
    staged = read.traces | "Ask" >> beam.ParDo(AskJudge(job)) | "Stage" >> beam.ParDo(StageAsked(job))
    read.dead | "Nothing may be lost" >> beam.ParDo(RefuseDead(job.base))
    return Outputs(staged, read.counts | "Stage counts" >> beam.ParDo(StageCounts(job.base)))


class AskJudge(Step):
    """`TraceBatch` -> `AskedBatch`. Batches overlap: while one is being answered the next is laid out."""

    def __init__(self, job: JudgeJob) -> None:
        super().__init__(job.base)
        self.judge = job

    def setup(self) -> None:
        try:
            self._asker: Asker = hire(self.judge.line)
        except Exception as error:
            report_failure(self.job.place, error)
            raise

    def teardown(self) -> None:
        let_go(self.judge.line)

    def start_bundle(self) -> None:
        self._waiting: deque[tuple[TraceBatch, list[Laid], Future[list[Reply]]]] = deque()

    def process(self, batch: TraceBatch) -> Iterator[AskedBatch]:
        return self.guarded(lambda: self._take(batch))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for done in self.guarded(self._rest):
            yield GlobalWindows.windowed_value(done)

    def _take(self, batch: TraceBatch) -> Iterator[AskedBatch]:
        chosen = chosen_rows(self.judge.rows, batch.shard)
        traces = batch.traces
        places = zip(*(traces.column(c).to_pylist() for c in ("file", "row_group", "row", "trace_key")), strict=True)
        laid = []
        for i, (file, group, row, key) in enumerate(places):
            why = chosen.get((file, group, row))
            if why is None or why.trace_key != key:
                raise CotmonitorError(f"{file}: changed while it was being judged. Run again.")
            laid.append(lay_out(traces.column("steps")[i].as_py(), why, self.judge.reader))
        questions = [q for one in laid if not one.refused for q in one.questions]
        self._waiting.append((batch, laid, self._asker.submit(questions)))
        most = UNDER_WAY * self.judge.line.calls.concurrency
        while len(self._waiting) > 2 and sum(len(b.traces) for b, _, _ in self._waiting) > most:
            yield self._next()

    def _rest(self) -> Iterator[AskedBatch]:
        while self._waiting:
            yield self._next()

    def _next(self) -> AskedBatch:
        batch, laid, asked = self._waiting.popleft()
        replies = iter(asked.result())
        units = decide.unit_ids(batch.traces, batch.fingerprints, self.judge.part, self.job.stamp)
        verdicts, calls = [], []
        for one, unit in zip(laid, units.to_pylist(), strict=True):
            mine = [] if one.refused else [next(replies) for _ in one.questions]
            verdict, rows = understand(one, mine, self.judge.reader)
            verdicts.append(verdict)
            calls += [(unit, row) for row in rows]
        spec, stamp, traces = self.judge.spec, self.job.stamp, batch.traces
        looked = decide.assessments(traces, units, verdicts, spec, stamp)
        found = decide.alerts(traces, units, verdicts, spec, stamp)
        said = judgement_rows(calls)
        count("judge_calls", len(said))
        count("judge_alerts", len(found) if found is not None else 0)
        broken = decide.violations(traces, looked, found, verdicts) | JUDGEMENTS.violations(said)
        return AskedBatch(batch.shard, batch.index, traces.nbytes, looked, found, said, broken)


class StageAsked(Step):
    """Write the assessments, alerts and calls of a batch."""

    def __init__(self, job: JudgeJob) -> None:
        super().__init__(job.base)
        self.part = job.part

    def process(self, batch: AskedBatch) -> Iterator[Manifest]:
        return self.guarded(lambda: [self._stage(batch)])

    def _stage(self, b: AskedBatch) -> Manifest:
        tables = {ASSESSMENTS: b.looked, JUDGEMENTS: b.calls} | ({ALERTS: b.found} if b.found is not None else {})
        return stage(self.job.place, self.part.id, b.shard, b.index, tables, len(b.looked), b.nbytes, b.violations)


class RefuseDead(Step):
    """A row that was a trace when it was chosen, and cannot be read now."""

    def process(self, batch: DeadBatch) -> Iterator[Manifest]:
        return self.guarded(lambda: self._refuse(batch))

    def _refuse(self, batch: DeadBatch) -> list[Manifest]:
        letter = batch.letters[0]
        raise CotmonitorError(f"{letter.file}: changed while it was being judged: {letter.message}. Run again.")


def chosen_rows(path: str | Path, shard: int) -> dict[tuple[str, int, int], Chosen]:
    """The chosen rows of a shard by file, row group and row."""
    rows = pq.ParquetFile(path).read_row_group(shard).to_pylist()
    return {
        (r["file"], r["row_group"], r["row"]): Chosen(
            r["trace_key"], r["chosen_by"], r["audit"], r["calls"], tuple(r["booked"] or ()), r["replica"]
        )
        for r in rows
    }
