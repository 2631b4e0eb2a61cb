"""Traces and small models for tests, made by code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from monitors.classifier.features import rows, stacked
from monitors.classifier.fitting import probes_of
from monitors.classifier.model import Model
from monitors.classifier.monitor import ClassifierMonitor
from monitors.classifier.training import Examples, Fitted, fit
from monitors.rules.scan import Batch
from pipelines.samples import samples
from schemas.trace import STEPS


def steps_of(*traces: Sequence[tuple[str, str]]) -> pa.ListArray:
    """Traces of (channel, text) steps."""
    return pa.array(
        [
            [{"role": "assistant", "channel": c, "name": None, "text": t, "redacted": False} for c, t in trace]
            for trace in traces
        ],
        STEPS,
    )


@cache
def sampled(n: int = 240) -> tuple[pa.ListArray, tuple[bool, ...], tuple[str, ...]]:
    """The project's own samples: steps, whether they game, and their tasks."""
    told = [s for s in samples(n, 3) if not any(step.redacted for step in s.steps)]
    steps = [
        [{"role": t.role, "channel": t.channel, "name": t.name, "text": t.text, "redacted": False} for t in s.steps]
        for s in told
    ]
    return pa.array(steps, STEPS), tuple(s.story == "gaming" for s in told), tuple(s.rollout_group for s in told)


def examples(steps: pa.ListArray, positive: Sequence[bool], groups: Sequence[str], source: str = "made") -> Examples:
    """Labelled traces, as fitting takes them."""
    batch = Batch(steps)
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    n = batch.rows
    behaviour = tuple("TG08" if p else "" for p in positive)
    found = stacked(list(rows(batch, range(n))))
    return Examples(found, behaviour, np.ones(n), numbers, (source,) * n, np.ones(n, bool))


@cache
def small_fit() -> Fitted:
    """A model of the samples, fitted once."""
    return fit(examples(*sampled()), 0.05)


def monitor_of(fitted: Fitted) -> ClassifierMonitor:
    """The monitor of a fit, with its probes scored."""
    model = Model("made", "1.0.0", "test_gaming", fitted.scale, fitted.heads, "made")
    return ClassifierMonitor(model, probes_of(model))
