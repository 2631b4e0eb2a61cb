"""What the lake knew of each trace before a monitor spoke: the columns by which a corpus may rightly be chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.audit.rows.population import CATEGORIES, Population
from pipelines.audit.rows.trees import Covariates
from schemas.trace import CHANNELS

# how a report names what a column is about
TOPICS = {
    **dict.fromkeys(("reward", "success", "group_rank"), "reward"),
    **dict.fromkeys(("length", "steps", *(f"{c}_chars" for c in CHANNELS)), "length"),
    **dict.fromkeys(("group_mean", "group_spread", "group_size"), "group outcome"),
    **dict.fromkeys(("place", "group_place", "file"), "place in the lake"),
    **dict.fromkeys(("training_step", "started_at", "window_index"), "time"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Columns of the lake (n each) and the units that were drawn together: row, rollout group, task, environment.

    `group` lies within `task`, `task` within `stratum`; a trace without either is its own. `unclustered` says that no
    trace has a task or a group, so that rows are taken to be independent.
    """

    covariates: Covariates
    group: np.ndarray
    task: np.ndarray
    stratum: np.ndarray
    unclustered: bool
    fits: dict[bytes, np.ndarray] = field(default_factory=dict, repr=False, compare=False)  # made once, asked for often

    @property
    def numeric(self) -> dict[str, np.ndarray]:
        return self.covariates.numeric


def topic(column: str) -> str:
    return TOPICS.get(column, column)


def source(pop: Population) -> Source:
    """The columns and units of a population."""
    group, task, stratum = _units(pop)
    numeric = {
        "reward": pop.reward,
        "success": pop.success,
        "length": pop.length,
        **{f"{c}_chars": pop.chars[c] for c in CHANNELS},
        "steps": pop.steps,
        "training_step": pop.training_step,
        "window_index": pop.window_index,
        "started_at": pop.started_at,
        "place": np.arange(len(pop), dtype=float),
        **_outcomes(pop.reward, group),
    }
    categorical = {c: pop.coded(c).codes for c in CATEGORIES if c not in ("task_id", "rollout_group")}
    every = np.ones(len(pop), dtype=bool)
    unclustered = pop.rollout_group.known == 0 and pop.task_id.known == 0
    return Source(Covariates(numeric, categorical).where(every), group, task, stratum, unclustered)


def _units(pop: Population) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.arange(len(pop))
    stratum = pop.environment.codes + 1
    task = _together(stratum, np.where(pop.task_id.codes >= 0, pop.task_id.codes, -1))
    task = np.where(pop.task_id.codes >= 0, task, -1)
    group = np.where(pop.rollout_group.codes >= 0, pop.rollout_group.codes, -1)
    # a trace without a group stands for itself within its task, one without a task within its group
    fine = np.where(group >= 0, group, np.where(task >= 0, len(pop) + task, 3 * len(pop) + rows))
    fine = np.unique(fine, return_inverse=True)[1]
    coarse = np.where(task >= 0, task, len(pop) + fine)
    coarse = _first_of(fine, coarse)
    coarse = np.unique(coarse, return_inverse=True)[1]
    return fine, coarse, _first_of(coarse, stratum)


def _together(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One code for each pair."""
    pairs = (a - a.min()) * (int(b.max()) - int(b.min()) + 1) + (b - b.min()) if len(a) else a
    return np.unique(pairs, return_inverse=True)[1]


def _first_of(unit: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Each row's value replaced by that of its unit's first row, so that units nest."""
    _, first, code = np.unique(unit, return_index=True, return_inverse=True)
    return values[first][code]


def _outcomes(reward: np.ndarray, group: np.ndarray) -> dict[str, np.ndarray]:
    """Each trace's group: mean and spread (largest less least) of its rewards, its size; its rank and place therein."""
    known = ~np.isnan(reward)
    r = np.where(known, reward, 0.0)
    size, counted = np.bincount(group), np.bincount(group, known)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(counted > 0, np.bincount(group, r) / counted, np.nan)
    top, low = np.full(len(size), -np.inf), np.full(len(size), np.inf)
    np.maximum.at(top, group[known], reward[known])
    np.minimum.at(low, group[known], reward[known])
    spread = np.where(counted > 0, top - low, np.nan)
    rows = np.arange(len(group))
    by_place = np.lexsort((rows, group))
    firsts = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.empty(len(group))
    place[by_place] = rows - firsts[group[by_place]]
    by_reward = np.lexsort((-r, group))
    ordered, owner = r[by_reward], group[by_reward]
    new = np.ones(len(group), dtype=bool)
    new[1:] = (owner[1:] != owner[:-1]) | (ordered[1:] != ordered[:-1])
    rank = np.empty(len(group))
    rank[by_reward] = np.maximum.accumulate(np.where(new, rows, 0)) - firsts[owner]
    return {
        "group_mean": mean[group],
        "group_spread": spread[group],
        "group_size": size[group].astype(float),
        "group_rank": np.where(known, rank, np.nan),
        "group_place": place,
    }
