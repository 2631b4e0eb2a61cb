"""Traffic that somebody declares to be ordinary: its scores by monitor, taken from a store's assessments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import duckdb
import numpy as np
import pyarrow as pa

from monitors.measure.bootstrap import numbered
from monitors.measure.figure import Bools, Floats, Ints
from schemas.behaviours import CATEGORIES
from schemas.digest import digest

TRACES = """
SELECT t.trace_key, t.environment, coalesce('g' || t.rollout_group, 't' || t.task_id, 'k' || t.trace_key) AS task,
       u.run_date, {where} AS declared
FROM traces t JOIN units u ON t.unit_id = u.unit_id AND t.run_id = u.run_id
WHERE {where} OR t.trace_key IN (SELECT trace_key FROM labelled) ORDER BY t.trace_key
"""
SAID = """
SELECT n.number, w.category, s.monitor, s.digest, s.score
FROM (SELECT trace_key, category, unnest(scores) AS s FROM suspicion) w
JOIN numbers n USING (trace_key) WHERE s.score IS NOT NULL
"""
LEVELS = """
SELECT n.number, a.category, max(CASE a."level" {ranks} END) AS severity
FROM alerts a JOIN numbers n USING (trace_key) GROUP BY ALL
"""
DIGESTS = """
SELECT monitor, arg_max(monitor_digest, "sequence") FROM units GROUP BY monitor
"""
CONFIRMED = """
SELECT DISTINCT a.trace_key, a.category FROM raw.alerts a JOIN reviews r USING (finding_id)
WHERE r.verdict = 'true_positive'
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """Which traffic is ordinary; what is left empty excludes nothing. Dates are those of runs, both included."""

    environments: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    training_runs: tuple[str, ...] = ()
    since: dt.date | None = None
    until: dt.date | None = None

    def told(self) -> dict[str, object]:
        return {name: str(v) if isinstance(v, dt.date) else v for name, v in asdict(self).items() if v}

    def where(self) -> tuple[str, list[object]]:
        """A condition on `t` (traces) and `u` (their units), and its values."""
        columns = {
            "environment": self.environments,
            "model": self.models,
            "checkpoint": self.checkpoints,
            "training_run": self.training_runs,
        }
        parts, values = ["true"], list[object]()
        for column, wanted in columns.items():
            if wanted:
                parts.append(f"t.{column} IN ({', '.join('?' * len(wanted))})")
                values += wanted
        for sign, date in ((">=", self.since), ("<=", self.until)):
            if date is not None:
                parts.append(f"u.run_date {sign} ?")
                values.append(date)
        return f"({' AND '.join(parts)})", values


@dataclass(frozen=True, slots=True)
class Traffic:
    """n traces: scores by category and monitor (n, NaN where it did not look), and the level of the worst alert (n).

    `declared` (n) are those that the declaration covers; the others are here since they have a label. Levels count
    from 0, the least; -1 is no alert. `digests` are the newest of each monitor, whose scores these are; `outdated` are
    the traces on which an older one had the last word.
    """

    keys: tuple[str, ...]
    declared: Bools
    environments: tuple[str | None, ...]
    tasks: Ints
    nights: Ints
    scores: Mapping[str, Mapping[str, Floats]]
    severity: Mapping[str, Ints]
    digests: Mapping[str, str]
    outdated: Mapping[str, int]

    def taken(self, rows: Bools) -> Traffic:
        at = np.flatnonzero(rows)
        return Traffic(
            tuple(self.keys[i] for i in at),
            self.declared[rows],
            tuple(self.environments[i] for i in at),
            self.tasks[rows],
            self.nights[rows],
            {c: {m: s[rows] for m, s in by.items()} for c, by in self.scores.items()},
            {c: s[rows] for c, s in self.severity.items()},
            self.digests,
            self.outdated,
        )

    def digest(self) -> str:
        """Over traces and scores; the same traffic has the same."""
        rounded = [np.round(self.scores[c][m], 9).tobytes().hex() for c in CATEGORIES for m in sorted(self.scores[c])]
        return digest(*self.keys, *(f"{m}={d}" for m, d in sorted(self.digests.items())), *rounded)


def traffic(
    con: duckdb.DuckDBPyConnection, declared: Declared, levels: Sequence[str], labelled: Iterable[str] = ()
) -> Traffic:
    """All traces that the declaration covers, and those labelled (by trace_key)."""
    condition, values = declared.where()
    con.register("labelled", pa.table({"trace_key": pa.array(sorted(labelled), pa.string())}))
    traces = con.sql(TRACES.format(where=condition), params=values * 2).to_arrow_table()
    con.unregister("labelled")
    n = traces.num_rows
    numbers = pa.table({"trace_key": traces.column("trace_key"), "number": pa.array(np.arange(n))})
    con.register("numbers", numbers)
    digests = {str(m): str(d) for m, d in con.execute(DIGESTS).fetchall()}
    said = con.sql(SAID).to_arrow_table()
    ranks = " ".join(f"WHEN '{level}' THEN {i}" for i, level in enumerate(levels))
    alerted = con.sql(LEVELS.format(ranks=ranks)).to_arrow_table()
    con.unregister("numbers")
    scores: dict[str, dict[str, Floats]] = {c: {} for c in CATEGORIES}
    outdated: dict[str, int] = {}
    columns = {name: said.column(name).to_numpy() for name in ("number", "category", "monitor", "digest", "score")}
    for monitor in sorted(set(columns["monitor"].tolist())):
        ours = columns["monitor"] == monitor
        newest = ours & (columns["digest"] == digests[monitor])
        if old := len(np.unique(columns["number"][ours & ~newest])):
            outdated[monitor] = old
        for category in CATEGORIES:
            rows = newest & (columns["category"] == category)
            if rows.any():
                scores[category][monitor] = np.full(n, np.nan)
                scores[category][monitor][columns["number"][rows]] = columns["score"][rows]
    severity = {c: np.full(n, -1, np.int64) for c in CATEGORIES}
    for number, category, level in zip(*(alerted.column(i).to_pylist() for i in range(3)), strict=True):
        severity[category][number] = level
    dates = traces.column("run_date").to_numpy().astype("datetime64[D]").astype(np.int64)
    return Traffic(
        tuple(traces.column("trace_key").to_pylist()),
        np.array(traces.column("declared").to_pylist(), np.bool_),
        tuple(traces.column("environment").to_pylist()),
        numbered(traces.column("task").to_pylist()) if n else np.zeros(0, np.int64),
        dates,
        scores,
        severity,
        {m: digests[m] for by in scores.values() for m in by},
        outdated,
    )


def confirmed(con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """By category, the traces of which a person said that a finding is right."""
    found: dict[str, set[str]] = {c: set() for c in CATEGORIES}
    for key, category in con.execute(CONFIRMED).fetchall():
        found[category].add(key)
    return found
