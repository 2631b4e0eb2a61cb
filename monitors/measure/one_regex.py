"""How far one pattern gets: a label that a regex made, or might have made, is no measure of anything cleverer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitors.measure.figure import Bools, Figure, Floats, Ints, absent, share
from monitors.measure.operating import halves, percent

WORDS = 3  # at most in a pattern
BUCKETS = 1 << 20  # n-grams are counted by their hash; those that share one are told apart afterwards
FEWEST = 10  # of either class in either half
MOST_CHARS = 20_000  # of a text, from its beginning
MOST_FALSE = 0.01  # of negatives, for the pattern that is chosen to be quiet
NAMED_FROM = 100  # texts in which the n-gram behind a bucket is looked for
PIECE = 500  # texts that are counted at once, so that memory is bounded
TOKEN = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The best single pattern, chosen on one half of the tasks and counted on the other.

    With `absence`, what is flagged is a text that does not hold it. `auroc` is that of a yes or no: the mean of TPR
    and TNR.
    """

    chosen_for: str
    pattern: str | None
    absence: bool
    tpr: Figure
    fpr: Figure
    auroc: Figure


def one_regex_ceiling(texts: Sequence[str], positive: Bools, clusters: Ints) -> tuple[Ceiling, ...]:
    """The pattern of up to WORDS words that parts the classes best, and the best of those that flag few negatives."""
    aims = ("best overall", f"at most {percent(MOST_FALSE)} of negatives")
    half = halves(clusters)
    for name, rows in (("positives", positive), ("negatives", ~positive)):
        fewest = min(int((rows & (half == side)).sum()) for side in (0, 1))
        if fewest < FEWEST:
            why = absent(f"{fewest} {name} in a half, and {FEWEST} are needed")
            return tuple(Ceiling(aim, None, False, why, why, why) for aim in aims)
    cut = [text[:MOST_CHARS].lower() for text in texts]
    learn, judge = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
    tpr, fpr = _rates(cut, positive, learn)
    gain = tpr - fpr
    best = int(np.argmax(np.abs(gain)))
    quiet = int(np.argmax(np.where(fpr <= MOST_FALSE, gain, -1.0)))
    picks = ((aims[0], best, bool(gain[best] < 0)), (aims[1], quiet, False))
    found = []
    for aim, bucket, absence in picks:
        ngram = _ngram([cut[i] for i in learn if bool(positive[i]) != absence], bucket)
        found.append(_counted(aim, ngram, absence, [cut[i] for i in judge], positive[judge]))
    return tuple(found)


def _counted(aim: str, ngram: str, absence: bool, texts: Sequence[str], positive: Bools) -> Ceiling:
    """The pattern on texts that it was not chosen on."""
    pattern = r"\b" + r"\W+".join(map(re.escape, ngram.split())) + r"\b"
    compiled = re.compile(pattern)
    flagged = np.array([(compiled.search(text) is not None) != absence for text in texts])
    tpr = share(int(flagged[positive].sum()), int(positive.sum()), "positives")
    fpr = share(int(flagged[~positive].sum()), int((~positive).sum()), "negatives")
    auroc = Figure((1 + tpr.value - fpr.value) / 2) if tpr.value is not None and fpr.value is not None else tpr
    return Ceiling(aim, pattern, absence, tpr, fpr, auroc)


def _ngrams(text: str) -> Iterator[str]:
    words = TOKEN.findall(text)
    for size in range(1, WORDS + 1):
        for start in range(len(words) - size + 1):
            yield " ".join(words[start : start + size])


def _rates(texts: Sequence[str], positive: Bools, rows: Ints) -> tuple[Floats, Floats]:
    """For each bucket, the share of positives and of negatives that hold an n-gram of it."""
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(BUCKETS, input_type="string", alternate_sign=False)
    hits, misses = np.zeros(BUCKETS), np.zeros(BUCKETS)
    for start in range(0, len(rows), PIECE):
        piece = rows[start : start + PIECE]
        counted = hasher.transform(set(_ngrams(texts[i])) for i in piece)
        counted.data[:] = 1  # two n-grams of one text may share a bucket
        hits += np.asarray(counted[positive[piece]].sum(axis=0)).ravel()
        misses += np.asarray(counted[~positive[piece]].sum(axis=0)).ravel()
    return hits / positive[rows].sum(), misses / (~positive[rows]).sum()


def _ngram(texts: Sequence[str], bucket: int) -> str:
    """The n-gram of the bucket that most of the first texts hold."""
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(BUCKETS, input_type="string", alternate_sign=False)
    seen: Counter[str] = Counter()
    for text in texts[:NAMED_FROM]:
        grams = sorted(set(_ngrams(text)))
        if grams:
            places = hasher.transform([g] for g in grams).indices
            seen.update(grams[i] for i in np.flatnonzero(places == bucket))
    return min(seen, key=lambda g: (-seen[g], g)) if seen else ""
