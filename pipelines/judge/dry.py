"""A dry run with a judge: the calls that the policy would make, and their price, without one of them being made.

The policy needs the cheap monitors' scores. Where the store does not have them all, those monitors run over the files
in a store of their own that is then removed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.judge.policy import Chosen
from pipelines.judge.run import decide_calls, source_of
from pipelines.store import Store

if TYPE_CHECKING:
    from pipelines.account import Work


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the policy would have asked: tokens and money estimated from above, money None if it has no price."""

    traces: int
    by: dict[str, int]
    calls: int
    tokens: int
    usd: float | None
    over_budget: int
    free: int

    @classmethod
    def of(cls, c: Chosen) -> Foreseen:
        return cls(c.traces, c.by, c.calls, c.tokens, c.usd, c.over_budget, c.free)


def foreseen(work: Work, store: Store | None) -> Foreseen:
    """Decide as the run would."""
    judge = work.judge
    if judge is None:
        raise ValueError("no judge")
    if store is not None and not work.todo:
        return Foreseen.of(decide_calls(store, judge, source_of(work, work.judge_todo)))
    from pipelines.run import run_job

    with tempfile.TemporaryDirectory(prefix="cotmonitor-dry-") as folder:
        path = str(Path(folder) / "store")
        run_job(work.job.model_copy(update={"store": path, "judge": None}), quiet=True)
        return Foreseen.of(decide_calls(Store.open(path), judge, source_of(work, work.judge_todo)))
