"""The classifier as a monitor: a calibrated score for every trace, and alerts where it is sure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from monitors.classifier.card import CardProbe
from monitors.classifier.features import FEATURES_VERSION, Row, rows, stacked
from monitors.classifier.model import Head, Model, margins, score
from monitors.classifier.probes import PROBES, probe_steps
from monitors.classifier.spans import strongest
from monitors.classifier.windows import OWN
from monitors.monitor import Finding, MonitorSpec, Scope, Verdict
from monitors.rules.scan import Batch
from schemas.digest import digest
from schemas.errors import ControlMissed
from schemas.trace import CHANNELS

CLASSIFIER_VERSION = 1  # part of the digest: raise it when a change may alter what the monitor says
AT_ONCE = 256  # windows that are weighed together: 4 MB of text at most, however long a trace is
DRIFT = 0.01  # by which a probe's margin may differ from the card's: sums are rounded differently elsewhere
SURE = 0.9  # from which score on an alert is of medium level


@dataclass(frozen=True, slots=True)
class ClassifierSettings:
    """What may be set: how much of a span is quoted, and from which score on to alert (0: where the card says)."""

    excerpt_chars: int = 200
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class _Highest:
    """A trace's highest margin by each head, the window it was in, and how many windows there are."""

    margin: Any
    window: Any
    windows: int


class ClassifierMonitor:
    """Judges batches with a fitted model, which travels with it as arrays: a worker needs neither file nor sklearn."""

    def __init__(
        self, model: Model, probes: Sequence[CardProbe], settings: ClassifierSettings = ClassifierSettings()
    ) -> None:
        self.model = model
        self.probes = tuple(probes)
        self.settings = settings

    @property
    def spec(self) -> MonitorSpec:
        scopes = tuple(Scope(b, OWN) for b in sorted({h.behaviour for h in self.model.heads}))
        settings = json.dumps(astuple(self.settings))
        parts = ("classifier", CLASSIFIER_VERSION, FEATURES_VERSION, self.model.digest, settings)
        return MonitorSpec(f"classifier.{self.model.name}", self.model.version, digest(*parts), scopes)

    def control(self) -> None:
        """Judge the probes, and get what the card says; raises `ControlMissed`."""
        found = self.margins(probe_steps())
        told = {p.name: p.margins for p in self.probes}
        missed = [
            f"{probe.name}: weighed {np.round(got, 4).tolist()}, and its card says {list(told.get(probe.name, ()))}"
            for probe, got in zip(PROBES, found, strict=True)
            if len(told.get(probe.name, ())) != len(got) or np.abs(got - np.array(told[probe.name])).max() > DRIFT
        ]
        if missed:
            said = "\n".join(missed)
            raise ControlMissed(
                f"{self.spec.id} misses its positive control, so nothing it says can be believed:\n{said}"
            )

    def margins(self, steps: pa.ListArray) -> Any:
        """The highest margin of each trace by each head (n, heads); NaN for one in which the model wrote nothing."""
        batch = Batch(steps)
        found = np.full((batch.rows, len(self.model.heads)), np.nan)
        for row, highest in self._highest(batch).items():
            found[row] = highest.margin
        return found

    def scores(self, steps: pa.ListArray) -> Any:
        """The score of each trace by each head (n, heads); NaN for a trace in which the model wrote nothing."""
        batch = Batch(steps)
        found = np.full((batch.rows, len(self.model.heads)), np.nan)
        for row, highest in self._highest(batch).items():
            found[row] = self._scored(highest)
        return found

    def judge(self, steps: pa.ListArray) -> Sequence[Verdict]:
        """One verdict per trace, in order."""
        batch = Batch(steps)
        highest = self._highest(batch)
        return [self._verdict(batch, row, highest.get(row)) for row in range(batch.rows)]

    def _highest(self, batch: Batch) -> dict[int, _Highest]:
        """The traces that have windows, and what their highest gave."""
        found: dict[int, _Highest] = {}
        for group in _grouped(rows(batch, range(batch.rows))):
            weighed = margins(self.model.scale, self.model.heads, stacked(group))
            for row, margin in zip(group, weighed, strict=True):
                before = found.get(row.trace)
                if before is None:
                    found[row.trace] = _Highest(margin, np.full(len(margin), row.window), 1)
                    continue
                more = margin > before.margin
                found[row.trace] = _Highest(
                    np.where(more, margin, before.margin), np.where(more, row.window, before.window), before.windows + 1
                )
        return found

    def _scored(self, highest: _Highest) -> Any:
        pairs = zip(self.model.heads, highest.margin, strict=True)
        return np.array([score(h, m, highest.windows) for h, m in pairs])

    def _threshold(self, head: Head) -> float:
        return self.settings.threshold or head.threshold

    def _verdict(self, batch: Batch, row: int, highest: _Highest | None) -> Verdict:
        texts, channels = batch.texts_of(row), batch.channels_of(row)
        with_text = {c for c, t in zip(channels, texts, strict=True) if len(t)}
        unseen = None if "reasoning" in with_text else self._withheld(batch, row)
        if highest is None:
            return Verdict("not_assessed", unseen or "no_reasoning", (), None)
        scores = self._scored(highest)
        top = float(scores.max())
        findings = [
            self._finding(head, float(s), int(window), texts, channels)
            for head, s, window in zip(self.model.heads, scores, highest.window, strict=True)
            if s >= self._threshold(head)
        ]
        looked = tuple(c for c in CHANNELS if c in with_text and c in OWN)
        by_category = ((self.model.category, top),)
        return Verdict("assessed", unseen, looked, top, tuple(findings), by_category)

    def _withheld(self, batch: Batch, row: int) -> str:
        a, b = int(batch.offsets[row]), int(batch.offsets[row + 1])
        withheld = batch.redacted[a:b] & ~batch.readable[a:b]
        return "redacted" if withheld.any() else "no_reasoning"

    def _finding(
        self, head: Head, value: float, window: int, texts: Sequence[memoryview], channels: Sequence[str]
    ) -> Finding:
        evidence = strongest(self.model, head, window, texts, channels, self.settings.excerpt_chars)
        return Finding(
            behaviour=head.behaviour,
            category=self.model.category,
            rules=(f"classifier.{self.model.name}.{head.behaviour}",),
            stance="unclear",
            sanctioned="none",
            level="medium" if value >= SURE else "low",
            score=value,
            threshold=self._threshold(head),
            channel=channels[evidence.step],
            evidence=(evidence,),
            rationale=f"{self.model.name} {self.model.version}: like what it was fitted on as {head.behaviour}, by "
            "words and by how prompt, reasoning and answer stand to each other; quoted is what weighs most",
        )


def _grouped(found: Iterator[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in found:
        group.append(row)
        if len(group) == AT_ONCE:
            yield group
            group = []
    if group:
        yield group
