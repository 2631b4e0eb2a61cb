"""Messages for `grader` and `preference`: what was done and said, and nothing of why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.masking.echoes import ECHO, Echoes, find_echoes
from pipelines.export.masking.masks import JSON_LIKE, Policy, is_left_out, json_arguments, shown_action, split_reasoning
from pipelines.export.masking.steps import SPANS, Flags, Ints, StepColumns, flags
from pipelines.export.masking.thought_names import means_thoughts
from pipelines.export.masking.thoughts import may_hold, reasoning_spans

LEAST_BYTES = 2 * ECHO - 1  # of a text of so many words
NAME = re.compile(r"[\w.:/@+\-]{1,128}")  # of a tool; whatever else stands there is text


@dataclass(frozen=True, slots=True)
class Done:
    """Steps left out whole, texts from which reasoning was cut, words withheld as echoes, names that are none.

    `echoed_words` are those of prompts and observations, `repeated_words` those of outputs and actions, `column_words`
    those of columns.
    """

    left_out: int
    cut: int
    echoed_words: int
    repeated_words: int
    column_words: int
    odd_names: int


def blind_messages(
    steps: StepColumns, policy: Policy, columns: Mapping[str, pa.Array]
) -> tuple[pa.Array, dict[str, pa.Array], Done]:
    """Messages by trace (type MESSAGES), none of which trains, the columns of texts, and what was done to them."""
    left_out = _left_out(steps)
    actions = steps.is_channel("action") & ~left_out
    marked = np.zeros(len(steps), bool)
    others = ~left_out & ~actions
    if others.any():
        marked[others] = flags(may_hold(steps.text.filter(pa.array(others))))
    replaced = {int(i): _cut(steps, int(i)) for i in np.flatnonzero(marked)}
    replaced = {i: pair for i, pair in replaced.items() if pair[1]}
    cut = len(replaced)
    emptied, looked_at, thinking = _sorted_out(steps, actions, policy)
    for i in np.flatnonzero(emptied).tolist():
        replaced[i] = ("", "")
    for i in np.flatnonzero(looked_at).tolist():
        replaced[i] = _act(steps, i, policy, bool(thinking[i]))
    text = _with(steps.text, {i: shown for i, (shown, _) in replaced.items()})
    thoughts = {i: own for i, (_, own) in replaced.items() if own}
    text, columns, words = _without_echoes(steps, text, left_out, thoughts, columns)
    odd = steps.is_named(lambda name: NAME.fullmatch(name) is None) & ~left_out
    name = pc.if_else(pa.array(odd), pa.scalar(None, pa.string()), steps.name) if odd.any() else steps.name
    spans = pa.ListArray.from_arrays(pa.array(np.zeros(len(steps) + 1, np.int32)), pa.array([], SPANS.value_type))
    messages = steps.lists(steps.role, steps.channel, name, text, spans.cast(SPANS), ~left_out)
    return messages, columns, Done(int(left_out.sum()), cut, *words, int(odd.sum()))


def _left_out(steps: StepColumns) -> Flags:
    gone = flags(steps.redacted) | steps.is_channel("reasoning", "memory")
    hidden = steps.is_named(lambda name: is_left_out("action", name, False))
    return gone | (hidden & steps.is_channel("action", "observation"))


def _cut(steps: StepColumns, step: int) -> tuple[str, str]:
    """What is shown of a text, and the reasoning that was in it."""
    text, channel = steps.text[step].as_py(), steps.channel[step].as_py()
    rest, own = split_reasoning(text, channel)
    return rest, "\n".join(own)


def _sorted_out(steps: StepColumns, actions: Flags, policy: Policy) -> tuple[Flags, Flags, Flags]:
    """Actions of which nothing is shown, those to be looked at one by one, and which of these may hold thoughts.

    The others are plain, and shown as they are.
    """
    if not actions.any():
        return actions, actions, actions
    texts = steps.text.filter(pa.array(actions))
    thoughts, spelled = np.zeros(len(steps), bool), np.zeros(len(steps), bool)
    thoughts[actions] = flags(may_hold(texts))
    thoughts |= actions & steps.has_arguments(means_thoughts)
    spelled[actions] = flags(pc.match_substring_regex(texts, JSON_LIKE))
    thoughts |= spelled  # JSON's escapes may hide in a text what stands in its values
    called = actions & (spelled | steps.has_arguments())
    looked_at = thoughts | (called if policy.arguments else thoughts)
    shown = actions & ~called if policy.plain_actions else np.zeros(len(steps), bool)
    return actions & ~looked_at & ~shown, looked_at, thoughts


def _act(steps: StepColumns, step: int, policy: Policy, thinking: bool) -> tuple[str, str]:
    """What is shown of an action, and the thoughts that were in it."""
    text, name = steps.text[step].as_py(), steps.name[step].as_py()
    arguments = steps.arguments(step)
    if not thinking:
        return shown_action(text, name, policy, arguments, marked=False), ""
    own = [text[s.start : s.end] for s in arguments or json_arguments(text) if means_thoughts(s.name)]
    own += [text[a:b] for a, b in reasoning_spans(text, "action")]
    return shown_action(text, name, policy, arguments), "\n".join(own)


def _with(texts: pa.Array, replaced: dict[int, str]) -> pa.Array:
    """The texts with some of them replaced."""
    if not replaced:
        return texts
    mask = np.zeros(len(texts), bool)
    mask[list(replaced)] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array([replaced[i] for i in sorted(replaced)], texts.type))


def _without_echoes(
    steps: StepColumns, text: pa.Array, left_out: Flags, thoughts: dict[int, str], columns: Mapping[str, pa.Array]
) -> tuple[pa.Array, dict[str, pa.Array], tuple[int, int, int]]:
    """The texts and columns without what they repeat of reasoning, and how many words of prompts and observations, of
    outputs and actions, and of columns were withheld. `thoughts` were cut from a step; a column follows all steps."""
    n, extra = len(steps), np.array(sorted(thoughts), np.int64)
    names = list(columns)
    rows = [flags(pc.greater_equal(pc.binary_length(columns[name]), LEAST_BYTES)).nonzero()[0] for name in names]
    step = np.concatenate([np.arange(n), extra, *(np.full(len(at), -1) for at in rows)])
    trace = np.concatenate([steps.trace, steps.trace[extra], *rows]).astype(np.int64)
    rank = np.concatenate([np.arange(n) * 2 + 1, extra * 2, *(np.full(len(at), 2 * n + 2) for at in rows)])
    order = np.lexsort((rank, trace))
    texts = text
    if len(order) > n:
        more = [pa.array([thoughts[i] for i in extra.tolist()], text.type)]
        more += [columns[name].take(pa.array(at)).cast(text.type) for name, at in zip(names, rows, strict=True)]
        texts = pa.concat_arrays([text, *more]).take(pa.array(order))
    cut = (order >= n) & (order < n + len(extra))
    column = order >= n + len(extra)
    step, trace = step[order], trace[order]
    hidden = _of_steps(left_out, step) & ~column
    asked = _of_steps(steps.is_channel("prompt", "observation") & ~left_out, step) & ~cut
    found = find_echoes(texts, trace, cut | hidden, asked | column, ~hidden & ~cut)
    in_column, in_asked = column[found.texts], asked[found.texts] & ~column[found.texts]
    text = _with(text, _chosen(found, step, ~in_column))
    begin = n + len(extra)
    done = dict(columns)
    for name, at in zip(names, rows, strict=True):
        mine = in_column & (order[found.texts] >= begin) & (order[found.texts] < begin + len(at))
        done[name] = _with(columns[name], _chosen(found, trace, mine))
        begin += len(at)
    counts = (found.words[in_asked], found.words[~in_asked & ~in_column], found.words[in_column])
    return text, done, (int(counts[0].sum()), int(counts[1].sum()), int(counts[2].sum()))


def _of_steps(values: Flags, step: Ints) -> Flags:
    """What holds of each step; a column (-1) has none, and a batch of traces without steps has none at all."""
    return values[step] if len(values) else np.zeros(len(step), bool)


def _chosen(found: Echoes, place: Ints, which: Flags) -> dict[int, str]:
    """What is left of some of the texts with echoes, by the place of each."""
    return {int(place[found.texts[i]]): found.replaced[i] for i in np.flatnonzero(which).tolist()}
