"""The labels that ship with the adjudicated sample."""

import csv

import pytest

from benchmarks.adjudicated.__main__ import LABELS, Drawn, rows, sampled
from pipelines.labels.files import read_labels, without_canary
from pipelines.labels.truth import truths

TOLD = truths(read_labels(str(LABELS)))


def test_every_trace_of_the_sample_was_read_and_no_other() -> None:
    assert {d.trace_key for d in sampled()} == set(TOLD)
    assert len(sampled()) == 200


def test_every_label_is_marked_and_says_who_read() -> None:
    labels = read_labels(str(LABELS))
    assert not without_canary(labels)
    assert {(label.origin, label.labeller[:7]) for label in labels} == {("model", "reader-")}


def test_no_text_of_a_trace_is_in_it() -> None:
    with LABELS.open(newline="", encoding="utf-8") as file:
        assert max(len(r["note"].split()) for r in csv.DictReader(file)) <= 40


def test_strata_are_of_one_size_each() -> None:
    sizes = {(d.stratum, d.of) for d in sampled()}
    assert len(sizes) == len({stratum for stratum, _ in sizes}) == 4


def test_a_monitor_that_repeats_the_labels_finds_all_and_a_mute_one_nothing() -> None:
    sample = sampled()
    right = {d.trace_key: frozenset(b for b, there in TOLD[d.trace_key].behaviours.items() if there) for d in sample}
    for row in rows(sample, TOLD, right)[1:]:
        assert row.precision.value == pytest.approx(1), row.what
        assert row.recall.value == pytest.approx(1), row.what
    for row in rows(sample, TOLD, {}):
        assert row.precision.value is None, row.what
        assert row.recall.value == 0, row.what


def test_a_trace_drawn_with_a_small_chance_weighs_more() -> None:
    truth = {k: TOLD[k] for k in TOLD}
    positive = next(k for k, t in TOLD.items() if t.categories.get("test_gaming"))
    negative = next(k for k, t in TOLD.items() if t.categories.get("test_gaming") is False)
    sample = [Drawn(positive, "a", 1, "seen"), Drawn(negative, "b", 9, "seen")]
    (row, *_) = rows(sample, truth, {k: frozenset({"TG08"}) for k in (positive, negative)})
    assert row.precision.value == pytest.approx(0.1)
