from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitors.classifier import load_classifier, load_model
from monitors.classifier.card import Card, CardHead, from_json, to_json
from monitors.classifier.features import FEATURES_VERSION
from monitors.classifier.saved import save_model, weights_of
from monitors.rules import load_pack
from schemas.canary import CANARY
from schemas.errors import InputError, ModelError
from tests.monitors.classifier.making import monitor_of, sampled, small_fit


def card_of(weights: bytes, **changed: object) -> Card:
    made = monitor_of(small_fit())
    heads = tuple(CardHead(h.behaviour, h.relief, h.slope, h.offset, h.threshold) for h in small_fit().heads)
    card = Card(
        name="made",
        version="1.0.0",
        category="test_gaming",
        features_version=FEATURES_VERSION,
        command="cotmonitor fit",
        teachers=(),
        unlabelled_weight=0.0,
        false_alarms=0.05,
        thresholds_on="samples",
        data_digest="0",
        sources=(),
        heads=heads,
        figures=(),
        probes=made.probes,
        remarks=(),
        libraries=(),
        model_sha256=hashlib.sha256(weights).hexdigest(),
    )
    return replace(card, **changed)  # type: ignore[arg-type]


def saved(folder: Path) -> Path:
    weights = weights_of(small_fit().scale, small_fit().heads)
    save_model(folder / "made", weights, card_of(weights))
    return folder / "made"


def test_what_was_saved_judges_as_what_was_fitted(tmp_path: Path) -> None:
    steps, _, _ = sampled()
    loaded = load_classifier(str(saved(tmp_path)))
    loaded.control()
    assert np.allclose(loaded.scores(steps), monitor_of(small_fit()).scores(steps), atol=1e-6)


def test_the_files_carry_a_canary_and_no_pickle(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "card.md", "model.skops"]
    for name in ("card.json", "card.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert CANARY in text and "Not a training signal" in text
    with zipfile.ZipFile(folder / "model.skops") as archive:
        assert {n.rsplit(".", 1)[1] for n in archive.namelist()} == {"json", "npy"}
        for name in archive.namelist():
            if name.endswith(".npy"):
                np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def rezip(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """The weights with their schema changed, and a card that vouches for them."""
    with zipfile.ZipFile(folder / "model.skops") as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in {**files, "schema.json": json.dumps(schema).encode()}.items():
            archive.writestr(name, body)
    (folder / "model.skops").write_bytes(out.getvalue())
    (folder / "card.json").write_text(to_json(card_of(out.getvalue())))


def strange(schema: dict[str, object]) -> None:
    schema["content"]["scaler"] |= {"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"}  # type: ignore[index]


def unpickled(schema: dict[str, object]) -> None:
    schema["content"]["words"] |= {"__loader__": "ReduceNode"}  # type: ignore[index]


def edited(folder: Path) -> None:
    text = (folder / "card.json").read_text()
    (folder / "card.json").write_text(text.replace('"threshold": ', '"threshold": 0'))


def halved(folder: Path) -> None:
    data = (folder / "model.skops").read_bytes()
    (folder / "model.skops").write_bytes(data[: len(data) // 2])


def of_other_features(folder: Path) -> None:
    weights = (folder / "model.skops").read_bytes()
    (folder / "card.json").write_text(to_json(card_of(weights, features_version=FEATURES_VERSION + 1)))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (edited, "card.json: the card cannot be used"),
        (halved, "model.skops: these are not the weights of which the card tells"),
        (lambda f: (f / "card.json").write_text("[]"), "card.json: the card cannot be used: it is no card"),
        (lambda f: rezip(f, strange), "it names types that nobody reviewed: os.system"),
        (lambda f: rezip(f, unpickled), "it names types that nobody reviewed: numpy.ndarray"),
        (of_other_features, "fitted on features of version"),
        (lambda f: (f / "model.skops").unlink(), "holds no card.json and model.skops"),
    ],
    ids=["card edited", "weights cut", "no card", "strange type", "strange loader", "other features", "no weights"],
)
def test_a_model_that_was_tampered_with_is_one_clear_error(
    tmp_path: Path, harm: Callable[[Path], object], said: str
) -> None:
    folder = saved(tmp_path)
    harm(folder)
    with pytest.raises(ModelError, match=re.escape(said)):
        load_model(str(folder))


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    weights = (folder / "model.skops").read_bytes()
    with pytest.raises(InputError, match="something there already"):
        save_model(folder, weights, card_of(weights))


def test_a_card_reads_as_it_was_written() -> None:
    card = card_of(b"weights")
    assert from_json(to_json(card)) == card


def test_a_pack_is_no_model() -> None:
    assert load_pack("core").name == "core"
    with pytest.raises(ModelError, match="no such model"):
        load_model("core")
