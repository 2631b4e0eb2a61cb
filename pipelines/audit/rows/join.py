"""Which trace each row of a corpus is: by its id, plain or keyed, and by its values where an id stands for several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.rows.population import Population, numbers
from pipelines.export.ids import keyed

NONE, AMBIGUOUS = -1, -2
TELLING = ("reward", "success", "training_step", "window_index")  # columns by which contents of one id may differ


@dataclass(frozen=True, slots=True)
class Joined:
    """`trace` (m) is each corpus row's place in the population, NONE or AMBIGUOUS, found `by` a kind of id.

    `position` (m) is where the row stands; `count`, `first` (n): how often a trace is there, first where (else NaN).
    `by_text` (m) are rows that joined by their text, since their id is no trace's.
    """

    trace: np.ndarray
    by: str
    count: np.ndarray
    first: np.ndarray
    position: np.ndarray
    by_text: np.ndarray

    def with_copies(self, copied: np.ndarray) -> Joined:
        """The same, where rows (m) that joined none are those traces that they are copies of, or still NONE."""
        by_text = (self.trace == NONE) & (copied >= 0)
        return _joined(np.where(by_text, copied, self.trace), self.by, self.position, by_text, len(self.count))

    @property
    def joined(self) -> np.ndarray:
        return self.trace >= 0

    def passes(self) -> Iterator[np.ndarray]:
        """Where each trace (n) stands for the first time, the second, and so on; NaN where it does not so often."""
        rows = np.flatnonzero(self.joined)
        rows = rows[np.lexsort((self.position[rows], self.trace[rows]))]
        trace = self.trace[rows]
        time = np.arange(len(rows)) - np.searchsorted(trace, trace)
        for k in range(int(time.max(initial=-1)) + 1):
            at = np.full(len(self.count), np.nan)
            at[trace[time == k]] = self.position[rows[time == k]]
            yield at

    @property
    def share(self) -> float:
        return float(self.joined.mean()) if len(self.trace) else 0.0


def join(pop: Population, rows: pa.Table, key: bytes | None) -> Joined:
    """Join rows by the kind of id that fits most of them: `trace_id`, `trace_key`, or with a key the keyed id."""
    given = rows["sample_id"].combine_chunks().cast(pa.string())
    trace_id = pa.array(pop.trace_id, pa.string())
    kinds = {"trace_id": trace_id, "trace_key": pa.array(pop.key, pa.string())}
    if key is not None:
        kinds["keyed id"] = pa.array([keyed(k, key) for k in pop.key], pa.string())
    found = {name: _place(given, known) for name, known in kinds.items()}
    by = max(found, key=lambda name: int((found[name] >= 0).sum()))
    trace = found[by]
    if by == "trace_id" and pop.conflict.any():
        trace = _told_apart(pop, rows, trace)
    return _joined(trace, by, numbers(rows["position"]), np.zeros(len(trace), bool), len(pop))


def _joined(trace: np.ndarray, by: str, position: np.ndarray, by_text: np.ndarray, traces: int) -> Joined:
    here = trace >= 0
    count = np.bincount(trace[here], minlength=traces).astype(np.int64)
    first = np.full(traces, np.inf)
    np.minimum.at(first, trace[here], position[here])
    return Joined(trace, by, count, np.where(count > 0, first, np.nan), position, by_text)


def _place(given: pa.Array, known: pa.Array) -> np.ndarray:
    return (
        pc.index_in(given, value_set=known, skip_nulls=True).fill_null(NONE).to_numpy(zero_copy_only=False).astype(int)
    )


def _told_apart(pop: Population, rows: pa.Table, trace: np.ndarray) -> np.ndarray:
    """Rows whose id stands for several contents, by the values that they carry; AMBIGUOUS where these fit several."""
    several: dict[str, list[int]] = {}
    for at in np.flatnonzero(pop.conflict).tolist():
        several.setdefault(pop.trace_id[at], []).append(at)
    resolved = trace.copy()
    doubtful = np.flatnonzero((trace >= 0) & pop.conflict[np.maximum(trace, 0)])
    carried = {name: numbers(rows[f"c.{name}"]) for name in TELLING if _numeric(rows, f"c.{name}")}
    chars = _channel_chars(rows, doubtful)
    for place, row in enumerate(doubtful.tolist()):
        fits = several[pop.trace_id[trace[row]]]
        for name, values in carried.items():
            if not np.isnan(values[row]):
                fits = [t for t in fits if np.isclose(getattr(pop, name)[t], values[row], rtol=1e-6, atol=1e-9)]
        for channel, size in (chars[place] or {}).items():
            fits = [t for t in fits if pop.chars[channel][t] == size] if channel in pop.chars else fits
        resolved[row] = fits[0] if len(fits) == 1 else AMBIGUOUS
    return _dealt_out(pop, trace, doubtful, several, resolved)


def _dealt_out(
    pop: Population, trace: np.ndarray, doubtful: np.ndarray, several: dict[str, list[int]], resolved: np.ndarray
) -> np.ndarray:
    """Where an id has as many rows as contents, all are there, whichever is which."""
    rows: dict[str, list[int]] = {}
    for row in doubtful.tolist():
        rows.setdefault(pop.trace_id[trace[row]], []).append(row)
    for name, mine in rows.items():
        known = [int(resolved[r]) for r in mine if resolved[r] >= 0]
        if len(mine) == len(several[name]) and len(set(known)) == len(known):
            left = iter([t for t in several[name] if t not in known])
            for row in mine:
                if resolved[row] == AMBIGUOUS:
                    resolved[row] = next(left)
    return resolved


def _numeric(rows: pa.Table, name: str) -> bool:
    if name not in rows.column_names:
        return False
    kind = rows[name].type
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _channel_chars(rows: pa.Table, at: np.ndarray) -> list[dict[str, int] | None]:
    """Characters by channel of some rows, only of channels that an export leaves as they are in the lake."""
    if "messages" not in rows.column_names or not len(at):
        return [None] * len(at)
    found: list[dict[str, int] | None] = []
    for messages in rows["messages"].take(pa.array(at)).to_pylist():
        sizes: dict[str, int] = {}
        for message in messages or ():
            if message["channel"] in ("prompt", "observation"):
                sizes[message["channel"]] = sizes.get(message["channel"], 0) + message["chars"]
        found.append(sizes or None)
    return found
