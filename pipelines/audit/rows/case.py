"""What every check of a corpus is given: the traces, the rows, how they join, and how much chance may be spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from pipelines.audit.finding import NAMED_ROWS, Finding, RowRef, Verdict
from pipelines.audit.rows.filters import Filter
from pipelines.audit.rows.join import Joined
from pipelines.audit.rows.population import Population
from pipelines.audit.rows.selection import Replayed, Selection
from pipelines.audit.rows.source import Source

# how the chance of a false alarm is divided; deterministic checks take none of it
SHARES = {
    "inclusion": 0.4,
    "column": 0.18,
    "order": 0.12,
    "repetition": 0.1,
    "strata": 0.1,
    "mask": 0.04,
    "selection": 0.04,
    "text": 0.02,
}


@dataclass(frozen=True)
class Case:
    """One corpus to be examined. `seed` decides the draws of exchanges, and nothing else."""

    pop: Population
    source: Source
    table: pa.Table
    joined: Joined
    declared: Selection | None
    replayed: Replayed | None
    alpha: float
    seed: int

    def level(self, check: str, tests: int = 1) -> float:
        """The p from which one of so many tests of a check speaks."""
        return self.alpha * SHARES[check] / max(tests, 1)

    @cached_property
    def present(self) -> np.ndarray:
        """Which traces (n) are in the corpus."""
        return self.joined.count > 0

    @cached_property
    def row_of(self) -> np.ndarray:
        """The first row (of the table) of each trace (n); -1 where there is none."""
        at = np.full(len(self.pop), -1, np.int64)
        here = np.flatnonzero(self.joined.joined)[::-1]
        at[self.joined.trace[here]] = here
        return at

    @cached_property
    def flags(self) -> np.ndarray:
        return self.pop.flagged.astype(float)

    def rows(self, at: Iterable[int] | np.ndarray, details: Sequence[str] | str = "") -> tuple[RowRef, ...]:
        """Rows of the table, named: the first few."""
        first = list(at)[:NAMED_ROWS]
        told = [details] * len(first) if isinstance(details, str) else list(details[: len(first)])
        kept = self.table.select(["file", "row", "sample_id"]).take(pa.array(first, pa.int64())).to_pylist()
        return tuple(
            RowRef(k["file"], k["row"], k["sample_id"], self._key(self.joined.trace[i]), d)
            for i, k, d in zip(first, kept, told, strict=True)
        )

    def traces(self, at: Iterable[int] | np.ndarray, detail: str) -> tuple[RowRef, ...]:
        """Traces (of the population), named with a row of theirs if there is one."""
        named: list[RowRef] = []
        for trace in list(at)[:NAMED_ROWS]:
            row = int(self.row_of[trace])
            if row >= 0:
                named += self.rows([row], detail)
            else:
                named.append(RowRef(None, None, self.pop.trace_id[trace], self.pop.key[trace], detail))
        return tuple(named)

    def _key(self, trace: int) -> str | None:
        return self.pop.key[trace] if trace >= 0 else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is known of how the corpus was chosen: the traces (n) that could be there, and what accounts for the rest.

    `filters` were inferred, `missing` are whole strata, `declared` conditions that somebody declared.
    """

    at_risk: np.ndarray
    filters: tuple[Filter, ...]
    missing: tuple[str, ...]
    declared: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        return (*(f"declared: {d}" for d in self.declared), *map(str, self.filters))


def untestable(check: str, channel: str, subject: str, why: str, verdict: Verdict = "not_identifiable") -> Finding:
    """A check of which nothing can be said."""
    return Finding(check, channel, verdict, subject, why)


def counted(number: int, one: str, several: str | None = None) -> str:
    """
    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
