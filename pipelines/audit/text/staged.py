"""What workers leave for the launcher: Parquet files in the audit's staging folder, and a word that a shard is done."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.corpus.files import COLUMN, CORPUS_ROWS, Shard
from pipelines.audit.text.containment import Meeting
from pipelines.audit.text.scan import Met, RowFacts, Seen, ShardSeen
from pipelines.stage import Place
from pipelines.store.marker import failed_write
from schemas.ledger import UTC

COLUMNS = 256  # of a corpus' own that are kept in one file of facts; a map of a million names is no table
SEEN = pa.schema([(name, pa.string()) for name in ("kind", "how", "text", "where")]).insert(
    0, pa.field("row", pa.int64())
)
MET = pa.schema(
    [
        *(("row", pa.int64()), ("how", pa.string()), ("where", pa.string()), ("piece", pa.int32())),
        *(("share", pa.float64()), ("matched", pa.int32())),
        *(("keys", pa.list_(pa.int32())), ("spans", pa.list_(pa.int16()))),
    ]
)
COUNTS = pa.schema([("key", pa.int64()), ("rows", pa.int64())])
FACTS = [f for f in CORPUS_ROWS.arrow() if f.name != "position"]


@dataclass(frozen=True, slots=True)
class ShardDone:
    """One shard's outcome without its rows: `parts` files of facts were written, with `columns` left out of them."""

    shard: int
    rows: int
    nbytes: int
    parts: int
    broken: int
    long: int
    unseen: tuple[str, ...]
    columns: int
    full: bool = False
    error: str = ""


def rows_path(place: Place, shard: int, part: int) -> Path:
    return place.folder / f"facts-{shard:06d}-{part:04d}.parquet"


def stage_rows(place: Place, shard: Shard, part: int, rows: Sequence[RowFacts]) -> int:
    """Write facts of rows and return how many columns had no room; `row` counts from the shard's beginning."""
    table, dropped = rows_table(shard.file.name, rows)
    _write(rows_path(place, shard.number, part), table)
    return dropped


def rows_table(file: str, rows: Sequence[RowFacts]) -> tuple[pa.Table, int]:
    """Facts of rows as a table, their own columns by type, and how many columns were left out."""
    columns: dict[str, list[object]] = {}
    dropped: set[str] = set()
    for i, row in enumerate(rows):
        for given, value in row.facts.scalars.items():
            name = _text(given)
            if name not in columns:
                if len(columns) >= COLUMNS:
                    dropped.add(name)
                    continue
                columns[name] = [None] * len(rows)
            columns[name][i] = value
    own = {f"{COLUMN}{name}": _typed(values) for name, values in columns.items()}
    arrays = {
        "file": pa.repeat(pa.scalar(file), len(rows)),
        "row": pa.array([r.row for r in rows], pa.int64()),
        "sample_id": pa.array([_texts(r.facts.sample_id) for r in rows], pa.string()),
        "text_digest": pa.array([r.digest for r in rows], pa.string()),
        "chars": pa.array([r.chars for r in rows], pa.int64()),
        "words": pa.array([r.words for r in rows], pa.int64()),
        "messages": _messages(rows),
    }
    fields = [*FACTS, *(pa.field(name, array.type) for name, array in own.items())]
    return pa.table([*(arrays[f.name] for f in FACTS), *own.values()], schema=pa.schema(fields)), len(dropped)


def _messages(rows: Sequence[RowFacts]) -> pa.Array:
    kind = CORPUS_ROWS.arrow().field("messages").type
    facts = [m for r in rows for m in r.facts.messages or ()]
    values = pa.StructArray.from_arrays(
        [pa.array([_texts(getattr(m, f.name)) for m in facts], f.type) for f in kind.value_type],
        fields=list(kind.value_type),
    )
    counts = [len(r.facts.messages or ()) for r in rows]
    mask = pa.array([r.facts.messages is None for r in rows], pa.bool_())
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, type=kind, mask=mask)


def _typed(values: list[object]) -> pa.Array:
    """Values of one column as the narrowest of bool, int64, float64, time and string that holds them all."""
    kinds = {type(v) for v in values if v is not None}
    if not kinds:
        return pa.nulls(len(values))
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int}:
        return pa.array(values, pa.int64())
    if kinds <= {int, float, bool}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())  # type: ignore[arg-type]
    if kinds == {dt.datetime}:
        return pa.array([v if v is None or v.tzinfo else v.replace(tzinfo=dt.UTC) for v in values], UTC)  # type: ignore[attr-defined]
    return pa.array([None if v is None else _text(v) for v in values], pa.string())


def _text(value: object) -> str:
    """A value as text that a table can hold: JSON may spell half a letter."""
    return str(value).encode("utf-8", "replace").decode()


def _texts(value: object) -> object:
    return _text(value) if isinstance(value, str) else value


def stage_shard(place: Place, found: ShardSeen, parts: int, columns: int) -> ShardDone:
    """Write what was seen in a shard, and then the word that it is done."""
    seen = [{name: _texts(getattr(s, name)) for name in SEEN.names} for s in found.seen]
    met = [
        {
            **{"row": m.row, "how": m.how, "where": m.where, "piece": m.meeting.piece, "share": m.meeting.share},
            **{"matched": m.meeting.matched, "keys": m.meeting.keys, "spans": m.meeting.spans.ravel()},
        }
        for m in found.met
    ]
    keys = np.flatnonzero(found.counts)
    counts = pa.table({"key": keys, "rows": found.counts[keys]}, schema=COUNTS)
    tables = {"seen": pa.Table.from_pylist(seen, SEEN), "met": pa.Table.from_pylist(met, MET), "counts": counts}
    for what, table in tables.items():  # a corpus may have very many files, and nothing to be said of most
        if len(table):
            _write(_path(place, what, found.shard), table)
    done = ShardDone(
        found.shard,
        found.total,
        found.nbytes,
        parts,
        found.states["broken"],
        found.states["long"],
        tuple(dict.fromkeys(found.unseen)),
        columns,
        found.full,
        found.error,
    )
    _publish(place.folder / f"shard-{found.shard:06d}.done", json.dumps(asdict(done)).encode())
    return done


def shards_done(place: Place) -> list[ShardDone]:
    """The shards that were looked at to their end, in order."""
    found = [json.loads(p.read_text()) for p in sorted(place.folder.glob("shard-*.done"))]
    return [ShardDone(**{**values, "unseen": tuple(values["unseen"])}) for values in found]


def read_seen(place: Place, shard: int) -> list[Seen]:
    return [Seen(**row) for row in _read(place, "seen", shard, SEEN).to_pylist()]


def read_met(place: Place, shard: int) -> list[Met]:
    """The meetings of a shard."""
    return [
        Met(
            *(m["row"], m["how"], m["where"]),
            Meeting(
                *(m["row"], m["piece"], m["share"], m["matched"]),
                np.array(m["keys"], np.int32),
                np.array(m["spans"], np.int16).reshape(-1, 3),
            ),
        )
        for m in _read(place, "met", shard, MET).to_pylist()
    ]


def read_counts(place: Place, shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the index, and in how many rows of a shard each stands."""
    table = _read(place, "counts", shard, COUNTS)
    return table["key"].to_numpy(), table["rows"].to_numpy()


def _read(place: Place, what: str, shard: int, schema: pa.Schema) -> pa.Table:
    path = _path(place, what, shard)
    return pq.read_table(path) if path.exists() else schema.empty_table()


def read_ids(place: Place, done: ShardDone) -> pa.ChunkedArray:
    """The ids of a shard's rows, in order."""
    paths = [rows_path(place, done.shard, part) for part in range(done.parts)]
    parts = [pq.read_table(path, columns=["sample_id"])["sample_id"] for path in paths]
    return pa.chunked_array([c for p in parts for c in p.chunks], pa.string())


def facts_of(place: Place, shards: Sequence[Shard], done: Sequence[ShardDone]) -> pa.Table:
    """The facts of all rows of a corpus (columns of CORPUS_ROWS, then the corpus' own), in its order."""
    kinds: dict[str, pa.DataType] = {}
    for d in done:
        for part in range(d.parts):
            for f in pq.read_schema(rows_path(place, d.shard, part)):
                if f.name.startswith(COLUMN):
                    kinds[f.name] = _either(kinds[f.name], f.type) if f.name in kinds else f.type
    schema = pa.schema([*CORPUS_ROWS.arrow(), *(pa.field(n, k) for n, k in kinds.items())])
    pieces = list(_pieces(place, shards, done, schema))
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


def firsts(shards: Sequence[Shard], done: Sequence[ShardDone]) -> dict[int, int]:
    """The row of its file at which each shard begins."""
    begun: dict[str, int] = {}
    found: dict[int, int] = {}
    for d in sorted(done, key=lambda d: d.shard):
        shard = shards[d.shard]
        known = begun.get(shard.file.name, 0)
        found[d.shard] = shard.first if shard.first is not None else known
        begun[shard.file.name] = found[d.shard] + d.rows
    return found


def _pieces(place: Place, shards: Sequence[Shard], done: Sequence[ShardDone], schema: pa.Schema) -> Iterator[pa.Table]:
    position = 0
    begins = firsts(shards, done)
    for d in sorted(done, key=lambda d: d.shard):
        for part in range(d.parts):
            table = pq.read_table(rows_path(place, d.shard, part))
            row = table["row"].to_numpy() + begins[d.shard]
            where = np.arange(position, position + len(table))
            position += len(table)
            columns = []
            for f in schema:
                if f.name in ("row", "position"):
                    columns.append(pa.array(row if f.name == "row" else where, pa.int64()))
                elif f.name in table.column_names:
                    columns.append(_cast(table[f.name], f.type))
                else:
                    columns.append(pa.nulls(len(table), f.type))
            yield pa.table(columns, schema=schema)


def _either(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """A type that holds values of both."""
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    numeric = all(pa.types.is_floating(t) or pa.types.is_integer(t) or pa.types.is_boolean(t) for t in (a, b))
    return pa.float64() if numeric else pa.string()


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type) and pa.types.is_floating(kind):
        column = column.cast(pa.int8())
    return column.cast(kind, safe=False)


def _path(place: Place, what: str, shard: int) -> Path:
    return place.folder / f"{what}-{shard:06d}.parquet"


def _write(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=True)
    _publish(path, sink.getvalue())


def _publish(path: Path, data: bytes | pa.Buffer) -> None:
    """Write a whole file or none; a bundle that is tried again writes the same one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as f:
            f.write(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise failed_write(path, error) from error
