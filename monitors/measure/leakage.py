"""Could the label be told without looking at what was done? From length, source, prompt, environment, first words.

A monitor that scores well on such a set may have learnt no more than that. A probe of texts or lengths is trained and
tested on different tasks (grouped cross-validation); one of names need not be, since a name is known or is not. Scores
are compared within folds only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitors.measure.bootstrap import REPLICATES, resampled
from monitors.measure.figure import Bools, Figure, Floats, Ints, absent
from monitors.measure.ranking import Ranked

FOLDS = 5
FEWEST = 10  # of either class; fewer cannot be split
FIRST_TOKENS = 50
LEAKS = 0.6  # from which lower bound of the AUROC a probe is said to tell the label
NAMES = ("source", "environment", "model")
Predict = Callable[[Ints, Ints], Floats]  # (rows to learn from, rows to score) -> scores


@dataclass(frozen=True, slots=True)
class Clues:
    """What a probe may look at, for n traces: none of it is what the model did."""

    lengths: Floats  # (n, channels), in code points
    source: Sequence[str]
    environment: Sequence[str]
    model: Sequence[str]
    prompt: Sequence[str]
    opening: Sequence[str]  # the first FIRST_TOKENS words of what the model wrote


@dataclass(frozen=True, slots=True)
class Probe:
    """How well one clue alone tells the label; `scores` and `fold` (n each) are left out of reports."""

    clue: str
    auroc: Figure
    scores: Floats | None = None
    fold: Ints | None = None

    @property
    def verdict(self) -> str:
        """In a word, what the figure means."""
        if self.auroc.value is None:
            return "not measurable"
        if self.auroc.low is None:
            return "too few tasks to say"
        return "leaks" if self.auroc.low >= LEAKS else "tells a little" if self.auroc.low > 0.5 else "tells nothing"


def opening_words(text: str) -> str:
    """The first FIRST_TOKENS words, parted by white space."""
    return " ".join(text[: 40 * FIRST_TOKENS].split()[:FIRST_TOKENS])


def probes(clues: Clues, positive: Bools, clusters: Ints, replicates: int = REPLICATES) -> tuple[Probe, ...]:
    """Every probe of the label (n), with tasks (n) kept together; `prompt + environment` is what lift is taken over."""
    both = [f"{p} env{e}" for p, e in zip(clues.prompt, _as_word(clues.environment), strict=True)]
    ways: dict[str, Callable[[], Predict]] = {
        "length": lambda: _by_length(clues.lengths, positive),
        "source": lambda: _by_name(clues.source, positive),
        "environment": lambda: _by_name(clues.environment, positive),
        "model": lambda: _by_name(clues.model, positive),
        "prompt": lambda: _by_text(clues.prompt, positive),
        "prompt + environment": lambda: _by_text(both, positive),
        "first words": lambda: _by_text(clues.opening, positive),
    }
    same = {
        "source": len(set(clues.source)) < 2,
        "environment": len(set(clues.environment)) < 2,
        "model": len(set(clues.model)) < 2,
        "prompt": len(set(clues.prompt)) < 2,
        "first words": len(set(clues.opening)) < 2,
    }
    why = unfit(positive, clusters)
    if why:
        return tuple(Probe(name, absent(why)) for name in ways)
    by_task, by_trace = folds(positive, clusters), folds(positive, np.arange(len(positive)))
    found = []
    for name, way in ways.items():
        if same.get(name):
            found.append(Probe(name, absent("it is the same in every trace")))
            continue
        fold = by_trace if name in NAMES else by_task
        scores = out_of_fold(way(), fold)
        ranked = Ranked(positive, scores, fold)
        found.append(Probe(name, resampled(ranked.auroc, clusters, "no pair to compare", replicates), scores, fold))
    return tuple(found)


def folds(positive: Bools, clusters: Ints) -> Ints:
    """The fold (n) of each trace: tasks whole, classes spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.zeros(len(positive), np.int64)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for i, (_, held) in enumerate(splitter.split(np.zeros(len(positive)), positive, clusters)):
        fold[held] = i
    return fold


def out_of_fold(predict: Predict, fold: Ints) -> Floats:
    """For each trace, the score by what was learnt from the other folds."""
    scores = np.zeros(len(fold))
    for i in np.unique(fold):
        scores[fold == i] = predict(np.flatnonzero(fold != i), np.flatnonzero(fold == i))
    return scores


def unfit(positive: Bools, clusters: Ints) -> str | None:
    """Why nothing can be learnt and tested on these traces; None where it can."""
    for kind, rows in (("positives", positive), ("negatives", ~positive)):
        if int(rows.sum()) < FEWEST:
            return f"{int(rows.sum())} {kind}, and a probe needs {FEWEST}"
        if len(np.unique(clusters[rows])) < FOLDS:
            return f"the {kind} are of fewer than {FOLDS} tasks"
    return None


def _by_name(names: Sequence[str], positive: Bools) -> Predict:
    """The share of positives among the known traces of the same name, drawn towards that of all."""
    ids = np.unique(np.asarray(names, object).astype(str), return_inverse=True)[1]

    def predict(known: Ints, asked: Ints) -> Floats:
        base = float(positive[known].mean())
        hits = np.bincount(ids[known], positive[known], ids.max() + 1)
        seen = np.bincount(ids[known], minlength=ids.max() + 1)
        return ((hits + base) / (seen + 1))[ids[asked]]

    return predict


def _by_length(lengths: Floats, positive: Bools) -> Predict:
    from sklearn.ensemble import RandomForestClassifier

    features = np.column_stack([lengths, lengths.sum(axis=1)])

    def predict(known: Ints, asked: Ints) -> Floats:
        trees = RandomForestClassifier(40, max_depth=6, min_samples_leaf=5, random_state=0, n_jobs=1)
        return trees.fit(features[known], positive[known]).predict_proba(features[asked])[:, 1]

    return predict


def _by_text(texts: Sequence[str], positive: Bools) -> Predict:
    from monitors.measure.baseline import text_model

    def predict(known: Ints, asked: Ints) -> Floats:
        model = text_model()
        try:
            model.fit([texts[i] for i in known], positive[known])
        except ValueError:  # not one word occurs twice
            return np.zeros(len(asked))
        return model.predict_proba([texts[i] for i in asked])[:, 1]

    return predict


def _as_word(names: Sequence[str]) -> list[str]:
    return ["".join(c for c in name if c.isalnum()) for name in names]
