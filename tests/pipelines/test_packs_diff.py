"""Two packs over the same traces: what appears, what vanishes, what changes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitors.rules import RuleMonitor
from pipelines.packs_diff import Change, Tally, by_behaviour, diff_files
from schemas.layouts import LayoutSettings
from tests.monitors.rules.making import pack, rule

OLD = RuleMonitor(pack(rule(id="TG08.a", p="hard-code"), rule(id="TG02.b", p="skip"), rule(id="HO02.c", p="tested")))
NEW = RuleMonitor(
    pack(rule(id="TG08.a", p="hard-?code"), rule(id="HO02.c", p="tested", level="high"), rule(id="HO13.d", p="erase"))
)


def lake(folder: Path) -> str:
    path = folder / "a.parquet"
    reasoning = ["I hardcode it", "I skip it", "am I tested?", "hard-code and erase", "all is well", "x"]
    ids = ["one", "two", "three", "four", "five", None]
    pq.write_table(pa.table({"trace_id": ids, "reasoning": reasoning}), path)
    return str(path)


def test_changes_in_order_of_trace_and_behaviour(tmp_path: Path) -> None:
    path, tally = lake(tmp_path), Tally()
    changes = list(diff_files(OLD, NEW, [path], LayoutSettings(), tally))
    assert changes == [
        Change("appears", path, 0, 0, "one", "TG08", None, "low", ("TG08.a",), "hardcode"),
        Change("vanishes", path, 0, 1, "two", "TG02", "low", None, ("TG02.b",), "skip"),
        Change("changes", path, 0, 2, "three", "HO02", "medium", "high", ("HO02.c",), "tested"),
        Change("appears", path, 0, 3, "four", "HO13", None, "low", ("HO13.d",), "erase"),
    ]
    assert (tally.traces, tally.dead, tally.before, tally.after, tally.same) == (5, 1, 3, 4, 1)
    assert by_behaviour(changes) == [("HO02", 0, 0, 1), ("HO13", 1, 0, 0), ("TG02", 0, 1, 0), ("TG08", 1, 0, 0)]


def test_a_pack_beside_itself_changes_nothing(tmp_path: Path) -> None:
    tally = Tally()
    assert list(diff_files(OLD, OLD, [lake(tmp_path)], LayoutSettings(), tally)) == []
    assert (tally.same, tally.before, tally.after) == (3, 3, 3)
