"""Rewards and labels against the lake, row by row: a value that was changed needs no statistics."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.columns import PREFIX, TEXTS
from pipelines.audit.rows.derive import Rows
from pipelines.audit.rows.features import as_numbers, exactly, is_text
from pipelines.audit.rows.population import numbers
from pipelines.audit.rows.provenance import from_lake
from pipelines.export.masking.echoes import WITHHELD

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
        column = rows.table[PREFIX + name]
        if column.null_count == len(column) and not _unknown(case, rows, name):
            says = f"The corpus's {name} is all null: there is a column of this name, and it holds nothing."
            findings.append(Finding(check, "L3", "not_assessed", name, says, len(column)))
            continue
        finding = _text(case, rows, name, check) if name in TEXTS else _number(case, rows, name, check)
        if finding is None:
            other.append(name)
        else:
            findings.append(finding)
    if not any(f.check == "reward" for f in findings) and "reward" not in other:
        findings.insert(0, Finding("reward", "L3", "not_assessed", "reward", "The corpus has no column `reward`."))
    return findings, other


def _unknown(case: Case, rows: Rows, name: str) -> bool:
    """Whether the lake knows no value of that name for any of the rows either."""
    if name in TEXTS:
        return not (case.pop.coded(name).codes[rows.trace] >= 0).any()
    return bool(np.isnan(getattr(case.pop, name)[rows.trace]).all())


def _number(case: Case, rows: Rows, name: str, check: str) -> Finding | None:
    column = rows.table[PREFIX + name]
    given, source = _given(column), getattr(case.pop, name)[rows.trace]
    if given is None:
        what = f"The corpus's {name} holds {column.type}, not numbers."
        return Finding(check, "L3", "not_assessed", name, what)
    if np.isnan(source).all():
        return None if not np.isnan(given).all() else _equal(check, name, len(given))
    wrong = ~exactly(source, given)
    if wrong.any():
        words = from_lake({name: given}, rows).get(name, "")
        if name in words:
            says = f"The corpus's {name} is not the lake's, but follows from it alone: {words}. Declare it."
            return Finding(check, "L3", "none_found", name, says)
    if wrong.mean() > MOSTLY:
        return None
    details = [
        f"{name} is {_digits(g, s)}, in the lake {s:g}" for g, s in zip(given[wrong], source[wrong], strict=True)
    ]
    return _changed(case, rows, name, check, wrong, details)


def _given(column: pa.ChunkedArray) -> np.ndarray | None:
    """A column as numbers, also one that is spelled in letters."""
    kind = column.type
    if is_text(column):
        return as_numbers(column)
    plain = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return numbers(column) if plain or pa.types.is_null(kind) else None


def _digits(given: float, source: float) -> str:
    """A value with as many digits as tell it from the lake's."""
    return f"{given:g}" if f"{given:g}" != f"{source:g}" else f"{given!r}"


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
    kept_back = _kept_back(given, source, wrong)
    wrong &= ~kept_back
    if kept_back.any() and not wrong.any():
        says = f"{counted(int(kept_back.sum()), 'row has', 'rows have')} {name} withheld, as an export does where it "
        says += "repeats reasoning; all others carry the lake's. Whether these are the right ones, --certificate tells."
        return Finding(check, "L3", "not_identifiable", name, says, int(kept_back.sum()))
    at = np.flatnonzero(wrong)[:100]
    told = zip(given.take(pa.array(at)).to_pylist(), source.take(pa.array(at)).to_pylist(), strict=True)
    return _changed(case, rows, name, check, wrong, [f"{name} is {g!r}, in the lake {s!r}" for g, s in told])


def _kept_back(given: pa.Array, source: pa.Array, wrong: np.ndarray) -> np.ndarray:
    """Which of the values that differ (m) are the lake's but for what an export for graders withholds."""
    found = np.zeros(len(wrong), bool)
    for i in np.flatnonzero(
        wrong & pc.match_substring(given, WITHHELD).fill_null(False).to_numpy(zero_copy_only=False)
    ).tolist():
        pattern = ".+".join(map(re.escape, given[i].as_py().split(WITHHELD)))
        found[i] = source[i].is_valid and re.fullmatch(pattern, source[i].as_py(), re.DOTALL) is not None
    return found


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
