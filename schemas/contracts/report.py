"""What the contracts found, with figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True, slots=True)
class Result:
    """One expectation: what was expected of which table, what was observed, and what would move the limit."""

    table: str
    metric: str
    expectation: str
    observed: str
    expected: str
    severity: str
    ok: bool
    setting: str = ""
    allow: str = ""

    def __str__(self) -> str:
        return f"{self.table}: {self.expectation}. Observed {self.observed}; expected {self.expected}."


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run's contracts; `docs` is the page that shows them."""

    results: tuple[Result, ...]
    docs: str = ""

    @property
    def failed(self) -> tuple[Result, ...]:
        """Broken critical expectations: the run must not commit."""
        return tuple(r for r in self.results if not r.ok and r.severity == CRITICAL)

    @property
    def warnings(self) -> tuple[Result, ...]:
        """Broken expectations that a person should look at."""
        return tuple(r for r in self.results if not r.ok and r.severity != CRITICAL)

    def explain(self) -> str:
        """Each failed expectation with its figures, the setting that would allow it, and where the docs are."""
        lines = [f"{len(self.failed)} of {len(self.results)} contracts failed:"]
        lines += [_line(r) for r in self.failed]
        lines += [f"{_line(r)} (warning)" for r in self.warnings]
        if self.docs:
            lines.append(f"All figures: {self.docs}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The report as JSON, as stored in `runs.contracts`."""
        return json.dumps(
            {"failed": len(self.failed), "warnings": len(self.warnings), "results": [asdict(r) for r in self.results]}
        )


def results_from(rows: Sequence[Mapping[str, Any]]) -> tuple[Result, ...]:
    """Results from their dicts, as they cross a process border."""
    return tuple(Result(**row) for row in rows)


def _line(result: Result) -> str:
    todo = f" If this is right, {result.allow}." if result.allow else ""
    return f"  {result}{todo}"
