from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import rationales as made
from pipelines.audit.finding import Finding
from pipelines.audit.graders.payloads import check_payloads
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store import Store
from schemas.canary import CANARY
from tests.pipelines.lakes import flat, pack

TRACES = 30
GRADER = (
    "You are a careful grader. Read the task and what was handed in, then give a score from 0 to 10 and nothing else. "
    "Put your own thoughts in <thinking></thinking> tags first. "
)


def own(i: int) -> str:
    """What only trace `i` thinks."""
    return f"Then in case {i} the answer has to be {i * 7919}, as line {i} of the log said before the {i + 7}th run."


@dataclass(frozen=True)
class Lake:
    """Traces, and a store that has seen them."""

    path: Path
    store: Store
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    home = tmp_path_factory.mktemp("home")
    rows: list[dict[str, Any]] = [
        {
            "trace_id": f"t{i}",
            "episode_id": f"e{i // 2}",
            "environment": "swe",
            "prompt": f"Mend the {made.THINGS[i % 9]} parser, please. {made.honest(900 + i, 30)}",
            "reasoning": f"{made.honest(i, 80)} {own(i)}",
            "actions": f"return {i}",
            "output": f"It is done: {made.honest(500 + i, 20)}",
        }
        for i in range(TRACES)
    ]
    rows[3]["output"] += " " + rows[3]["reasoning"]  # it repeats itself in the open
    flat(home / "lake" / "a.parquet", rows, row_group=7)
    run_job(Job(traces=(str(home / "lake"),), store=str(home / "S"), monitors=(f"rules:{pack(home)}",)), quiet=True)
    return Lake(home / "lake", Store.open(home / "S"), rows)


def request(row: dict[str, Any], more: str = "") -> list[dict[str, Any]]:
    content = f"Task: {row['prompt']}\nHanded in: {row['actions']} {row['output']} {more}"
    return [{"role": "system", "content": GRADER}, {"role": "user", "content": content}]


def payloads(lake: Lake, folder: Path, leaks: dict[int, str], ids: bool = True) -> Path:
    """A payload for each trace, some with more in it than there should be."""
    path = folder / "payloads.jsonl"
    lines = []
    for i, row in enumerate(lake.rows):
        line: dict[str, Any] = {"messages": request(row, leaks.get(i, ""))}
        lines.append(json.dumps({"custom_id": row["trace_id"], "body": line} if ids else line))
    path.write_text("\n".join(lines) + "\n")
    return path


def check(lake: Lake, path: Path, traces: bool = True) -> list[Finding]:
    return check_payloads([(path.name, str(path))], lake.store, str(lake.path) if traces else None)


def told(found: Sequence[Finding]) -> dict[str, tuple[str, int, list[str | None]]]:
    return {f.subject: (f.verdict, f.rows, [r.sample_id for r in f.examples]) for f in found}


def test_payloads_without_reasoning_are_clean(lake: Lake, tmp_path: Path) -> None:
    assert told(check(lake, payloads(lake, tmp_path, {}))) == {
        "reasoning": ("none_found", 0, []),
        "traces": ("not_identifiable", 1, []),  # the one that says its reasoning in the open as well
    }


def middle(lake: Lake, i: int, words: int) -> str:
    """So many words from the end of a reasoning, which nobody else says."""
    return " ".join(str(lake.rows[i]["reasoning"]).split()[-words:])


def test_reasoning_without_any_tag_is_found_and_its_row_named(lake: Lake, tmp_path: Path) -> None:
    found = check(lake, payloads(lake, tmp_path, {4: lake.rows[4]["reasoning"], 9: middle(lake, 9, 20)}))
    assert told(found)["words"] == ("leak", 2, ["t4", "t9"])
    (finding,) = [f for f in found if f.subject == "words"]
    assert finding.channel == "L0" and [r.row for r in finding.examples] == [4, 9]
    assert "2/15" in finding.says  # episodes of two traces each


@pytest.mark.parametrize(
    ("spelled", "how"),
    [(lambda t: base64.b64encode(t.encode()).decode(), "base64"), (lambda t: t.encode().hex(), "hexadecimal")],
    ids=["base64", "hex"],
)
def test_it_is_found_in_another_spelling(lake: Lake, tmp_path: Path, spelled: Callable[[str], str], how: str) -> None:
    found = check(lake, payloads(lake, tmp_path, {4: spelled(str(lake.rows[4]["reasoning"]))}))
    assert told(found)["words"] == ("leak", 1, ["t4"])
    assert how in str(next(f for f in found if f.subject == "words").examples[0].detail)


def test_traces_that_think_what_many_think_are_counted(lake: Lake, tmp_path: Path) -> None:
    """Nothing that only they think could be known again, and so none found is not said of them."""
    same = [{**row, "reasoning": lake.rows[0]["reasoning"]} for row in lake.rows]
    flat(tmp_path / "lake" / "a.parquet", same)
    job = Job(traces=(str(tmp_path / "lake"),), store=str(tmp_path / "S"), monitors=(f"rules:{pack(tmp_path)}",))
    run_job(job, quiet=True)
    alike = Lake(tmp_path / "lake", Store.open(tmp_path / "S"), same)
    assert told(check(alike, payloads(alike, tmp_path, {})))["traces"][:2] == ("not_identifiable", TRACES)


def test_it_is_found_without_an_id_as_well(lake: Lake, tmp_path: Path) -> None:
    found = told(check(lake, payloads(lake, tmp_path, {4: lake.rows[4]["reasoning"]}, ids=False)))
    assert found["words"][:2] == ("leak", 1)
    assert found["ids"][:2] == ("not_identifiable", TRACES)


def test_without_ids_clean_payloads_stay_clean(lake: Lake, tmp_path: Path) -> None:
    assert "words" not in told(check(lake, payloads(lake, tmp_path, {}, ids=False)))


def test_what_the_trace_says_in_the_open_is_no_leak(lake: Lake, tmp_path: Path) -> None:
    assert "words" not in told(check(lake, payloads(lake, tmp_path, {3: lake.rows[3]["reasoning"]})))


def test_another_traces_reasoning_is_not_that_of_the_joined_one(lake: Lake, tmp_path: Path) -> None:
    assert "words" not in told(check(lake, payloads(lake, tmp_path, {4: lake.rows[5]["reasoning"]})))


def test_what_stands_in_every_payload_is_the_graders_own(lake: Lake, tmp_path: Path) -> None:
    template = middle(lake, 6, 40)
    found = told(check(lake, payloads(lake, tmp_path, dict.fromkeys(range(TRACES), template))))
    assert "words" not in found


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("<think>I will write the numbers down and tell nobody of it.</think>", "tag"),
        ("<THINKING>I will write the numbers down and tell nobody.</THINKING>", "tag"),
        (f"{CANARY}:alert", "canary"),
    ],
    ids=["tags", "tags in capitals", "a canary"],
)
def test_marks_are_found_without_a_lake(lake: Lake, tmp_path: Path, more: str, kind: str) -> None:
    found = told(check(lake, payloads(lake, tmp_path, {2: more}), traces=False))
    assert found[kind] == ("leak", 1, ["t2"])
    assert found["words"][:2] == ("not_assessed", TRACES)


FIELDS: dict[str, dict[str, Any]] = {
    "a field of a message": {"messages": [{"role": "assistant", "reasoning_content": "TEXT", "content": "4"}]},
    "a part of a message": {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "TEXT"}]}]},
    "a column": {"chain_of_thought": "TEXT", "answer": "4"},
    "a request kept as a string": {"request": json.dumps({"messages": [{"role": "user", "thoughts": "TEXT"}]})},
}


@pytest.mark.parametrize("payload", FIELDS.values(), ids=FIELDS.keys())
def test_fields_for_reasoning_are_found(lake: Lake, tmp_path: Path, payload: dict[str, Any]) -> None:
    path = tmp_path / "p.jsonl"
    text = json.dumps({"trace_id": "t8", **payload}).replace("TEXT", str(lake.rows[8]["reasoning"]))
    path.write_text(text + "\n")
    found = told(check(lake, path, traces=False))
    assert found["field"] == ("leak", 1, ["t8"])
    assert told(check(lake, path))["field"] == ("leak", 1, ["t8"])


def test_a_field_with_other_words_is_not_said_to_be_a_leak(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"trace_id": "t8", "rubric": {"reasoning": "Is each step of the proof laid out well?"}}))
    assert told(check(lake, path))["named"] == ("not_identifiable", 1, ["t8"])


@pytest.mark.parametrize(
    "payload",
    [
        {"response": {"reasoning": "The answer is right since the sum is what the task asks for."}},
        {"request": {"reasoning": {"effort": "high"}, "reasoning_effort": "high"}},
        {"messages": [{"role": "user", "content": "Think inside <think> tags, then give a score for what follows."}]},
    ],
    ids=["a grader's own reasoning", "settings of reasoning", "tags that are spoken of"],
)
def test_what_is_no_reasoning_of_the_trace(lake: Lake, tmp_path: Path, payload: dict[str, Any]) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"trace_id": "t8", **payload}))
    assert "leak" not in {f.verdict for f in check(lake, path)}


def test_payloads_as_a_table(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    texts = [f"{r['output']} {r['reasoning'] if i == 12 else ''}" for i, r in enumerate(lake.rows)]
    pq.write_table(pa.table({"sample_id": [r["trace_id"] for r in lake.rows], "text": texts}), path)
    assert told(check(lake, path))["words"] == ("leak", 1, ["t12"])


def test_an_episodes_id_stands_for_all_its_traces(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"episode_id": "e2", "text": lake.rows[5]["reasoning"]}) + "\n")
    assert told(check(lake, path))["words"][:2] == ("leak", 1)


def test_a_file_that_cannot_be_read_and_traces_that_are_gone_are_told(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(b"PK\x03\x04")
    flat(tmp_path / "lake" / "a.parquet", lake.rows[:7], row_group=7)
    path = payloads(lake, tmp_path, {})
    files = [("p.zip", str(tmp_path / "p.zip")), (path.name, str(path))]
    found = told(check_payloads(files, lake.store, str(tmp_path / "lake")))
    assert found["file p.zip"][0] == "not_assessed"
    assert found["traces"][:2] == ("not_identifiable", TRACES - 7 + 1)
