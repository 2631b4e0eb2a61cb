from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.audit.rows.selection import Repeat, Sample, Selection, load_selection, meets, replay, sampled
from pipelines.audit.rows.source import source
from schemas.errors import JobFileError
from tests.pipelines.audit.cases import small

FULL = """
where: ['environment in (env-00001, env-00002)', reward >= 0.5, length <= 20000]
drop_zero_variance_groups: true
sample: {rate: 0.8, by: hash, salt: march}
repeat:
  - {where: [environment = env-00001], times: 2}
order: {by: [training_step, length]}
columns: {n_chars: length, advantage: 'zscore(reward, rollout_group)'}
complete: true
"""


def test_a_full_declaration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(FULL)
    found = load_selection(path)
    assert found.sample == Sample(rate=0.8, by="hash", salt="march")
    assert found.exact


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("where: [trace_id = x]\nsample: {rate: 2}\norder: {by: [score]}\ncolumns: {a: score}\nextra: 1\n")
    with pytest.raises(JobFileError) as error:
        load_selection(path)
    assert [f.line for f in error.value.faults] == [1, 2, 3, 4, 5]
    assert "trace_id cannot select" in str(error.value)
    assert "nothing is sorted by score" in str(error.value)


def test_a_sample_by_chance_cannot_be_complete() -> None:
    with pytest.raises(ValidationError, match="by: hash"):
        Selection(sample=Sample(rate=0.5), complete=True)


@pytest.mark.parametrize(
    ("condition", "keep"),
    [
        ("length <= 5000", lambda p: p.length <= 5000),
        ("prompt_chars > 400", lambda p: p.chars["prompt"] > 400),
        ("reward >= 0.5", lambda p: p.reward >= 0.5),
        ("success = true", lambda p: p.success == 1),
        ("training_step in (1000, 4000)", lambda p: np.isin(p.training_step, (1000, 4000))),
        ("environment != env-00002", lambda p: p.environment.codes != p.environment.values.index("env-00002")),
        ("started_at < 2023-11-15", lambda p: p.started_at < 1.7000064e9),
    ],
)
def test_a_condition_keeps_what_it_says(condition: str, keep: object) -> None:
    pop = small().pop
    kept = meets(condition, pop)
    assert (kept == keep(pop)).all()  # type: ignore[operator]
    assert 0 < kept.sum() < len(pop)


def test_replaying_counts_what_each_condition_left_out_first() -> None:
    pop = small().pop
    declared = Selection(
        where=("reward >= 0.5", "length <= 6000"), repeat=(Repeat(where=("environment = env-00001",), times=3),)
    )
    found = replay(declared, pop, source(pop))
    assert (found.may == ((pop.reward >= 0.5) & (pop.length <= 6000))).all()
    assert sum(found.left_out.values()) == (~found.may).sum()
    first = pop.environment.codes == pop.environment.values.index("env-00001")
    assert set(found.times[found.may & first]) == {3} and set(found.times[~found.may]) == {0}


def test_a_sample_by_hash_is_what_its_docstring_says() -> None:
    ids = small().pop.trace_id
    kept = sampled(ids, 0.3, "s")
    by_hand = [int.from_bytes(hashlib.sha256(f"s:{t}".encode()).digest()[:8], "big") / 2**64 < 0.3 for t in ids]
    assert kept.tolist() == by_hand
    assert 0.25 < kept.mean() < 0.35
