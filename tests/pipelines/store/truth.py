"""What the views should show, worked out row by row in plain Python, for whatever a store holds."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from scipy.stats import t  # type: ignore[import-untyped]

from pipelines.store import Store

Row = dict[str, Any]
STRATUM = ("model", "checkpoint", "training_step", "training_run", "environment")
Z = 1.959963984540054


def raw(store: Store, table: str) -> list[Row]:
    with store.connect() as con:
        answer = con.execute(f"SELECT * FROM raw.{table}")
        names = [c[0] for c in answer.description]
        return [dict(zip(names, r, strict=True)) for r in answer.fetchall()]


def best(rows: Iterable[Row], key: Callable[[Row], object], order: Callable[[Row], Any]) -> list[Row]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for r in rows:
        groups[key(r)].append(r)
    return [min(g, key=order) for g in groups.values()]


class Truth:
    """The current rows of a store's views."""

    def __init__(self, store: Store) -> None:
        units = raw(store, "units")
        self.units = best(
            units, lambda u: (u["file"], u["monitor"]), lambda u: (u["sample"] is not None, -u["sequence"])
        )
        sequence = {(u["unit_id"], u["run_id"]): u["sequence"] for u in self.units}

        def current(table: str) -> list[Row]:
            found = [r for r in raw(store, table) if (r["unit_id"], r["run_id"]) in sequence]
            return [r | {"at": sequence[r["unit_id"], r["run_id"]]} for r in found]

        seen = current("traces")
        self.traces = best(seen, lambda r: r["trace_key"], lambda r: (-r["at"], r["file"], r["row_group"], r["row"]))
        keys = {t["trace_key"] for t in seen}
        self.assessments = best(
            (a for a in current("assessments") if a["trace_key"] in keys),
            lambda a: (a["trace_key"], a["monitor"]),
            lambda a: (a["state"] != "assessed", -a["at"], a["file"], a["row_group"], a["row"]),
        )
        place = ("unit_id", "run_id", "file", "row_group", "row", "monitor")
        looks = {tuple(a[p] for p in place) for a in self.assessments}
        self.alerts = [a for a in current("alerts") if tuple(a[p] for p in place) in looks]
        self.runs = raw(store, "runs")

    def rates(self) -> dict[tuple[object, ...], tuple[object, ...]]:
        """(stratum, monitor, behaviour, stance) -> what `VALUES` of the tests names, in that order."""
        used = {u["monitor_digest"] for u in self.units}
        scopes = {
            (m["monitor"], b["behaviour"], m["digest"]): set(b["channels"])
            for r in self.runs
            for m in r["monitors"]
            for b in m["behaviours"]
            if m["digest"] in used
        }
        stances = {(m, b, "any") for m, b, _ in scopes}
        looked = {(a["trace_key"], a["monitor"]): a for a in self.assessments}
        by_key = {(a["trace_key"], a["monitor"], a["behaviour"]): a for a in self.alerts}

        def covers(trace: Row, monitor: str, behaviour: str) -> bool:
            look = looked.get((trace["trace_key"], monitor))
            if look is None or look["state"] != "assessed":
                return False
            return bool(scopes.get((monitor, behaviour, look["monitor_digest"]), set()) & set(look["channels"]))

        for trace in self.traces:
            for (key, m, b), a in by_key.items():
                if key == trace["trace_key"] and covers(trace, m, b):
                    stances.add((m, b, a["stance"]))
        strata: dict[tuple[object, ...], list[Row]] = defaultdict(list)
        for trace in self.traces:
            strata[tuple(trace[d] for d in STRATUM)].append(trace)
        found = {}
        for stratum, traces in strata.items():
            for m, b, stance in stances:
                sizes: Counter[object] = Counter()
                hits: Counter[object] = Counter()
                silent = 0
                for trace in traces:
                    if not covers(trace, m, b):
                        continue
                    named = [(c, trace[c]) for c in ("rollout_group", "task_id", "trace_key") if trace[c] is not None]
                    cluster = named[0]
                    sizes[cluster] += 1
                    silent += "reasoning" not in looked[(trace["trace_key"], m)]["channels"]
                    hit = by_key.get((trace["trace_key"], m, b))
                    hits[cluster] += hit is not None and (
                        hit["level"] != "informational" if stance == "any" else stance == hit["stance"]
                    )
                clusters = [(sizes[c], hits[c]) for c in sizes]
                assessed, *others = rate(clusters)
                found[(*stratum, m, b, stance)] = (len(traces), assessed, silent, *others)
        return found


def rate(clusters: list[tuple[int, int]]) -> tuple[Any, ...]:
    """(assessed, flagged, tasks, rate, low, high) of clusters given as (size, flagged)."""
    n, y, k = sum(m for m, _ in clusters), sum(h for _, h in clusters), len(clusters)
    if not n:
        return 0, 0, 0, None, None, None
    p = y / n
    if y in (0, n):
        effective = float(k)
    elif k == 1:
        effective = 1.0
    else:
        # the ratio estimator's variance: residuals of the cluster totals around p times the cluster's size
        variance = k / (k - 1) * sum((h - p * m) ** 2 for m, h in clusters) / n**2
        design_effect = variance / (p * (1 - p) / n)
        effective = min(n, n / design_effect) if design_effect else n
        effective *= (t.ppf(0.975, n - 1) / t.ppf(0.975, k - 1)) ** 2
    return n, y, k, p, *wilson(p, effective)


def wilson(p: float, n: float) -> tuple[float, float]:
    """The two roots x of (x - p)^2 = z^2 x (1 - x) / n: that is Wilson's definition, and not his formula."""
    a, b, c = 1 + Z * Z / n, -(2 * p + Z * Z / n), p * p
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    return max(0.0, (-b - root) / (2 * a)), min(1.0, (-b + root) / (2 * a))
