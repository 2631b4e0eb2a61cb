"""What the page on audits shows works as it is written there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.audit.finding import CHECKS, VERDICTS
from pipelines.audit.history import share
from pipelines.audit.rows.selection import Selection, load_selection
from pipelines.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    return found


def test_the_selection_is_one_and_every_key_of_one_is_explained(tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text(block("yaml"))
    assert load_selection(tmp_path / "mix.yaml").complete
    assert all(f"| `{key}` |" in PAGE for key in Selection.model_fields)


def test_the_query_can_be_asked(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "S").connect() as con:
        assert con.execute(block("sql")).fetchall() == []


def test_the_row_for_a_reward_function_is_json() -> None:
    assert set(json.loads(block("json"))) == {"sample_id", "environment", "task_id", "messages"}


def test_every_verdict_and_check_is_explained() -> None:
    assert all(v.replace("_", " ").replace("associated ", "associated, ") in PAGE for v in VERDICTS)
    assert all(f"`{check}`" in PAGE for check in CHECKS)


def test_the_shares_of_alpha_are_those_told() -> None:
    assert f"{share(1, 1):.0%}".replace("%", " %") in PAGE and f"{share(1, 2):.0%}".replace("%", " %") in PAGE
    bound = 1 - 0.05 ** (1 / 200)
    assert bound == pytest.approx(0.015, abs=2e-4) and "under 1.5 %" in PAGE
