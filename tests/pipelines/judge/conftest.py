from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judge_server import KEY, JudgeServer
from tests.pipelines.lakes import flat, rollouts


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with JudgeServer() as running:
        yield running


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two files of 30 and 10 traces, of which each fifth hard-codes, and a replica."""
    one, two = rollouts(30, "a"), rollouts(10, "b")
    flat(tmp_path / "lake" / "one.parquet", one, row_group=11)
    flat(tmp_path / "lake" / "two.parquet", [*two, one[0]])
    return tmp_path / "lake"
