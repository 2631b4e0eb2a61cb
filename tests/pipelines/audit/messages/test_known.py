"""The texts that a trace may stand as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.audit.corpus.facts import text_digest
from pipelines.audit.messages.known import Audience, known_texts
from pipelines.read import ADAPTED_SCHEMA

STEPS = [
    ("user", "prompt", " Mend it. "),
    ("assistant", "reasoning", "I will count."),
    ("assistant", "output", "<think>Is it right?</think> Done."),
]


def traces() -> pa.RecordBatch:
    steps = [{"role": r, "channel": c, "name": None, "text": t, "redacted": False} for r, c, t in STEPS]
    row = {"trace_id": "t", "trace_key": "k", "trace_digest": "d", "file": "f", "steps": steps}
    return pa.RecordBatch.from_pylist(
        [{f.name: row.get(f.name, 0 if pa.types.is_integer(f.type) else None) for f in ADAPTED_SCHEMA}]
    ).cast(pa.schema([f.with_nullable(True) for f in ADAPTED_SCHEMA]))


def knows(audience: Audience, text: str) -> bool:
    ((key, digests, _),) = known_texts(traces(), audience)
    assert key == "k"
    return bool(np.isin(np.uint64(int(text_digest(text)[:16], 16)), digests))


@pytest.mark.parametrize("text", [" Mend it. ", "Mend it.", "I will count.", "<think>Is it right?</think> Done."])
def test_steps_are_known_as_they_are_and_without_blanks_around(text: str) -> None:
    assert knows(Audience(), text)
    assert not knows(Audience(), text + "!")


def test_what_a_grader_is_shown_is_known_where_it_is_for_graders() -> None:
    assert knows(Audience("grader"), "Done.") and not knows(Audience("rl"), "Done.")
