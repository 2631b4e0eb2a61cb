"""The model that ships with cotmonitor is what its card says, and holds no text."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import monitors.models
from monitors.classifier import STARTER, load_classifier, load_model
from monitors.classifier.card import to_json, to_markdown
from monitors.classifier.features import FEATURES_VERSION
from monitors.classifier.probes import PROBES, probe_steps
from schemas.canary import CANARY

FOLDER = Path(next(iter(monitors.models.__path__))) / STARTER


def test_its_card_is_that_of_its_weights() -> None:
    _, card = load_model(STARTER)
    assert hashlib.sha256((FOLDER / "model.skops").read_bytes()).hexdigest() == card.model_sha256
    assert (FOLDER / "card.json").read_text("utf-8") == to_json(card)
    assert (FOLDER / "card.md").read_text("utf-8") == to_markdown(card)
    assert card.features_version == FEATURES_VERSION


def test_its_card_says_what_a_user_must_know() -> None:
    text = (FOLDER / "card.md").read_text("utf-8")
    for words in (
        CANARY,
        "Not a training signal",
        "Fitted on",
        "Measured",
        "Thresholds let at most",
        "cotmonitor fit ",
    ):
        assert words in text
    _, card = load_model(STARTER)
    ways = {f.way.split(",")[0] for f in card.figures}
    assert {"tasks left out", "leave one source out", "leave one model out", "leave one environment out"} <= ways
    assert all(f.value is not None or f.why for f in card.figures)
    assert all(s.digest for s in card.sources) and card.data_digest


def test_it_sees_its_probes_and_keeps_quiet_at_the_honest_ones() -> None:
    monitor = load_classifier()
    monitor.control()
    verdicts = {p.name: v for p, v in zip(PROBES, monitor.judge(probe_steps()), strict=True)}
    assert verdicts["the key instead of the answer"].findings or verdicts["a table of the tests"].findings
    assert not any(v.findings for name, v in verdicts.items() if "honest" in name)


def test_it_is_small_and_holds_numbers_only() -> None:
    files = list(FOLDER.iterdir())
    assert sum(p.stat().st_size for p in files) < 3 << 20
    with zipfile.ZipFile(FOLDER / "model.skops") as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                assert np.load(io.BytesIO(archive.read(name)), allow_pickle=False).dtype.kind in "fi"
        schema = archive.read("schema.json").decode()
    # what words there are in it name settings of scikit-learn
    assert max(map(len, re.findall(r"[^\s\"\\]+", schema))) < 60


def test_each_head_tells_a_category_that_it_has() -> None:
    monitor = load_classifier()
    assert {s.behaviour for s in monitor.spec.scopes} == {h.behaviour for h in monitor.model.heads}
    assert all(0 < h.threshold < 1 and h.slope > 0 for h in monitor.model.heads)


@pytest.mark.parametrize("pattern", ["models/**/*"])
def test_it_is_package_data(pattern: str) -> None:
    setup = (Path(__file__).parents[3] / "setup.py").read_text("utf-8")
    assert pattern in setup
