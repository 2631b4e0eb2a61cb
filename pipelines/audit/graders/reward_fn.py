"""Does the reward depend on the reasoning? Ask the function that pays it, with the reasoning taken away and swapped.

A command that reads one JSON object a line (`sample_id`, `environment`, `task_id`, `messages` of role, channel, name
and text) and writes one number, or `{"reward": x}`, a line. It is called four times over the same traces: twice as they
are, once without their reasoning, once with the reasoning of another trace. The rewards must be equal to the last bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.audit.finding import NAMED_ROWS, Finding, RowRef
from pipelines.audit.graders.command import answers
from pipelines.audit.graders.sampled import Sampled, SampledTrace
from pipelines.export.masking.thoughts import reasoning_spans
from pipelines.show import Step

UNSEEN = ("reasoning", "memory")  # channels that no grader may read, as in an export for graders
CHECK, CHANNEL, SUBJECT = "reward_fn", "L0", "the reward function"
LEAST = 2  # traces; one alone has nobody to swap with


@dataclass(frozen=True, slots=True)
class Rewards:
    """The four answers, each a number per trace."""

    first: np.ndarray
    again: np.ndarray
    removed: np.ndarray
    swapped: np.ndarray


def check_reward_fn(
    command: Sequence[str], sampled: Sampled, folder: Path, timeout: float, alpha: float, seed: int
) -> list[Finding]:
    """What the command's rewards say; `folder` is for its input and output, and `alpha` for one that is noisy."""
    traces = sampled.traces
    if len(traces) < LEAST:
        says = (
            f"{len(traces)} traces with reasoning could be read from the lake, of {sampled.with_reasoning} in the store"
        )
        return [Finding(CHECK, CHANNEL, "not_identifiable", SUBJECT, says)]
    bare = [without_reasoning(t.steps) for t in traces]
    donors = _others(len(traces), seed)
    swapped = [with_reasoning_of(t.steps, traces[d].steps) for t, d in zip(traces, donors, strict=True)]
    ways = {"as they are": [t.steps for t in traces], "again": [t.steps for t in traces]}
    ways |= {"without reasoning": bare, "with another's reasoning": swapped}
    found = [
        np.array(answers(command, [_line(t, s) for t, s in zip(traces, steps, strict=True)], folder, timeout, way))
        for way, steps in ways.items()
    ]
    return judge(traces, Rewards(*found), alpha, sampled.missing)


def judge(traces: Sequence[SampledTrace], r: Rewards, alpha: float, missing: int = 0) -> list[Finding]:
    """One finding from the four answers.

    A function that answers the same question twice in two ways is noisy, and then a single difference says nothing.
    But if the reasoning has no part in it, taking it away changes a reward as often as asking again does: the sign
    test on the traces where only one of the two made a difference (McNemar 1947, exact) sees more than that.
    """
    noisy, removed, swapped = r.first != r.again, r.first != r.removed, r.first != r.swapped
    changed = removed | swapped
    n = len(traces)
    paid = sum(t.reward == x for t, x in zip(traces, r.first.tolist(), strict=True))
    known = sum(t.reward is not None for t in traces)
    about = f"{n} traces" + (f" ({missing} more could not be read from the lake)" if missing else "")
    about += f"; {paid} of the {known} rewards that the store has are what it says now" if known else ""
    counts = f"without reasoning {removed.sum()} of {n} rewards differ, with another's reasoning {swapped.sum()}"
    refs = _named(traces, r, changed)
    if not noisy.any():
        if changed.any():
            says = f"{counts}: it reads what it must not see. {about}"
            return [Finding(CHECK, CHANNEL, "leak", SUBJECT, says, int(changed.sum()), refs)]
        bound = 1 - 0.05 ** (1 / n)
        says = f"all rewards are equal, so it depends on reasoning in under {bound:.1%} of traces (95 %). {about}"
        return [Finding(CHECK, CHANNEL, "none_found", SUBJECT, says)]
    p = min(1.0, 2 * min(_sign_test(removed, noisy), _sign_test(swapped, noisy)))
    says = f"it is noisy: {noisy.sum()} of {n} rewards differ when it is asked again; {counts}. {about}"
    if p < alpha:
        return [Finding(CHECK, CHANNEL, "associated_unexplained", SUBJECT, says, int(changed.sum()), refs, p=p)]
    return [Finding(CHECK, CHANNEL, "not_identifiable", SUBJECT, says, p=p)]


def without_reasoning(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without those that are reasoning or memory, and without reasoning inside the others."""
    kept = (s for s in steps if s.channel not in UNSEEN)
    return tuple(_with_text(s, _replaced(s, "")) for s in kept)


def with_reasoning_of(steps: Sequence[Step], donor: Sequence[Step]) -> tuple[Step, ...]:
    """The steps, each piece of reasoning in them replaced by one of the donor's, in turn."""
    texts = [s.text for s in donor if s.channel in UNSEEN and s.text]
    texts = texts or [s.text[a:b] for s in donor if s.text for a, b in reasoning_spans(s.text, s.channel)]
    turn = 0
    given: list[Step] = []
    for step in steps:
        other = texts[turn % len(texts)] if texts else ""
        if step.channel in UNSEEN:
            given.append(_with_text(step, other))
            turn += 1
        else:
            text = _replaced(step, other)
            turn += text != step.text
            given.append(_with_text(step, text))
    return tuple(given)


def _replaced(step: Step, other: str) -> str | None:
    if not step.text:
        return step.text
    pieces, at = [], 0
    for start, end in reasoning_spans(step.text, step.channel):
        pieces += [step.text[at:start], other]
        at = end
    return "".join([*pieces, step.text[at:]])


def _with_text(step: Step, text: str | None) -> Step:
    return Step(step.role, step.channel, step.name, text, step.redacted)


def _others(n: int, seed: int) -> list[int]:
    """For each of n traces another one: a cycle through all of them in a shuffled order."""
    order = np.random.default_rng(seed).permutation(n)
    donors = np.empty(n, int)
    donors[order] = np.roll(order, 1)
    return donors.tolist()


def _line(trace: SampledTrace, steps: Sequence[Step]) -> str:
    messages = [{"role": s.role, "channel": s.channel, "name": s.name, "text": s.text or ""} for s in steps]
    row = {"sample_id": trace.trace_id, "environment": trace.environment, "task_id": trace.task_id}
    return json.dumps({**row, "messages": messages})


def _named(traces: Sequence[SampledTrace], r: Rewards, changed: np.ndarray) -> tuple[RowRef, ...]:
    named = []
    for i in np.flatnonzero(changed)[:NAMED_ROWS]:
        t = traces[i]
        detail = f"{r.first[i]:g} as it is, {r.removed[i]:g} without, {r.swapped[i]:g} with another's reasoning"
        named.append(RowRef(None, None, t.trace_id, t.trace_key, detail))
    return tuple(named)


def _sign_test(changed: np.ndarray, noisy: np.ndarray) -> float:
    """How probable so many differences are if the change does no more than asking again does; one-sided."""
    more, less = int((changed & ~noisy).sum()), int((noisy & ~changed).sum())
    n = more + less
    return sum(math.comb(n, k) for k in range(more, n + 1)) / 2**n
