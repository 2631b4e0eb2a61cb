"""What `--map` may do in an export, and what only a person may let it do."""

from __future__ import annotations

import pytest

from pipelines.export.declassify import check
from pipelines.export.mapped import KNOWN_AS, SELECTABLE, map_faults
from pipelines.export.where import COLUMNS

NEVER = {
    "reasoning as output": ("output", "reasoning", "called like reasoning"),
    "reasoning as the environment": ("environment", "reasoning", "called like reasoning"),
    "thoughts as the prompt": ("prompt", "agent_thoughts", "called like reasoning"),
    "a chain of thought as messages": ("messages", "cot", "called like reasoning"),
    "a trace's id as the model": ("model", "trace_id", "ids would select"),
    "an episode's id as the model": ("model", "episode_id", "ids would select"),
    "a task as the checkpoint": ("checkpoint", "task_id", "ids would select"),
    "a group as the environment": ("environment", "rollout_group", "ids would select"),
}
ASKED_FOR = {
    "any column as success": ("success", "keep_me"),
    "any column as the reward": ("reward", "quality"),
    "any column as the task": ("task_id", "notes"),
}
FINE = {
    "reasoning by another name": ("reasoning", "cot"),
    "a score as the reward": ("reward", "score"),
    "a step": ("training_step", "global_step"),
    "text by another name": ("output", "completion"),
    "a tool's argument": ("reasoning", "tool:think.thought"),
}


@pytest.mark.parametrize(("target", "source", "why"), NEVER.values(), ids=NEVER)
def test_what_nothing_can_allow(target: str, source: str, why: str) -> None:
    (fault,) = map_faults({target: source})
    assert why in str(fault)


@pytest.mark.parametrize(("target", "source"), ASKED_FOR.values(), ids=ASKED_FOR)
def test_what_a_person_has_to_answer_for(target: str, source: str) -> None:
    assert not list(map_faults({target: source}))
    (fault,) = check((), None, (), (), {target: source})
    assert f"declassify column:{source}" in str(fault)


@pytest.mark.parametrize(("target", "source"), FINE.values(), ids=FINE)
def test_what_lakes_are_like(target: str, source: str) -> None:
    assert not list(map_faults({target: source}))
    assert not check((), None, (), (), {target: source})


def test_all_that_rows_are_selected_by_is_held_to_it() -> None:
    assert set(SELECTABLE) == set(COLUMNS)
    assert set(SELECTABLE) <= set(KNOWN_AS)
