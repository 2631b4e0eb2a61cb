"""Where a column of a corpus comes from: the lake, something derived from it, a monitor, or nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log

import numpy as np
from scipy.linalg import qr

from pipelines.audit.rows.derive import UNITS, Rows, within
from pipelines.audit.rows.features import exactly
from pipelines.audit.rows.population import Population

CERTAIN = 40.0  # bits: that a column of such values follows a monitor's by chance has less than this power of 1/2
FEW_VALUES = 64
CLOSE = 1e-6  # of a column's spread; what computing and storing it in 32 bits may change
LAST_DIGITS = 1e-11  # of it; what two ways to compute it in 64 bits may
SUMMED = 1e-9  # of it, where it is a sum of columns
NEARLY = 1e-3  # of a value: what is no nearer to a column of the lake is another
FORMS = (lambda x: x, np.log, np.log1p, np.sqrt, np.exp, np.square, lambda x: 1 / x)  # of one column of the lake
BASES = ("reward", "success", "length", "steps")
EQUAL_DIGITS = 12  # to which two values must agree to be one
PROBE = 256  # rows that tell at once that a derivation does not fit


@dataclass(frozen=True, slots=True)
class Origin:
    """What a column follows from, in words, and the rows (m) that do not follow."""

    words: str
    deviating: np.ndarray


def filled(values: np.ndarray) -> np.ndarray:
    """Unknown values as one value below all others, so that where they are counts as well.

    What differs only by the order in which a mean was summed becomes equal.
    """
    unknown = np.isnan(values)
    known = values[~unknown & np.isfinite(values)]
    most = float(np.abs(known).max()) if len(known) else 0.0
    if most:
        values = np.round(values / most, EQUAL_DIGITS) * most
    if not unknown.any():
        return values
    least = float(known.min()) if len(known) else 0.0
    return np.where(unknown, least - max(1.0, most), values)


def monotone(x: np.ndarray, v: np.ndarray, order: np.ndarray | None = None) -> bool:
    """Whether v (m) is a function of x that only rises, or only falls."""
    order = np.argsort(x, kind="stable") if order is None else order
    dx, dv = np.diff(x[order]), np.diff(v[order])
    if (dv[dx == 0] != 0).any():
        return False
    return bool((dv >= 0).all() or (dv <= 0).all())


def bits(values: np.ndarray) -> float:
    """How surprising it is that values (m) fall as they do: log2 of the ways to deal them out."""
    _, counts = np.unique(values, return_counts=True)
    return (lgamma(counts.sum() + 1) - sum(lgamma(c + 1) for c in counts.tolist())) / log(2)


def from_lake(columns: dict[str, np.ndarray], rows: Rows) -> dict[str, str]:
    """For each numeric column (m) that follows from the lake exactly, from what."""
    found: dict[str, str] = {}
    left = {name: filled(v) for name, v in columns.items()}
    for name, v in list(left.items()):
        if v.min() == v.max():
            found[name] = "one value throughout"
    sources = {n: rows.numeric(n) for n in rows.source.numeric}
    sources |= {f"{n}(messages)": rows.counted(n) for n in ("chars", "words", "messages")}
    for source, values in sources.items():
        if values is None:
            continue
        x = filled(values)
        order = np.argsort(x, kind="stable")
        for name, v in left.items():
            if name in found or not monotone(x, v, order):
                continue
            if exactly(values, columns[name]).all():
                found[name] = source
            elif len(np.unique(v)) <= FEW_VALUES or _in_form(values, columns[name]):
                found[name] = f"a function of {source}"
    left = {name: columns[name] for name in columns if name not in found}
    if not left:
        return found
    for words, values in derivations(rows):
        for name in [n for n, v in left.items() if _affine(values, v)]:
            found[name] = words
            del left[name]
        if not left:
            return found
    lake = _Span.of([filled(x) for x in sources.values() if x is not None])
    for name, v in left.items():
        if lake.holds(filled(v)):
            found[name] = "a sum of columns of the lake"
    return found


def _in_form(x: np.ndarray, v: np.ndarray) -> bool:
    """Whether v (m) is a plain function of x, to the last digit: any other could hide a bit in each row."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return any(_affine(f(x), v) for f in FORMS)


def differences(name: str, v: np.ndarray, rows: Rows) -> dict[str, np.ndarray]:
    """Of a column (m) that is nearly one of the lake: where it is not, and which way, as columns."""
    made: dict[str, np.ndarray] = {}
    for source in rows.source.numeric:
        x = rows.numeric(source)
        known = ~np.isnan(v) & ~np.isnan(x) if x is not None else np.zeros(len(v), bool)
        if x is None or not x[known].any() or not np.allclose(v[known], x[known], rtol=NEARLY, atol=0.0):
            continue
        off = np.where(known, v - x, 0.0)
        made[f"where {name} is not {source}"] = (off != 0).astype(float)
        made[f"which way {name} differs from {source}"] = np.sign(off)
    return made


def made_so(expected: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Which given values (m) are the expected ones, but for the last digits in which two computers differ."""
    unknown = np.isnan(expected) | np.isnan(given)
    close = np.abs(expected - given) <= _room(given)
    return exactly(expected, given) | np.where(unknown, np.isnan(expected) == np.isnan(given), close)


def derivations(rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
    """The derivations (m each) that a corpus often carries, made over the traces that are there, and over the lake."""
    there, back = np.unique(rows.trace, return_inverse=True)
    part = len(there) < len(rows.pop)
    for base in BASES:
        column = rows.source.numeric.get(base)
        if column is None:
            continue
        for unit in (*UNITS, None):
            whole = _whole_units(rows, unit)
            if unit is not None and whole.min() == whole.max():
                continue
            place = f" within {unit}" if unit else ""
            for operation in ("centred", "zscore", "rank"):
                for made in within(operation, column[there], whole[there]):
                    yield f"{operation} {base}{place}", made[back]
                for made in within(operation, column, whole) if part else ():
                    yield f"{operation} {base}{place} of the lake", made[rows.trace]


def _whole_units(rows: Rows, unit: str | None) -> np.ndarray:
    if unit is None:
        return np.zeros(len(rows.pop), np.int64)
    return rows.source.group if unit == "rollout_group" else rows.pop.coded(unit).codes + 1


def _affine(x: np.ndarray, v: np.ndarray) -> bool:
    """Whether v (m) is a + b x, but for rounding, and unknown where x is."""
    if len(v) > PROBE:
        step = len(v) // PROBE
        if not _affine(x[::step][:PROBE], v[::step][:PROBE]):
            return False
    known = ~np.isnan(v)
    if known.sum() < 3 or not np.array_equal(known, ~np.isnan(x)) or not np.isfinite(x[known]).all():
        return False
    x, v = x[known], v[known]
    cx, cv = x - x.mean(), v - v.mean()
    xx, vv = cx @ cx, cv @ cv
    if xx <= 0 or vv <= 0:
        return vv <= 0
    slack = _room(v)
    if np.abs(v - x).max() <= slack:
        return True
    return bool(np.abs(cv - cx * (cx @ cv) / xx).max() <= slack)


@dataclass(frozen=True, slots=True)
class _Span:
    """All sums of columns (k of m rows), each times a constant: an orthonormal base of them."""

    base: np.ndarray

    @classmethod
    def of(cls, columns: Sequence[np.ndarray]) -> _Span:
        varied = [(c - c.mean()) / c.std() for c in columns if c.std() > 0]
        rows = len(columns[0]) if columns else 0
        # by size, so that columns which follow from others come last
        base, scale, _ = qr(np.stack([np.ones(rows), *varied], axis=1), mode="economic", pivoting=True)
        return cls(base[:, np.abs(np.diag(scale)) > CLOSE * np.sqrt(rows)])

    def holds(self, values: np.ndarray, also: np.ndarray | None = None) -> bool:
        """Whether values (m) are such a sum, but for rounding, perhaps of one more column that is none itself."""
        spread = values.std()
        if not spread or len(values) <= 4 * (self.base.shape[1] + 1):
            return False
        left = self._left(values)
        if also is not None:
            own = self._left(also)
            if own.std() <= CLOSE * also.std():
                return False
            left = left - own * (own @ left) / (own @ own)
        return bool(np.abs(left).max() <= min(max(_room(values), SUMMED * spread), 1e-3 * spread))

    def _left(self, values: np.ndarray) -> np.ndarray:
        return values - self.base @ (self.base.T @ values)


def _room(values: np.ndarray) -> float:
    """How far a value may be off: half of its last digit where it is rounded, what 32 bits change, or hardly at all."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0
    spread, most = float(np.ptp(known)), float(np.abs(known).max())
    least = LAST_DIGITS * max(spread, most)
    for digits in range(1, 11):
        if np.array_equal(np.round(known, digits), known):
            return max(least, 0.51 * 10.0**-digits if 10.0**-digits < 0.05 * spread else 0.0)
    with np.errstate(over="ignore"):
        single = np.array_equal(known.astype(np.float32).astype(float), known)
    return CLOSE * max(spread, most) if single else least


def said(pop: Population) -> dict[str, np.ndarray]:
    """What monitors said of each trace (n), by a name that a report may give."""
    columns = {
        "whether it is flagged": pop.flagged.astype(float),
        "its score": pop.score,
        "its number of alerts": pop.alerts,
        "its level": pop.level,
    }
    return columns | {f"the score of {name}": values for name, values in list(pop.scores.items())[:32]}


def from_monitor(columns: dict[str, np.ndarray], rows: Rows) -> dict[str, str]:
    """For each numeric column (m) that follows from what a monitor said, exactly or by rank, from what.

    Only columns that do not follow from the lake are to be given. A column follows by chance, at these numbers of
    values, with a probability below 2 to the minus CERTAIN.
    """
    found: dict[str, str] = {}
    surprises = {name: _surprise(filled(v), rows) for name, v in columns.items()}
    for words, whole in (*said(rows.pop).items(), *_rates(rows)):
        mark = filled(whole[rows.trace])
        if mark.min() == mark.max():
            continue
        order = np.argsort(mark, kind="stable")
        few = np.unique(mark)
        for name, given in columns.items():
            if name in found:
                continue
            v = filled(given)
            surprise = surprises[name]
            if monotone(mark, v, order):
                if surprise >= CERTAIN:
                    found[name] = words
            elif len(few) <= FEW_VALUES and depends(v, mark) and surprise - _freedom(v, mark) >= CERTAIN:
                found[name] = f"a function of {words}"
    left = [name for name in columns if name not in found]
    lake = _Span.of([filled(x) for n in rows.source.numeric if (x := rows.numeric(n)) is not None]) if left else None
    for words, whole in said(rows.pop).items() if lake is not None else ():
        mark = filled(whole[rows.trace])
        if mark.min() == mark.max() or _surprise(mark, rows) < CERTAIN:
            continue
        for name in left:
            if name not in found and lake is not None and lake.holds(filled(columns[name]), mark):
                found[name] = f"a sum of columns of the lake and {words}"
    return found


def tells(values: np.ndarray, rows: Rows) -> bool:
    """Whether a column of few values (m) says of each row if it is flagged, which by chance it would not."""
    flagged, v = rows.pop.flagged[rows.trace].astype(float), filled(values)
    few = len(np.unique(v))
    return few <= FEW_VALUES and depends(flagged, v) and _surprise(flagged, rows) - few >= CERTAIN


def _surprise(values: np.ndarray, rows: Rows) -> float:
    """Bits of a column (m), each unit counted once in which it has one value only."""
    least = bits(values)
    for unit in ("task_id", *UNITS, "model", "training_run", "file"):
        codes = rows.unit(unit)
        _, first, code = np.unique(codes, return_index=True, return_inverse=True)
        if np.array_equal(values[first][code], values):
            least = min(least, bits(values[first]))
    return least


def _rates(rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
    """How often a trace's group, task or environment is flagged, and its mean score."""
    for unit in UNITS:
        code = np.unique(_whole_units(rows, unit), return_inverse=True)[1]
        size = np.bincount(code)
        if len(size) < 2 or len(size) == len(code):
            continue
        yield f"the share flagged in its {unit}", (np.bincount(code, rows.pop.flagged) / size)[code]
        yield f"the mean score in its {unit}", (np.bincount(code, rows.pop.score) / size)[code]


def depends(v: np.ndarray, on: np.ndarray) -> bool:
    """Whether equal values of `on` (m) always go with equal values of v."""
    order = np.lexsort((v, on))
    same = on[order][1:] == on[order][:-1]
    return not (v[order][1:] != v[order][:-1])[same].any()


def _freedom(v: np.ndarray, on: np.ndarray) -> float:
    """Bits of the function itself: each value of `on` may have any of the values of v."""
    return len(np.unique(on)) * log(max(len(np.unique(v)), 2)) / log(2)
