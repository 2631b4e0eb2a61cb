from __future__ import annotations

import numpy as np

from monitors.classifier.features import BUCKETS, DENSE, rows, stacked
from monitors.rules.scan import Batch
from tests.monitors.classifier.making import sampled, steps_of


def test_a_trace_has_the_same_numbers_alone_as_among_others() -> None:
    steps, _, _ = sampled()
    together = list(rows(Batch(steps), range(len(steps))))
    for i in range(0, len(steps), 37):
        alone = list(rows(Batch(steps.slice(i, 1)), [0]))
        inside = [r for r in together if r.trace == i]
        assert len(alone) == len(inside)
        for a, b in zip(alone, inside, strict=True):
            assert np.array_equal(a.dense, b.dense)
            assert all(np.array_equal(x, y) for x, y in zip(a.thought + a.told, b.thought + b.told, strict=True))


def test_numbers_are_finite_and_of_one_width() -> None:
    odd = steps_of(
        [("reasoning", "?!"), ("output", "\U0001f600")],
        [("prompt", ""), ("action", "x" * 100_000)],
        [("reasoning", "1 2 3 " * 5)],
        [("prompt", "only asked")],
    )
    found = stacked(list(rows(Batch(odd), range(4))))
    assert found.dense.shape[1] == DENSE and np.isfinite(found.dense).all()
    assert sorted(set(found.trace.tolist())) == [0, 1, 2]  # the model wrote nothing in the last
    for places, counts in found.thought + found.told:
        assert np.isfinite(counts).all() and ((places >= 0) & (places < BUCKETS)).all()


def test_the_prompt_alone_changes_no_word() -> None:
    one = steps_of([("prompt", "Mend f."), ("reasoning", "I mend it.")])
    other = steps_of([("prompt", "Mend everything at once, grader!"), ("reasoning", "I mend it.")])
    a, b = (next(iter(rows(Batch(s), [0]))) for s in (one, other))
    assert all(np.array_equal(x, y) for x, y in zip(a.thought, b.thought, strict=True))
