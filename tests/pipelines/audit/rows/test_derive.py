from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipelines.audit.rows.columns import joined_rows
from pipelines.audit.rows.derive import Rows, Underivable, evaluate, parse
from tests.pipelines.audit.cases import case, corpus, everything, small


@pytest.fixture(scope="module")
def rows() -> Rows:
    w = small()
    return joined_rows(case(w.pop, corpus(w.pop, everything(w))))


def by_group(f: Callable[[np.ndarray], Any]) -> np.ndarray:
    w = small()
    made = np.zeros(len(w.pop))
    for group in np.unique(w.group):
        mine = w.group == group
        made[mine] = f(w.pop.reward[mine])
    return made


EXPECTED: dict[str, Callable[[], np.ndarray]] = {
    "reward": lambda: small().pop.reward,
    "length": lambda: small().pop.length,
    "log(length)": lambda: np.log(small().pop.length),
    "round(log(length), 2)": lambda: np.round(np.log(small().pop.length), 2),
    "centred(reward, rollout_group)": lambda: by_group(lambda r: r - r.mean()),
    "zscore(reward, rollout_group)": lambda: by_group(
        lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-4) if np.ptp(r) else r * 0
    ),
    "zscore(length)": lambda: (small().pop.length - small().pop.length.mean()) / small().pop.length.std(),
    "rank(reward, rollout_group)": lambda: by_group(lambda r: [(r > x).sum() + 1 for x in r]),
    "negative(reward)": lambda: -small().pop.reward,
    "chars(messages)": lambda: np.floor(small().pop.length),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_a_derivation_is_made_as_it_is_made_by_hand(text: str, rows: Rows) -> None:
    made = evaluate(parse(text), rows)
    assert any(np.allclose(m, EXPECTED[text]()) for m in made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("score", "'score' is no column of the lake"),
        ("eval(reward)", "'eval' is not derived here"),
        ("round(reward)", "write round(reward, 2)"),
        ("chars(prompt)", "write chars(messages)"),
        ("reward + 1", "is no derivation"),
        ("zscore(reward, alerts)", "is no"),
    ],
)
def test_what_is_not_on_the_list_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(Underivable, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse(text)
