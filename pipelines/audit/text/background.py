"""What everybody says: how often the keys of monitors' texts stand in other text, by a sample of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.audit.corpus.files import Shard, corpus_files, shards_of
from pipelines.audit.corpus.readers import read_shard
from pipelines.audit.corpus.row import Row
from pipelines.audit.text.containment import COMMON_SHARE, RARE_ROWS, background
from pipelines.audit.text.index import TextIndex
from pipelines.audit.text.words import I64, words_of

PLACES = 16  # shards that are looked into, evenly over all
PLACE_BYTES = 4 << 20  # of text in each
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Background:
    """In how many of `rows` rows each key (k) stands; `ours` if these are rows of the corpus that is audited."""

    counts: I64
    rows: int
    ours: bool

    @property
    def common(self) -> np.ndarray:
        """Keys (k) so frequent that looking them up would tell nothing."""
        return self.counts > max(RARE_ROWS, COMMON_SHARE * self.rows)


def lake_shards(traces: str) -> list[Shard]:
    """A lake as something to be sampled: its files are read as any corpus is, for their text alone."""
    return shards_of(corpus_files(traces))[0]


def sampled(index: TextIndex, shards: Sequence[Shard], ours: bool) -> Background:
    """The background that a sample of these shards gives."""
    counts = np.zeros(len(index.arrays.keys), np.int64)
    rows = 0
    for block in _blocks(shards):
        data = b"\n".join(block)
        words = words_of(data)
        borders = np.cumsum([0, *(len(d) + 1 for d in block)])
        owner = np.repeat(np.arange(len(block)), np.diff(np.searchsorted(words.starts, borders)))
        keys, found = background(index.arrays, words, owner, ours)
        counts[keys] += found
        rows += len(block)
    pa.default_memory_pool().release_unused()
    return Background(counts, rows, ours)


def _blocks(shards: Sequence[Shard]) -> Iterator[list[bytes]]:
    picked = np.unique(np.linspace(0, len(shards) - 1, min(PLACES, len(shards))).astype(int))
    for number in picked.tolist():
        left = PLACE_BYTES * (PLACES // len(picked))
        block: list[bytes] = []
        size = 0
        for data in _texts(shards[number]):
            block.append(data)
            size += len(data)
            left -= len(data)
            if size >= BLOCK_BYTES or left <= 0:
                yield block
                block, size = [], 0
            if left <= 0:
                break
        if block:
            yield block


def _texts(shard: Shard) -> Iterator[bytes]:
    """The text of a shard's rows, up to one that is very long, or that cannot be read: the scan will tell of that."""
    try:
        for read in read_shard(shard):
            if isinstance(read, Row):
                if read.pieces is not None:
                    return
                yield read.data
    except (OSError, ValueError, EOFError):
        return
