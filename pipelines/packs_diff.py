"""What changes when one rule pack takes another's place: the alerts that appear, vanish or change, trace by trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from monitors.monitor import Finding, Monitor
from pipelines.plan import WHOLE, Task
from pipelines.read import DeadBatch, ReadSettings, ShardCount, TraceBatch, read_shard
from schemas.layouts import LayoutSettings

CHANGES = ("appears", "vanishes", "changes")


@dataclass(frozen=True, slots=True)
class Change:
    """One alert that differs between the packs; `before` and `after` are levels, None where there is no alert."""

    change: str
    file: str
    row_group: int
    row: int
    trace_id: str
    behaviour: str
    before: str | None
    after: str | None
    rules: tuple[str, ...]
    excerpt: str | None


@dataclass(slots=True)
class Tally:
    """What was compared: traces, input rows that were no traces, and alerts under either pack."""

    traces: int = 0
    dead: int = 0
    before: int = 0
    after: int = 0
    same: int = 0
    changes: Counter[str] = field(default_factory=Counter)


def diff_batch(before: Monitor, after: Monitor, traces: pa.RecordBatch, tally: Tally) -> Iterator[Change]:
    """The changes in one batch of adapted traces, in order of row and behaviour."""
    steps = traces.column("steps")
    ids, files = traces.column("trace_id"), traces.column("file")
    groups, rows = traces.column("row_group"), traces.column("row")
    tally.traces += len(traces)
    for i, (old, new) in enumerate(zip(before.judge(steps), after.judge(steps), strict=True)):
        was = {f.behaviour: f for f in old.findings}
        now = {f.behaviour: f for f in new.findings}
        tally.before += len(was)
        tally.after += len(now)
        for behaviour in sorted({*was, *now}):
            a, b = was.get(behaviour), now.get(behaviour)
            change = _change(a, b)
            if change is None:
                tally.same += 1
                continue
            tally.changes[change] += 1
            shown = b or a
            yield Change(
                change,
                files[i].as_py(),
                groups[i].as_py(),
                rows[i].as_py(),
                ids[i].as_py(),
                behaviour,
                a.level if a else None,
                b.level if b else None,
                shown.rules if shown else (),
                shown.evidence[0].excerpt if shown else None,
            )


def diff_files(
    before: Monitor, after: Monitor, files: Iterable[str], layout: LayoutSettings, tally: Tally
) -> Iterator[Change]:
    """The changes in trace files, read batch by batch as a run reads them."""
    for path in files:
        task = Task(path, path, "", WHOLE, 0, WHOLE, None, ())
        for element in read_shard(0, [task], ReadSettings(layout, payload_chars=0)):
            match element:
                case TraceBatch(traces=traces):
                    yield from diff_batch(before, after, traces, tally)
                case DeadBatch(letters=letters):
                    tally.dead += sum(letter.rows for letter in letters)
                case ShardCount():
                    pass


def by_behaviour(changes: Sequence[Change]) -> list[tuple[str, int, int, int]]:
    """(behaviour, appear, vanish, change) in order of behaviour."""
    counts = Counter((c.behaviour, c.change) for c in changes)
    behaviours = sorted({c.behaviour for c in changes})
    return [(b, *(counts[b, change] for change in CHANGES)) for b in behaviours]  # type: ignore[misc]


def _change(before: Finding | None, after: Finding | None) -> str | None:
    if before is None:
        return "appears"
    if after is None:
        return "vanishes"
    same = (before.level, before.score, before.stance, before.rules) == (
        after.level,
        after.score,
        after.stance,
        after.rules,
    )
    return None if same else "changes"
