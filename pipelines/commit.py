"""From staged to committed: is everything there, does it keep its contracts, and then one conditional commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.decide import RunStamp
from pipelines.stage import COUNTS, Manifest, Place, ShardDone, manifests, shards_done
from pipelines.store import Conflict, StagedFile, Store, delta
from pipelines.store.connect import literal, unglobbed
from schemas.errors import CotmonitorError
from schemas.ledger import DEAD_LETTERS, INGEST, UNITS
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS
from schemas.table import Table
from schemas.trace import TRACES

RESULT_TABLES: tuple[Table, ...] = (TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS)


class Incomplete(CotmonitorError):
    """Some planned work was not staged although the runner reported success."""


@dataclass(frozen=True, slots=True)
class StagedRun:
    """All that one run staged: its files by table (absolute paths), counts by file, and broken row-level promises."""

    files: dict[str, list[str]]
    sizes: dict[str, list[StagedFile]]
    counts: pa.Table  # file, fingerprint, parts, rows, traces, dead: one row a file
    violations: dict[str, int]


def collect(place: Place, shards: int) -> StagedRun:
    """Gather what was staged; raise `Incomplete` if a shard, or a batch of any part, is missing."""
    done = {d.shard: d for d in shards_done(place)}
    staged = list(manifests(place))
    _all_there(done, staged, shards)
    files: dict[str, list[str]] = {t.name: [] for t in RESULT_TABLES}
    sizes: dict[str, list[StagedFile]] = {t.name: [] for t in RESULT_TABLES}
    broken: Counter[str] = Counter()
    for m in staged:
        broken.update(m.violations)
        for table, name, rows, size in m.files:
            files[table].append(str(Path(place.store) / table / name))
            sizes[table].append(StagedFile(name, rows, size))
    return StagedRun(files, sizes, _counts(place), dict(broken))


def _all_there(done: dict[int, ShardDone], staged: Sequence[Manifest], shards: int) -> None:
    have = {(m.part, m.shard, m.batch) for m in staged}
    missing = [f"shard {s}" for s in range(shards) if s not in done]
    for shard, d in done.items():
        pairs = [(p, d.trace_batches) for p in d.parts] + ([("dead", d.dead_batches)] if INGEST in d.parts else [])
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
    if not paths:
        return COUNTS.empty_table()
    listed = ", ".join(literal(unglobbed(p)) for p in paths)
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW staged AS FROM read_parquet([{listed}], hive_partitioning = false)")
        return con.sql(query).to_arrow_table().cast(COUNTS)


def commit(
    store: Store, staged: StagedRun, units: pa.Table, stamp: RunStamp, before: pa.Array, shadow: bool = False
) -> pa.Table:
    """Register the staged files, then commit the units, once; return the units that are ours.

    `before` holds the units that were there when the run was planned. What another run has done since is dropped from
    ours and the rest committed: rows of ours that no unit names are never seen.
    """
    for table in RESULT_TABLES:
        if staged.sizes[table.name]:
            store.add_files(table, staged.sizes[table.name], stamp.run_id)
    while True:
        snapshot = store.units_snapshot()
        current = snapshot.done(shadow).column("unit_id")
        theirs = current.filter(pc.invert(pc.is_in(current, before)))
        units = units.filter(pc.invert(pc.is_in(units.column("unit_id"), theirs)))
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
    letters = [
        StagedFile(n, rows, size) for m in manifests(place) for t, n, rows, size in m.files if t == "dead_letters"
    ]
    if letters:
        store.add_files(DEAD_LETTERS, letters, stamp.run_id)
