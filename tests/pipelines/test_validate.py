from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import validate as module
from pipelines.validate import count_without_reasoning, validate
from schemas.errors import LayoutError
from schemas.layouts import LayoutSettings
from schemas.trace import STEPS


def write(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_a_file_is_counted_as_a_run_would_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BATCH_ROWS", 2)
    ids = ["a", None, "c", "d", ""]
    path = write(tmp_path / "a.parquet", trace_id=ids, reasoning=["r", "r", None, "", "r"], label=["x"] * 5)
    (report,) = validate([path], LayoutSettings())
    assert (report.layout, report.rows, report.traces, dict(report.dead)) == ("flat", 5, 3, {"null_id": 2})
    assert report.share_without_reasoning == pytest.approx(2 / 3)
    assert report.unknown_columns == ("label",)
    assert [(d.row, d.reason) for d in report.examples] == [(1, "null_id")]
    assert report.rows == report.traces + report.dead_rows


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    good = write(tmp_path / "a.parquet", trace_id=["a"], output=["o"])
    misfit = write(tmp_path / "b.parquet", trace_id=["a"], words=["o"])
    torn = tmp_path / "c.parquet"
    torn.write_bytes(b"PAR1 and no more")
    reports = validate([good, misfit, str(torn)], LayoutSettings())
    assert [(r.layout, r.rows, r.dead_rows, bool(r.error)) for r in reports] == [
        ("flat", 1, 0, False),
        ("", 1, 1, True),
        ("", 0, 0, True),
    ]


def test_if_no_file_fits_all_faults_are_told_at_once(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.parquet", trace_id=["a"], **{name: ["o"]}) for name in ("cot", "words")]
    with pytest.raises(LayoutError) as caught:
        validate(files, LayoutSettings())
    assert [fault.where for fault in caught.value.faults] == files


def test_a_fault_of_the_settings_is_told_once(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{i}.parquet", trace_id=["a"], output=["o"]) for i in range(2)]
    with pytest.raises(LayoutError) as caught:
        validate(files, LayoutSettings("chat"))
    assert len(caught.value.faults) == 1


def _step(channel: str, text: str | None) -> dict[str, Any]:
    return {"role": "assistant", "channel": channel, "name": None, "text": text, "redacted": text is None}


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        pytest.param([], 0, id="no traces"),
        pytest.param([[]], 1, id="no steps"),
        pytest.param([[_step("output", "o")]], 1, id="no reasoning"),
        pytest.param([[_step("reasoning", None)], [_step("reasoning", "")]], 2, id="nothing to read in it"),
        pytest.param(
            [[_step("reasoning", None), _step("reasoning", "s")], [_step("reasoning", "r")]], 0, id="reasoning"
        ),
    ],
)
def test_traces_without_reasoning(rows: list[Any], count: int) -> None:
    padded = pa.array([[_step("reasoning", "no")], *rows, [_step("output", "no")]], STEPS)
    assert count_without_reasoning(padded.slice(1, len(rows))) == count
