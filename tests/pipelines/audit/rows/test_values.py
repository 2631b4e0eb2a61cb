"""Rewards and labels against the lake."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.pipelines.audit.cases import corpus, everything, examined, one, small

W = small()
POP = W.pop


def rewards(values: np.ndarray, kind: pa.DataType | None = None) -> object:
    rows = corpus(POP, everything(W), {"reward": values})
    if kind is not None:
        rows = rows.set_column(rows.schema.get_field_index("c.reward"), "c.reward", pa.array(values, kind))
    return one(examined(POP, rows)["reward"], "reward")


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()], ids=str)
def test_the_lakes_reward_is_the_lakes(kind: pa.DataType) -> None:
    assert rewards(POP.reward, kind).verdict == "none_found"  # type: ignore[attr-defined]


def test_a_changed_reward_is_named() -> None:
    changed = POP.reward.copy()
    changed[[7, 11]] -= 0.5
    found = rewards(changed)
    assert (found.verdict, found.channel, found.rows) == ("leak", "L3", 2)  # type: ignore[attr-defined]
    assert [(e.row, e.sample_id) for e in found.examples] == [(i, POP.trace_id[i]) for i in (7, 11)]  # type: ignore[attr-defined]
    assert f"in the lake {POP.reward[7]:g}" in found.examples[0].detail  # type: ignore[attr-defined]


def test_a_reward_that_was_taken_away_is_changed() -> None:
    changed = POP.reward.copy()
    changed[POP.flagged] = np.nan
    assert rewards(changed).rows == POP.flagged.sum()  # type: ignore[attr-defined]


def test_rounding_is_no_change() -> None:
    rounded = POP.reward.round(1)
    assert 0 < (rounded != POP.reward).mean() < 0.5
    assert rewards(rounded).verdict == "none_found"  # type: ignore[attr-defined]


def test_a_reward_that_is_a_millionth_off_is_changed() -> None:
    changed = np.where(POP.flagged, POP.reward * (1 + 5e-7), POP.reward)
    found = rewards(changed)
    assert (found.verdict, found.rows) == ("leak", int((POP.flagged & (POP.reward > 0)).sum()))  # type: ignore[attr-defined]


def test_a_reward_spelled_in_letters_is_a_number() -> None:
    rows = corpus(POP, everything(W), {"reward": POP.reward.astype(str).astype(object)})
    assert one(examined(POP, rows)["reward"], "reward").verdict == "none_found"


def test_a_reward_that_is_null_everywhere_is_said_to_be_so() -> None:
    rows = corpus(POP, everything(W))
    for kind in (pa.null(), pa.float64()):
        found = one(examined(POP, rows.append_column("c.reward", pa.nulls(len(rows), kind)))["reward"], "reward")
        assert found.verdict == "not_assessed" and "all null" in found.says


def test_another_scale_is_no_leak_but_should_be_declared() -> None:
    found = rewards(2 * POP.reward + 5)
    assert found.verdict == "none_found" and "Declare it" in found.says  # type: ignore[attr-defined]


def test_another_quantity_under_that_name_is_judged_as_a_column() -> None:
    noise = np.random.default_rng(1).random(len(POP)) + 2
    found = examined(POP, corpus(POP, everything(W), {"reward": noise}))
    assert one(found["column"], "reward").verdict == "none_found"
    found = examined(POP, corpus(POP, everything(W), {"reward": noise - POP.score}))
    assert one(found["column"], "reward").verdict == "associated_unexplained"


def test_labels_are_compared_too() -> None:
    names = np.array(POP.environment.values, dtype=object)[POP.environment.codes]
    names[5] = "elsewhere"
    success = POP.success.astype(bool)
    success[9] = not success[9]
    found = examined(POP, corpus(POP, everything(W), {"environment": names, "success": success}))["label"]
    assert {f.subject: (f.verdict, f.rows) for f in found} == {"environment": ("leak", 1), "success": ("leak", 1)}


def test_a_label_that_an_export_withheld_is_no_change_and_one_that_only_looks_so_is() -> None:
    names = np.array(POP.environment.values, dtype=object)[POP.environment.codes]
    names[5] = "[withheld]"
    found = one(examined(POP, corpus(POP, everything(W), {"environment": names}))["label"], "environment")
    assert (found.verdict, found.rows) == ("not_identifiable", 1)
    names[7] = f"x[withheld]{names[7]}"
    found = one(examined(POP, corpus(POP, everything(W), {"environment": names}))["label"], "environment")
    assert (found.verdict, found.rows) == ("leak", 1)


def test_a_corpus_without_rewards_says_so() -> None:
    assert examined(POP, corpus(POP, everything(W)))["reward"][0].verdict == "not_assessed"
