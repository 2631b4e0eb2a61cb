"""A dry run with a judge: the calls that the policy would make, and their price, without one of them being made.

The policy needs the cheap monitors' scores. Where the store does not have them all, those monitors run over the files
in a store of their own that is then removed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from pipelines.account import Work
from pipelines.job import Job
from pipelines.judge.policy import Foreseen
from pipelines.judge.run import decide_calls, source_of
from pipelines.store import Store


def foreseen(work: Work, store: Store | None, run_cheap: Callable[[Job], object]) -> Foreseen:
    """Decide as the run would; `run_cheap` runs a job without a judge, for the scores that the store has not."""
    judge = work.judge
    if judge is None:
        raise ValueError("no judge")
    if store is not None and not work.todo:
        return Foreseen.of(decide_calls(store, judge, source_of(work, work.judge_todo)))
    with tempfile.TemporaryDirectory(prefix="cotmonitor-dry-") as folder:
        path = str(Path(folder) / "store")
        run_cheap(work.job.model_copy(update={"store": path, "judge": None}))
        return Foreseen.of(decide_calls(Store.open(path), judge, source_of(work, work.judge_todo)))
