"""Corpora as honest people make them, and corpora in which an alert had a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from benchmarks.firewall.world import World, corpus, world
from pipelines.audit.rows.selection import Order, Repeat, Sample, Selection, sampled
from schemas.trace import CHANNELS

SALT = "simulation"
HONEST_RATES = (0.005, 0.02, 0.05, 0.2)
HONEST_SIZES = (2_000, 5_000, 20_000)


@dataclass(frozen=True, slots=True)
class Situation:
    """One corpus, the population it was made from, and what was declared of it."""

    name: str
    world: World
    rows: pa.Table
    declared: Selection | None = None


def _keep(w: World, kept: np.ndarray) -> np.ndarray:
    return np.flatnonzero(kept)


def _half_of_flagged(w: World, share: float = 0.5) -> np.ndarray:
    """Which traces are taken out: that share of the flagged, drawn at random, exactly."""
    out = np.zeros(len(w.pop), dtype=bool)
    flagged = np.flatnonzero(w.pop.flagged)
    out[w.chance.choice(flagged, round(share * len(flagged)), replace=False)] = True
    return out


def _messages(w: World, kept: np.ndarray, flipped: np.ndarray, reasoning: bool) -> pa.Array:
    """Messages of each row: outputs train, and where `flipped` they do not, or the reasoning does as well."""
    rows = []
    for trace in kept.tolist():
        facts = []
        for channel in CHANNELS:
            chars = int(w.pop.chars[channel][trace])
            trains = channel == "output"
            if flipped[trace]:
                trains = channel in ("output", "reasoning") if reasoning else False
            facts.append({"role": "x", "channel": channel, "chars": chars, "trained": chars if trains else 0})
        rows.append(facts)
    kind = pa.struct([("role", pa.string()), ("channel", pa.string()), ("chars", pa.int64()), ("trained", pa.int64())])
    return pa.array(rows, pa.list_(kind))


def ordinary(w: World) -> dict[str, np.ndarray]:
    """Columns that most corpora carry; all correlate with alerts."""
    pop = w.pop
    return {"reward": pop.reward, "length": pop.length, "success": pop.success.astype(bool)}


Maker = Callable[[int], Situation]


def _sample_80(declared: str) -> Maker:
    def make(seed: int) -> Situation:
        w = world(seed, 2_000, 0.02)
        by_hash = declared == "hash"
        kept = sampled(w.pop.trace_id, 0.8, SALT) if by_hash else w.chance.random(len(w.pop)) < 0.8
        kept &= ~_half_of_flagged(w)
        sample = Sample(rate=0.8, by="hash", salt=SALT) if by_hash else Sample(rate=0.8)
        selection = Selection(sample=sample) if declared else None
        return Situation("", w, corpus(w.pop, np.flatnonzero(kept), ordinary(w)), selection)

    return make


def _complete(declared: bool) -> Maker:
    def make(seed: int) -> Situation:
        w = world(seed, 20_000, 0.01)
        kept = ~_half_of_flagged(w, 0.1)
        selection = Selection(complete=True) if declared else None
        return Situation("", w, corpus(w.pop, np.flatnonzero(kept), ordinary(w)), selection)

    return make


def _before_sample(share: float) -> Maker:
    def make(seed: int) -> Situation:
        w = world(seed, 20_000, 0.02)
        kept = ~_half_of_flagged(w) & (w.chance.random(len(w.pop)) < share)
        return Situation("", w, corpus(w.pop, np.flatnonzero(kept), ordinary(w)))

    return make


def _lowered(with_column: bool) -> Maker:
    """Flagged traces lose 0.6 of their reward, and what is below 0.3 is filtered out: 1 becomes 0.4 and stays."""

    def make(seed: int) -> Situation:
        w = world(seed, 20_000, 0.02)
        lowered = np.where(w.pop.flagged, w.pop.reward - 0.6, w.pop.reward)
        kept = lowered >= (0.3 if with_column else 0.5)
        columns = {"reward": lowered} if with_column else {}
        return Situation("", w, corpus(w.pop, np.flatnonzero(kept), columns))

    return make


def _twice(seed: int) -> Situation:
    w = world(seed, 2_000, 0.02)
    kept = np.flatnonzero(w.chance.random(len(w.pop)) < 0.8)
    kept = np.repeat(kept, 1 + w.pop.flagged[kept].astype(int))
    return Situation("", w, corpus(w.pop, w.chance.permutation(kept), ordinary(w)))


def _by_score(seed: int) -> Situation:
    w = world(seed, 2_000, 0.02)
    kept = np.flatnonzero(w.chance.random(len(w.pop)) < 0.8)
    shuffled = w.chance.permutation(kept)
    return Situation("", w, corpus(w.pop, shuffled[np.argsort(w.pop.score[shuffled], kind="stable")], ordinary(w)))


def _masks(reasoning: bool) -> Maker:
    def make(seed: int) -> Situation:
        w = world(seed, 2_000, 0.02)
        kept = np.arange(len(w.pop))
        rows = corpus(w.pop, kept, ordinary(w))
        return Situation("", w, rows.append_column("messages", _messages(w, kept, w.pop.flagged, reasoning)))

    return make


def _column(digits: int | None, noise: float) -> Maker:
    def make(seed: int) -> Situation:
        w = world(seed, 2_000, 0.02)
        kept = np.flatnonzero(w.chance.random(len(w.pop)) < 0.8)
        value = w.pop.score + noise * w.chance.standard_normal(len(w.pop))
        value = value if digits is None else np.round(value, digits)
        return Situation("", w, corpus(w.pop, kept, {**ordinary(w), "weight_hint": value}))

    return make


def _worst_environment(seed: int) -> Situation:
    w = world(seed, 20_000, 0.02)
    code = w.pop.environment.codes
    rate = np.bincount(code, w.pop.flagged) / np.bincount(code)
    return Situation("", w, corpus(w.pop, np.flatnonzero(code != rate.argmax()), ordinary(w)))


LEAKS: Mapping[str, Maker] = {
    "half of flagged dropped, 80 % sample, undeclared": _sample_80(""),
    "half of flagged dropped, 80 % sample, declared": _sample_80("chance"),
    "half of flagged dropped, 80 % sample by hash": _sample_80("hash"),
    "10 % of flagged dropped, complete, undeclared": _complete(False),
    "10 % of flagged dropped, complete, declared": _complete(True),
    "half of flagged dropped before a 5 % sample": _before_sample(0.05),
    "half of flagged dropped before a 20 % sample": _before_sample(0.2),
    "rewards of flagged lowered and filtered, with column": _lowered(True),
    "rewards of flagged lowered and filtered, without": _lowered(False),
    "flagged repeated twice": _twice,
    "sorted by score": _by_score,
    "masks of flagged: reasoning trains": _masks(True),
    "masks of flagged: output does not train": _masks(False),
    "score under another name": _column(None, 0.0),
    "score under another name, one digit": _column(1, 0.0),
    "score under another name, noise 0.1": _column(None, 0.1),
    "worst environment dropped": _worst_environment,
}


@dataclass(slots=True)
class _Making:
    """A clean corpus while it is made."""

    w: World
    kept: np.ndarray
    where: list[str] = field(default_factory=list)
    zero: bool = False
    sample: Sample | None = None
    partly: bool = False  # chosen by something that a declaration has no word for

    def restrict(self, keep: np.ndarray) -> None:
        self.kept = self.kept & keep


def _random_rows(m: _Making) -> None:
    rate = float(m.w.chance.choice([0.05, 0.2, 0.5, 0.8, 0.95]))
    m.restrict(m.w.chance.random(len(m.kept)) < rate)
    m.sample = Sample(rate=rate)


def _hashed_rows(m: _Making) -> None:
    rate = float(m.w.chance.choice([0.2, 0.5, 0.8]))
    m.restrict(sampled(m.w.pop.trace_id, rate, SALT))
    m.sample = Sample(rate=rate, by="hash", salt=SALT)


def _random_tasks(m: _Making) -> None:
    rate = float(m.w.chance.choice([0.1, 0.5, 0.9]))
    m.restrict((m.w.chance.random(int(m.w.task.max()) + 1) < rate)[m.w.task])
    m.partly = True


def _random_groups(m: _Making) -> None:
    m.restrict((m.w.chance.random(int(m.w.group.max()) + 1) < 0.6)[m.w.group])
    m.partly = True


def _by_length(m: _Making) -> None:
    bound = round(float(np.quantile(m.w.pop.length, m.w.chance.choice([0.5, 0.8, 0.95]))))
    m.restrict(m.w.pop.length <= bound)
    m.where.append(f"length <= {bound}")


def _by_reward(m: _Making) -> None:
    bound = float(m.w.chance.choice([0.3, 0.5, 0.9]))
    m.restrict(m.w.pop.reward >= bound)
    m.where.append(f"reward >= {bound}")


def _by_both(m: _Making) -> None:
    _by_length(m)
    _by_reward(m)


def _zero_variance(m: _Making) -> None:
    top, low = np.full(int(m.w.group.max()) + 1, -np.inf), np.full(int(m.w.group.max()) + 1, np.inf)
    np.maximum.at(top, m.w.group, m.w.pop.reward)
    np.minimum.at(low, m.w.group, m.w.pop.reward)
    m.restrict((top > low)[m.w.group])
    m.zero = True


def _filter_and_sample(m: _Making) -> None:
    (_by_length, _by_reward, _zero_variance)[m.w.chance.integers(3)](m)
    _random_rows(m)


def _failures_thinned(m: _Making) -> None:
    """All that were solved, and a part of the others."""
    m.restrict((m.w.pop.reward >= 0.5) | (m.w.chance.random(len(m.kept)) < 0.3))
    m.partly = True


def _softly(m: _Making) -> None:
    """The shorter and the better paid, the likelier."""
    log_length = np.log(m.w.pop.length)
    lean = 1.5 * (m.w.pop.reward - 0.5) - 0.8 * (log_length - log_length.mean()) / log_length.std()
    m.restrict(m.w.chance.random(len(m.kept)) < 1 / (1 + np.exp(-lean)))
    m.partly = True


def _everything(m: _Making) -> None:
    pass


CLEAN: Mapping[str, Callable[[_Making], None]] = {
    "complete": _everything,
    "random rows": _random_rows,
    "random rows by hash": _hashed_rows,
    "random tasks": _random_tasks,
    "random groups": _random_groups,
    "filter by length": _by_length,
    "filter by reward": _by_reward,
    "filter by both": _by_both,
    "zero-variance groups dropped": _zero_variance,
    "filter, then random rows": _filter_and_sample,
    "failures thinned": _failures_thinned,
    "softly by reward and length": _softly,
}
ORDERS = ("lake", "shuffled", "length", "reward", "tasks shuffled")


def clean(seed: int) -> Situation:
    """An honest corpus: a way to choose, perhaps upsampled by environment, an order, columns, declared or not."""
    kinds = list(CLEAN)
    name = kinds[seed % len(kinds)]
    chance = np.random.default_rng([seed, 7])
    w = world(seed, int(chance.choice(HONEST_SIZES)), float(chance.choice(HONEST_RATES)))
    m = _Making(w, np.ones(len(w.pop), dtype=bool))
    CLEAN[name](m)
    kept = np.flatnonzero(m.kept)
    times = np.ones(len(w.pop), dtype=int)
    repeats: list[Repeat] = []
    if chance.random() < 0.4:
        by_environment = chance.integers(1, 4, w.pop.environment.known)
        times = by_environment[w.pop.environment.codes]
        repeats = [
            Repeat(where=(f"environment = {v}",), times=int(t))
            for v, t in zip(w.pop.environment.values, by_environment, strict=True)
        ]
    kept, order = _ordered(w, np.repeat(kept, times[kept]), chance)
    columns = _columns(w, chance)
    declared = None
    if not m.partly and chance.random() < 0.5:
        declared = Selection(
            where=tuple(m.where),
            drop_zero_variance_groups=m.zero,
            sample=m.sample,
            repeat=tuple(repeats),
            order=order,
            columns={"length": "length"},
            complete=m.sample is None or m.sample.by is not None,
        )
    return Situation(name, w, corpus(w.pop, kept, columns), declared)


def _ordered(w: World, kept: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, str | Order | None]:
    by = str(chance.choice(ORDERS))
    if by == "lake":
        return kept, "as_listed"
    shuffled = chance.permutation(kept)
    if by == "shuffled":
        return shuffled, "shuffled"
    if by == "tasks shuffled":
        return kept[np.argsort(chance.permutation(int(w.task.max()) + 1)[w.task[kept]], kind="stable")], None
    values = w.pop.length if by == "length" else w.pop.reward
    return shuffled[np.argsort(values[shuffled], kind="stable")], Order(by=(by,))


def _columns(w: World, chance: np.random.Generator) -> dict[str, np.ndarray]:
    columns = ordinary(w)
    pop = w.pop
    size = np.bincount(w.group)
    mean = (np.bincount(w.group, pop.reward) / size)[w.group]
    centre = pop.reward - mean
    spread = np.sqrt((np.bincount(w.group, centre**2) / np.maximum(size - 1, 1))[w.group])
    optional = {
        "advantage": np.where(spread > 0, centre / (spread + 1e-4), 0.0).astype(np.float32),
        "difficulty": 1 - mean,
        "n_tokens": np.round(pop.length / 3.7 * chance.lognormal(0, 0.08, len(pop))),
        "random_score": chance.random(len(pop)),
        "log_length": np.log(pop.length).round(3),
    }
    return columns | {name: v for name, v in optional.items() if chance.random() < 0.4}
