"""From replies to rows: one verdict for each trace that was asked about, and a row for each call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from monitors.judge.answer import Unusable, understood
from monitors.judge.client import Question
from monitors.judge.record import Step, record
from monitors.judge.settings import AskSettings
from monitors.judge.verdict import FAILED, NOT_FOUND, Read, checked, verdict
from monitors.judge.windows import TooLong, questions
from monitors.monitor import Verdict
from pipelines.judge.calling import Reply
from pipelines.judge.redaction import Patterns
from pipelines.judge.settings import Price
from schemas.canary import CANARY
from schemas.results import JUDGEMENTS

CANARY_LINE = f"{CANARY}:judgement"


@dataclass(frozen=True, slots=True)
class Reader:
    """How replies are understood: all that a verdict depends on beside the reply itself."""

    monitor: str
    version: str
    ask: AskSettings
    threshold: float
    excerpt_chars: int
    redaction: Patterns
    price: Price | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Why a row was chosen, and which of its calls are in the books already."""

    trace_key: str
    chosen_by: str
    audit: bool
    calls: int
    booked: tuple[int, ...]
    replica: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """A trace laid out for the judge: its steps as they are shown and as they are, and what to ask about them."""

    chosen: Chosen
    steps: tuple[Step, ...]
    texts: tuple[str | None, ...]
    questions: tuple[Question, ...]
    refused: str | None = None  # why nothing is asked


def lay_out(steps: Sequence[Mapping[str, Any]], chosen: Chosen, reader: Reader) -> Laid:
    """What to ask about one trace. More windows than were reckoned with would not be within the budget."""
    shown = record(steps, reader.redaction)
    texts = tuple(s["text"] for s in steps)
    try:
        asked = tuple(questions(chosen.trace_key, shown, reader.ask))
    except TooLong:
        return Laid(chosen, shown, texts, (), "truncated")
    return Laid(chosen, shown, texts, asked, "over_budget" if len(asked) > chosen.calls else None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of `judgements` before it has its unit."""

    values: dict[str, object]


def understand(laid: Laid, replies: Sequence[Reply], reader: Reader) -> tuple[Verdict, list[Judgement]]:
    """The verdict on one trace, and its calls."""
    if laid.refused:
        return Verdict("not_assessed", laid.refused, (), None), []
    reads: list[Read | None] = []
    rows = []
    for window, reply in enumerate(replies):
        read, error = _read(reply, laid.steps, reader)
        reads.append(read)
        rows.append(_row(laid.chosen, window, reply, read, error, reader))
    texts = laid.texts
    return verdict(reads, laid.steps, reader.version, reader.threshold, reader.excerpt_chars, texts), rows


def _read(reply: Reply, steps: Sequence[Step], reader: Reader) -> tuple[Read | None, str | None]:
    if reply.answered is None:
        return None, reply.error or FAILED
    try:
        read = checked(understood(reply.answered), steps, reader.ask.quote_chars)
    except Unusable as why:
        return None, str(why)
    return read, NOT_FOUND if read.unfounded and not read.backed else None


def _row(chosen: Chosen, window: int, reply: Reply, read: Read | None, error: str | None, reader: Reader) -> Judgement:
    answered = reply.answered
    fresh = not reply.cached or reply.paid_by == reader.run_id or window not in chosen.booked
    usd = 0.0
    if answered is not None and fresh and not chosen.replica and reader.price is not None:
        tokens = answered.prompt_tokens, min(answered.cached_tokens, answered.prompt_tokens)
        usd = reader.price.usd(*tokens, answered.completion_tokens, reply.batch)
    said = None
    if read is not None:
        answer = read.answer
        said = json.dumps(
            {
                "findings": [asdict(o) for o in answer.opinions],
                "suspicion": answer.suspicion,
                "summary": answer.summary,
            },
            ensure_ascii=False,
        )
    return Judgement(
        {
            "run_id": reader.run_id,
            "trace_key": chosen.trace_key,
            "monitor": reader.monitor,
            "call_id": reply.call_id,
            "verdict": said,
            "quote_found": read.quote_found if read else None,
            "prompt_tokens": answered.prompt_tokens if answered else 0,
            "completion_tokens": answered.completion_tokens if answered else 0,
            "cost_usd": usd,
            "seconds": reply.seconds,
            "cached": reply.cached,
            "attempts": 0 if reply.cached else reply.attempts,
            "error": error,
            "model": reader.ask.model,
            "question_digest": reader.ask.digest,
            "judge_window": window,
            "chosen_by": chosen.chosen_by,
            "audit_drawn": chosen.audit,
            "judge_summary": read.answer.summary if read else None,
            "canary": CANARY_LINE,
        }
    )


def judgement_rows(rows: Sequence[tuple[str, Judgement]]) -> pa.RecordBatch:
    """Rows of `judgements` from pairs of a unit and a call."""
    columns: dict[str, object] = {
        name: [judgement.values[name] for _, judgement in rows] for name in JUDGEMENTS.names if name != "unit_id"
    }
    return JUDGEMENTS.batch({"unit_id": [unit for unit, _ in rows], **columns})
