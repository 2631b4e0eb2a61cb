"""Replicas: the same trace in several places of the lake is exported once, where it stands first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export.shard import KEYS, ExportJob
from schemas.errors import CotmonitorError

MEMORY = "1GB"  # beyond it, DuckDB spills into the staging folder
REPLICAS = pa.schema([KEYS.field(name) for name in ("shard", "position", "row")])
FIND = """
    SELECT shard, position, "row" FROM (
        SELECT shard, position, "row",
               row_number() OVER (PARTITION BY trace_key ORDER BY shard, position, "row") AS nth
        FROM keys SEMI JOIN (SELECT trace_key FROM keys GROUP BY trace_key HAVING count(*) > 1) USING (trace_key)
    ) WHERE nth > 1 ORDER BY shard, position, "row"
"""


def find_replicas(job: ExportJob, spill: Path) -> list[int]:
    """Write down every staged row whose trace stands elsewhere before it; gives the shards that have some.

    Traces are compared by `trace_key`: the same id with other content is another trace, and stays.
    """
    files = [str(job.of_shard("keys", shard, "parquet")) for shard in range(job.shards)]
    if not files:
        return []
    try:
        return sorted(_found(job, spill, files))
    except duckdb.Error as error:  # it had no room to spill into, most likely
        raise CotmonitorError(f"{spill}: replicas cannot be looked for: {error}. Nothing was published.") from error


def _found(job: ExportJob, spill: Path, files: Sequence[str]) -> set[int]:
    concerned: set[int] = set()
    with duckdb.connect() as con:
        con.execute("SET autoinstall_known_extensions = false")  # nothing may reach for the network
        con.execute("SET autoload_known_extensions = false")
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute(f"SET temp_directory = {_literal(str(spill))}")
        paths = ", ".join(_literal(_unglobbed(path)) for path in files)
        con.execute(f"CREATE VIEW keys AS SELECT * FROM read_parquet([{paths}], hive_partitioning = false)")
        with job.guard.create(job.replicas) as sink, pq.ParquetWriter(sink, REPLICAS) as writer:
            for batch in con.sql(FIND).to_arrow_reader(1 << 16):
                writer.write_batch(batch.cast(REPLICAS))
                concerned.update(batch.column("shard").unique().to_pylist())
    return concerned


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _unglobbed(path: str) -> str:
    return re.sub(r"[\[*?]", lambda m: f"[{m[0]}]", path)
