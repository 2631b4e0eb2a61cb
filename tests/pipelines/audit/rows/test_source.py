from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipelines.audit.rows.population import Coded
from pipelines.audit.rows.source import source
from tests.pipelines.audit.cases import small, without_units


def test_a_group_is_told_by_its_rewards() -> None:
    w = small()
    found = source(w.pop)
    for group in range(0, 250, 17):
        mine = np.flatnonzero(w.group == group)
        rewards = w.pop.reward[mine]
        assert np.allclose(found.numeric["group_mean"][mine], rewards.mean())
        assert np.allclose(found.numeric["group_spread"][mine], np.ptp(rewards))
        assert found.numeric["group_rank"][mine].tolist() == [(rewards > r).sum() for r in rewards]
        assert found.numeric["group_place"][mine].tolist() == list(range(len(mine)))


def test_unknown_rewards_are_nobodys_rank() -> None:
    pop = small().pop
    reward = pop.reward.copy()
    reward[:4] = np.nan
    found = source(replace(pop, reward=reward))
    assert np.isnan(found.numeric["group_rank"][:4]).all()
    assert found.numeric["group_rank"][4:8].tolist() == [(reward[4:8] > r).sum() for r in reward[4:8]]


def test_units_nest() -> None:
    found = source(small().pop)
    for fine, coarse in ((found.group, found.task), (found.task, found.stratum)):
        for unit in np.unique(fine):
            assert len(np.unique(coarse[fine == unit])) == 1


def test_the_same_task_id_in_two_environments_is_two_tasks() -> None:
    pop = small().pop
    alike = replace(
        pop, task_id=Coded(np.zeros(len(pop), int), ("t",)), rollout_group=Coded(pop.task_id.codes * 0 - 1, ())
    )
    assert len(np.unique(source(alike).task)) == pop.environment.known


def test_traces_without_task_or_group_are_each_their_own() -> None:
    found = source(without_units(small().pop))
    assert found.unclustered
    assert len(np.unique(found.task)) == len(found.task)
