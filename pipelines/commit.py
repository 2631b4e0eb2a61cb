"""From staged to committed: is everything there, does it keep its contracts, and then one conditional commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.decide import RunStamp
from pipelines.plan import Part, Pending
from pipelines.stage import COUNTS, Manifest, Place, manifests, shards_done
from pipelines.store import Conflict, StagedFile, Store, delta
from pipelines.store.connect import literal, unglobbed
from schemas.errors import CotmonitorError
from schemas.ledger import DEAD_LETTERS, INGEST, UNITS
from schemas.results import ALERTS, ASSESSMENTS, FINAL_REASONS
from schemas.table import Table
from schemas.trace import TRACES

RESULT_TABLES: tuple[Table, ...] = (TRACES, ASSESSMENTS, ALERTS, DEAD_LETTERS)
RETRYABLE_DEAD = ("corrupt_file", "unreadable_file")  # the file may be whole, or readable, tomorrow


class Incomplete(CotmonitorError):
    """Some planned work was not staged although the runner reported success."""


@dataclass(frozen=True, slots=True)
class StagedRun:
    """All that one run staged: its files by table (absolute paths), counts by file, and broken row-level promises."""

    files: dict[str, list[str]]
    sizes: dict[str, list[StagedFile]]
    counts: pa.Table  # file, fingerprint, parts, rows, traces, dead: one row a file
    violations: dict[str, int]


def collect(place: Place, shards: int, parts: Sequence[str]) -> StagedRun:
    """Gather what was staged; raise `Incomplete` if a shard, or a batch of any part, is missing."""
    done = {d.shard: d for d in shards_done(place)}
    staged = list(manifests(place))
    _all_there(done, staged, shards, place, parts)
    files: dict[str, list[str]] = {t.name: [] for t in RESULT_TABLES}
    sizes: dict[str, list[StagedFile]] = {t.name: [] for t in RESULT_TABLES}
    broken: Counter[str] = Counter()
    for m in staged:
        broken.update(m.violations)
        for table, name, rows, size in m.files:
            files[table].append(str(Path(place.store) / table / name))
            sizes[table].append(StagedFile(name, rows, size))
    return StagedRun(files, sizes, _counts(place), dict(broken))


def _all_there(
    done: dict[int, object], staged: Sequence[Manifest], shards: int, place: Place, parts: Sequence[str]
) -> None:
    from pipelines.plan import read_shard

    have = {(m.part, m.shard, m.batch) for m in staged}
    missing = [f"shard {s}" for s in range(shards) if s not in done]
    for shard, d in done.items():
        wanted = read_shard(str(place.plan), shard)[0].parts
        pairs = [(p, d.trace_batches) for p in wanted if p in parts]  # type: ignore[attr-defined]
        pairs += [("dead", d.dead_batches)] if INGEST in wanted else []  # type: ignore[attr-defined]
        missing += [f"{p} of shard {shard}, batch {b}" for p, n in pairs for b in range(n) if (p, shard, b) not in have]
    if missing:
        some = "; ".join(missing[:5])
        raise Incomplete(
            f"{len(missing)} pieces of work were not staged ({some}), although the runner reported success. "
            "Nothing was committed; run again."
        )


def _counts(place: Place) -> pa.Table:
    """One row a file: a file cut into several shards was counted in each."""
    query = """SELECT file, fingerprint, any_value(parts) AS parts, sum("rows")::BIGINT AS "rows",
               sum(traces)::BIGINT AS traces, sum(dead)::BIGINT AS dead FROM staged GROUP BY file, fingerprint"""
    paths = [str(p) for p in sorted(place.folder.glob("counts-*.parquet"))]
    return _over(paths, query).cast(COUNTS) if paths else COUNTS.empty_table()


def unit_rows(
    staged: StagedRun,
    todo: Sequence[Pending],
    parts: Sequence[Part],
    stamp: RunStamp,
    sample: int | None,
) -> pa.Table:
    """The rows of `units` that this run may commit: one per file and part, with counts taken from the staged tables.

    `sequence` and `committed_at` are filled in by the store when it commits.
    """
    counts = {r["file"]: r for r in staged.counts.select(["file", "rows", "traces", "dead"]).to_pylist()}
    looked = _by_file(staged.files[ASSESSMENTS.name], _LOOKED)
    alerts = _by_file(staged.files[ALERTS.name], _ALERTED)
    dead = _by_file(staged.files[DEAD_LETTERS.name], _RETRYABLE)
    by_id = {p.id: p for p in parts}
    columns: dict[str, list[object]] = {c: [] for c in UNITS.names if c not in ("sequence", "committed_at")}
    for p in todo:
        count = counts.get(p.file.name)
        if count is None:  # a sample drew nothing from this file
            continue
        for name in p.parts:
            part = by_id[name]
            key = (p.file.name, name)
            _, assessed, not_assessed, retryable = looked.get(key, (0, 0, 0, 0))
            row = {
                "unit_id": part.unit_id(p.file.fingerprint, stamp.adapter_digest),
                "run_id": stamp.run_id,
                "run_date": stamp.run_date,
                "file": p.file.name,
                "fingerprint": p.file.fingerprint,
                "adapter_digest": stamp.adapter_digest,
                "monitor": name,
                "monitor_digest": part.digest,
                "sample": sample,
                "rows": count["rows"],
                "traces": count["traces"],
                "dead": count["dead"],
                "assessed": assessed,
                "not_assessed": not_assessed,
                "retryable": dead.get((p.file.name, INGEST), (0,))[0] if name == INGEST else retryable,
                "alerts": alerts.get(key, (0,))[0],
            }
            for c, values in columns.items():
                values.append(row[c])
    schema = pa.schema([UNITS.arrow().field(c) for c in columns])
    return pa.table(list(columns.values()), schema=schema)


_LOOKED = f"""
    SELECT file, monitor, count(*) AS n, count(*) FILTER (state = 'assessed') AS assessed,
           count(*) FILTER (state <> 'assessed') AS blind,
           count(*) FILTER (state <> 'assessed' AND reason NOT IN {FINAL_REASONS!r}) AS retryable
    FROM staged GROUP BY file, monitor"""
_ALERTED = "SELECT file, monitor, count(*) AS n FROM staged GROUP BY file, monitor"
_RETRYABLE = f"""
    SELECT file, '{INGEST}' AS monitor, sum("rows")::BIGINT AS n FROM staged WHERE reason IN {RETRYABLE_DEAD!r} GROUP BY file"""


def _by_file(files: Sequence[str], query: str) -> dict[tuple[str, str], tuple[int, ...]]:
    rows = _over(files, query) if files else pa.table({})
    return {(r[0], r[1]): tuple(int(v) for v in r[2:]) for r in zip(*(c.to_pylist() for c in rows.columns), strict=True)}


def _over(files: Sequence[str], query: str) -> pa.Table:
    """A query whose `staged` is these Parquet files."""
    listed = ", ".join(literal(unglobbed(f)) for f in files)
    source = f"read_parquet([{listed}], hive_partitioning = false)"
    with duckdb.connect() as con:
        return con.sql(f"WITH staged AS (FROM {source}) {query}").to_arrow_table()


def commit(store: Store, staged: StagedRun, units: pa.Table, stamp: RunStamp, before: frozenset[str]) -> pa.Table:
    """Register the staged files, then commit the units, once; return the units that are ours.

    `before` holds the units that were there when the run was planned. What another run has done since is dropped from
    ours and the rest committed: rows of ours that no unit names are never seen.
    """
    for table in RESULT_TABLES:
        if staged.sizes[table.name]:
            store.add_files(table, staged.sizes[table.name], stamp.run_id)
    while True:
        snapshot = store.units_snapshot()
        theirs = set(snapshot.current.column("unit_id").to_pylist()) - before
        units = units.filter(pa.array([u not in theirs for u in units.column("unit_id").to_pylist()], pa.bool_()))
        try:
            if units.num_rows:
                store.commit_units(snapshot, units)
            return units
        except Conflict:
            continue


def committed(store: Store, run_id: str) -> pa.Table:
    """The units that a run has committed, those that newer ones hide too."""
    with store.connect() as con:
        return con.sql("FROM raw.units WHERE run_id = ?", params=[run_id]).to_arrow_table().cast(UNITS.arrow())


def delete_staged(store: Store, place: Place) -> None:
    """Delete what a run had staged, but no file that its table knows of: without it nobody could read the table."""
    known: dict[str, set[str]] = {}
    for manifest in manifests(place):
        for table, name, _, _ in manifest.files:
            if table not in known:
                known[table] = set(delta.files(delta.snapshot(store.table_path(table))))
            if name not in known[table]:
                (store.table_path(table) / name).unlink(missing_ok=True)


def commit_dead_letters(store: Store, place: Place, stamp: RunStamp) -> None:
    """What a failed run may leave: its dead letters, so that somebody can see why. No unit names them."""
    letters = [StagedFile(n, rows, size) for m in manifests(place) for t, n, rows, size in m.files if t == "dead_letters"]
    if letters:
        store.add_files(DEAD_LETTERS, letters, stamp.run_id)

