"""The stored tables as they are in stores out there: a change here needs a new table version and a migration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.calibrations import CALIBRATIONS
from schemas.labels import LABELS
from schemas.ledger import DEAD_LETTERS, RUNS, UNITS
from schemas.results import ALERTS, ASSESSMENTS, AUDITS, JUDGEMENTS, REVIEWS
from schemas.table import Table
from schemas.trace import CANONICAL, TRACES
from schemas.upkeep import FORGOTTEN, MUTES

GOLDEN = Path(__file__).with_name("golden.json")
TABLES = (
    *(CANONICAL, TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS, UNITS, REVIEWS, AUDITS, RUNS, CALIBRATIONS),
    *(MUTES, FORGOTTEN, LABELS),
)


def described(table: Table) -> dict[str, object]:
    columns = {f.name: f"{f.type}{'' if f.nullable else ' not null'}" for f in table.arrow()}
    return {"version": table.version, "key": list(table.key), "columns": columns}


@pytest.mark.parametrize("table", TABLES, ids=[t.name for t in TABLES])
def test_arrow_schema_is_the_one_on_record(table: Table) -> None:
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert recorded.get(table.name) == described(table), f"{table.name} changed: raise its version, then record it"


def test_nothing_else_is_on_record() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) == {t.name for t in TABLES}
