"""A calibration that is killed at any of its writes is whole or not there, and made again it is one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.store import Store
from tests.pipelines import killing
from tests.pipelines.killing import KILL
from tests.pipelines.store.books import File, Trace, fresh, night, rows

REASON = killing.impossible()
COMMAND = ("calibrate", "--all-traffic", "--target-fpr", "0.05", "--store")


@pytest.mark.slow
@pytest.mark.skipif(bool(REASON), reason=str(REASON))
def test_killed_at_any_write_it_is_all_or_nothing(tmp_path: Path) -> None:
    store = fresh(tmp_path)
    scores = np.where(np.arange(200) % 20 == 0, 0.6, 0.0)
    traces = [
        Trace(f"t{i:03}", looks={"rules.core": ()}, scores={"rules.core": {"test_gaming": s, "hidden_objective": 0.0}})
        for i, s in enumerate(scores.tolist())
    ]
    night(store, "r1", [File("a", traces)])
    clean = tmp_path / "clean"
    shutil.copytree(store.path, clean)
    command = [sys.executable, "-m", "pipelines.cli", *COMMAND, str(store.path)]
    calls = killing.run(command, store.path).calls
    assert len(calls) >= 3
    [whole] = rows(store, "SELECT count(*), min(calibration_id) FROM calibrations WHERE NOT shipped")
    assert whole[0] == 2
    logged = [c for c in calls if "_delta_log" in c.path]
    for call in (calls[0], logged[0], logged[-1]):  # before, at and after the commit
        shutil.rmtree(store.path)
        shutil.copytree(clean, store.path)
        ended = killing.run(command, store.path, lambda c, n=call.number: KILL if c.number == n else 0)  # type: ignore[misc]
        assert ended.code != 0
        left = rows(Store.open(store.path), "SELECT count(*), min(calibration_id) FROM calibrations WHERE NOT shipped")
        assert left in ([(0, None)], [whole]), str(call)
        assert killing.run(command, store.path).code == 0
        assert rows(store, "SELECT count(*), min(calibration_id) FROM raw.calibrations") == [whole], str(call)
