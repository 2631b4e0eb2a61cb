"""What is promised of figures: which figure of which table lies between which bounds, and in whose words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.contracts.report import CRITICAL
from schemas.table import Table

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Metrics:
    """One frame per table: rows of {about: whose figures, metric: figure}; `skipped` says why one is absent."""

    frames: Mapping[str, Sequence[Row]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """`minimum <= metric <= maximum` for every row of a table's metrics frame that has the metric.

    `setting` names the setting that moves the limit, and `allow` says in words how to move it.
    """

    table: str
    metric: str
    says: str
    minimum: float | None = 0.0
    maximum: float | None = 0.0
    severity: str = CRITICAL
    setting: str = ""
    allow: str = ""

    def holds(self, value: float) -> bool:
        """Whether a figure keeps the promise, as great_expectations decides it."""
        low = self.minimum is not None and value < self.minimum
        high = self.maximum is not None and value > self.maximum
        return not (low or high)

    @property
    def expected(self) -> str:
        if self.minimum == self.maximum:
            return _figure(self.minimum)
        if self.minimum is None:
            return f"at most {_figure(self.maximum)}"
        if self.maximum is None:
            return f"at least {_figure(self.minimum)}"
        return f"{_figure(self.minimum)} to {_figure(self.maximum)}"


def column_promises(table: Table) -> list[Promise]:
    """What a table's own definition promises of every column."""
    found = [
        Promise(table.name, "wrong_files", "each staged file can be read and has the table's columns and types"),
        Promise(table.name, "nulls", "columns that may not be null are not"),
    ]
    if any(c.one_of for c in table.columns):
        found.append(Promise(table.name, "unknown_values", "columns with a list of values keep to it"))
    if any(c.minimum is not None for c in table.columns):
        found.append(Promise(table.name, "below_minimum", "no value is below its column's minimum"))
    if any(c.maximum is not None for c in table.columns):
        found.append(Promise(table.name, "above_maximum", "no value is above its column's maximum, or not a number"))
    return found


def _figure(value: float | None) -> str:
    return f"{value:g}" if value is not None else "anything"
