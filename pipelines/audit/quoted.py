"""Words of a monitor's text that are its trace's own: a rationale that quotes is found wherever its trace is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.containment import Meeting
from pipelines.audit.index import TextIndex, quoted_words
from pipelines.audit.texts import QUOTED_ALERTS
from pipelines.audit.words import words_of
from pipelines.canaries import table_bytes
from pipelines.store import Store

Bools = npt.NDArray[np.bool_]
READ_ROWS = 64


class Quoted:
    """Looks up the trace of a text in the lake, once a text; without a lake it knows nothing."""

    def __init__(self, store: Store | None = None, traces: str | None = None) -> None:
        self._store, self._traces = store, traces
        self._known: dict[int, Bools | None] = {}

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
        with self._store.connect() as con:
            where = con.execute(
                "SELECT file, row_group, row FROM raw.traces WHERE trace_key = ? ORDER BY ALL LIMIT 1", [text.trace_key]
            ).fetchone()
        if where is None:
            return None
        row = self._row(*where)
        if row is None:
            return None
        part = index.arrays.piece(piece)
        own = index.arrays.own[part].copy()
        for data in row:
            own &= ~quoted_words(index.arrays.words[part], words_of(data).hashes)
        return own

    def _row(self, file: str, group: int, row: int) -> list[bytes] | None:
        """All text of one row of the lake."""
        folder = self._traces or ""
        for path in (file, os.path.join(folder, file), os.path.join(os.path.dirname(folder), file)):
            if os.path.isfile(path):
                try:
                    found = next(_at(path, group, row), None)
                except (OSError, ValueError):  # the lake changed since; then nothing is known
                    return None
                return None if found is None else [bytes(d) for w, d in table_bytes(found) if w != "schema"]
        return None


def _at(path: str, group: int, row: int) -> Iterator[pa.RecordBatch]:
    first = 0
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(READ_ROWS, row_groups=[group], use_threads=False):
            if first <= row < first + len(batch):
                yield batch.slice(row - first, 1)
                return
            first += len(batch)
