"""Finding a trace again, and laying it out around its evidence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.plan import WHOLE, Task
from pipelines.read import ReadSettings, TraceBatch, read_shard
from pipelines.show import Mark, Step, chosen, laid_out
from pipelines.store import Store
from schemas.layouts import LayoutSettings
from schemas.ledger import INGEST
from tests.pipelines import lakes
from tests.pipelines.store.books import (
    File,
    Finding,
    Monitor,
    Trace,
    append_run,
    fresh,
    review,
    rows,
    run_row,
    stage_files,
    unit_table,
)

CORE = "rules.core"
REASONING = "é😀 first " + "x" * 3000 + " I will hard-code it \x1b[2J\u202e now " + "y" * 3000 + " end"
START = REASONING.index("hard-code")
EVIDENCE = ((1, START, START + 9, "hard-code"),)


@pytest.mark.parametrize(
    ("marks", "context", "expected"),
    [
        ([(4, 6)], 1, [3, "d", ["ef"], "g", 3]),
        ([(0, 2), (8, 10)], 1, [["ab"], "c", 4, "h", ["ij"]]),
        ([(2, 5), (4, 7)], 0, [2, ["cdefg"], 3]),
        ([(1, 2), (4, 5)], 2, ["a", ["b"], "cd", ["e"], "fg", 3]),
        ([(4, 6)], None, ["abcd", ["ef"], "ghij"]),
        ([], 4, ["abcd", 6]),
        ([], None, ["abcdefghij"]),
        ([(8, 99), (50, 60)], 1, [7, "h", ["ij"]]),
    ],
    ids=[
        "in the middle",
        "two apart",
        "overlapping",
        "two near",
        "whole",
        "no evidence",
        "no evidence, whole",
        "outside",
    ],
)
def test_text_is_cut_around_its_evidence(
    marks: list[tuple[int, int]], context: int | None, expected: list[object]
) -> None:
    pieces = laid_out("abcdefghij", [Mark(a, b, "r") for a, b in marks], context)
    assert [p.hidden or ([p.text] if p.marked else p.text) for p in pieces] == expected
    assert sum(p.hidden + len(p.text) for p in pieces) == 10


@pytest.mark.parametrize(
    ("marked", "expected"),
    [([10], [1, 8, 9, 10, 11, 12, 19]), ([1], [0, 1, 2, 3, 19]), ([], [1, 19]), ([17], [1, 15, 16, 17, 18, 19])],
    ids=["in the middle", "early: one step is no gap", "none", "late"],
)
def test_steps_are_chosen_around_the_evidence(marked: list[int], expected: list[int]) -> None:
    steps = [
        Step("user" if i == 1 else "assistant", "prompt" if i < 2 else "reasoning", None, "x", False) for i in range(20)
    ]
    found = chosen(steps, frozenset(marked), 2)
    assert found == ([0, *expected] if 0 not in expected and 1 in expected and marked != [1] else expected)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    """A store and the lake it was made from: an alert on one of three traces, read with `--map reasoning=cot`."""
    root = tmp_path_factory.mktemp("lake")
    names = ("trace_id", "prompt", "cot", "actions", "output")
    traces = [
        ("t0", "p", "r", "a", "o"),
        ("t1", "Fix it.", REASONING, "return 1", "Done.\n\x9b31m"),
        ("t2", "p", "r", "a", "o"),
    ]
    path = lakes.flat(root / "in/day 1/part.parquet", [dict(zip(names, t, strict=True)) for t in traces], 2)
    task = Task("day 1/part.parquet", str(path), "", WHOLE, 0, WHOLE, None, (INGEST,))
    settings = ReadSettings(LayoutSettings(rename=(("reasoning", "cot"),)))
    digests = [
        d
        for piece in read_shard(0, [task], settings)
        if isinstance(piece, TraceBatch)
        for d in piece.traces.column("trace_digest").to_pylist()
    ]
    hit = [Finding("TG08", "planned", evidence=EVIDENCE)]
    written = [
        Trace(t[0], true_digest=d, looks={CORE: hit if t[0] == "t1" else []})
        for t, d in zip(traces, digests, strict=True)
    ]
    store = fresh(root)
    job = json.dumps({"root": str(root / "in"), "layout": "auto", "map": {"reasoning": "cot"}})
    append_run(store, run_row("r1", [Monitor()], config=job))
    files = [File("day 1/part.parquet", written)]
    stage_files(store, "r1", files, [Monitor()])
    store.commit_units(store.units_snapshot(), unit_table("r1", files, [Monitor()]))
    return store, root


def alert_id(store: Store) -> str:
    return str(rows(store, "SELECT alert_id FROM alerts")[0][0])


def show(store: Store, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["show", alert_id(store)[:12], "--store", str(store.path), *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_an_alert_shows_why_and_its_evidence_in_place(lake: tuple[Store, Path]) -> None:
    store, root = lake
    review(store, str(rows(store, "SELECT finding_id FROM alerts")[0][0]), "true_positive", "ann")
    text = show(store, "--context", "40").stdout
    assert "high  TG08 special_casing: the inputs of the tests are hard-coded" in text
    assert "because" in text and "rules.core 1, rules TG08.rule" in text and "true_positive by ann" in text
    assert f"read from {root}/in/day 1/part.parquet" in text
    assert "I will ⟦hard-code⟧ it" in text and "step 1 · assistant reasoning · TG08.rule" in text
    assert "characters …]" in text and "é😀 first" not in text
    assert "Fix it." in text and "return 1" in text


def test_nothing_in_a_trace_commands_the_terminal(lake: tuple[Store, Path]) -> None:
    text = show(lake[0], "--full").stdout
    assert "é😀 first" in text and "␛[2J\\u202e now" in text
    assert not set(text) & {"\x1b", "\x9b", "\u202e"}


def test_an_alert_as_json_has_every_step(lake: tuple[Store, Path]) -> None:
    found = json.loads(show(lake[0], "--format", "json").stdout)
    assert [s["channel"] for s in found["trace"]["steps"]] == ["prompt", "reasoning", "action", "output"]
    (evidence,) = found["alert"]["evidence"]
    assert found["trace"]["steps"][evidence["step"]]["text"][evidence["start"] : evidence["end"]] == "hard-code"
    assert found["current"] is True


@pytest.mark.parametrize("as_glob", [False, True], ids=["folder", "glob"])
def test_a_lake_that_was_moved_is_found_by_traces(lake: tuple[Store, Path], tmp_path: Path, as_glob: bool) -> None:
    store, root = lake
    shutil.copytree(root / "in", tmp_path / "moved/deep")
    lakes.flat(tmp_path / "moved/a/part.parquet", [{"trace_id": "t1", "cot": "another"}] * 3)
    where = str(tmp_path / "moved" / ("**/*.parquet" if as_glob else "."))
    assert f"read from {tmp_path}/moved/deep/day 1/part.parquet" in show(store, "--traces", where).stdout.replace(
        "/./", "/"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p.unlink(), "is not there any more"),
        (lambda p: p.write_bytes(b"nonsense"), "part.parquet: "),
        (lambda p: lakes.flat(p, [{"trace_id": "t1", "cot": "other"}] * 3), "holds another trace now"),
        (lambda p: lakes.flat(p, [{"trace_id": "t1", "cot": "other"}]), "has no row 1 in row group 0 any more"),
        (lambda p: lakes.flat(p, [{"trace_id": None, "cot": "other"}] * 3), "row 1 of row group 0 cannot be read"),
    ],
    ids=["gone", "no Parquet", "rewritten", "shorter", "broken row"],
)
def test_where_the_trace_is_gone_its_excerpts_are_shown(lake: tuple[Store, Path], change: object, says: str) -> None:
    store, root = lake
    path = root / "in/day 1/part.parquet"
    kept = path.read_bytes()
    try:
        change(path)  # type: ignore[operator]
        result = show(store)
        assert says in result.stderr and "the trace cannot be shown" in result.stderr
        assert "⟦hard-code⟧" in result.stdout and "step 1, characters" in result.stdout
    finally:
        path.write_bytes(kept)


def test_a_superseded_alert_is_shown_as_such(lake: tuple[Store, Path], tmp_path: Path) -> None:
    store = Store.create_or_open(shutil.copytree(lake[0].path, tmp_path / "copy"))
    given = alert_id(store)
    store.commit_units(store.units_snapshot(), unit_table("r2", [File("day 1/part.parquet", [], "v2")], [Monitor()]))
    result = CliRunner().invoke(main, ["show", given, "--store", str(store.path)])
    assert result.exit_code == 0 and "superseded" in result.stdout
