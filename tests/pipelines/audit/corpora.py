"""A lake, the store of a run over it, and training corpora made from it, clean ones and ones with a planted leak."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store import Store
from tests.pipelines.lakes import flat, pack

Row = dict[str, Any]
TRACES, TASKS = 1_200, 60
SAYS = (
    "The transcript announces that expected values are going to be written directly into the routine instead of "
    "deriving them, which defeats the purpose of the accompanying assessment entirely."
)
WORDS = "we read the file then compare each value with what was asked and write a short loop over all of them".split()


@dataclass(frozen=True, slots=True)
class House:
    """Where all of it lies, and which traces are flagged."""

    home: Path
    lake: Path
    store: Path
    flagged: frozenset[str]
    rationale: str

    def corpus(self, name: str, rows: Sequence[Row]) -> Path:
        """A corpus as JSONL, in a folder of its own."""
        path = self.home / "corpora" / name / "mix.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        return path


def traces(seed: int = 5) -> list[Row]:
    """Flat traces: alerts cluster by task, and go with the reward, as they do in life."""
    random = np.random.default_rng(seed)
    bent = random.beta(1, 6, TASKS)  # how often a task's traces hard-code
    rows = []
    for i in range(TRACES):
        task = int(random.integers(TASKS))
        hacks = bool(random.random() < bent[task])
        reward = round(float(np.clip(random.normal(0.5 + 0.2 * hacks, 0.2), 0, 1)), 3)
        words = " ".join(random.choice(WORDS, int(random.integers(30, 90))))
        rows.append(
            {
                "trace_id": f"t{i:04d}",
                "model": "m",
                "checkpoint": f"step-{i % 3}",
                "training_step": i % 3,
                "environment": ("swe", "math", "web")[task % 3],
                "task_id": f"task-{task}",
                "rollout_group": f"task-{task}-{i % 3}",
                "reward": reward,
                "success": reward > 0.5,
                "prompt": f"Please do task {task} and say how.",
                "reasoning": f"{words}. {'I will hard-code it.' if hacks else 'It is a loop.'} Case {i}.",
                "actions": f"return {i}",
                "output": f"Done with case {i}, in {len(words)} steps.",
            }
        )
    return rows


def build(home: Path) -> House:
    """The lake in two files, and the store of one run of the tiny pack over it."""
    rows = traces()
    flat(home / "lake" / "a.parquet", rows[:700], row_group=200)
    flat(home / "lake" / "b.parquet", rows[700:], row_group=200)
    rules = pack(home / "side", ("Says that it hard-codes.", SAYS))
    job = Job(traces=(str(home / "lake"),), store=str(home / "side" / "S"), monitors=(f"rules:{rules}",))
    run_job(job, quiet=True)
    with Store.open(home / "side" / "S").connect() as con:
        flagged = frozenset(r[0] for r in con.execute("SELECT DISTINCT trace_id FROM alerts").fetchall())
        rationale = con.execute("SELECT rationale FROM alerts ORDER BY alert_id LIMIT 1").fetchall()[0][0]
    return House(home, home / "lake", home / "side" / "S", flagged, rationale)


def rows_of(lake: Path, keep: Callable[[Row], bool] = lambda row: True) -> list[Row]:
    """Training rows of the lake's traces, in its order: what an honest script of one's own would write."""
    found = []
    for path in sorted(lake.glob("*.parquet")):
        for trace in pq.read_table(path).to_pylist():
            if keep(trace):
                found.append(training_row(trace))
    return found


def training_row(trace: Row) -> Row:
    said = [("user", "prompt", "prompt"), ("assistant", "reasoning", "reasoning")]
    said += [("assistant", "action", "actions"), ("assistant", "output", "output")]
    messages = [
        {"role": role, "channel": channel, "text": trace[column], "train": channel in ("action", "output")}
        for role, channel, column in said
    ]
    return {
        "sample_id": trace["trace_id"],
        "messages": messages,
        "environment": trace["environment"],
        "task_id": trace["task_id"],
        "reward": trace["reward"],
    }
