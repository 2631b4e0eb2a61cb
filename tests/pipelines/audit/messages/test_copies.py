"""Copies of traces under other ids are known by their text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipelines.audit.corpus.facts import text_digest
from pipelines.audit.corpus.files import MESSAGE_FACTS
from pipelines.audit.finding import Finding
from pipelines.audit.messages.copies import copies
from pipelines.audit.messages.known import text_number
from pipelines.audit.messages.lake import Texts
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.examine import examine_case
from tests.pipelines.audit.cases import case, corpus, small

W = small()
SIZE = len(W.pop)
TASKS = [f"Please do task {t}, and say in a few words what you did for it." for t in W.task.tolist()]
OUTPUTS = [f"Done with case {i}: it reads the file, and then it writes a line of it." for i in range(SIZE)]
POP = replace(
    W.pop,
    chars=dict.fromkeys(W.pop.chars, np.zeros(SIZE)) | {"output": np.array([len(t) for t in OUTPUTS], float)},
)
KNOWN = Texts(
    POP.key.tolist(),
    np.full(SIZE, 2),
    np.array([text_number(t.encode()) for pair in zip(TASKS, OUTPUTS, strict=True) for t in pair], np.uint64),
    np.tile([0, 1], SIZE),
)


def message(role: str, channel: str, text: str) -> dict[str, object]:
    return {"role": role, "channel": channel, "chars": len(text), "trained": None, "text_digest": text_digest(text)}


def rows(kept: np.ndarray, renamed: np.ndarray) -> pa.Table:
    """Rows of traces; those `renamed` have ids of their own."""
    table = corpus(POP, kept)
    spoken = [[message("user", "prompt", TASKS[i]), message("assistant", "output", OUTPUTS[i])] for i in kept.tolist()]
    ids = [f"new-{n}" if other else POP.trace_id[i] for n, (i, other) in enumerate(zip(kept, renamed, strict=True))]
    table = table.set_column(3, "sample_id", pa.array(ids))
    return table.append_column("messages", pa.array(spoken, pa.list_(MESSAGE_FACTS)))


def with_copies(table: pa.Table) -> Case:
    joined = case(POP, table)
    return replace(joined, joined=joined.joined.with_copies(copies(joined, [KNOWN])))


def found(table: pa.Table, check: str) -> list[Finding]:
    return [f for f in examine_case(with_copies(table)) if f.check == check]


TWICE = np.concatenate([np.arange(SIZE), np.flatnonzero(POP.flagged)])


def test_flagged_traces_copied_under_other_ids_are_repeated() -> None:
    (repeated,) = found(rows(TWICE, np.arange(len(TWICE)) >= SIZE), "repetition")
    assert (repeated.verdict, repeated.rows) == ("associated_unexplained", POP.flagged.sum())


def test_flagged_traces_that_alone_have_other_ids_are_found() -> None:
    told = {f.subject: f.verdict for f in found(rows(np.arange(SIZE), POP.flagged), "selection")}
    assert told["rows known by their text"] == "associated_unexplained"


def test_other_ids_throughout_are_joined_by_text_and_that_is_said() -> None:
    table = rows(np.arange(SIZE), np.ones(SIZE, bool))
    assert with_copies(table).joined.trace.tolist() == list(range(SIZE))
    told = {f.subject: f for f in found(table, "selection")}
    assert told["rows known by their text"].verdict == "none_found"
    assert told["rows known by their text"].rows == SIZE


def test_ids_changed_by_chance_go_with_nothing() -> None:
    chance = np.random.default_rng(3).random(SIZE) < 0.3
    told = {f.subject: f.verdict for f in found(rows(np.arange(SIZE), chance), "selection")}
    assert told["rows known by their text"] in ("none_found", "not_identifiable")


def test_what_is_no_text_of_a_trace_or_of_several_joins_none() -> None:
    table = rows(np.arange(40), np.ones(40, bool))
    prompts = [[message("user", "prompt", TASKS[i])] for i in range(20)]
    other = [
        [message("assistant", "output", f"Something else that nobody of them said, number {i}.")] for i in range(20)
    ]
    spoken = pa.array(prompts + other, pa.list_(MESSAGE_FACTS))
    table = table.set_column(table.column_names.index("messages"), "messages", spoken)
    assert not with_copies(table).joined.joined.any()
    known = replace(KNOWN, digests=np.where(np.arange(2 * SIZE) == 3, KNOWN.digests[1], KNOWN.digests))
    joined = case(POP, rows(np.arange(2), np.ones(2, bool)))
    assert copies(joined, [known])[0] == -1
