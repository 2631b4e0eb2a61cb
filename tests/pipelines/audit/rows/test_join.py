from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipelines.audit.rows.join import AMBIGUOUS, NONE, join
from pipelines.export.ids import keyed
from tests.pipelines.audit.cases import corpus, small

KEY = b"0123456789abcdef"


@pytest.mark.parametrize("by", ["trace_id", "trace_key", "keyed id"])
def test_rows_are_found_by_whatever_id_they_carry(by: str) -> None:
    pop = small().pop
    kept = np.array([5, 3, 3, 8])
    rows = corpus(pop, kept)
    ids = {
        "trace_id": list(pop.trace_id),
        "trace_key": list(pop.key),
        "keyed id": [keyed(k, KEY) for k in pop.key],
    }[by]
    rows = rows.set_column(3, "sample_id", pa.array([ids[i] for i in kept]))
    found = join(pop, rows, KEY)
    assert found.trace.tolist() == kept.tolist() and found.by == by
    assert found.count[[3, 5, 8]].tolist() == [2, 1, 1]
    assert found.first[[3, 5, 8]].tolist() == [1, 0, 3]
    assert np.isnan(found.first[0])


def test_keyed_ids_without_the_key_are_of_unknown_origin() -> None:
    pop = small().pop
    rows = corpus(pop, np.arange(10))
    rows = rows.set_column(3, "sample_id", pa.array([keyed(k, KEY) for k in pop.key[:10]]))
    assert join(pop, rows, None).trace.tolist() == [NONE] * 10


def test_null_ids_join_nothing() -> None:
    pop = small().pop
    rows = corpus(pop, np.arange(2)).set_column(3, "sample_id", pa.array([None, pop.trace_id[1]]))
    assert join(pop, rows, None).trace.tolist() == [NONE, 1]


def test_several_contents_of_one_id_are_told_apart_by_what_they_carry() -> None:
    pop = small().pop
    ids, reward, conflict = pop.trace_id.copy(), pop.reward.copy(), pop.conflict.copy()
    ids[:4] = "same"
    reward[:4] = [0.1, 0.2, 0.3, 0.3]
    conflict[:4] = True
    twins = replace(pop, trace_id=ids, reward=reward, conflict=conflict)
    rows = corpus(twins, np.array([1, 2, 0, 9]), {"reward": reward})
    assert join(twins, rows, None).trace.tolist() == [1, AMBIGUOUS, 0, 9]
    assert join(twins, corpus(twins, np.array([1])), None).trace.tolist() == [AMBIGUOUS]
    all_four = join(twins, corpus(twins, np.array([3, 1, 2, 0]), {"reward": reward}), None).trace.tolist()
    assert all_four[1] == 1 and all_four[3] == 0 and sorted(all_four) == [0, 1, 2, 3]


def test_no_rows_are_no_fault() -> None:
    assert join(small().pop, corpus(small().pop, np.zeros(0, int)), None).share == 0.0
