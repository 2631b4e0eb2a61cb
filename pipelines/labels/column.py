"""Labels that come with the traces: a column, and what its values mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from pipelines.labels.files import Label
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.errors import Fault, InputError
from schemas.trace import ADAPTED

BENIGN, UNKNOWN = "benign", "unknown"
MEANINGS = (*CATEGORIES, BENIGN, UNKNOWN)
SHOWN = 8  # values of a column that an error lists
NEVER = ("steps", "metadata")


def parse_meanings(values: Sequence[str]) -> dict[str, str]:
    """`--label-map` values as a mapping from a column's value to what it means, beside what needs no mapping.

    >>> parse_meanings(["1=test_gaming,0=benign"])["1"]
    'test_gaming'
    """
    meanings = {m: m for m in (*MEANINGS, *BEHAVIOURS)}
    for value in values:
        for part in value.split(","):
            source, sign, meaning = (p.strip() for p in part.rpartition("=")) if "=" in part else (part, "", "")
            if not sign or meaning not in meanings.values():
                near = difflib.get_close_matches(meaning, meanings, 1)
                todo = f"did you mean {near[0]}?" if near else f"use {', '.join(MEANINGS)} or a behaviour id"
                raise InputError([Fault("--label-map", None, f"{part.strip()!r} maps to nothing known", todo)])
            meanings[source] = meaning
    return meanings


def values_of(traces: pa.RecordBatch, column: str) -> list[str | None]:
    """A dimension, or an entry of the metadata, as text; None where a trace has none."""
    if column in ADAPTED.names and column not in NEVER:
        return [None if v is None else str(v) for v in traces.column(column).to_pylist()]
    return [None if m is None else dict(m).get(column) for m in traces.column("metadata").to_pylist()]


def check_column(column: str, seen: Mapping[str, int], traces: int, option: str) -> None:
    """Raise InputError where a column was in no trace."""
    if traces and not seen:
        todo = "check its spelling with `cotmonitor traces validate`"
        raise InputError([Fault(option, None, f"no trace has a column {column!r}", todo)])


def check_values(seen: Mapping[str, int], meanings: Mapping[str, str]) -> None:
    """Raise InputError where a column holds values of which nobody said what they mean."""
    strange = {v: n for v, n in seen.items() if v not in meanings}
    if strange:
        shown = ", ".join(f"{v!r} ({n:,})" for v, n in sorted(strange.items(), key=lambda i: (-i[1], i[0]))[:SHOWN])
        todo = f"say what they mean, e.g. --label-map {next(iter(strange))[:40]}=benign; use {', '.join(MEANINGS)}"
        raise InputError([Fault("--label-column", None, f"unknown values {shown}", todo)])


def labels_of(
    traces: pa.RecordBatch, values: Sequence[str | None], meanings: Mapping[str, str], origin: str, labeller: str
) -> Iterator[Label]:
    """The labels of a batch: benign denies both categories, a category or behaviour affirms itself and no more."""
    ids = (traces.column(name).to_pylist() for name in ("trace_key", "trace_id", "trace_digest"))
    for key, trace_id, digest, value in zip(*ids, values, strict=True):
        meaning = UNKNOWN if value is None else meanings.get(value, UNKNOWN)
        behaviour = meaning if meaning in BEHAVIOURS else None
        if meaning == BENIGN:
            said = [(c, "false") for c in CATEGORIES]
        elif meaning == UNKNOWN:
            said = [(c, "unsure") for c in CATEGORIES] if value is not None else []
        else:
            said = [(BEHAVIOURS[behaviour].category if behaviour else meaning, "true")]
        for category, answer in said:
            yield Label(key, category, behaviour, answer, origin, labeller, trace_id, digest)
