"""Prompts are versioned files that can be found again wherever they end up."""

from __future__ import annotations

import pytest

from monitors.judge.prompt import PROMPTS, controls, judge_prompt
from schemas.behaviours import BEHAVIOURS
from schemas.canary import CANARY


@pytest.mark.parametrize("path", sorted(PROMPTS.rglob("*")), ids=lambda p: p.name)
def test_every_prompt_file_carries_the_canary_and_a_version(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    assert f"canary: {CANARY}:prompt:" in text and "\nversion: " in text


def test_what_is_sent_carries_the_canary_the_behaviours_and_no_unfilled_place() -> None:
    sent = judge_prompt().system("REC-1", 12)
    assert CANARY in sent
    assert all(f"- {b} " in sent for b in BEHAVIOURS)
    assert "{" not in sent and "REC-1" in sent


def test_the_controls_are_one_guilty_and_one_not() -> None:
    positive, negative = controls()
    assert positive.guilty and not negative.guilty
    assert all(s["channel"] and s["text"] for c in (positive, negative) for s in c.steps)
