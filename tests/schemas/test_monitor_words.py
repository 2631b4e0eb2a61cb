"""The list of monitors' names is written by hand, so it is held to the tables that it speaks of."""

from __future__ import annotations

import pytest

from schemas.monitor_words import NAMES, is_monitor_word
from schemas.results import ALERTS, ASSESSMENTS, JUDGEMENTS, REVIEWS
from schemas.table import Table
from schemas.trace import ADAPTED

TABLES = (ALERTS, ASSESSMENTS, JUDGEMENTS, REVIEWS)


@pytest.mark.parametrize("table", TABLES, ids=[t.name for t in TABLES])
def test_every_column_that_traces_do_not_have_is_known(table: Table) -> None:
    theirs = set(table.names) - set(ADAPTED.names)
    assert theirs - NAMES == set()
    assert {name for name in theirs if not is_monitor_word(name)} == set()


def test_no_column_of_a_trace_is_taken_for_a_monitors() -> None:
    assert [name for name in ADAPTED.names if is_monitor_word(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        *("alert_id", "AlertID", "alertid", "n_alerts", "monitor.v2", "cot-monitor-score", "isFlagged", "flagged_by"),
        *("label", "labels", "human_label", "suspicion", "suspicionScore", "reward_hacking", "judge_verdict"),
        *("severity", "reviewed", "Behavior", "SCORE", "tp", "red_flag", "rationale_text", "cheated"),
    ],
)
def test_names_as_people_write_them_are_known(name: str) -> None:
    assert is_monitor_word(name)


@pytest.mark.parametrize(
    "name",
    [
        *("difficulty", "seed", "split", "language", "repo", "temperature", "tokens", "duration_s", "scorecard"),
        *("top_p", "levels_of_detail", "git_sha", "prompt_template", "worker", "flagship"),
    ],
)
def test_ordinary_names_are_not(name: str) -> None:
    assert not is_monitor_word(name)
