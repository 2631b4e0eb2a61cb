"""Rewards and labels against the lake, row by row: a value that was changed needs no statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.columns import PREFIX, TEXTS, same
from pipelines.audit.rows.derive import Rows
from pipelines.audit.rows.population import numbers
from pipelines.audit.rows.provenance import from_lake

MOSTLY = (
    0.5  # share of rows from which a column is something else under the lake's name, rather than changed here and there
)
NUMBERS = ("training_step", "window_index")


def value_findings(case: Case, rows: Rows) -> tuple[list[Finding], list[str]]:
    """What rewards and labels say, and the columns whose values are something else altogether."""
    findings, other = [], []
    for name, check in (("reward", "reward"), ("success", "label"), *((n, "label") for n in (*NUMBERS, *TEXTS))):
        if PREFIX + name not in rows.table.column_names or not len(rows.trace):
            continue
        finding = _text(case, rows, name, check) if name in TEXTS else _number(case, rows, name, check)
        if finding is None:
            other.append(name)
        else:
            findings.append(finding)
    if not any(f.check == "reward" for f in findings) and "reward" not in other:
        findings.insert(0, Finding("reward", "L3", "not_assessed", "reward", "The corpus has no column `reward`."))
    return findings, other


def _number(case: Case, rows: Rows, name: str, check: str) -> Finding | None:
    column = rows.table[PREFIX + name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        what = f"The corpus's {name} holds {column.type}, not numbers."
        return Finding(check, "L3", "not_assessed", name, what)
    given, source = numbers(column), getattr(case.pop, name)[rows.trace]
    if np.isnan(source).all():
        return None if not np.isnan(given).all() else _equal(check, name, len(given))
    wrong = ~same(source, given)
    if wrong.any():
        words = from_lake({name: given}, rows).get(name, "")
        if name in words:
            says = f"The corpus's {name} is not the lake's, but follows from it alone: {words}. Declare it."
            return Finding(check, "L3", "none_found", name, says)
    if wrong.mean() > MOSTLY:
        return None
    details = [f"{name} is {g:g}, in the lake {s:g}" for g, s in zip(given[wrong], source[wrong], strict=True)]
    return _changed(case, rows, name, check, wrong, details)


def _text(case: Case, rows: Rows, name: str, check: str) -> Finding | None:
    given = rows.table[PREFIX + name].combine_chunks().cast(pa.string())
    source = case.pop.coded(name).texts().take(pa.array(rows.trace))
    if source.null_count == len(source):
        return None if given.null_count < len(given) else _equal(check, name, len(given))
    equal = pc.fill_null(pc.equal(given, source), False).to_numpy(zero_copy_only=False)
    both = pc.and_(pc.is_null(given), pc.is_null(source)).to_numpy(zero_copy_only=False)
    wrong = ~(equal.astype(bool) | both.astype(bool))
    if wrong.mean() > MOSTLY:
        return None
    at = np.flatnonzero(wrong)[:100]
    told = zip(given.take(pa.array(at)).to_pylist(), source.take(pa.array(at)).to_pylist(), strict=True)
    return _changed(case, rows, name, check, wrong, [f"{name} is {g!r}, in the lake {s!r}" for g, s in told])


def _changed(case: Case, rows: Rows, name: str, check: str, wrong: np.ndarray, details: list[str]) -> Finding:
    if not wrong.any():
        return _equal(check, name, len(wrong))
    at = np.flatnonzero(case.joined.joined)[wrong]
    flagged = case.pop.flagged[rows.trace]
    says = (
        f"{counted(int(wrong.sum()), 'row carries', 'rows carry')} another {name} than the lake; "
        f"{int((wrong & flagged).sum()):,} of them are flagged, of all rows {flagged.mean():.1%}."
    )
    finding = Finding(check, "L3", "leak", name, says, int(wrong.sum()))
    return replace(finding, examples=case.rows(at, details))


def _equal(check: str, name: str, rows: int) -> Finding:
    return Finding(check, "L3", "none_found", name, f"All {rows:,} rows carry the lake's {name}.")
