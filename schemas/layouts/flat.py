"""`flat`: one text column each for prompt, reasoning, actions and output, any of them missing or null."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.digest import text_buffer
from schemas.layouts.adapter import Adapted, Faults, Ints, finish
from schemas.layouts.columns import Columns
from schemas.layouts.interleave import Cells, byte_lengths, interleave, steps_array, whole
from schemas.layouts.text import as_json, python_values, text_column
from schemas.layouts.thinking import ENDINGS, split_thinking

STEP_COLUMNS = ("prompt", "reasoning", "actions", "output")
KINDS = (("user", "prompt"), ("assistant", "reasoning"), ("assistant", "action"), ("assistant", "output"))
LABEL = {channel: label for label, (_, channel) in enumerate(KINDS)}
SMALL = np.uint8(0x20)  # the bit that makes an ASCII letter small; `<`, `|` and `>` have it
SCAN_BYTES = 4 << 20  # how much text is looked at at once for tags, so that the masks stay small


@dataclass(frozen=True, slots=True)
class FlatAdapter:
    """Interleaves the text columns into steps with one copy of the text."""

    sources: Columns
    layout: str = "flat"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.sources.needed

    @property
    def unknown(self) -> tuple[str, ...]:
        return self.sources.unknown

    def adapt(self, batch: pa.RecordBatch) -> Adapted:
        faults = Faults(batch.num_rows)
        columns = self.sources.dimensions(batch, faults)
        cells = [self._cells(batch, name, faults) for name in STEP_COLUMNS if name in self.sources.found]
        table = interleave(cells, batch.num_rows)
        kind = pa.array(table.labels)
        role = pa.array([role for role, _ in KINDS], pa.string()).take(kind)
        channel = pa.array([channel for _, channel in KINDS], pa.string()).take(kind)
        columns["steps"] = steps_array(table.offsets, role, channel, None, table.texts, None)
        return finish(batch, columns, faults)

    def _cells(self, batch: pa.RecordBatch, name: str, faults: Faults) -> Cells:
        source = self.sources.found[name]
        column = batch.column(source)
        label = LABEL["action" if name == "actions" else name]
        if is_list(column.type):
            return _list_cells(column, source, label, faults)
        text = text_column(column, source, faults)
        return _split_cells(text) if name == "output" else whole(text, label)


def is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _list_cells(column: pa.Array, source: str, label: int, faults: Faults) -> Cells:
    """A list column gives a step an element, in order; an element that is not text is written as JSON."""
    pieces = []
    for row, values in enumerate(python_values(column, source, faults)):
        for value in values if isinstance(values, list) else ():
            if value is not None:
                pieces.append((row, label, value if isinstance(value, str) else as_json(value)))
    return _cells_of(pieces, len(column))


def _cells_of(pieces: list[tuple[int, int, str]], rows: int) -> Cells:
    """Cells from (row, label, text) by ascending row."""
    joined: list[list[str]] = [[] for _ in range(rows)]
    for row, _, text in pieces:
        joined[row].append(text)
    lengths = np.array([len(text.encode()) for _, _, text in pieces], np.int64)
    keep = lengths > 0
    return Cells(
        pa.array(["".join(texts) for texts in joined], pa.large_string()),
        np.array([row for row, _, _ in pieces], np.int64)[keep],
        lengths[keep],
        np.array([label for _, label, _ in pieces], np.int64)[keep],
    )


def _split_cells(text: pa.Array) -> Cells:
    """The output column, with the reasoning that stands in it in tags cut out as steps of its own."""
    hits = rows_with_tags(text)
    if not len(hits):
        return whole(text, LABEL["output"])
    hit = np.zeros(len(text), dtype=bool)
    hit[hits] = True
    replaced: list[str] = []
    pieces: list[tuple[int, int, str]] = []
    for row in hits.tolist():
        split = split_thinking(text[row].as_py())
        pieces += [(row, LABEL[channel], piece) for channel, _, piece in split]
        replaced.append("".join(piece for _, _, piece in split))
    plain = np.flatnonzero(~hit & (byte_lengths(text) > 0))
    rows = np.concatenate([plain, np.array([row for row, _, _ in pieces], np.int64)])
    order = np.argsort(rows, kind="stable")
    lengths = np.concatenate([byte_lengths(text)[plain], [len(piece.encode()) for _, _, piece in pieces]])
    labels = np.concatenate([np.full(len(plain), LABEL["output"]), [label for _, label, _ in pieces]])
    return Cells(
        pc.replace_with_mask(text, pa.array(hit), pa.array(replaced, text.type)),
        rows[order],
        lengths[order].astype(np.int64),
        labels[order].astype(np.int64),
    )


def rows_with_tags(text: pa.Array) -> Ints:
    """Rows whose text may hold a tag, found by its last characters straight in Arrow's buffer."""
    data, starts = text_buffer(text)
    found = np.concatenate([*_tag_ends(data, int(starts[0]), int(starts[-1])), np.zeros(0, np.int64)])
    rows: Ints = np.unique(np.searchsorted(starts, found, side="right") - 1).astype(np.int64)
    if text.null_count:
        rows = rows[text.is_valid().to_numpy(zero_copy_only=False)[rows]]
    return rows


def _tag_ends(data: memoryview, first: int, last: int) -> Iterator[Ints]:
    """Where in the bytes one of ENDINGS may end (the position of its `>`), in letters of any case, by stretches."""
    everything = np.frombuffer(data, np.uint8)
    for start in range(first, last, SCAN_BYTES):
        ends = np.flatnonzero(everything[start : min(start + SCAN_BYTES, last)] == ord(">")) + start
        for ending in ENDINGS:
            at = ends[ends >= first + len(ending) - 1]
            for back in range(1, len(ending)):
                at = at[everything[at - back] | SMALL == ending[-1 - back]]
            yield at
