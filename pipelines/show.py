"""One alert before a person's eyes: find its trace in the input files again, and lay out its steps.

The store never holds a transcript, so the trace is read once more, through the same adapter, and believed only if its
digest is still the one that was judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import duckdb

from pipelines.inputs import expand
from pipelines.plan import Task
from pipelines.read import DeadBatch, ReadSettings, TraceBatch, read_shard
from schemas.errors import CotmonitorError
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST

MOST_CANDIDATES = 50  # files of the same name that are tried


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a trace, as `schemas.trace.STEP` has it."""

    role: str
    channel: str
    name: str | None
    text: str | None
    redacted: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row that became the trace lay, and how its file was read."""

    file: str
    row_group: int
    row: int
    root: str | None
    layout: LayoutSettings


@dataclass(frozen=True, slots=True)
class Reading:
    """The steps of the trace, or why there are none."""

    steps: tuple[Step, ...] | None
    path: str | None
    trouble: tuple[str, ...] = ()


def places(con: duckdb.DuckDBPyConnection, trace_key: str, first: str) -> list[Place]:
    """Every row known to have been this trace, replicas too: those in the file `first` first, newest runs first."""
    found = con.execute(
        """SELECT DISTINCT t.file, t.row_group, t."row", t.run_id, r.config
           FROM raw.traces t JOIN raw.units u USING (unit_id, run_id) LEFT JOIN runs r ON r.run_id = t.run_id
           WHERE t.trace_key = ? ORDER BY t.file <> ?, t.run_id DESC, t.file, t.row_group, t."row" """,
        [trace_key, first],
    ).fetchall()
    seen: dict[Place, None] = {}
    for file, row_group, row, _, config in found:
        job = json.loads(config) if config else {}
        rename = tuple(sorted((job.get("map") or {}).items()))
        seen[Place(file, row_group, row, job.get("root"), LayoutSettings(job.get("layout") or "auto", rename))] = None
    return list(seen)


def read_steps(places: Sequence[Place], trace_key: str, lake: str | None = None) -> Reading:
    """The steps of the first place whose trace still has the key; `lake` is a folder or glob to look in instead."""
    trouble: list[str] = []
    elsewhere = expand([lake]) if lake is not None else None
    for place in places:
        paths = list(likely_paths(place, lake, elsewhere))
        if not paths:
            trouble.append(f"{place.file}: no file of this name in {lake}")
        for path in paths:
            if not os.path.exists(path):
                trouble.append(f"{path}: is not there any more")
                continue
            steps = _read(place, path, trace_key)
            if not isinstance(steps, str):
                return Reading(steps, path)
            trouble.append(f"{path}: {steps}")
    return Reading(None, None, tuple(dict.fromkeys(trouble)))


def likely_paths(place: Place, lake: str | None, elsewhere: Sequence[str] | None) -> Iterator[str]:
    """Where the file may lie now, the likeliest first."""
    if elsewhere is None:
        yield os.path.join(os.path.abspath(place.root or "."), place.file)
        return
    name = PurePosixPath(place.file)
    alike = [(_shared_end(name.parts, Path(p).parts), p) for p in elsewhere]
    exact = os.path.join(os.path.abspath(lake or "."), place.file)
    ranked = sorted((a for a in alike if a[0]), key=lambda a: (a[1] != exact, -a[0], a[1]))
    yield from (path for _, path in ranked[:MOST_CANDIDATES])


def _shared_end(a: Sequence[str], b: Sequence[str]) -> int:
    """How many parts two paths have in common, counted from their ends."""
    return next(
        (i for i, (x, y) in enumerate(zip(reversed(a), reversed(b), strict=False)) if x != y), min(len(a), len(b))
    )


def _read(place: Place, path: str, trace_key: str) -> tuple[Step, ...] | str:
    """The steps of the trace at this place, or what is there instead."""
    task = Task(place.file, path, "", place.row_group, place.row, place.row + 1, None, (INGEST,))
    try:
        for piece in read_shard(0, [task], ReadSettings(place.layout)):
            if isinstance(piece, DeadBatch):
                return f"row {place.row} of row group {place.row_group} cannot be read: {piece.letters[0].message}"
            if isinstance(piece, TraceBatch):
                if piece.traces.column("trace_key")[0].as_py() == trace_key:
                    return tuple(Step(**s) for s in piece.traces.column("steps")[0].as_py())
                return f"row {place.row} of row group {place.row_group} holds another trace now"
    except (OSError, ValueError, IndexError, CotmonitorError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"has no row {place.row} in row group {place.row_group} any more"


@dataclass(frozen=True, slots=True)
class Mark:
    """Evidence in a step: `text[start:end]`, found by `rule`."""

    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a step's text: as it is, or marked as evidence, or left out; then `text` is empty."""

    text: str
    marked: bool = False
    hidden: int = 0


def laid_out(text: str, marks: Sequence[Mark], context: int | None) -> list[Piece]:
    """A step's text in pieces, with `context` characters on either side of its evidence; None leaves nothing out.

    Without evidence, the first `context` characters are shown.

    >>> [p.text or p.hidden for p in laid_out("abcdefghij", [Mark(4, 6, "r")], 1)]
    [3, 'd', 'ef', 'g', 3]
    """
    spans = _merged(text, marks)
    if context is None:
        windows = [(0, len(text))]
    elif spans:
        windows = _joined([(max(0, a - context), min(len(text), b + context)) for a, b in spans])
    else:
        windows = [(0, min(context, len(text)))]
    pieces: list[Piece] = []
    at = 0
    for begin, end in windows:
        pieces += [Piece("", hidden=begin - at)] if begin > at else []
        at = begin
        for a, b in spans:
            if begin <= a < end:
                pieces += [Piece(text[at:a])] if a > at else []
                pieces.append(Piece(text[a:b], marked=True))
                at = b
        pieces += [Piece(text[at:end])] if end > at else []
        at = max(at, end)
    return [*pieces, *([Piece("", hidden=len(text) - at)] if at < len(text) else [])]


def chosen(steps: Sequence[Step], marked: frozenset[int], around: int) -> list[int]:
    """Which steps to show: those with evidence, `around` neighbours on either side, the first request, and the end."""
    kept = {i for m in marked for i in range(max(0, m - around), min(len(steps), m + around + 1))}
    kept |= {len(steps) - 1} if steps else set()
    kept |= set(next(([i] for i, s in enumerate(steps) if s.channel == "prompt" and s.role == "user"), []))
    # a single step left out takes as much room as the note that says so
    return sorted(kept | {i for i in range(len(steps)) if (i == 0 or i - 1 in kept) and i + 1 in kept})


def _merged(text: str, marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """The marked stretches, in order and apart; what lies outside the text is cut off."""
    inside = sorted((max(0, m.start), min(m.end, len(text))) for m in marks)
    return _joined([(a, b) for a, b in inside if a < b])


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for a, b in spans:
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined
