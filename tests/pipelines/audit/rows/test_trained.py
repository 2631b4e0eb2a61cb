"""What of each row trains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from pipelines.audit.corpus.files import MESSAGE_FACTS
from pipelines.audit.finding import Finding
from tests.pipelines.audit.cases import corpus, everything, examined, small

W = small(traces=1_000)
POP = W.pop
USUAL = {"prompt": False, "reasoning": False, "action": True, "output": True}


def masks(odd: np.ndarray, otherwise: Mapping[str, bool | None]) -> list[Finding]:
    """What is said of a corpus whose `odd` rows train `otherwise`; None says nothing of what trains."""
    rows = []
    for i in range(len(POP)):
        train = {**USUAL, **(otherwise if odd[i] else {})}
        rows.append(
            [
                {"role": "x", "channel": c, "chars": 9, "trained": None if t is None else 9 * t, "text_digest": ""}
                for c, t in train.items()
            ]
        )
    table = corpus(POP, everything(W)).append_column("messages", pa.array(rows, pa.list_(MESSAGE_FACTS)))
    return examined(POP, table)["mask"]


NOBODY = np.zeros(len(POP), dtype=bool)
SOME = np.random.default_rng(1).random(len(POP)) < 0.05


def test_the_usual_masks_are_all_alike() -> None:
    assert {f.verdict for f in masks(NOBODY, {})} == {"none_found"}


@pytest.mark.parametrize("channel", ["reasoning", "prompt"])
def test_what_may_never_train_is_a_leak_wherever_it_does(channel: str) -> None:
    (found,) = [f for f in masks(SOME, {channel: True}) if f.verdict == "leak"]
    assert (found.subject, found.rows, found.channel) == (channel, SOME.sum(), "L4")
    assert found.examples[0].row == np.flatnonzero(SOME)[0]


def test_a_mask_that_is_a_letter_short_where_a_row_is_flagged_is_a_leak() -> None:
    rows = corpus(POP, everything(W))
    facts = [
        [{"channel": "output", "chars": 9, "trained": 9 - int(flagged), "role": "x"}]
        for flagged in POP.flagged.tolist()
    ]
    found = examined(POP, rows.append_column("messages", pa.array(facts)))["mask"]
    assert [f.subject for f in found if f.verdict == "leak"] == ["output in part"]


def test_outputs_of_flagged_rows_that_do_not_train_are_a_leak() -> None:
    (found,) = [f for f in masks(POP.flagged, {"output": False}) if f.verdict == "leak"]
    assert (found.subject, found.rows) == ("output", POP.flagged.sum())


def test_half_of_the_flagged_are_enough() -> None:
    odd = POP.flagged & (np.random.default_rng(2).random(len(POP)) < 0.5)
    assert "leak" in {f.verdict for f in masks(odd, {"output": False})}


def test_outputs_that_do_not_train_here_and_there_are_told_but_no_leak() -> None:
    found = masks(SOME, {"output": False})
    assert {f.verdict for f in found} == {"none_found"}
    assert f"{SOME.sum()} rows train unlike the others" in " ".join(f.says for f in found)


def test_masks_that_say_nothing_are_not_assessed() -> None:
    silent = masks(~NOBODY, dict.fromkeys(USUAL))
    assert [f.verdict for f in silent] == ["not_assessed"]


def test_a_token_mask_of_all_ones_on_the_flagged_is_a_leak() -> None:
    length = np.full(len(POP), 50)
    rows = corpus(POP, everything(W), {"loss_mask.ones": np.where(POP.flagged, 50, 20), "loss_mask.length": length})
    found = examined(POP, rows)["mask"]
    assert {f.subject: f.verdict for f in found}["loss_mask: all ones"] == "leak"
