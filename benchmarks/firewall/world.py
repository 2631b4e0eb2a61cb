"""Populations of traces whose alerts cluster and correlate as they do in life.

Eight environments of unequal size (Dirichlet), each with its own length, difficulty and kind of reward (six pay 0 or 1,
two pay a fraction). Tasks have a difficulty of their own (normal, sd 1.2) and a length of their own (sd 0.4 of the
log); each is tried by one or two rollout groups of 8, at one of four checkpoints. A reward falls with difficulty and
rises with training; length (log-normal) falls where the task was solved.

The log odds of an alert are a constant plus: the environment's own effect (normal, sd 1), the task's own (sd 1.3), 0.8
times the reward less its mean, 0.5 times the standardised log length, and 0.3 for each checkpoint. The constant is set
so that the wanted share of traces is flagged. A flagged trace scores 0.5 to 1 (Beta(2, 2)) and has 1 to 4 alerts of
level low to critical; of the others, one in six scores something below 0.5, from remarks that do not alert.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.audit.rows.population import Coded, Population
from schemas.trace import CHANNELS

ENVIRONMENTS, CHECKPOINTS, ROLLOUTS = 8, 4, 8
SHARES = (0.12, 0.33, 0.2, 0.25, 0.08, 0.02)  # of a trace's length, by channel


@dataclass(frozen=True, slots=True)
class World:
    """A population and what simulations need beside it: each trace's codes, and a source of chance of its own."""

    pop: Population
    env: np.ndarray
    task: np.ndarray
    group: np.ndarray
    chance: np.random.Generator


def world(seed: int, traces: int, rate: float) -> World:
    """`traces` traces of which a share of about `rate` is flagged; the same for the same arguments."""
    rng = np.random.default_rng([seed, traces, round(rate * 1e6)])
    groups = -(-traces // ROLLOUTS)
    twice = rng.random(groups) < 0.4
    task_of_group = np.cumsum(~twice) - (~twice)[0]
    tasks = int(task_of_group[-1]) + 1
    env_of_task = rng.choice(ENVIRONMENTS, tasks, p=rng.dirichlet(np.full(ENVIRONMENTS, 5.0)))
    group = np.repeat(np.arange(groups), ROLLOUTS)[:traces]
    task = task_of_group[group]
    env = env_of_task[task]
    checkpoint = rng.integers(0, CHECKPOINTS, groups)[group]

    ease = rng.normal(0, 0.8, ENVIRONMENTS)[env] + rng.normal(0, 1.2, tasks)[task] + 0.3 * (checkpoint - 1.5)
    solved = rng.random(traces) < _expit(ease)
    fraction = np.round(np.clip(0.5 + 0.18 * ease + rng.normal(0, 0.25, traces), 0, 1), 2)
    pays_fraction = np.isin(env, rng.choice(ENVIRONMENTS, 2, replace=False))
    reward = np.where(pays_fraction, fraction, solved.astype(float))

    log_length = 8.3 + rng.normal(0, 0.4, ENVIRONMENTS)[env] + rng.normal(0, 0.4, tasks)[task]
    log_length += rng.normal(0, 0.5, traces) - 0.3 * reward
    total = np.exp(log_length)
    parts = {c: np.round(total * s * rng.lognormal(0, 0.2, traces)) for c, s in zip(CHANNELS, SHARES, strict=True)}

    effect = rng.normal(0, 1.0, ENVIRONMENTS)[env] + rng.normal(0, 1.3, tasks)[task] + 0.3 * checkpoint
    effect += 0.8 * (reward - reward.mean()) + 0.5 * (log_length - log_length.mean()) / log_length.std()
    flagged = rng.random(traces) < _expit(effect + _constant(effect, rate))
    score = np.where(flagged, 0.5 + 0.5 * rng.beta(2, 2, traces), 0.0)
    remark = ~flagged & (rng.random(traces) < 1 / 6)
    score = np.round(np.where(remark, 0.5 * rng.beta(2, 3, traces), score), 4)

    def names(kind: str, codes: np.ndarray) -> Coded:
        distinct, coded = np.unique(codes, return_inverse=True)
        return Coded(coded, tuple(f"{kind}-{v:05d}" for v in distinct.tolist()))

    one = Coded(np.zeros(traces, np.int64), ("model-a",))
    keys = np.array([f"{seed:08x}{i:024x}" for i in range(traces)], dtype=object)
    pop = Population(
        key=keys,
        trace_id=np.array([f"trace-{seed}-{i}" for i in range(traces)], dtype=object),
        environment=names("env", env),
        task_id=names("task", task),
        rollout_group=names("group", group),
        model=one,
        checkpoint=names("step", 1000 * (checkpoint + 1)),
        training_run=Coded(np.zeros(traces, np.int64), ("run-1",)),
        file=names("part", np.arange(traces) // 2000),
        reward=reward,
        success=(reward >= 0.5).astype(float),
        training_step=1000.0 * (checkpoint + 1),
        window_index=np.zeros(traces),
        started_at=1.7e9 + np.arange(traces) * 60.0,
        steps=np.ceil(total / 900),
        chars=parts,
        flagged=flagged,
        score=score,
        alerts=np.where(flagged, rng.integers(1, 5, traces), 0).astype(float),
        level=np.where(flagged, 2.0 + (score > 0.65) + (score > 0.8) + (score > 0.93), 0.0),
        scores={"rules.core": score},
        conflict=np.zeros(traces, dtype=bool),
    )
    return World(pop, env, task, group, np.random.default_rng([seed, traces, 1]))


def corpus(pop: Population, kept: np.ndarray, columns: dict[str, np.ndarray] | None = None) -> pa.Table:
    """The rows of a corpus that holds the traces `kept` (indices, in the corpus's order), as the text scan stages them.

    `columns` are scalar columns of the population, of which each row carries its trace's value.
    """
    size = len(kept)
    table = {
        "file": pa.repeat("part-0.parquet", size),
        "row": pa.array(np.arange(size)),
        "position": pa.array(np.arange(size)),
        "sample_id": pa.array(pop.trace_id[kept], pa.string()),
        "chars": pa.array(pop.length[kept].astype(np.int64)),
        "words": pa.array((pop.length[kept] / 6).astype(np.int64)),
    }
    return pa.table(table | {f"c.{name}": pa.array(values[kept]) for name, values in (columns or {}).items()})


def _constant(effect: np.ndarray, rate: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _expit(effect + middle).mean() < rate else (low, middle)
    return low


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
