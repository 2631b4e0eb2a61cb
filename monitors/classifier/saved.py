"""A model on disk: `model.skops`, `card.json` and `card.md` in a folder. Nothing is ever unpickled.

skops writes weights as arrays and settings as JSON that names the types to be built. Before anything is built, each
name is looked up in REVIEWED; a file that names another, or whose digest is not the card's, is one clear error.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import monitors.models
from monitors.classifier.card import Card, from_json, to_json, to_markdown
from monitors.classifier.features import BUCKETS, DENSE, FEATURES_VERSION
from monitors.classifier.model import Head, Model, Scale
from schemas.digest import digest
from schemas.errors import Fault, InputError, ModelError

WEIGHTS, CARD, PAGE = "model.skops", "card.json", "card.md"
MOST_BYTES = 64 << 20  # unpacked; a model takes a megabyte
# what a model is made of, read by a person: containers and arrays, which run nothing when they are built
REVIEWED = frozenset(
    {
        ("builtins", "dict", "DictNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "str", "JsonNode"),
        ("builtins", "str", "TypeNode"),  # of the keys of a dict
        ("numpy", "ndarray", "NdArrayNode"),
        ("sklearn.linear_model._logistic", "LogisticRegression", "ObjectNode"),
        ("sklearn.preprocessing._data", "StandardScaler", "ObjectNode"),
    }
)
MISSING = "scikit-learn and skops are not installed. Install them with pip install 'cotmonitor[classifier]'."


def find_model(ref: str) -> Path:
    """The folder that a reference means: a model that ships with cotmonitor, by name, or a path."""
    shipped = Path(next(iter(monitors.models.__path__)))
    if ref.isidentifier() and (shipped / ref / CARD).is_file():
        return shipped / ref
    path = Path(ref)
    if (path / CARD).is_file() and (path / WEIGHTS).is_file():
        return path
    names = ", ".join(sorted(p.parent.name for p in shipped.glob(f"*/{CARD}")))
    what = f"the folder holds no {CARD} and {WEIGHTS}" if path.is_dir() else "no such model"
    raise ModelError([Fault(ref, None, what, f"give a folder that `cotmonitor fit` wrote, or one of {names}")])


def load_model(ref: str) -> tuple[Model, Card]:
    """A model and its card; raises ModelError where either was changed, or names a type that nobody reviewed."""
    folder = find_model(ref)
    text, data = (folder / CARD).read_bytes(), (folder / WEIGHTS).read_bytes()
    try:
        card = from_json(text.decode("utf-8"))
    except ValueError as error:
        raise _refused(folder / CARD, f"the card cannot be used: {error}") from None
    if hashlib.sha256(data).hexdigest() != card.model_sha256:
        raise _refused(folder / WEIGHTS, "these are not the weights of which the card tells")
    if card.features_version != FEATURES_VERSION:
        what = f"fitted on features of version {card.features_version}; this program makes version {FEATURES_VERSION}"
        raise _refused(folder / CARD, what)
    try:
        scale, arrays = _arrays(data)
        heads = tuple(
            Head(h.behaviour, *_head(arrays[i]), h.relief, h.slope, h.offset, h.threshold)
            for i, h in enumerate(card.heads)
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise _refused(folder / WEIGHTS, f"it cannot be read as a model: {error}") from None
    return Model(card.name, card.version, card.category, scale, heads, digest(text, data)), card


def weights_of(scale: Scale, heads: tuple[Head, ...]) -> bytes:
    """The bytes of `model.skops`: the same weights give the same bytes."""
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    scaler.mean_, scaler.scale_ = scale.mean, scale.deviation
    regressions = []
    for head in heads:
        regression = LogisticRegression()
        regression.coef_ = np.concatenate([head.dense, head.thought, head.told]).astype(np.float32)[None, :]
        regression.intercept_ = np.array([head.bias], np.float32)
        regressions.append(regression)
    content = {"scaler": scaler, "words": np.stack([scale.thought, scale.told]), "heads": regressions}
    return _canonical(skops.io.dumps(content))


def save_model(folder: Path, weights: bytes, card: Card) -> None:
    """Write the three files; the folder appears whole or not at all. Raises InputError where it exists."""
    if folder.exists():
        raise InputError([Fault(str(folder), None, "there is something there already", "name a folder that is new")])
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (scratch / WEIGHTS).write_bytes(weights)
        (scratch / CARD).write_text(to_json(card), encoding="utf-8")
        (scratch / PAGE).write_text(to_markdown(card), encoding="utf-8")
        scratch.chmod(0o755)
        os.rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _arrays(data: bytes) -> tuple[Scale, list[Any]]:
    """The scale and the regressions in the bytes, once every type that they name is found to be reviewed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES >> 20} MiB")
        schema = json.loads(archive.read("schema.json"))
    strange = sorted({".".join(kind[:2]) for kind in _kinds(schema) if kind not in REVIEWED})
    if strange:
        raise ValueError(f"it names types that nobody reviewed: {', '.join(strange[:5])}")
    try:
        import skops.io
    except ImportError:
        raise ModelError(MISSING) from None
    content = skops.io.loads(data, trusted=[])
    scaler, words = content["scaler"], np.asarray(content["words"], np.float32)
    mean, deviation = np.asarray(scaler.mean_, np.float32), np.asarray(scaler.scale_, np.float32)
    if mean.shape != (DENSE,) or deviation.shape != (DENSE,) or words.shape != (2, BUCKETS):
        raise ValueError("its arrays are not of the sizes that the features have")
    if not all(np.isfinite(a).all() for a in (mean, deviation, words)) or (deviation <= 0).any():
        raise ValueError("it holds weights that are no numbers")
    return Scale(mean, deviation, words[0], words[1]), list(content["heads"])


def _head(regression: Any) -> tuple[Any, Any, Any, float]:
    c = np.asarray(regression.coef_, np.float32)
    if c.shape != (1, DENSE + 2 * BUCKETS) or not np.isfinite(c).all():
        raise ValueError("the weights of a head are not those of the features")
    bias = float(np.asarray(regression.intercept_, np.float64)[0])
    return c[0, :DENSE], c[0, DENSE : DENSE + BUCKETS], c[0, DENSE + BUCKETS :], bias


def _kinds(node: Any) -> Iterator[tuple[str, str, str]]:
    """(module, class, loader) of every object that a skops schema would build."""
    if isinstance(node, dict):
        if "__class__" in node or "__loader__" in node:
            yield str(node.get("__module__")), str(node.get("__class__")), str(node.get("__loader__"))
        for value in node.values():
            yield from _kinds(value)
    elif isinstance(node, list):
        for value in node:
            yield from _kinds(value)


def _canonical(data: bytes) -> bytes:
    """The same archive without what differs from run to run: ids that are addresses in memory, and times."""
    names: dict[str, str] = {}
    ids: dict[int, int] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(v) for v in node]
        if not isinstance(node, dict):
            return node
        found = {k: renamed(v) for k, v in node.items()}
        if isinstance(found.get("__id__"), int):
            found["__id__"] = ids.setdefault(found["__id__"], len(ids))
        if isinstance(found.get("file"), str):
            found["file"] = names.setdefault(found["file"], f"{len(names)}.npy")
        return found

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = renamed(json.loads(archive.read("schema.json")))
        files = {new: archive.read(old) for old, new in names.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in [("schema.json", json.dumps(schema, sort_keys=True).encode()), *sorted(files.items())]:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _refused(path: Path, what: str) -> ModelError:
    return ModelError([Fault(str(path), None, what, "fit it again, or take the model from where it was made")])
