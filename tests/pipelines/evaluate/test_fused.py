"""All monitors as one, by what other tasks teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitors.measure.ranking import Ranked
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.fused import FUSED, folds, scores_of
from pipelines.evaluate.judged import Judged
from pipelines.labels.truth import Truth

TG, HO = "test_gaming", "hidden_objective"


def corpus(positive: np.ndarray, clusters: np.ndarray) -> Corpus:
    truth = tuple(Truth({TG: bool(p)}) for p in positive)
    keys = tuple(f"k{i}" for i in range(len(positive)))
    return Corpus(keys, truth, {}, clusters.astype(np.int64), np.zeros((len(positive), 6)), {})


def word(monitor: str, score: np.ndarray, categories: tuple[str, ...] = (TG, HO)) -> Judged:
    n = len(score)
    nothing = {c: np.zeros(n, bool) for c in (TG, HO)}
    return Judged(monitor, "1", "d", categories, {TG: score, HO: np.zeros(n)}, nothing, {}, {})


@pytest.fixture
def world() -> tuple[Corpus, list[Judged]]:
    rng = np.random.default_rng(4)
    positive = rng.random(3_000) < 0.3
    scores = [1 / (1 + np.exp(-(rng.normal(size=3_000) + 1.5 * positive - 1))) for _ in range(2)]
    return corpus(positive, np.arange(3_000) // 3), [word("a", scores[0]), word("b", scores[1])]


def test_together_they_rank_better_than_each(world: tuple[Corpus, list[Judged]]) -> None:
    known, judged = world
    positive = known.answers(TG)[1]
    made = folds(judged, known)
    assert made is not None
    fused = made.over(judged)
    alone = max(Ranked(positive, j.score[TG]).auroc() or 0 for j in judged)
    assert fused.monitor == FUSED and (Ranked(positive, fused.score[TG]).auroc() or 0) > alone + 0.02
    elsewhere = made.elsewhere(judged)
    assert np.corrcoef(elsewhere.score[TG], fused.score[TG])[0, 1] > 0.99


def test_no_trace_vouches_for_itself() -> None:
    """Tasks that are alike within: whoever learns from a trace's own task knows its answer, and nobody else does."""
    rng = np.random.default_rng(5)
    task = np.repeat(np.arange(300), 10)
    positive = (rng.random(300) < 0.5)[task]
    judged = [word(m, rng.random(300)[task].round(2)) for m in ("a", "b")]
    known = corpus(positive, task)
    made = folds(judged, known)
    assert made is not None
    strata = made.fold[TG]
    assert Ranked(positive, made.over(judged).score[TG], strata).auroc() == pytest.approx(0.5, abs=0.07)


def test_one_monitor_needs_no_fusing(world: tuple[Corpus, list[Judged]]) -> None:
    known, judged = world
    assert folds(judged[:1], known) is None


def test_who_does_not_look_for_a_category_has_no_say_in_it(world: tuple[Corpus, list[Judged]]) -> None:
    known, judged = world
    judged[1] = word("b", judged[1].score[TG], (HO,))
    assert list(scores_of(judged, TG)) == ["a"]
    made = folds(judged, known)
    assert made is not None and {p.monitor for f in made.fusions[TG].values() for p in f.parts} == {"a"}


def test_what_none_looked_at_is_unknown(world: tuple[Corpus, list[Judged]]) -> None:
    known, judged = world
    for j in judged:
        for scores in j.score.values():
            scores[:7] = np.nan
    half = replace(judged[0], score={c: np.where(np.arange(3_000) < 9, np.nan, s) for c, s in judged[0].score.items()})
    made = folds([half, judged[1]], known)
    assert made is not None
    fused = made.over([half, judged[1]])
    assert np.flatnonzero(np.isnan(fused.score[TG])).tolist() == list(range(7))
    assert fused.unseen == {"by none": 7}
    assert np.isnan(made.elsewhere([half, judged[1]]).score[TG][:7]).all()
