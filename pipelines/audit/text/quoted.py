"""Words of a monitor's text that are its trace's own: a rationale that quotes is found wherever its trace is."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.text.containment import Meeting
from pipelines.audit.text.index import TextIndex, quoted_words
from pipelines.audit.text.texts import QUOTED_ALERTS
from pipelines.audit.text.words import words_of
from pipelines.canaries import table_bytes
from pipelines.inputs import expand
from pipelines.show import likely_paths, places
from pipelines.store import Store

Bools = npt.NDArray[np.bool_]
READ_ROWS = 64


class Quoted:
    """Looks up the trace of a text in the lake, once a text; without a lake it knows nothing."""

    def __init__(self, store: Store | None = None, traces: str | None = None) -> None:
        self._store, self._traces = store, traces
        self._known: dict[int, Bools | None] = {}
        self._con: duckdb.DuckDBPyConnection | None = None
        self._listed: list[str] = []

    def own(self, index: TextIndex, piece: int) -> Bools | None:
        """Which words of a piece are neither quoted nor stand in its trace; None if that cannot be known."""
        if piece not in self._known:
            self._known[piece] = self._look(index, piece)
        return self._known[piece]

    def again(self, meeting: Meeting, own: Bools) -> Meeting:
        """The meeting by these own words alone."""
        mark = np.zeros(len(own), bool)
        mark[meeting.spans.ravel()] = True
        matched = int((mark & own).sum())
        return replace(meeting, share=matched / max(1, int(own.sum())), matched=matched)

    def _look(self, index: TextIndex, piece: int) -> Bools | None:
        text = index.texts[index.pieces[piece]]
        if self._store is None or self._traces is None or text.trace_key is None or text.alike > QUOTED_ALERTS:
            return None
        if self._con is None:
            self._con, self._listed = self._store.connect(), expand([self._traces])
        for place in places(self._con, text.trace_key, ""):
            for path in likely_paths(place, self._traces, self._listed):
                row = _at(path, place.row_group, place.row)
                if row is not None:
                    part = index.arrays.piece(piece)
                    own = index.arrays.own[part].copy()
                    for where, data in table_bytes(row):
                        if where != "schema":
                            own &= ~quoted_words(index.arrays.words[part], words_of(bytes(data)).hashes)
                    return own
        return None


def _at(path: str, group: int, row: int) -> pa.RecordBatch | None:
    """One row of a file; None if it is not there any more."""
    first = 0
    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            for batch in file.iter_batches(READ_ROWS, row_groups=[group], use_threads=False):
                if first <= row < first + len(batch):
                    return batch.slice(row - first, 1)
                first += len(batch)
    except (OSError, ValueError, IndexError):  # the lake changed since; then nothing is known
        return None
    return None
