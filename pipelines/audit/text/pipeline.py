"""The audit of a corpus' text as a Beam pipeline: shards in, facts of rows and what was seen in them staged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.corpus.files import CorpusFile, CorpusSettings, Shard, corpus_files, shards_of
from pipelines.audit.corpus.readers import chunks
from pipelines.audit.finding import Finding
from pipelines.audit.text.background import lake_shards, sampled
from pipelines.audit.text.index import TextIndex, open_arrays
from pipelines.audit.text.looked import Looked
from pipelines.audit.text.outcome import findings
from pipelines.audit.text.quoted import Quoted
from pipelines.audit.text.running import run_pipeline
from pipelines.audit.text.scan import scan_shard
from pipelines.audit.text.staged import ShardDone, facts_of, shards_done, stage_rows, stage_shard
from pipelines.audit.text.texts import missing_packs
from pipelines.canaries import FORMATS, SelfTest, self_test
from pipelines.counting import count
from pipelines.runner import is_local
from pipelines.stage import Place, report_failure
from pipelines.store import Store

T = TypeVar("T")
REPAYS_WORKERS = 256 << 20  # bytes of a corpus from which on worker processes repay their start
PLANNED = 256  # shards in one row group of the plan


@dataclass(frozen=True)
class ScanJob:
    """All that the workers need, small enough to travel with the pipeline."""

    place: Place
    id_column: str | None
    shards: int

    @property
    def index(self) -> Path:
        return self.place.folder / "index"

    @property
    def plan(self) -> Path:
        return self.place.folder / "shards.parquet"


@dataclass(frozen=True)
class Outputs:
    """What the pipeline leaves behind: one word per shard, and what it names in the staging folder."""

    done: beam.PCollection[ShardDone]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in a corpus' text. `rows` gives its facts, as long as the staging folder is there."""

    findings: list[Finding]
    shards_listed: int
    shards_scanned: int
    files: int
    count: int
    nbytes: int
    looked: Looked

    @property
    def rows(self) -> pa.Table:
        """One row per row of the corpus: the columns of CORPUS_ROWS, then the corpus' own as `c.NAME`."""
        done = [d for d in self.looked.done if not self.looked.shards[d.shard].file.beside]
        return facts_of(self.looked.place, self.looked.shards, done)


@cache
def controls() -> SelfTest:
    """The scanner's own test through the readers of a corpus, once a process; ControlMissed if it fails."""
    return self_test(dict.fromkeys(FORMATS, chunks))


def build(p: beam.Pipeline, job: ScanJob) -> Outputs:
    """Plan -> read, search, index the rows -> stage; what it means is decided when all is staged."""
    shards = p | "Plan" >> beam.Create(range(job.shards)) | "Spread" >> beam.Reshuffle()
    return Outputs(shards | "Scan shards" >> beam.ParDo(ScanShards(job)))


class ScanShards(beam.DoFn):
    """Shard number -> the word that it was looked at; a worker first proves that it finds what was planted."""

    def __init__(self, job: ScanJob) -> None:
        self.job = job

    def setup(self) -> None:
        self.told(controls)
        self.arrays = self.told(lambda: open_arrays(self.job.index))

    def process(self, number: int) -> Iterator[ShardDone]:
        yield self.told(lambda: self._scan(number))

    def _scan(self, number: int) -> ShardDone:
        shard = _planned(self.job.plan, number)
        parts = columns = 0
        for found in scan_shard(shard, self.arrays, self.job.id_column):
            if found.rows:
                columns = max(columns, stage_rows(self.job.place, shard, parts, found.rows))
                parts += 1
        count("audited_shards")
        return stage_shard(self.job.place, found, parts, columns)

    def told(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            report_failure(self.job.place, error)
            raise


def workers_for(nbytes: int, beam_args: Sequence[str]) -> int:
    """How many processes so much text repays, where nobody said how many."""
    return (os.cpu_count() or 1) if is_local(beam_args) and nbytes >= REPAYS_WORKERS else 1


def scan_corpus(
    corpus: CorpusSettings,
    index: TextIndex,
    place: Place,
    workers: int | None = None,
    beam_args: Sequence[str] = (),
    *,
    traces: str | None = None,
    store: Store | None = None,
) -> Scanned:
    """Look at every byte of a corpus' text, and stage the facts of its rows below `place`.

    With `traces` (a lake) and the `store`, what the lake says all over and what a text quotes from its trace counts
    for nothing; without them, what the corpus says all over. Raises ControlMissed where the scanner fails its own test.
    """
    planted = controls()
    shards, files = shards_of(corpus_files(corpus.path))
    background = sampled(index, lake_shards(traces) if traces else shards, ours=traces is None)
    index = index.without(background.common)
    job = ScanJob(place, corpus.id_column, len(shards))
    index.save(job.index)
    _write_plan(job.plan, shards)
    size = sum(f.size for f in files) if len(shards) > 1 else 0
    run_pipeline(lambda p: build(p, job), place, workers or workers_for(size, beam_args), beam_args)
    done = shards_done(place)
    looked = Looked(place, files, shards, done, planted)
    found = findings(looked, index, background, Quoted(store, traces))
    for pack in missing_packs(store) if store is not None else ():
        says = "the pack that runs of this store name is not where it was, so its text was not looked for"
        found.append(Finding("containment", "L7", "not_assessed", f"pack {pack}", says))
    rows = sum(d.rows for d in done if not shards[d.shard].file.beside)
    return Scanned(found, len(shards), len(done), len(files), rows, sum(d.nbytes for d in done), looked)


def _write_plan(path: Path, shards: Sequence[Shard]) -> None:
    rows = [{**asdict(s), "groups": list(s.groups)} for s in shards]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, _PLAN), path, row_group_size=PLANNED)


def _planned(path: Path, number: int) -> Shard:
    group, row = divmod(number, PLANNED)
    values = pq.ParquetFile(path).read_row_group(group).slice(row, 1).to_pylist()[0]
    return Shard(**{**values, "file": CorpusFile(**values["file"]), "groups": tuple(values["groups"])})


_FILE = pa.struct(
    [
        *((name, pa.string()) for name in ("name", "path")),
        ("size", pa.int64()),
        ("kind", pa.string()),
        *((name, pa.bool_()) for name in ("gzipped", "beside")),
        ("why", pa.string()),
    ]
)
_PLAN = pa.schema(
    [
        *(("number", pa.int64()), ("file", _FILE), ("start", pa.int64()), ("stop", pa.int64())),
        *(("groups", pa.list_(pa.int64())), ("first", pa.int64())),
    ]
)
