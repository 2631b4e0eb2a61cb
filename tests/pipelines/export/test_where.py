from __future__ import annotations

import datetime as dt
import math
import pickle

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.where import COLUMNS, MOST_CONDITIONS, MOST_VALUES, Predicate, parse_where
from schemas.errors import InputError
from schemas.trace import DIMENSIONS


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


DAYS = ["2026-04-30T23:59:59.999999", "2026-05-01T00:00:00", "2026-05-01T12:00:00", "2026-05-02T00:00:00"]
ROWS = {
    "model": ["a", "b", "it's", "a b", None],
    "checkpoint": ["c-1", "c-2", "c,3", "", None],
    "training_step": [0, 1000, 2000, -5, None],
    "training_run": ["r", "r", "s", "(s)", None],
    "environment": ["swe-fix", "web", "web", "true", None],
    "started_at": [*map(moment, DAYS), None],
    "window_index": [0, 1, 2, 3, None],
    "reward": [0.0, 0.5, 1.0, math.nan, None],
    "success": [True, False, True, False, None],
}
TYPES = {c.name: c.type for c in DIMENSIONS}
TRACES = pa.record_batch({name: pa.array(values, TYPES[name]) for name, values in ROWS.items()})

# condition: (its canonical spelling, the rows that pass)
CONDITIONS: dict[str, tuple[str, list[int]]] = {
    "environment = web": ("environment = 'web'", [1, 2]),
    "environment=web": ("environment = 'web'", [1, 2]),
    "environment == 'web'": ("environment = 'web'", [1, 2]),
    'environment = "web"': ("environment = 'web'", [1, 2]),
    "environment != web": ("environment != 'web'", [0, 3]),
    "environment <> web": ("environment != 'web'", [0, 3]),
    "environment = true": ("environment = 'true'", [3]),
    "environment is null": ("environment is null", [4]),
    "environment IS  NOT NULL": ("environment is not null", [0, 1, 2, 3]),
    "environment in (web, swe-fix)": ("environment in ('swe-fix', 'web')", [0, 1, 2]),
    "environment in('web',web , \"web\")": ("environment in ('web')", [1, 2]),
    "model = 'it''s'": ("model = 'it''s'", [2]),
    'model = "it\'s"': ("model = 'it''s'", [2]),
    "model = 'a b'": ("model = 'a b'", [3]),
    "model in ('a b', 'it''s')": ("model in ('a b', 'it''s')", [2, 3]),
    "model = 'null'": ("model = 'null'", []),
    "checkpoint = ''": ("checkpoint = ''", [3]),
    "checkpoint = 'c,3'": ("checkpoint = 'c,3'", [2]),
    "training_run = '(s)'": ("training_run = '(s)'", [3]),
    "training_step >= 1000": ("training_step >= 1000", [1, 2]),
    "training_step < +1000": ("training_step < 1000", [0, 3]),
    "training_step = 0": ("training_step = 0", [0]),
    "training_step != 0": ("training_step != 0", [1, 2, 3]),
    "training_step in (-5, 2000)": ("training_step in (-5, 2000)", [2, 3]),
    "training_step > '1000'": ("training_step > 1000", [2]),
    "window_index <= 1": ("window_index <= 1", [0, 1]),
    "window_index is null": ("window_index is null", [4]),
    "success = true": ("success = true", [0, 2]),
    "success != TRUE": ("success != true", [1, 3]),
    "success in (true, false)": ("success in (false, true)", [0, 1, 2, 3]),
    "reward > 0": ("reward > 0.0", [1, 2]),
    "reward >= .5": ("reward >= 0.5", [1, 2]),
    "reward < 1": ("reward < 1.0", [0, 1]),
    "reward <= -0": ("reward <= 0.0", [0]),
    "reward is null": ("reward is null", [4]),
    "reward is not null": ("reward is not null", [0, 1, 2, 3]),
    "started_at < 2026-05-01": ("started_at < 2026-05-01", [0]),
    "started_at <= 2026-05-01": ("started_at <= 2026-05-01", [0, 1, 2]),
    "started_at > 2026-05-01": ("started_at > 2026-05-01", [3]),
    "started_at >= '2026-05-01'": ("started_at >= 2026-05-01", [1, 2, 3]),
}


@pytest.mark.parametrize(("text", "canonical", "rows"), [(t, *e) for t, e in CONDITIONS.items()], ids=CONDITIONS)
def test_a_condition_keeps(text: str, canonical: str, rows: list[int]) -> None:
    (predicate,) = parse_where([text])
    assert str(predicate) == canonical
    kept = predicate.keep(TRACES)
    assert kept.dtype == bool and kept.nonzero()[0].tolist() == rows
    assert parse_where([canonical]) == (predicate,)
    assert pickle.loads(pickle.dumps(predicate)) == predicate


@pytest.mark.parametrize("text", [t for t in CONDITIONS if "started_at" not in t])
def test_sql_keeps_the_same_but_for_numbers_that_are_none(text: str) -> None:
    (predicate,) = parse_where([text])
    traces = TRACES.append_column("row", pa.array(range(len(TRACES))))
    con = duckdb.connect()
    con.register("traces", pa.Table.from_batches([traces]))
    rows = [r for (r,) in con.sql(f"select row from traces where {predicate} order by row").fetchall()]
    if predicate.column == "reward" and predicate.op in (">", ">="):
        rows = [r for r in rows if r != 3]  # to DuckDB, NaN is the greatest number
    assert predicate.keep(TRACES).nonzero()[0].tolist() == rows


# condition: what the error says
WRONG = {
    "trace_id = x": "trace_id cannot select",
    "episode_id in (a, b)": "by ids, what a query over alerts found could be picked out",
    "task_id = 3": "task_id cannot select",
    "rollout_group is null": "rollout_group cannot select",
    "file = a.parquet": "file cannot select",
    "metadata.flagged = true": "metadata may have been written after a monitor spoke",
    "metadata = x": "metadata cannot select",
    "steps is null": "what a trace says is what monitors read",
    "enviroment = web": "Did you mean environment?",
    "score > 0.5": "'score' is no column that can select. Use one of model, checkpoint",
    "reward = 0.5": "equal rewards, as a list of ids would, can single out rows",
    "reward in (0.5, 0.25)": "reward cannot be picked with in",
    "reward != 1": "reward cannot be picked with !=",
    "started_at = 2026-05-01": "an exact time can single out a row",
    "started_at is null": "started_at cannot be compared with is null. Use one of <, <=, >, >=",
    "started_at > 2026-05-01T10:00": "give a whole day",
    "started_at > '2026-05-01 10:00:00'": "A time of day",
    "started_at > 2026-02-30": "in the calendar",
    "started_at > 20260501": "whole day",
    "environment < web": "environment cannot be compared with <. Use one of =, !=, in, is null, is not null",
    "environment like web": "'like' is no comparison",
    "environment not in (web)": "'not in' is no comparison",
    "success > true": "success cannot be compared with >",
    "success = 1": "'1' is no value for success. Give true or false",
    "success = null": "'null' is no value for success",
    "training_step = 1.5": "Give a whole number",
    "training_step = 99999999999999999999": "Give a whole number",
    "training_step = 9223372036854775808": "Give a whole number",
    "reward > nan": "'nan' is no value for reward. Give a number",
    "reward > 1e999": "Give a number",
    "reward > high": "Give a number",
    "environment =": "the value is missing",
    "environment": "this is no condition",
    "": "this is no condition",
    "environment = a b": "'a b' is not one value",
    "environment = a or environment = b": "is not one value. Quote a value that holds blanks",
    "environment = 'a": "is not one value",
    "environment = 'a' 'b'": "is not one value",
    "environment in web": "in needs a list",
    "environment in ()": "a value is missing",
    "environment in (a,)": "a value is missing",
    "environment in (a b)": "'b' follows a value. Put a comma",
    "environment in ('a)": "is no value",
    "training_step in (1, x)": "'x' is no value for training_step",
    f"training_step in ({', '.join(map(str, range(MOST_VALUES + 1)))})": "51 values, and in takes 50",
}


@pytest.mark.parametrize(("text", "says"), WRONG.items(), ids=[t[:40] or "nothing" for t in WRONG])
def test_what_cannot_select_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_where([text])
    assert says.casefold() in str(refused.value).casefold()


def test_fifty_values_are_taken_and_one_said_twice_counts_once() -> None:
    values = [*range(MOST_VALUES), 0, 1]
    (predicate,) = parse_where([f"training_step in ({', '.join(map(str, values))})"])
    assert predicate.value == tuple(range(MOST_VALUES))


def test_fifty_conditions_are_taken_and_no_more() -> None:
    conditions = [f"window_index != {i}" for i in range(MOST_CONDITIONS + 1)]
    assert len(parse_where(conditions[:-1])) == MOST_CONDITIONS
    with pytest.raises(InputError, match="51 conditions, and an export takes 50"):
        parse_where(conditions)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as refused:
        parse_where(["trace_id = x", "environment = web", "success = 1", "reward = 2"])
    assert len(refused.value.faults) == 3


@pytest.mark.parametrize(
    ("conditions", "refused"),
    [
        (["reward >= 0.5", "reward <= 0.5"], True),
        (["reward > 0.49999999999999994", "reward < 0.5000000000000001"], True),
        (["reward >= 0", "reward >= 1", "reward <= 1"], True),
        (["reward >= 0.5", "reward <= 0.6"], False),
        (["reward >= 0.5", "reward >= 0.5"], False),
        (["reward > 1", "reward < 0"], False),
    ],
)
def test_two_bounds_that_leave_one_reward_are_an_equality(conditions: list[str], refused: bool) -> None:
    if refused:
        with pytest.raises(InputError, match="held to"):
            parse_where(conditions)
    else:
        assert len(parse_where(conditions)) == len(conditions)


def test_the_list_of_columns_is_closed() -> None:
    names = "model checkpoint training_step training_run environment started_at window_index reward success"
    assert set(COLUMNS) == set(names.split())
    for column in (c.name for c in DIMENSIONS if c.name not in COLUMNS):
        with pytest.raises(InputError, match="cannot select"):
            parse_where([f"{column} is not null"])


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_can_be_compared_with_and_is_spelled_back(value: str) -> None:
    predicate = Predicate("environment", "=", value)
    assert parse_where([str(predicate)]) == (predicate,)


@settings(deadline=None)
@given(st.text("environmt=<>!in() 'is null\"x,", max_size=30))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        (predicate,) = parse_where([text])
    except InputError:
        return
    assert parse_where([str(predicate)]) == (predicate,)
