"""Messages for `sft` and `rl`: every text whole, with what of it trains."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.masking.masks import JSON_LIKE, Policy, expected_mask
from pipelines.export.masking.steps import SPANS, Flags, Ints, StepColumns, flags
from pipelines.export.masking.thought_names import is_thinking_tool
from pipelines.export.masking.thoughts import Span, may_hold
from schemas.text import code_points


def trained_messages(steps: StepColumns, policy: Policy) -> tuple[pa.Array, int]:
    """Messages by trace (type MESSAGES), and in how many traces every character would train.

    A step that was withheld holds at most a summary of what was there; it is a message of reasoning, whatever it was.
    """
    lengths = code_points(steps.text)
    whole, looked_at, marked = _sorted_out(steps, policy, lengths)
    found = {i: _mask(steps, i, policy, bool(marked[i])) for i in np.flatnonzero(looked_at).tolist()}
    spans, trained = span_lists(lengths, whole, found)
    withheld = steps.redacted if pc.any(steps.redacted).as_py() else None
    channel = steps.channel if withheld is None else pc.if_else(withheld, "reasoning", steps.channel)
    messages = steps.lists(steps.role, channel, steps.name, steps.text, spans, None)
    return messages, _all_ones(steps, lengths, trained)


def _sorted_out(steps: StepColumns, policy: Policy, lengths: Ints) -> tuple[Flags, Flags, Flags]:
    """Which texts train whole, which must be looked at one by one, and which of these may hold marked reasoning."""
    mine = flags(pc.equal(steps.role, "assistant")) & (lengths > 0) & ~flags(steps.redacted)
    outputs = mine & steps.is_channel("output")
    actions = mine & steps.is_channel("action")
    looked_at = np.zeros(len(steps), bool)
    plain = np.zeros(len(steps), bool)
    if actions.any() and (policy.arguments or policy.plain_actions):
        called = steps.has_arguments()
        spelled = _where(actions & ~called, pc.match_substring_regex, steps.text, JSON_LIKE)
        looked_at = actions & (called | spelled) if policy.arguments else looked_at
        if policy.plain_actions:
            plain = actions & ~called & ~spelled & ~steps.is_named(is_thinking_tool)
    candidates = outputs | plain
    marked = _where(candidates | looked_at, may_hold, steps.text)
    return candidates & ~marked, looked_at | (candidates & marked), marked


def _where(chosen: Flags, check: object, texts: pa.Array, *more: object) -> Flags:
    """A check of the chosen texts alone; false elsewhere."""
    found = np.zeros(len(texts), bool)
    if chosen.any():
        found[chosen] = flags(check(texts.filter(pa.array(chosen)), *more))  # type: ignore[operator]
    return found


def _mask(steps: StepColumns, step: int, policy: Policy, marked: bool) -> list[Span]:
    channel, name, text = (column[step].as_py() for column in (steps.channel, steps.name, steps.text))
    return expected_mask("assistant", channel, name, text, policy, steps.arguments(step), marked)


def span_lists(lengths: Ints, whole: Flags, found: dict[int, list[Span]]) -> tuple[pa.Array, Ints]:
    """Spans by message: all of a text where `whole`, else what was found; and how many characters they hold."""
    counts = whole.astype(np.int64)
    trained = np.where(whole, lengths, 0)
    for step, spans in found.items():
        counts[step] = len(spans)
        trained[step] = sum(end - start for start, end in spans)
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    bounds = np.zeros((int(offsets[-1]), 2), np.int64)
    bounds[offsets[:-1][whole], 1] = lengths[whole]
    for step, spans in found.items():
        if spans:
            bounds[offsets[step] : offsets[step + 1]] = spans
    pairs = pa.StructArray.from_arrays([pa.array(bounds[:, i]) for i in (0, 1)], fields=list(SPANS.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), pairs, type=SPANS), trained


def _all_ones(steps: StepColumns, lengths: Ints, trained: Ints) -> int:
    total = np.bincount(steps.trace, lengths, steps.rows)
    ones = np.bincount(steps.trace, trained, steps.rows)
    return int(np.count_nonzero((total > 0) & (ones == total)))
