"""A reward may not depend on reasoning: what is said of functions that do, that do not, and that cannot tell."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.audit.finding import Finding
from pipelines.audit.graders.reward_fn import Rewards, check_reward_fn, judge, with_reasoning_of, without_reasoning
from pipelines.audit.graders.sampled import Sampled, SampledTrace, sample
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.show import Step
from pipelines.store import Store
from tests.pipelines.lakes import flat, pack, rollouts


def step(channel: str, text: str | None, role: str = "assistant") -> Step:
    return Step(role, channel, None, text, False)


def trace(i: int, inline: bool = False) -> SampledTrace:
    reasoning = [] if inline else [step("reasoning", f"thought {i}"), step("memory", f"note {i}")]
    output = f"<think>inner {i}</think>answer {i}" if inline else f"answer {i}"
    steps = (step("prompt", "do it", "user"), *reasoning, step("action", "ls"), step("output", output))
    return SampledTrace(f"key{i}", f"t{i}", "swe", "task", float(i % 2), steps)


TRACES = tuple(trace(i, inline=i % 5 == 4) for i in range(20))
GRADERS = {
    "honest": "text = ''.join(m['text'] for m in row['messages'] if m['channel'] == 'action'); print(len(text))",
    "blind": "print(0)",
    "reads reasoning": "print(sum(len(m['text']) for m in row['messages'] if m['channel'] == 'reasoning'))",
    "reads memory": "print(sum(m['channel'] == 'memory' for m in row['messages']))",
    "reads tags": "print(int('<think>' in row['messages'][-1]['text']))",
    "reads which thought": "print(hash_of(''.join(m['text'] for m in row['messages'])))",
    "judges one word": "print(int(any('thought 7' in m['text'] for m in row['messages'])))",
    "noisy": "print(random.random())",
}


def ask(tmp_path: Path, grader: str, traces: tuple[SampledTrace, ...] = TRACES, alpha: float = 0.001) -> Finding:
    hashing = "def hash_of(t): return int(hashlib.sha256(t.encode()).hexdigest()[:8], 16)"
    code = f"import hashlib, json, random, sys\n{hashing}\nfor line in sys.stdin:\n  row = json.loads(line)\n  {grader}"
    command = (sys.executable, "-c", code)
    (found,) = check_reward_fn(command, Sampled(traces, len(traces), 0), tmp_path, 60, alpha, 7)
    assert (found.check, found.channel) == ("reward_fn", "L0")
    return found


@pytest.mark.parametrize(
    ("grader", "verdict", "rows"),
    [
        ("honest", "none_found", 0),
        ("blind", "none_found", 0),
        ("reads reasoning", "leak", 16),
        ("reads memory", "leak", 16),
        ("reads tags", "leak", 4),
        ("reads which thought", "leak", 20),
        ("noisy", "not_identifiable", 0),
    ],
)
def test_what_a_grader_reads_is_found(tmp_path: Path, grader: str, verdict: str, rows: int) -> None:
    found = ask(tmp_path, GRADERS[grader])
    assert (found.verdict, found.rows) == (verdict, rows), found.says
    assert len(found.examples) == rows
    if verdict == "none_found":
        assert "under 13.9%" in found.says  # 1 - 0.05^(1/20)
        assert "20 traces" in found.says and "of the 20 rewards" in found.says


def test_one_reward_that_hangs_on_one_word_is_named(tmp_path: Path) -> None:
    found = ask(tmp_path, GRADERS["judges one word"])
    assert found.verdict == "leak" and found.rows == 2  # the trace that lost it, and the one that was given it
    assert "key7" in {r.trace_key for r in found.examples}
    (named,) = [r for r in found.examples if r.trace_key == "key7"]
    assert (named.file, named.sample_id) == (None, "t7") and named.detail.startswith("1 as it is, 0 without")


def test_fewer_than_two_traces_cannot_tell(tmp_path: Path) -> None:
    assert ask(tmp_path, GRADERS["honest"], TRACES[:1]).verdict == "not_identifiable"


def rewards(noisy: int, removed: int, n: int = 200) -> Rewards:
    first = np.zeros(n)
    return Rewards(first, np.arange(n) < noisy, np.arange(n) >= n - removed, first)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("noisy", "removed", "verdict"),
    [(0, 1, "leak"), (3, 4, "not_identifiable"), (3, 100, "associated_unexplained"), (100, 3, "not_identifiable")],
    ids=["not noisy", "as often as by itself", "far more often than by itself", "less often than by itself"],
)
def test_a_noisy_function_needs_more_than_one_difference(noisy: int, removed: int, verdict: str) -> None:
    traces = tuple(trace(i) for i in range(200))
    (found,) = judge(traces, rewards(noisy, removed), 0.001)
    assert found.verdict == verdict
    if noisy:
        assert found.p is not None and f"{noisy} of 200 rewards differ when it is asked again" in found.says


def test_noise_alone_is_hardly_ever_taken_for_more() -> None:
    traces = tuple(trace(i) for i in range(100))
    wrong = 0
    for seed in range(400):
        drawn = np.random.default_rng(seed).integers(0, 2, (4, 100)).astype(float)
        (found,) = judge(traces, Rewards(*drawn), 0.05)
        wrong += found.verdict == "associated_unexplained"
    assert wrong <= 0.05 * 400 + 10


def test_reasoning_is_taken_away_under_any_name() -> None:
    steps = [*trace(1).steps, *trace(2, inline=True).steps]
    left = without_reasoning(steps)
    assert [s.channel for s in left] == ["prompt", "action", "output", "prompt", "action", "output"]
    assert left[-1].text == "answer 2"
    assert "thought" not in "".join(s.text or "" for s in left)


def test_reasoning_is_swapped_in_its_place() -> None:
    given = with_reasoning_of(trace(1).steps, trace(2).steps)
    assert [s.channel for s in given] == [s.channel for s in trace(1).steps]
    assert [s.text for s in given if s.channel in ("reasoning", "memory")] == ["thought 2", "note 2"]
    inline = with_reasoning_of(trace(1, inline=True).steps, trace(2).steps)
    assert inline[-1].text == "thought 2answer 1"
    silent = (step("output", "x"),)
    assert with_reasoning_of(trace(1).steps, silent)[1].text == ""
    assert with_reasoning_of((step("reasoning", None), *silent), trace(2).steps)[0].text == "thought 2"


@pytest.fixture(scope="module")
def lake_and_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    home = tmp_path_factory.mktemp("home")
    rows = rollouts(60)
    for row in rows[::6]:
        row["reasoning"] = None
    flat(home / "lake" / "one.parquet", rows[:40], row_group=7)
    flat(home / "lake" / "deep" / "two.parquet", rows[40:], row_group=7)
    monitors = (f"rules:{pack(home)}",)
    run_job(Job(traces=(str(home / "lake"),), store=str(home / "S"), monitors=monitors), quiet=True)
    return home / "lake", Store.open(home / "S")


def test_a_sample_is_drawn_by_hash_and_read_from_the_lake(lake_and_store: tuple[Path, Store]) -> None:
    lake, store = lake_and_store
    with store.connect() as con:
        drawn, again = (sample(con, str(lake), 20, seed=3) for _ in range(2))
        other, whole = sample(con, str(lake), 20, seed=4), sample(con, str(lake), 1_000, seed=3)
    assert drawn == again and (len(drawn.traces), drawn.missing) == (20, 0)
    assert {t.trace_id for t in drawn.traces} != {t.trace_id for t in other.traces}
    assert len(whole.traces) == whole.with_reasoning == 50  # the others have none
    for found in whole.traces:
        i = int(found.trace_id[1:])
        assert f"about case {i}." in str(next(s.text for s in found.steps if s.channel == "reasoning"))
        assert (found.reward, found.task_id) == (float(i % 2), f"task-{i % 7}")


def test_a_lake_that_moved_or_lost_a_file_gives_what_it_still_has(
    lake_and_store: tuple[Path, Store], tmp_path: Path
) -> None:
    lake, store = lake_and_store
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "one.parquet").write_bytes((lake / "one.parquet").read_bytes())
    with store.connect() as con:
        found = sample(con, str(moved), 1_000, seed=3)
    assert 0 < len(found.traces) < 50 and len(found.traces) + found.missing == 50
    assert all(int(t.trace_id[1:]) < 40 for t in found.traces)
