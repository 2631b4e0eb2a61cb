"""A fitted classifier as plain arrays: enough to judge with, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.classifier.features import ANSWERS, Rows

CLIP = 4.0  # standard deviations beyond which a dense feature says no more
SPREAD = 0.3  # what one standard deviation of a dense feature weighs beside a word
WORDS = 2.0  # what the words of a voice weigh together


@dataclass(frozen=True, slots=True)
class Scale:
    """How features are brought to one scale: mean and deviation (DENSE) and the weight of each bucket (BUCKETS)."""

    mean: Any
    deviation: Any
    thought: Any
    told: Any


@dataclass(frozen=True, slots=True)
class Head:
    """What tells one behaviour from ordinary work: weights, how a long trace is made up for, and what a margin means.

    A trace's margin is the highest of its k windows less `relief` x log k: the highest of many draws is high by chance.
    Its score is the logistic function of `slope` x margin + `offset`.
    """

    behaviour: str
    dense: Any  # (DENSE)
    thought: Any  # (BUCKETS)
    told: Any
    bias: float
    relief: float
    slope: float
    offset: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Model:
    """A classifier of one category. `digest` is that of the files it was read from."""

    name: str
    version: str
    category: str
    scale: Scale
    heads: tuple[Head, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Voice:
    """The weighted words of n windows: those of window i are at bounds[i] to bounds[i + 1]."""

    buckets: Any
    values: Any
    bounds: Any

    def dot(self, weights: Any) -> Any:
        """The sum of value x weight of each window (n)."""
        return _sums(self.values * weights[self.buckets], self.bounds)


def scaled(scale: Scale, rows: Rows) -> tuple[Any, Voice, Voice]:
    """Dense features, and the words of each voice, on one scale."""
    dense = np.clip((rows.dense - scale.mean) / scale.deviation, -CLIP, CLIP) * np.float32(SPREAD)
    dense[:, :ANSWERS] = rows.dense[:, :ANSWERS]  # shares already, and absent more often than not
    return dense.astype(np.float32), _weighted(rows.thought, scale.thought), _weighted(rows.told, scale.told)


def margins(scale: Scale, heads: Sequence[Head], rows: Rows) -> Any:
    """The margin of each window by each head (n, heads).

    No BLAS is called, which would start a thread for each core in each of a run's workers.
    """
    dense, thought, told = scaled(scale, rows)
    found = [np.einsum("nd,d->n", dense, h.dense) + thought.dot(h.thought) + told.dot(h.told) + h.bias for h in heads]
    return np.stack(found, axis=1)


def score(head: Head, margin: Any, windows: Any) -> Any:
    """The probability that a trace shows the behaviour, by its highest margin and its number of windows."""
    eased = margin - head.relief * np.log(np.maximum(windows, 1))
    return 1 / (1 + np.exp(-np.clip(head.slope * eased + head.offset, -60, 60)))


def _weighted(found: tuple[tuple[Any, Any], ...], weights: Any) -> Voice:
    """Counts times the weights of their buckets, each window of length WORDS."""
    bounds = np.concatenate([[0], np.cumsum([len(b) for b, _ in found])]).astype(np.int64)
    buckets = np.concatenate([b for b, _ in found]) if found else np.zeros(0, np.int32)
    counts = np.concatenate([c for _, c in found]) if found else np.zeros(0, np.float32)
    values = counts * weights[buckets]
    squares = _sums(values**2, bounds)
    factors = np.where(squares > 0, WORDS / np.sqrt(np.maximum(squares, 1e-30)), 0).astype(np.float32)
    return Voice(buckets, values * np.repeat(factors, np.diff(bounds)), bounds)


def _sums(values: Any, bounds: Any) -> Any:
    """The sum of the values of each window."""
    totals = np.add.reduceat(np.append(values, 0), bounds[:-1]) if len(bounds) > 1 else np.zeros(0)
    return np.where(np.diff(bounds) > 0, totals, 0)
