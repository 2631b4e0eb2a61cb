from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitors.classifier.saved import weights_of
from monitors.classifier.training import fit, left_out
from monitors.measure.figure import Floats
from monitors.measure.ranking import Ranked
from tests.monitors.classifier.making import examples, sampled, small_fit


def auroc(score: Floats, positive: np.ndarray) -> float:
    seen = ~np.isnan(score)
    return Ranked(positive[seen], score[seen]).auroc() or 0.0


def test_tasks_that_were_left_out_are_told_apart() -> None:
    _, positive, _ = sampled()
    assert auroc(small_fit().held.task[:, 0], np.array(positive)) > 0.9


def test_labels_that_are_chance_teach_nothing() -> None:
    steps, positive, groups = sampled()
    chance = np.random.default_rng(1).permutation(positive)
    fitted = fit(examples(steps, chance.tolist(), groups), 0.05)
    assert 0.3 < auroc(fitted.held.task[:, 0], chance) < 0.7


def test_scores_mean_what_they_say() -> None:
    _, positive, _ = sampled()
    score = small_fit().held.task[:, 0]
    assert abs(float(score.mean()) - np.mean(positive)) < 0.03


def test_a_threshold_lets_no_more_ordinary_traces_through_than_was_asked() -> None:
    _, positive, _ = sampled()
    (head,) = small_fit().heads
    ordinary = small_fit().held.task[~np.array(positive), 0]
    assert (ordinary >= head.threshold).mean() <= 0.05


def test_the_same_traces_make_the_same_bytes() -> None:
    steps, positive, groups = sampled()
    again = fit(examples(steps, positive, groups), 0.05)
    assert weights_of(again.scale, again.heads) == weights_of(small_fit().scale, small_fit().heads)


def test_a_source_that_is_left_out_is_judged_by_the_others() -> None:
    steps, positive, groups = sampled()
    made = examples(steps, positive, groups)
    halves = tuple("north" if int(g.rsplit("-", 1)[1]) % 2 else "south" for g in groups)
    fitted = fit(replace(made, source=halves), 0.05)
    assert auroc(fitted.held.source[:, 0], np.array(positive)) > 0.8
    assert np.isnan(left_out(made, small_fit(), ["one"] * len(groups), made.sure)).all()


def test_too_little_is_said_and_not_fitted() -> None:
    steps, positive, groups = sampled()
    few = [p and i < 60 for i, p in enumerate(positive)]
    with pytest.raises(ValueError, match="a behaviour needs positives of"):
        fit(examples(steps, few, groups), 0.05)
