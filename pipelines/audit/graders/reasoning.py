"""What only the reasoning of a trace says: runs of words that stand in it, and in nothing else of the same trace.

A model repeats itself, so what its prompt, actions, observations and output say as well is no sign that somebody was
shown its reasoning.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.audit.text.words import I64, U64, words_of
from pipelines.inputs import expand
from pipelines.plan import WHOLE, Task
from pipelines.read import ReadSettings, TraceBatch, read_shard
from pipelines.show import Place, likely_paths
from schemas.digest import text_buffer
from schemas.errors import CotmonitorError
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST
from schemas.trace import CHANNELS

RUN = 5  # words in a row that count as one; fewer are said by chance
FACTORS = tuple(
    np.uint64(x)
    for x in (0x9FB21C651E98DF25, 0xD6E8FEB86659FD93, 0xC2B2AE3D27D4EB4F, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
)
MOST_RUNS = 24_000_000  # kept in memory, 12 bytes each; with more, only those of certain digests are
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SHARED = 5  # traces that may think the same run of words before it is what everybody thinks ...
SHARED_SHARE = 0.05  # ... or this share of those that were read, where that is more
LEAST_WORDS = 16  # a reasoning of fewer says nothing that could be known again
LEAST_RUNS = LEAST_WORDS - RUN + 1  # of a reasoning that must stand in a payload
CHANNEL = "reasoning"


@dataclass(frozen=True, slots=True)
class Reasonings:
    """Runs of words (n, ascending) that only the reasoning of a trace has, and whose (n); one in `width` is kept.

    `traces` names the traces by number, `missing` counts those that were asked for and are not in the lake, `short`
    those that do not reason enough to be known again, `common` those of the others that have too little of their own.
    """

    runs: U64
    owner: I64
    width: int
    traces: tuple[str, ...]
    missing: int
    short: int
    common: int

    def met(self, runs: U64) -> tuple[I64, I64]:
        """For runs of words (m): which of them stand in a reasoning, and in whose; one of several owners each time."""
        first = np.searchsorted(self.runs, runs, "left")
        count = np.searchsorted(self.runs, runs, "right") - first
        which = np.repeat(np.arange(len(runs)), count)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        return which, self.owner[first[which] + offset]


def runs_of(hashes: U64) -> U64:
    """The runs of RUN words (n - RUN + 1) of n words."""
    size = max(0, len(hashes) - RUN + 1)
    return sum((hashes[i : i + size] * f for i, f in enumerate(FACTORS)), np.zeros(size, np.uint64))


def kept(runs: U64, width: int) -> np.ndarray:
    """Which of the runs are looked at where one in `width` is."""
    return (runs >> np.uint64(40)) % np.uint64(width) == 0


def reasonings(con: duckdb.DuckDBPyConnection, lake: str, ids: Sequence[str] | None) -> Reasonings:
    """What only the reasoning of these traces (`trace_id` or `trace_key`) says.

    What many of them think is no sign of any. Without ids it is all traces; then neither is what another of them says
    in the open.
    """
    wanted = _wanted(con, ids)
    names = tuple(dict.fromkeys(row.trace_id for row in wanted))
    number = {name: i for i, name in enumerate(names)}
    total = sum(row.chars for row in wanted) // 6
    width = next((w for w in WIDTHS if total // w <= MOST_RUNS), WIDTHS[-1])
    runs: list[U64] = [np.zeros(0, np.uint64)]
    owners: list[I64] = [np.zeros(0, np.int64)]
    public: list[U64] = [np.zeros(0, np.uint64)]
    seen: set[str] = set()
    short: set[str] = set()
    for trace_id, said in _read(wanted, lake):
        seen.add(trace_id)
        if said.words < LEAST_WORDS:
            short.add(trace_id)
        own = np.unique(said.own[kept(said.own, width)])
        runs.append(own)
        owners.append(np.full(len(own), number[trace_id]))
        if ids is None:
            public.append(np.unique(said.other[kept(said.other, width)]))
    flat, owner = np.concatenate(runs), np.concatenate(owners)
    if ids is None:
        alone = ~np.isin(flat, np.concatenate(public))
        flat, owner = flat[alone], owner[alone]
    order = np.argsort(flat, kind="stable")
    flat, owner = flat[order], owner[order]
    few = _counts(flat) <= max(SHARED, SHARED_SHARE * len(seen))
    flat, owner = flat[few], owner[few]
    enough = np.bincount(owner, minlength=len(names)) * width >= LEAST_RUNS
    common = len(seen) - len(short) - int(sum(enough[number[t]] for t in seen - short))
    return Reasonings(flat, owner, width, names, len(names) - len(seen), len(short), common)


def _counts(runs: U64) -> I64:
    """How often each of the ascending runs is there."""
    _, counts = np.unique(runs, return_counts=True)
    return np.repeat(counts, counts)


@dataclass(frozen=True, slots=True)
class _Row:
    place: Place
    key: str
    trace_id: str
    chars: int


@dataclass(frozen=True, slots=True)
class _Said:
    """Runs that only a trace's reasoning has, all runs of its other steps, and the words of its reasoning."""

    own: U64
    other: U64
    words: int


def _wanted(con: duckdb.DuckDBPyConnection, ids: Sequence[str] | None) -> list[_Row]:
    only, size = "true", " + ".join(f"t.{c}_chars" for c in CHANNELS)
    if ids is not None:
        con.register("asked", pa.table({"id": pa.array(ids, pa.string())}))
        only = "t.trace_id IN (SELECT id FROM asked) OR t.trace_key IN (SELECT id FROM asked)"
    found = con.execute(
        f"""SELECT t.trace_key, t.trace_id, {size}, t.file, t.row_group, t."row", r.config
            FROM traces t LEFT JOIN runs r USING (run_id) WHERE {only}
            ORDER BY t.file, t.row_group, t."row" """
    ).fetchall()
    if ids is not None:
        con.unregister("asked")
    rows = []
    for key, trace_id, chars, file, row_group, row, config in found:
        job = json.loads(config) if config else {}
        layout = LayoutSettings(job.get("layout") or "auto", tuple(sorted((job.get("map") or {}).items())))
        rows.append(_Row(Place(file, row_group, row, job.get("root"), layout), key, trace_id, int(chars)))
    return rows


def _read(rows: Sequence[_Row], lake: str) -> Iterator[tuple[str, _Said]]:
    """(trace_id, what it says) of each row that is still where it was."""
    listed = expand([lake])
    files: dict[tuple[str, str | None, LayoutSettings], list[_Row]] = defaultdict(list)
    for row in rows:
        files[row.place.file, row.place.root, row.place.layout].append(row)
    for (file, _, layout), same in files.items():
        wanted = {row.key: row for row in same}
        for path in likely_paths(same[0].place, lake, listed):
            if os.path.exists(path) and wanted:
                for key, said in _of_file(file, path, same, layout):
                    if (found := wanted.pop(key, None)) is not None:
                        yield found.trace_id, said


def _of_file(file: str, path: str, rows: Sequence[_Row], layout: LayoutSettings) -> Iterator[tuple[str, _Said]]:
    groups: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        groups[row.place.row_group].add(row.place.row)
    tasks = [Task(file, path, "", g, 0, WHOLE, tuple(sorted(r)), (INGEST,)) for g, r in sorted(groups.items())]
    for task in tasks:
        try:
            for piece in read_shard(0, [task], ReadSettings(layout)):
                if isinstance(piece, TraceBatch):
                    yield from _of_batch(piece.traces)
        except (OSError, ValueError, IndexError, CotmonitorError):  # it has changed, and its traces count as missing
            continue


def _of_batch(traces: pa.RecordBatch) -> Iterator[tuple[str, _Said]]:
    steps = traces.column("steps")
    data, starts = text_buffer(steps.values.field("text"))
    channels = steps.values.field("channel").to_pylist()
    offsets = steps.offsets.to_pylist()
    for i, key in enumerate(traces.column("trace_key").to_pylist()):
        inside = range(offsets[i], offsets[i + 1])
        thought = [data[starts[s] : starts[s + 1]] for s in inside if channels[s] == CHANNEL]
        other = [data[starts[s] : starts[s + 1]] for s in inside if channels[s] != CHANNEL]
        words = [words_of(text).hashes for text in thought]
        own, shown = _all(words), _all(words_of(text).hashes for text in other)
        yield key, _Said(own[~np.isin(own, shown)], shown, sum(map(len, words)))


def _all(texts: Iterable[U64]) -> U64:
    return np.concatenate([np.zeros(0, np.uint64), *(runs_of(hashes) for hashes in texts)])
