"""A judge's agreement with the labels, and with another judge, from what a store holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from monitors.measure.figure import Bools
from pipelines.evaluate.agreed import LABELS, agreements
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Judged
from schemas.behaviours import CATEGORIES

N = 200
TRUTH = np.arange(N) % 4 == 0


def judged(name: str, flagged: Bools, unseen: Bools) -> Judged:
    score = {c: np.where(unseen, np.nan, flagged.astype(float)) for c in CATEGORIES}
    alerted = {c: flagged & ~unseen if c == CATEGORIES[0] else np.zeros(N, bool) for c in CATEGORIES}
    return Judged(name, "1", "d", CATEGORIES, score, alerted, {}, {})


def corpus() -> Corpus:
    """As much of a corpus as agreement asks of: a tenth of the traces has no label, each task has four traces."""
    known = np.arange(N) % 10 != 9
    answers: Any = {CATEGORIES[0]: (known, TRUTH), CATEGORIES[1]: (np.zeros(N, bool), np.zeros(N, bool))}
    return cast(Corpus, SimpleNamespace(answers=answers.__getitem__, clusters=np.arange(N) // 4))


def test_each_judge_is_compared_with_the_labels_and_with_each_other_judge() -> None:
    nobody = np.zeros(N, bool)
    wrong = TRUTH ^ (np.arange(N) % 20 == 0)
    rules = judged("rules.core", TRUTH, nobody)
    found = list(
        agreements([rules, judged("judge", TRUTH, nobody), judged("judge.b", wrong, np.arange(N) < 20)], corpus(), 200)
    )
    by = {(a.first, a.second, a.category): a for a in found}
    assert set(by) == {
        (f, s, c) for f, s in (("judge", LABELS), ("judge.b", LABELS), ("judge", "judge.b")) for c in CATEGORIES
    }
    exact = by["judge", LABELS, "test_gaming"]
    assert (exact.both, exact.kappa.value, exact.agreed.value) == (180, 1.0, 1.0)
    other = by["judge", "judge.b", "test_gaming"]
    assert (other.both, other.agreed.k) == (180, 171)
    assert other.kappa.value == pytest.approx(1 - (9 / 180) / (1 - (0.25 * 0.2 + 0.75 * 0.8)), abs=1e-9)
    low, value, high = other.kappa.low, other.kappa.value, other.kappa.high
    assert None not in (low, value, high) and (low or 0) < (value or 0) < (high or 0)
    assert by["judge", LABELS, "hidden_objective"].kappa.value is None
