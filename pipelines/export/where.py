"""`where`: which traces are exported, by conditions on columns that were there before any monitor.

    environment = 'swe-fix'      model in (a, b)          training_step >= 1000
    started_at < 2026-05-01      reward is not null       success = true

Each compares one column with a constant, and all must hold. As in SQL, null compares with nothing: a trace whose value
is null passes `is null` alone, not even `!=`. A number that is not one (NaN) passes `is not null` alone.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import Fault, InputError

Value = str | int | float | bool | dt.date
MOST_VALUES = 50  # that `in` takes: some environments or checkpoints, never a list of rows
MOST_CONDITIONS = 50  # in all: each could leave out one more row
ORDER = ("<", "<=", ">", ">=")
EQUAL = ("=", "!=")
NULLS = ("is null", "is not null")
OPERATORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("model", "checkpoint", "training_run", "environment"), (*EQUAL, "in", *NULLS)),
    **dict.fromkeys(("training_step", "window_index"), (*EQUAL, *ORDER, "in", *NULLS)),
    "success": (*EQUAL, "in", *NULLS),
    "reward": (*ORDER, *NULLS),
    "started_at": ORDER,
}
COLUMNS = tuple(OPERATORS)
IDS = "by ids, what a query over alerts found could be picked out; state what the traces have in common instead"
REFUSED = {
    **dict.fromkeys(("trace_id", "trace_key", "trace_digest", "sample_id", "episode_id", "task_id"), IDS),
    **dict.fromkeys(("rollout_group", "file", "row_group", "row"), IDS),
    "metadata": "metadata may have been written after a monitor spoke; only columns that were there before can select",
    "steps": "what a trace says is what monitors read; only columns that were there before can select",
}
NARROW = {
    "reward": "equal rewards, as a list of ids would, can single out rows; give a range with <, <=, > or >=",
    "started_at": "an exact time can single out a row; give whole days with <, <=, > or >=",
}

CONDITION = re.compile(
    r"\s*(?P<column>[\w.]+)(?![\w.])\s*(?:(?P<null>is\s+(?:not\s+)?null)|(?P<op>!=|<>|<=|>=|==|=|<|>|in\b|not\s+in\b|\w+)"
    r"\s*(?P<value>.*?))\s*",
    re.IGNORECASE | re.DOTALL,
)
VALUE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^\s'\"(),]+")
INTEGER = re.compile(r"[+-]?\d{1,19}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition. `value` is a tuple for `in`, None for `is null` and `is not null`."""

    column: str
    op: str
    value: Value | tuple[Value, ...] | None = None

    def __str__(self) -> str:
        """The one way to write it, so that settings that mean the same have one digest.

        >>> print(*parse_where(["model in (b, 'a', b)", "reward>=1"]), sep="; ")
        model in ('a', 'b'); reward >= 1.0
        """
        if self.value is None:
            return f"{self.column} {self.op}"
        if isinstance(self.value, tuple):
            return f"{self.column} in ({', '.join(map(_spelled, self.value))})"
        return f"{self.column} {self.op} {_spelled(self.value)}"

    def keep(self, traces: pa.RecordBatch) -> np.ndarray:
        """Which of the traces (n) pass, as n booleans."""
        values = traces.column(self.column)
        passes = self._passes(values)
        return pc.fill_null(passes, False).to_numpy(zero_copy_only=False).astype(bool)

    def _passes(self, values: pa.Array) -> pa.Array:
        if self.value is None:
            return pc.is_null(values) if self.op == "is null" else pc.is_valid(values)
        if isinstance(self.value, tuple):
            return pc.is_in(values, pa.array(self.value, values.type), skip_nulls=True)
        if isinstance(self.value, dt.date):
            return _day(values, self.op, self.value)
        return COMPARE[self.op](values, pa.scalar(self.value, values.type))


COMPARE: dict[str, Callable[[pa.Array, pa.Scalar], pa.Array]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def _day(moments: pa.Array, op: str, day: dt.date) -> pa.Array:
    """Moments compared with a whole day in UTC: `<= day` is before its end, `> day` from its end on."""
    ends = op in ("<=", ">")
    days = (day - dt.date(1970, 1, 1)).days + ends
    bound = pa.scalar(days * 86_400 * 10**6, pa.int64())
    return COMPARE["<" if op in ("<", "<=") else ">="](moments.cast(pa.int64()), bound)


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return value.isoformat() if isinstance(value, dt.date) else repr(value)


class _Wrong(ValueError):
    """What is wrong with a condition, and what to do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


def parse_where(texts: Sequence[str]) -> tuple[Predicate, ...]:
    """The conditions, in the order given. Raises InputError with all that is wrong at once."""
    faults: list[Fault] = []
    predicates: list[Predicate] = []
    for text in texts:
        try:
            predicates.append(_parse(text))
        except _Wrong as wrong:
            faults.append(Fault("where", None, f"{text.strip()!r}: {wrong.what}", wrong.todo))
    if len(texts) > MOST_CONDITIONS:
        todo = "state what the traces have in common; one by one, conditions would leave out single rows"
        faults.append(Fault("where", None, f"{len(texts)} conditions, and an export takes {MOST_CONDITIONS}", todo))
    faults += _pinned(predicates)
    if faults:
        raise InputError(faults)
    return tuple(predicates)


def _parse(text: str) -> Predicate:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise _Wrong("this is no condition", "write COLUMN OP VALUE, such as environment = swe-fix")
    column = found["column"]
    _check_column(column)
    op = " ".join((found["null"] or found["op"]).lower().split())
    op = {"==": "=", "<>": "!="}.get(op, op)
    allowed = OPERATORS[column]
    if op not in allowed:
        known = (*EQUAL, *ORDER, "in", *NULLS)
        if op in (*EQUAL, "in") and column in NARROW:
            raise _Wrong(f"{column} cannot be picked with {op}", NARROW[column])
        what = f"{column} cannot be compared with {op}" if op in known else f"{op!r} is no comparison"
        raise _Wrong(what, f"use one of {', '.join(allowed)}; several conditions must all hold, each given by itself")
    if op in NULLS:
        return Predicate(column, op)
    if op == "in":
        return Predicate(column, op, _several(column, found["value"]))
    if not VALUE.fullmatch(found["value"]):
        what = f"{found['value']!r} is not one value" if found["value"] else "the value is missing"
        raise _Wrong(what, "quote a value that holds blanks, commas or brackets; give several conditions one by one")
    return Predicate(column, op, _value(column, found["value"]))


def _check_column(column: str) -> None:
    if column in OPERATORS:
        return
    reason = REFUSED.get(column.split(".")[0])
    if reason:
        raise _Wrong(f"{column} cannot select", reason)
    near = difflib.get_close_matches(column, COLUMNS, 1)
    todo = f"did you mean {near[0]}?" if near else f"use one of {', '.join(COLUMNS)}"
    raise _Wrong(f"{column!r} is no column that can select", todo)


def _several(column: str, text: str) -> tuple[Value, ...]:
    inner = text.strip()
    if not (inner.startswith("(") and inner.endswith(")")):
        raise _Wrong("in needs a list", f"write {column} in (a, b)")
    values: list[Value] = []
    at, inner = 0, inner[1:-1].strip()
    while True:
        found = VALUE.match(inner, at)
        if found is None:
            raise _Wrong(f"{inner[at:]!r} is no value" if inner[at:] else "a value is missing", "write in (a, b)")
        values.append(_value(column, found[0]))
        rest = inner[found.end() :].lstrip()
        if not rest:
            break
        if not rest.startswith(","):
            raise _Wrong(f"{rest!r} follows a value", "put a comma between values, and quotes around one with blanks")
        at = len(inner) - len(rest[1:].lstrip())
    if len(set(values)) > MOST_VALUES:
        what = f"{len(set(values))} values, and in takes {MOST_VALUES}"
        raise _Wrong(what, "a longer list would be a list of rows by another name; state what they have in common")
    return tuple(sorted(set(values)))  # type: ignore[type-var]


def _value(column: str, written: str) -> Value:
    quote = written[0] if written[0] in "'\"" else ""
    text = written[1:-1].replace(quote * 2, quote) if quote else written
    try:
        return READ[column](text)
    except (ValueError, OverflowError) as error:
        raise _Wrong(f"{text!r} is no value for {column}", str(error)) from error


def _integer(text: str) -> int:
    if not INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError("give a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("give a number")
    return number + 0.0  # -0.0 is 0.0, and is written so


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("give true or false")
    return text.lower() == "true"


def _date(text: str) -> dt.date:
    if not DATE.fullmatch(text):
        raise ValueError("give a whole day, such as 2026-05-01; a time of day could single out a row")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError("give a day that is in the calendar, such as 2026-05-01") from None


READ: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(("model", "checkpoint", "training_run", "environment"), str),
    **dict.fromkeys(("training_step", "window_index"), _integer),
    "success": _flag,
    "reward": _number,
    "started_at": _date,
}


def _pinned(predicates: Sequence[Predicate]) -> Iterator[Fault]:
    """Two bounds between which one single reward fits are an equality in two parts."""
    lows = [p.value for p in predicates if p.column == "reward" and p.op in (">", ">=") and isinstance(p.value, float)]
    highs = [p.value for p in predicates if p.column == "reward" and p.op in ("<", "<=") and isinstance(p.value, float)]
    if lows and highs:
        low, high = max(lows), min(highs)
        if low <= high <= math.nextafter(math.nextafter(low, math.inf), math.inf):
            yield Fault("where", None, f"reward is held to {json.dumps(low)} alone", NARROW["reward"])
