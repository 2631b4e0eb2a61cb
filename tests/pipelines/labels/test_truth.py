from __future__ import annotations

import numpy as np
import pytest

from pipelines.labels.agree import agreements
from pipelines.labels.column import parse_meanings
from pipelines.labels.files import Label
from pipelines.labels.truth import truths
from schemas.errors import InputError

TG, HO = "test_gaming", "hidden_objective"


def label(
    answer: str, category: str = TG, behaviour: str | None = None, origin: str = "human", who: str = "ann"
) -> Label:
    return Label("k", category, behaviour, answer, origin, who)


CASES: list[tuple[str, list[Label], dict[str, bool], dict[str, bool]]] = [
    ("a category that is there", [label("true")], {TG: True}, {}),
    ("unsure says nothing", [label("unsure")], {}, {}),
    ("a behaviour makes its category", [label("true", behaviour="TG08")], {TG: True}, {"TG08": True}),
    ("a behaviour denied leaves the category open", [label("false", behaviour="TG08")], {}, {"TG08": False}),
    ("one behaviour of two", [label("false", behaviour="TG08"), label("true", behaviour="TG06")], {TG: True},
     {"TG06": True, "TG08": False}),
    ("a person outweighs a presumption", [label("false", origin="presumed"), label("true")], {TG: True}, {}),
    ("a person unsure outweighs a presumption", [label("false", origin="presumed"), label("unsure")], {}, {}),
    ("two people who differ", [label("false"), label("true", who="ben")], {}, {}),
    ("one person sure of two", [label("unsure"), label("true", who="ben")], {TG: True}, {}),
    ("each category for itself", [label("true"), label("true", HO)], {TG: True, HO: True}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "categories", "behaviours"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_one_truth_of_many_labels(
    labels: list[Label], categories: dict[str, bool], behaviours: dict[str, bool]
) -> None:
    found = truths(labels)["k"]
    assert found.categories == categories
    assert found.behaviours == behaviours
    assert truths(reversed(labels))["k"] == found


def test_a_category_denied_denies_its_behaviours() -> None:
    found = truths([label("false")])["k"]
    assert found.behaviours["TG01"] is False
    assert "HO01" not in found.behaviours
    assert truths([label("unsure")])["k"].unsure == {TG}


@pytest.mark.parametrize(
    ("given", "value", "meaning"),
    [
        ([], "benign", "benign"),
        ([], "TG08", "TG08"),
        (["1=test_gaming,0=benign"], "0", "benign"),
        (["a=b=HO05"], "a=b", "HO05"),
        (["benign=unknown"], "benign", "unknown"),
    ],
)
def test_values_of_a_column_mean_what_was_said(given: list[str], value: str, meaning: str) -> None:
    assert parse_meanings(given)[value] == meaning


@pytest.mark.parametrize("given", ["x=tset_gaming", "x", "x="])
def test_a_meaning_that_nobody_knows_is_an_error(given: str) -> None:
    with pytest.raises(InputError, match="--label-map"):
        parse_meanings([given])


def test_labellers_are_compared_on_what_both_were_sure_of() -> None:
    rng = np.random.default_rng(0)
    labels = []
    for i in range(60):
        ann = "true" if rng.random() < 0.5 else "false"
        ben = "unsure" if i < 10 else ann if i < 50 else {"true": "false", "false": "true"}[ann]
        labels += [Label(f"k{i}", TG, "TG08", ann, "human", "ann"), Label(f"k{i}", TG, "TG08", ben, "human", "ben")]
    labels.append(Label("alone", HO, None, "true", "human", "cat"))
    pairs = {(p.first, p.second, p.about): p for p in agreements(labels, replicates=100)}
    assert set(pairs) == {("ann", "ben", "test_gaming"), ("ann", "ben", "TG08")}
    pair = pairs["ann", "ben", "TG08"]
    assert (pair.both, pair.unsure) == (50, 10)
    assert pair.agreement.agreed.value == 0.8
    assert pair.agreement.kappa.value == pytest.approx(0.6, abs=0.03)
