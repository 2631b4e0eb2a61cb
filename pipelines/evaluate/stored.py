"""Scores that a store already holds: its assessments and alerts, in the place of running the monitors again."""

from __future__ import annotations

from collections.abc import Sequence

from monitors.monitor import MonitorSpec, Scope
from pipelines.evaluate.judged import Book, Found, Said
from pipelines.store import Store
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.errors import InputError
from schemas.results import ALERTS

NOT_IN_STORE = Said(False, "not_in_store", None)
ASSESSED = """
SELECT monitor, trace_key, bool_or(state = 'assessed'), min(reason), max(score), max(test_gaming), max(hidden_objective)
FROM assessments GROUP BY monitor, trace_key
"""
ALERTED = 'SELECT DISTINCT monitor, trace_key, behaviour, category, score, "level", stance FROM alerts'
MONITORS = """
SELECT a.monitor, min(a.monitor_digest), any_value(l.version), list_sort(list_distinct(list(l.category)))
FROM assessments a LEFT JOIN (
    SELECT monitor, category, any_value(monitor_version) AS version FROM alerts GROUP BY ALL
) l USING (monitor) GROUP BY a.monitor ORDER BY a.monitor
"""


class StoredWord:
    """What the monitors of a store said, by trace_key."""

    def __init__(self, store: Store, monitors: Sequence[str] = ()) -> None:
        with store.connect() as con:
            rows = con.execute(MONITORS).fetchall()
            assessed = con.execute(ASSESSED).fetchall()
            alerted = con.execute(ALERTED).fetchall()
        known = [str(r[0]) for r in rows]
        strange = sorted(set(monitors) - set(known))
        if strange or not known:
            what = f"holds no monitor {strange[0]!r}" if strange else "holds no assessments"
            raise InputError(f"{store.path}: {what}. It holds {', '.join(known) or 'nothing: run the monitors first'}.")
        self.specs = {m: _spec(m, digest, version, found) for m, digest, version, found in rows if _asked(m, monitors)}
        found_by: dict[tuple[str, str], list[Found]] = {}
        for monitor, key, behaviour, category, score, level, stance in alerted:
            found_by.setdefault((monitor, key), []).append(Found(behaviour, category, score, level, stance))
        self._said = {
            (monitor, key): Said(
                bool(state), reason, score, tuple(found_by.get((monitor, key), ())), _told(*by_category)
            )
            for monitor, key, state, reason, score, *by_category in assessed
        }

    def book(self, monitor: str, min_level: str) -> Book:
        """An empty book for a monitor: the categories of which it ever raised an alert, or both if it never did."""
        spec = self.specs[monitor]
        categories = tuple(c for c in CATEGORIES if any(BEHAVIOURS[s.behaviour].category == c for s in spec.scopes))
        return Book(spec, categories, min_level)

    def said(self, monitor: str, keys: Sequence[str]) -> list[Said]:
        """Its word on each trace; a trace that the store does not know was not assessed."""
        return [self._said.get((monitor, key), NOT_IN_STORE) for key in keys]


def _told(test_gaming: float | None, hidden_objective: float | None) -> dict[str, float] | None:
    """Scores by category; None in a store of before there were any."""
    by_category = {"test_gaming": test_gaming, "hidden_objective": hidden_objective}
    return {c: s for c, s in by_category.items() if s is not None} or None


def _asked(monitor: str, monitors: Sequence[str]) -> bool:
    return not monitors or monitor in monitors


def _spec(monitor: str, digest: str, version: str | None, categories: list[str | None]) -> MonitorSpec:
    """A monitor as far as its store tells."""
    known = [c for c in categories if c is not None] or list(CATEGORIES)
    channels = next(c.one_of for c in ALERTS.columns if c.name == "channel")
    scopes = tuple(Scope(b.id, channels) for b in BEHAVIOURS.values() if b.category in known)
    return MonitorSpec(monitor, version or "", digest, scopes)
