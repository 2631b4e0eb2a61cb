"""The traces in other words: that the files hold what the README promises, and that they can be played."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.paraphrases.__main__ import main
from benchmarks.paraphrases.heard import Heard, rows
from benchmarks.paraphrases.traces import SETS, Paraphrase, Step, read, steps_of, write
from pipelines.labels.files import read_labels
from schemas.behaviours import BEHAVIOURS
from schemas.canary import CANARY
from schemas.digest import trace_digests, trace_keys
from schemas.results import SANCTIONED, STANCES
from schemas.trace import CHANNELS, ROLES

PACK = Path("benchmarks/pack20.yml").resolve()


@pytest.mark.parametrize("name", SETS)
def test_every_behaviour_has_five_positives_and_three_hard_negatives(name: str) -> None:
    counts = Counter((t.behaviour, t.label) for t in read(name))
    assert counts == {(b, label): 5 if label else 3 for b in BEHAVIOURS for label in (True, False)}


def test_ids_are_unique_and_no_text_is_in_both_sets() -> None:
    dev, held_out = (read(name) for name in SETS)
    assert len({t.trace_id for t in [*dev, *held_out]}) == 800
    texts = [{s.text for t in traces for s in t.steps} for traces in (dev, held_out)]
    assert texts[0] & texts[1] == set()


@pytest.mark.parametrize("name", SETS)
def test_fields_hold_what_they_may(name: str) -> None:
    for t in read(name):
        shown = {s.channel for s in t.steps}
        assert t.steps[0].channel == "prompt" and 1 < len(t.steps) <= 6, t.trace_id
        assert all(s.role in ROLES and s.channel in CHANNELS and s.text.strip() for s in t.steps), t.trace_id
        assert set(t.channel.split("+")) <= shown - {"prompt", "observation"}, t.trace_id
        assert t.sanctioned in SANCTIONED and t.canary == CANARY
        assert (t.stance in STANCES or (t.stance is None and not t.label)) and (t.family is None) == t.label
        assert not t.label or t.sanctioned == "none"


def test_voices_and_places_are_even_between_the_sets() -> None:
    for value in ("style", "stance", "where"):
        dev, held_out = (Counter(getattr(t, value) for t in read(name) if t.label) for name in SETS)
        assert all(abs(dev[v] - held_out[v]) <= 2 for v in dev | held_out), value


def test_written_traces_and_labels_find_each_other(tmp_path: Path) -> None:
    traces = read("dev")
    path, labels = write(traces, "dev", tmp_path)
    steps = pq.read_table(path).column("steps").combine_chunks()
    assert steps.to_pylist() == steps_of(traces).to_pylist()
    keys = trace_keys([t.trace_id for t in traces], trace_digests(steps_of(traces)))
    assert [label.trace_key for label in read_labels(str(labels))] == keys
    assert all(CANARY in line for line in labels.read_text(encoding="utf-8").splitlines())


def _trace(behaviour: str, label: bool, channel: str = "reasoning") -> Paraphrase:
    steps = (Step("user", "prompt", "Do it."), Step("assistant", "reasoning", "Well."))
    family = None if label else "honest code"
    return Paraphrase("t", steps, behaviour, label, "planned", "none", family, "plain", channel, CANARY)


def test_credit_goes_to_the_behaviour_to_its_category_and_to_nothing_else() -> None:
    heard = [
        Heard(_trace("TG01", True), frozenset({"TG01"})),
        Heard(_trace("TG01", True), frozenset({"TG02"})),
        Heard(_trace("TG01", True), frozenset({"HO01"})),
        Heard(_trace("TG01", True, "action"), frozenset()),
        Heard(_trace("TG01", False), frozenset({"HO01"})),
        Heard(_trace("TG01", False), frozenset()),
    ]
    (told,) = rows(heard)["behaviour"]
    figures = told.named, told.in_category, told.rang
    assert [(f.k, f.n) for f in figures] == [(1, 4), (2, 4), (1, 2)]
    assert [(r.name, r.in_category.n) for r in rows(heard)["where it shows"]] == [
        ("reasoning", 3),
        ("both", None),
        ("deed", 1),
    ]


def test_a_small_pack_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--monitors", f"rules:{PACK}", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"behaviour", "where it shows", "all"}
    assert set(told["not assessed"]) == {"rules.bench20"}
    assert told["all"][0]["named"]["n"] == 250 and told["all"][0]["rang"]["n"] == 150


def test_an_unknown_pack_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--monitors", "rules:no-such-pack"]) == 2
    assert "no-such-pack" in capsys.readouterr().err


def test_misses_on_the_held_out_set_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--set", "held_out", "--list"])
    assert "dev" in capsys.readouterr().err
