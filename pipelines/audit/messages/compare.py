"""Which messages of a corpus are no text of their trace: by digests first, and word by word where these differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.corpus.facts import Said, said
from pipelines.audit.corpus.readers import read_shard
from pipelines.audit.corpus.row import Row
from pipelines.audit.messages.known import U64, text_number
from pipelines.audit.messages.lake import Texts
from pipelines.audit.rows.case import Case
from pipelines.audit.text.looked import Looked
from pipelines.audit.text.words import I64

MOST_ROWS = 20_000  # that are looked at word by word ...
MOST_CHARS = 64 << 20  # ... with so much text in all
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Messages that are no text of their trace, by their row of the table and their place in it (k each).

    `rows` are rows that have messages and a trace whose texts are known, `lost` those whose trace is gone, and
    `moved` those whose messages, all known, stand in another order than the trace's steps. `named` has the rows of
    each name that a message bears and no step of its trace.
    """

    row: I64
    place: I64
    chars: I64
    rows: I64
    lost: int
    moved: I64
    named: dict[str, I64]


def unknown_messages(case: Case, known: Iterable[Texts]) -> Unknown:
    """Compare the digests of a corpus' messages with those of the lake's texts."""
    place = {key: i for i, key in enumerate(case.pop.key.tolist())}
    parts: list[U64] = [np.zeros(0, np.uint64)]
    steps = [np.zeros(0, np.int64)]
    there = np.zeros(len(case.pop), bool)
    for texts in known:
        at = np.array([place.get(k, -1) for k in texts.keys], np.int64)
        there[at[at >= 0]] = True
        owner = np.repeat(at, texts.counts)
        parts.append(pairs_of(owner[owner >= 0], texts.digests[owner >= 0]))
        steps.append(texts.steps[owner >= 0].astype(np.int64))
    every, step = np.concatenate(parts), np.concatenate(steps)
    by_step = np.lexsort((step, every))
    pairs, begins = np.unique(every[by_step], return_index=True)
    firsts, lasts = step[by_step][begins], step[by_step][np.append(begins[1:], len(every)) - 1] if len(every) else step
    column = case.table["messages"].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    flat = column.flatten()
    row = np.repeat(np.arange(len(column)), counts)
    order = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    chars = flat.field("chars").to_numpy(zero_copy_only=False)
    trace = case.joined.trace[row]
    asked = (trace >= 0) & (chars > 0) & there[np.maximum(trace, 0)]
    found = np.ones(len(row), bool)
    mine = pairs_of(trace[asked], digest_numbers(flat.field("text_digest"))[asked])
    number = np.minimum(np.searchsorted(pairs, mine), max(len(pairs) - 1, 0))
    found[asked] = pairs[number] == mine if len(pairs) else False
    joined = case.joined.joined
    known_trace = joined & there[np.maximum(case.joined.trace, 0)] & (counts > 0)
    missed = np.flatnonzero(~found)
    lost = int((joined & (counts > 0) & ~known_trace).sum())
    moved = np.zeros(0, np.int64)
    if len(pairs):
        sure = pairs[number] == mine
        moved = _moved(row[asked][sure], firsts[number[sure]], lasts[number[sure]])
        moved = np.setdiff1d(moved, row[missed])
    named = _named(flat.field("name"), row, trace, there, pairs)
    return Unknown(row[missed], order[missed], chars[missed], np.flatnonzero(known_trace), lost, moved, named)


def _named(names: pa.Array, row: I64, trace: I64, there: np.ndarray, pairs: U64) -> dict[str, I64]:
    """The rows of each name that none of their trace's steps has."""
    at = np.flatnonzero(names.is_valid().to_numpy(zero_copy_only=False) & (trace >= 0) & there[np.maximum(trace, 0)])
    found: dict[str, list[int]] = {}
    given = names.take(pa.array(at)).to_pylist()
    numbers = np.array([text_number(name.encode("utf-8", "surrogatepass")) for name in given], np.uint64)
    unknown = ~np.isin(pairs_of(trace[at], numbers), pairs)
    for i in np.flatnonzero(unknown).tolist():
        found.setdefault(given[i], []).append(int(row[at[i]]))
    return {name: np.unique(np.array(rows, np.int64)) for name, rows in found.items()}


def _moved(row: I64, first: I64, last: I64) -> I64:
    """Rows in which a message is of an earlier step than the one before it, wherever else its text may stand."""
    earlier = (row[1:] == row[:-1]) & (first[:-1] >= 0) & (first[1:] >= 0) & (last[1:] < first[:-1])
    return np.unique(row[1:][earlier])


def pairs_of(owner: I64, digests: U64) -> U64:
    """One number for each text (its digest) of each trace (n each)."""
    return digests ^ ((owner.astype(np.uint64) + np.uint64(1)) * MIX)


def digest_numbers(digests: pa.Array) -> U64:
    """The beginnings of digests (n hexadecimal texts) as numbers."""
    joined = "".join(pc.utf8_slice_codeunits(digests, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64)


def chosen(unknown: Unknown, case: Case) -> I64:
    """Rows that are looked at word by word: all, or as many as there is room for, whichever these are by their ids."""
    rows = np.unique(unknown.row)
    size = np.bincount(np.searchsorted(rows, unknown.row), unknown.chars)
    spread = case.joined.trace[rows].astype(np.uint64) * MIX
    order = np.argsort(spread, kind="stable")
    room = (np.cumsum(size[order]) <= MOST_CHARS) & (np.arange(len(order)) < MOST_ROWS)
    return np.sort(rows[order[room]])


def texts_of(looked: Looked, positions: I64, id_column: str | None) -> Iterator[tuple[int, tuple[Said, ...]]]:
    """(position, messages) of some rows of the corpus (positions ascending); of rows too long to take apart, none."""
    first = 0
    for done in sorted(looked.done, key=lambda d: d.shard):
        shard = looked.shards[done.shard]
        if shard.file.beside:
            continue
        wanted = set(positions[(positions >= first) & (positions < first + done.rows)].tolist())
        at = first
        for read in read_shard(shard, id_column, values=True) if wanted else ():
            if isinstance(read, Row):
                if at in wanted and isinstance(read.value, dict):
                    spoken = said(read.value)
                    if spoken is not None:
                        yield at, spoken
                    wanted.discard(at)
                at += 1
            if not wanted:
                break
        first += done.rows
