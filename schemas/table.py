"""`Table` and `Column`: the single source from which Arrow schemas, documentation and contracts are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

NAMED = b"cotmonitor.table"  # in a Parquet file's metadata: of which of our tables it is


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type and meaning, and what its values must keep to.

    `one_of`, `minimum` and `maximum` (both inclusive) are checked on every row; null is never checked against them,
    it is allowed or not by `nullable`. `since` is the version of the table that brought the column: what was stored
    before it reads as null.
    """

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = False
    one_of: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    since: int = 1

    def __post_init__(self) -> None:
        if self.since > 1 and not self.nullable:
            raise ValueError(f"column {self.name} came with version {self.since}, so rows before it have null there")


@dataclass(frozen=True, slots=True)
class Table:
    """A stored or moving table: name, version, columns, and the columns that make a row unique."""

    name: str
    version: int
    doc: str
    columns: tuple[Column, ...] = field(repr=False)
    key: tuple[str, ...] = ()

    def arrow(self) -> pa.Schema:
        """The Arrow schema, with the table's name and version in its metadata."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns],
            metadata={NAMED.decode(): self.name, "cotmonitor.version": str(self.version)},
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @property
    def later(self) -> frozenset[str]:
        """Columns that came after version 1: a table stored before them is still this table."""
        return frozenset(c.name for c in self.columns if c.since > 1)

    def batch(self, columns: dict[str, object]) -> pa.RecordBatch:
        """A batch of this table from a dict of lists or arrays; a missing column is null, an unknown one an error."""
        unknown = set(columns) - set(self.names)
        if unknown:
            raise KeyError(f"table {self.name} has no column {sorted(unknown)}")
        rows = len(next(iter(columns.values()))) if columns else 0  # type: ignore[arg-type]
        arrays = [_array(columns.get(c.name), c.type, rows) for c in self.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.arrow())

    def violations(self, batch: pa.RecordBatch | pa.Table) -> dict[str, int]:
        """Rows that break a column's own promise, counted by check; empty when all is well.

        >>> Table("t", 1, "", (Column("score", pa.float64(), "", minimum=0),)).violations(
        ...     pa.table({"score": [0.5, -1.0]}))
        {'t.score >= 0': 1}
        """
        found = {}
        for c in self.columns:
            values = batch.column(c.name)
            checks: Sequence[tuple[str, object]] = (
                (f"{self.name}.{c.name} is not null", None if c.nullable else pc.is_null(values)),
                (
                    f"{self.name}.{c.name} is known",
                    pc.invert(pc.is_in(values.drop_null(), pa.array(c.one_of, c.type))) if c.one_of else None,
                ),
                (
                    f"{self.name}.{c.name} >= {c.minimum}",
                    pc.invert(pc.greater_equal(values, c.minimum)) if c.minimum is not None else None,
                ),
                (
                    f"{self.name}.{c.name} <= {c.maximum}",
                    pc.invert(pc.less_equal(values, c.maximum)) if c.maximum is not None else None,
                ),
            )
            for name, bad in checks:
                count = pc.sum(bad).as_py() if bad is not None else 0  # type: ignore[call-overload]
                if count:
                    found[name] = count
        return found

    def markdown(self) -> str:
        """The table's reference, for the docs."""
        lines = [f"### `{self.name}` (version {self.version})", "", self.doc, ""]
        if self.key:
            lines += [f"Key: {', '.join(f'`{k}`' for k in self.key)}.", ""]
        lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
        for c in self.columns:
            bounds = f" One of {', '.join(f'`{v}`' for v in c.one_of)}." if c.one_of else ""
            since = f" Since version {c.since}." if c.since > 1 else ""
            lines.append(f"| `{c.name}` | `{c.type}` | {'yes' if c.nullable else 'no'} | {c.doc}{bounds}{since} |")
        return "\n".join(lines) + "\n"


def _array(values: object, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values if values.type == kind else values.cast(kind)
    return pa.array(values, kind)
