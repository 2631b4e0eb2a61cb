"""The classifier as something that can be fitted and measured with folds left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.classifier.card import CardProbe
from monitors.classifier.features import rows, stacked
from monitors.classifier.model import Model
from monitors.classifier.monitor import ClassifierMonitor
from monitors.classifier.probes import PROBES, probe_steps
from monitors.classifier.training import Examples, fit
from monitors.fittable import Labelled
from monitors.measure.bootstrap import numbered
from monitors.rules.scan import Batch
from schemas.behaviours import BEHAVIOURS
from schemas.digest import digest

FALSE_ALARMS = 0.004


@dataclass(frozen=True, slots=True)
class Classifier:
    """Fits one head on all that it is given; sources are not known here, so that tasks alone are left out within."""

    name: str = "classifier"

    def fit(self, known: Labelled) -> ClassifierMonitor:
        """The monitor that these traces make. Raises ValueError where there is too little to learn from."""
        behaviour = next(b.id for b in BEHAVIOURS.values() if b.category == known.category)
        positive = np.asarray(known.labels, bool)
        n = len(positive)
        found = stacked(list(rows(Batch(known.steps), range(n))))
        written = np.bincount(found.trace, minlength=n) > 0
        named = tuple(behaviour if p else "" for p in positive)
        examples = Examples(found, named, written.astype(float), numbered(known.groups), ("",) * n, written)
        made = fit(examples, FALSE_ALARMS)
        told = digest(*(head.dense.tobytes() + head.thought.tobytes() + head.told.tobytes() for head in made.heads))
        model = Model("fitted", "1", known.category, made.scale, made.heads, told)
        return ClassifierMonitor(model, probes_of(model))


def probes_of(model: Model) -> tuple[CardProbe, ...]:
    """What a model makes of the probes, to be found again by every worker."""
    weighed = ClassifierMonitor(model, ()).margins(probe_steps())
    return tuple(
        CardProbe(p.name, tuple(round(float(m), 4) for m in got)) for p, got in zip(PROBES, weighed, strict=True)
    )
