"""The card of a model: what it is, what it was fitted on, how well it does and where it does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from schemas.canary import CANARY
from schemas.digest import digest

CARD_FORMAT = 1
CANARY_LINE = f"{CANARY}:model"
NOT_A_SIGNAL = (
    "Not a training signal: nothing that this model says may reach a reward, a loss, a filter or a choice of training "
    "data. A model that is trained against it learns to think where it does not look."
)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Traces of one source: with a label of their own, taught by another monitor, or presumed to be negative."""

    source: str
    traces: int
    positives: int
    negatives: int
    taught: int
    presumed: int
    left_out: int
    digest: str


@dataclass(frozen=True, slots=True)
class CardFigure:
    """A figure of the model: `what` was measured in which `way`, in words where there is none."""

    way: str
    what: str
    value: float | None
    low: float | None
    high: float | None
    k: int | None
    n: int | None
    why: str | None


@dataclass(frozen=True, slots=True)
class CardHead:
    """What a model looks for, and how its scores are to be read."""

    behaviour: str
    relief: float
    slope: float
    offset: float
    threshold: float


@dataclass(frozen=True, slots=True)
class CardProbe:
    """A probe of our own making, and the margin that each head gave it when the model was fitted."""

    name: str
    margins: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """All that is said of a model beside its weights; `model_sha256` is that of the weights."""

    name: str
    version: str
    category: str
    features_version: int
    command: str
    teachers: tuple[str, ...]
    unlabelled_weight: float
    false_alarms: float
    thresholds_on: str
    data_digest: str
    sources: tuple[SourceRow, ...]
    heads: tuple[CardHead, ...]
    figures: tuple[CardFigure, ...]
    probes: tuple[CardProbe, ...]
    remarks: tuple[str, ...]
    libraries: tuple[str, ...]
    model_sha256: str


def to_json(card: Card) -> str:
    """The card as JSON, with its canary and a digest over all of it."""
    body = {"canary": CANARY_LINE, "format": CARD_FORMAT, "not_a_training_signal": NOT_A_SIGNAL, **asdict(card)}
    return json.dumps({**body, "card_digest": digest(_plain(body))}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> Card:
    """The card that the text holds; raises ValueError, saying why, where it holds none or was changed."""
    body = json.loads(text)
    if not isinstance(body, dict) or body.get("format") != CARD_FORMAT:
        raise ValueError(f"it is no card of format {CARD_FORMAT}")
    told = body.pop("card_digest", None)
    if told != digest(_plain(body)):
        raise ValueError("it was changed after the model was fitted")
    try:
        return Card(**{f.name: _read(f.name, body[f.name]) for f in fields(Card)})
    except (KeyError, TypeError) as error:
        raise ValueError(f"it does not say what a card says ({error})") from None


def to_markdown(card: Card) -> str:
    """The card for people."""
    rows = [
        (s.source, s.traces, s.positives, s.negatives, s.taught, s.presumed, s.left_out, s.digest[:12])
        for s in card.sources
    ]
    figures = [(f.way, f.what, _figure(f)) for f in card.figures]
    heads = [
        (h.behaviour, f"{h.threshold:.4f}", f"{h.relief:.2f}", f"{h.slope:.2f}", f"{h.offset:.2f}") for h in card.heads
    ]
    parts = [
        f"<!-- {CANARY_LINE} -->",
        f"# {card.name} {card.version}: {card.category}",
        NOT_A_SIGNAL,
        *card.remarks,
        "## Fitted on",
        _table(("source", "traces", "positive", "negative", "taught", "presumed negative", "left out", "digest"), rows),
        f"`taught` took the word of {', '.join(card.teachers)}; "
        * bool(card.teachers)
        + f"`presumed negative` have no label and weigh {card.unlabelled_weight:g}. Digest of keys and labels: "
        f"`{card.data_digest}`.",
        "## Looks for",
        _table(("behaviour", "alerts from", "relief", "slope", "offset"), heads),
        card.thresholds_on,
        "## Measured",
        _table(("way", "what", "figure"), figures),
        "## Made by",
        f"```\n{card.command}\n```",
        f"{', '.join(card.libraries)}; features {card.features_version}; SHA-256 of `model.skops`: "
        f"`{card.model_sha256}`.",
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _read(name: str, value: Any) -> Any:
    kinds: dict[str, Any] = {"sources": SourceRow, "heads": CardHead, "figures": CardFigure}
    if name in kinds:
        return tuple(kinds[name](**v) for v in value)
    if name == "probes":
        return tuple(CardProbe(v["name"], tuple(v["margins"])) for v in value)
    return tuple(value) if isinstance(value, list) else value


def _plain(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _figure(f: CardFigure) -> str:
    if f.value is None:
        return f"not measurable: {f.why}"
    counts = f"{f.k:,}/{f.n:,} = " if f.k is not None and f.n is not None else ""
    interval = f" ({f.low:.3f} to {f.high:.3f})" if f.low is not None and f.high is not None else ""
    return f"{counts}{f.value:.3f}{interval}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(f"{c:,}" if isinstance(c, int) else str(c) for c in line) + " |" for line in lines
    )
