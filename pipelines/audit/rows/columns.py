"""The columns of a corpus by where they come from: what the lake does not explain is listed, and tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.derive import Rows, evaluate, parse
from pipelines.audit.rows.features import as_numbers, hidden, is_text
from pipelines.audit.rows.judge import judge
from pipelines.audit.rows.population import numbers
from pipelines.audit.rows.provenance import (
    CERTAIN,
    bits,
    depends,
    differences,
    from_lake,
    from_monitor,
    made_so,
    said,
    tells,
)

PREFIX = "c."
# compared with their source one by one, by the checks of rewards, labels and masks
KNOWN = ("reward", "success")
TEXTS = ("environment", "task_id", "rollout_group", "model", "checkpoint", "training_run")
IDS = ("sample_id", "trace_id", "trace_key", "id", "episode_id")
MASKS = (".ones", ".length")
LABEL_CHARS = 48  # on average, up to which texts are labels
FEW = 20  # values of a text column that are tested one by one


def joined_rows(case: Case) -> Rows:
    """The rows that are traces of the lake."""
    here = np.flatnonzero(case.joined.joined)
    return Rows(case.pop, case.source, case.table.take(pa.array(here)), case.joined.trace[here])


def column_findings(case: Case, rows: Rows, renamed: Sequence[str] = ()) -> list[Finding]:
    """One finding for each column that does not follow from the lake, and one for all that do.

    `renamed` are columns with a name of the lake's whose values are not the lake's.
    """
    names = [n.removeprefix(PREFIX) for n in rows.table.column_names if n.startswith(PREFIX)]
    asked = [n for n in names if n in renamed or not (n in (*KNOWN, *TEXTS, *IDS) or n.endswith(MASKS))]
    declared = case.declared.columns if case.declared else {}
    values = {n: v for n in asked if n not in declared and (v := _numeric(rows.table[PREFIX + n])) is not None}
    texts = [n for n in asked if n not in declared and n not in values]
    for n in texts:  # 0.83 as text is a number, and is a text as well
        if is_text(rows.table[PREFIX + n]) and (v := as_numbers(rows.table[PREFIX + n])) is not None:
            values[f"{n} as a number"] = v
    # where a column is null may say as much as what it holds
    values |= {f"{n} is null": np.isnan(v).astype(float) for n, v in values.items() if 0 < np.isnan(v).mean() < 1}
    values |= {
        f"{n} is no number": v for n in asked if n not in declared and (v := _nan(rows.table[PREFIX + n])) is not None
    }
    explained = from_lake(values, rows) if len(rows.trace) else {}
    explained |= {n: w for n in texts if (w := _text_from_lake(_coded(rows, n), n, rows))}
    open_values = {n: v for n, v in values.items() if n not in explained}
    leaks = from_monitor(open_values, rows)
    leaks |= {n: w for n in texts if n not in explained and (w := _text_from_monitor(_coded(rows, n), rows))}
    left = [n for n in (*values, *texts) if n not in explained and n not in leaks]
    findings = [_leak(case, rows, n, w) for n, w in leaks.items()]
    findings += [_declared(case, rows, n, text) for n, text in declared.items() if n in asked]
    whole = [n for n in left if f"{n} is null" not in leaks]
    beside = _beside({n: values[n] for n in whole if n in values}, [n for n in whole if n not in values], rows)
    level = case.level("column", len(left) + sum(map(len, beside.values())))
    for name in left:
        if name in values:
            findings.append(_undeclared(case, rows, name, values[name], level))
        else:
            findings.append(_undeclared_text(case, rows, name, level))
    tied = {f.subject for f in findings if f.verdict == "associated_unexplained"}
    for name, made in beside.items():
        findings += _told_beside(case, rows, made, level, name in tied)
    if explained:
        told = "; ".join(f"{n}: {w}" for n, w in explained.items())
        subject = counted(len(explained), "column")
        findings.append(Finding("column", "L1", "none_found", subject, f"These follow from the lake: {told}."))
    return findings


def _beside(values: dict[str, np.ndarray], texts: Sequence[str], rows: Rows) -> dict[str, dict[str, np.ndarray]]:
    """By column, what it may hold besides its values, as far as the lake does not say it."""
    columns = {n: rows.table[PREFIX + n].combine_chunks() for n in texts if _is_label(rows.table[PREFIX + n])}
    made = hidden(values, columns)
    for name in values:
        made[name] |= differences(name, values[name], rows)
    flat = {what: v for found in made.values() for what, v in found.items()}
    explained = from_lake(flat, rows) if flat and len(rows.trace) else {}
    return {name: {what: v for what, v in found.items() if what not in explained} for name, found in made.items()}


def _told_beside(case: Case, rows: Rows, made: dict[str, np.ndarray], level: float, tied: bool) -> list[Finding]:
    """What a column hides besides its values: what is certain, else the first that is tied, as if the column is not."""
    certain = from_monitor(made, rows) or {
        n: "enough to tell who is flagged" for n, v in made.items() if tells(v, rows)
    }
    if certain or tied:
        return [_leak(case, rows, name, words) for name, words in list(certain.items())[:1]]
    tested = (_undeclared(case, rows, name, v, level) for name, v in made.items())
    return [f for f in tested if f.verdict == "associated_unexplained"][:1]


def _is_label(column: pa.ChunkedArray) -> bool:
    """Whether a column holds short texts. Longer ones are what a model said, which alerts are rightly tied to."""
    return is_text(column) and (pc.mean(pc.utf8_length(column)).as_py() or 0) <= LABEL_CHARS


def _numeric(column: pa.ChunkedArray) -> np.ndarray | None:
    kind = column.type
    numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return numbers(column) if numeric or pa.types.is_temporal(kind) else None


def _nan(column: pa.ChunkedArray) -> np.ndarray | None:
    """Where a column is NaN (m), if it is null elsewhere: to most programs the two are one, and they are not."""
    if not pa.types.is_floating(column.type) or not column.null_count:
        return None
    there = pc.fill_null(pc.is_nan(column), False).to_numpy(zero_copy_only=False).astype(float)
    return there if there.any() else None


def _coded(rows: Rows, name: str) -> np.ndarray:
    column = rows.table[PREFIX + name].combine_chunks()
    coded = (column if pa.types.is_string(column.type) else column.cast(pa.string())).dictionary_encode()
    return coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(float)


def _text_from_lake(codes: np.ndarray, name: str, rows: Rows) -> str | None:
    if not len(codes) or codes.min() == codes.max():
        return "one value throughout"
    for category in ("environment", "checkpoint", "model", "training_run", "file"):
        if depends(codes, rows.unit(category)):
            return f"a function of {category}"
    texts = rows.table[PREFIX + name].combine_chunks()
    for words, known in (("trace_id", rows.pop.trace_id), ("trace_key", rows.pop.key)):
        if pc.all(pc.equal(texts, pa.array(known[rows.trace], pa.string()))).as_py():
            return words
    return None


def _text_from_monitor(codes: np.ndarray, rows: Rows) -> str | None:
    for words, whole in said(rows.pop).items():
        mark = whole[rows.trace]
        values = len(np.unique(codes))
        if mark.min() == mark.max() or len(np.unique(mark)) > FEW or values > FEW:
            continue
        if depends(codes, mark) and bits(codes) - len(np.unique(mark)) * np.log2(values) >= CERTAIN:
            return words
    return None


def _leak(case: Case, rows: Rows, name: str, words: str) -> Finding:
    flagged = np.flatnonzero(case.joined.joined & case.pop.flagged[np.maximum(case.joined.trace, 0)])
    says = f"Column {name!r} is {words}, and follows from nothing that the lake knew before."
    return Finding(
        "column", "L1", "leak", name, says, len(rows.trace), case.rows(flagged, f"{name} of a flagged trace")
    )


def _declared(case: Case, rows: Rows, name: str, text: str) -> Finding:
    """A declared derivation is made again, and each row that has another value is named."""
    made = evaluate(parse(text), rows)
    given = _numeric(rows.table[PREFIX + name])
    subject = f"{name} = {text}"
    if given is None or not made:
        what = "its values are no numbers" if made else "the lake lacks what it is made of"
        return Finding("column", "L1", "not_assessed", subject, f"The derivation cannot be made again: {what}.")
    wrong = min((~made_so(v, given) for v in made), key=lambda w: int(w.sum()))
    if not wrong.any():
        return Finding("column", "L1", "none_found", subject, "Every row has the value that was declared.")
    right = _by_trace(case, rows, ~wrong)
    judged = judge(case, right, case.present, case.present, case.level("column"))
    at = np.flatnonzero(case.joined.joined)[wrong]
    says = f"{counted(len(at), 'row has', 'rows have')} another value than was declared."
    if judged.verdict == "associated_unexplained":
        return _as_leak(judged.finding("column", "L1", subject, f"{says} They are tied to the alerts."), case, at)
    says += judged.why and f" Whether they are tied to the alerts cannot be told: {judged.why}."
    return judged.finding("column", "L1", subject, says, rows=len(at), examples=case.rows(at, "not as declared"))


def _as_leak(finding: Finding, case: Case, at: np.ndarray) -> Finding:
    return replace(finding, verdict="leak", rows=len(at), examples=case.rows(at, "not as declared"))


def _undeclared(case: Case, rows: Rows, name: str, values: np.ndarray, level: float) -> Finding:
    told = f"Column {name!r} follows from nothing that the lake knew, and nobody declared it."
    known = ~np.isnan(values)
    whole = np.full(len(case.pop), np.nan)
    whole[rows.trace[known][::-1]] = _ranked(values[known])[::-1]
    there = ~np.isnan(whole)
    return _tested(case, name, told, np.nan_to_num(whole), there, level)


def _undeclared_text(case: Case, rows: Rows, name: str, level: float) -> Finding:
    told = f"Column {name!r} follows from nothing that the lake knew, and nobody declared it."
    codes = _coded(rows, name)
    distinct = np.unique(codes)
    if len(distinct) > FEW:
        says = f"{told} It holds {len(distinct):,} different texts, which only the scan of texts has read."
        return Finding("column", "L1", "not_assessed", name, says)
    found = [
        _tested(case, name, told, _by_trace(case, rows, codes == code), case.present, level / len(distinct))
        for code in distinct
    ]
    return min(found, key=lambda f: 1.0 if f.p is None else f.p)


def _tested(case: Case, name: str, told: str, whole: np.ndarray, there: np.ndarray, level: float) -> Finding:
    judged = judge(case, whole, there, there, level)
    if judged.verdict == "associated_unexplained":
        told += " It is tied to the alerts beyond all that the lake knew."
    elif judged.verdict == "associated_explained":
        told += f" It goes with the alerts as far as {judged.explained_by} does, and no further."
    elif judged.verdict == "none_found":
        told += " It is not tied to the alerts."
    else:
        told += f" Whether it is tied to the alerts cannot be told: {judged.why}."
    return judged.finding(
        "column", "L1", name, told, rows=int(there.sum()), estimate=None, low=None, high=None, margin=None
    )


def _by_trace(case: Case, rows: Rows, values: np.ndarray) -> np.ndarray:
    """Values of rows (m) as values of traces (n), of several rows the first."""
    whole = np.zeros(len(case.pop))
    whole[rows.trace[::-1]] = values[::-1]
    return whole


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks between 0 and 1, which no outlier can sway; two values stay two."""
    distinct, code = np.unique(values, return_inverse=True)
    if len(distinct) <= 2:
        return code.astype(float)
    below = np.concatenate([[0], np.cumsum(np.bincount(code))])
    return ((below[:-1] + below[1:]) / 2)[code] / len(values)
