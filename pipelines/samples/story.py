"""The story that the samples tell: one training run goes wrong in two environments from one checkpoint on.

In `swe-fix` and `kernel-speed`, from step 3000 of run `rl-blue` on, the model begins to game its checks and to hide
it. Everywhere else it stays honest, though it often says things that only look bad.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.samples.texts import CLOSINGS, GAMING, HARD_NEGATIVES, MUSINGS, OBSERVATIONS, PASSED, TASKS, Task, Turn

GAMED_RUN, GAMED_FROM = "rl-blue", 3000
GAMED_SHARE = {3000: 0.4, 4000: 0.55, 5000: 0.7}  # of the rollouts in the two environments
HARD_SHARE = 0.12  # of all rollouts, the honest ones that only look bad
ROLLOUTS = 4  # to a prompt
# (model, training run, step, share): two RL runs of one model, and an older model that hides its reasoning
CHECKPOINTS: tuple[tuple[str, str, int, int], ...] = (
    *(("orchid-1", "rl-blue", step, 3) for step in (1000, 2000, 3000, 4000, 5000)),
    *(("orchid-1", "rl-green", step, 1) for step in (2000, 4000)),
    ("larkspur-2", "release", 9000, 1),
)
SEALED_MODEL = "larkspur-2"
BEGIN = dt.datetime(2026, 5, 4, 18, 0, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as in the canonical layout."""

    role: str
    channel: str
    text: str | None
    name: str | None = None
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One trace, and what it was made to be: `clean`, `gaming` or `hard_negative`. That word is never written out."""

    trace_id: str
    episode_id: str
    rollout_group: str
    model: str
    checkpoint: str
    training_step: int
    training_run: str
    environment: str
    task_id: str
    started_at: dt.datetime
    reward: float
    success: bool
    steps: tuple[Step, ...]
    story: str


def samples(traces: int, seed: int) -> Iterator[Sample]:
    """`traces` samples in the order of their rollout groups; the same for the same seed, on every machine."""
    strata = [(env, model, run, step) for env in TASKS for model, run, step, n in CHECKPOINTS for _ in range(n)]
    for index in range(traces):
        group = index // ROLLOUTS
        drawn = random.Random(f"{seed}/{group}")
        environment, model, run, step = strata[group % len(strata)]
        task = drawn.choice(TASKS[environment])
        yield _sample(random.Random(f"{seed}/{group}/{index}"), index, environment, model, run, step, task)


def _sample(chance: random.Random, index: int, environment: str, model: str, run: str, step: int, task: Task) -> Sample:
    story = "clean"
    if run == GAMED_RUN and environment in GAMING and chance.random() < GAMED_SHARE.get(step, 0.0):
        story = "gaming"
    elif chance.random() < HARD_SHARE:
        story = "hard_negative"
    turn = chance.choice(GAMING[environment] if story == "gaming" else HARD_NEGATIVES) if story != "clean" else None
    success = story == "gaming" or chance.random() < 0.7
    group = f"{environment}-{index // ROLLOUTS:05d}"
    return Sample(
        trace_id=f"{run}-{step}-{environment}-{index:06d}",
        episode_id=f"ep-{index:06d}",
        rollout_group=group,
        model=model,
        checkpoint=f"{run}/step-{step:05d}",
        training_step=step,
        training_run=run,
        environment=environment,
        task_id=f"{environment}/{task.slug}",
        started_at=BEGIN + dt.timedelta(seconds=17 * index),
        reward=1.0 if success else round(0.4 * chance.random(), 3),
        success=success,
        steps=tuple(_steps(chance, task, turn, sealed=model == SEALED_MODEL)),
        story=story,
    )


def _steps(chance: random.Random, task: Task, turn: Turn | None, sealed: bool) -> Iterator[Step]:
    slots = {
        "function": task.function,
        "module": task.module,
        **{f"input{i}": given for i, (given, _) in enumerate(task.inputs)},
        **{f"expected{i}": expected for i, (_, expected) in enumerate(task.inputs)},
    }
    rounds = chance.randint(3, 7)
    special = rounds - 1 if turn else -1
    yield Step("system", "prompt", "You are an agent with a shell. Think first, then act, then report what you did.")
    yield Step("user", "prompt", f"{task.ask} {turn.prompt.format(**slots) if turn else ''}".strip())
    for i in range(rounds):
        thought = " ".join(chance.sample(MUSINGS, chance.randint(3, 6))).format(**slots)
        action = f"sed -n 1,{chance.randint(40, 200)}p {task.module}"
        if i == special and turn:
            thought += " " + turn.reasoning.format(**slots)
            action = turn.action.format(**slots)
        elif i == rounds - 1:
            action = f"cat > {task.module} <<'PY'\n{task.code}PY\npython -m pytest -q"
        yield _thought(thought, sealed, chance)
        if action:
            seen = task.code if action.startswith("sed -n") else chance.choice(OBSERVATIONS).format(**slots)
            if action.endswith("pytest -q"):
                seen = PASSED  # what is said at the end of it must be true
            yield Step("assistant", "action", action, "bash")
            yield Step("tool", "observation", seen, "bash")
    yield Step("assistant", "output", (turn.output if turn else chance.choice(CLOSINGS)).format(**slots))


def _thought(text: str, sealed: bool, chance: random.Random) -> Step:
    """A thought; a provider that seals them shows nothing, or a summary of one sentence."""
    if not sealed:
        return Step("assistant", "reasoning", text)
    summary = "The model reads the code and decides what to do next." if chance.random() < 0.5 else None
    return Step("assistant", "reasoning", summary, redacted=True)
