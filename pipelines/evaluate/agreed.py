"""Do judges agree with the labels, and with each other? Cohen's kappa, since both say no of most traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from monitors.measure.agreement import agreement
from monitors.measure.figure import Bools
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Judged
from pipelines.evaluate.report import JudgeAgreement
from schemas.behaviours import CATEGORIES

LABELS = "the labels"


def agreements(judged: Sequence[Judged], corpus: Corpus, replicates: int) -> Iterator[JudgeAgreement]:
    """Each judge with the labels, and with each other judge, on the traces that both spoke of, by category."""
    judges = [j for j in judged if j.monitor.split(".")[0] == "judge"]
    for category in CATEGORIES:
        known, positive = corpus.answers(category)
        for judge in judges:
            both = known & judge.assessed
            yield _agreed(judge.monitor, LABELS, category, judge.alerted[category], positive, both, corpus, replicates)
        for one, other in combinations(judges, 2):
            both = one.assessed & other.assessed
            first, second = one.alerted[category], other.alerted[category]
            yield _agreed(one.monitor, other.monitor, category, first, second, both, corpus, replicates)


def _agreed(
    first: str, second: str, category: str, one: Bools, other: Bools, both: Bools, corpus: Corpus, replicates: int
) -> JudgeAgreement:
    said = [a[both].astype(np.int64) for a in (one, other)]
    found = agreement(said[0], said[1], corpus.clusters[both], replicates)
    return JudgeAgreement(
        first,
        second,
        category,
        int(both.sum()),
        int(said[0].sum()),
        int(said[1].sum()),
        found.kappa,
        found.kappa_by_trace,
        found.agreed,
    )
