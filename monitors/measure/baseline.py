"""The plain text classifier that any other must beat: words, weighted, and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.fittable import Labelled
from monitors.measure.variants import OWN, kept
from monitors.monitor import MonitorSpec, Scope, Verdict
from schemas.behaviours import BEHAVIOURS
from schemas.digest import digest

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MAX_CHARS = 20_000  # of a text, from its beginning; the rest of a longer one is not read
MAX_FEATURES = 50_000


def text_model() -> Pipeline:
    """TF-IDF over words, and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(min_df=2, sublinear_tf=True, max_features=MAX_FEATURES)
    return make_pipeline(words, LogisticRegression(C=10, max_iter=300, class_weight="balanced", solver="liblinear"))


@dataclass(frozen=True, slots=True)
class TfidfMonitor:
    """A fitted baseline as a monitor. It is made to be measured and is never saved."""

    model: Any
    category: str
    fitted_on: str

    @property
    def spec(self) -> MonitorSpec:
        scopes = tuple(Scope(b.id, OWN) for b in BEHAVIOURS.values() if b.category == self.category)
        return MonitorSpec("tfidf", "1", digest("tfidf", 1, self.category, self.fitted_on), scopes)

    def control(self) -> None:
        """There is nothing that it must see."""

    def judge(self, steps: pa.ListArray) -> Sequence[Verdict]:
        """A score for each trace in which the model wrote anything."""
        texts = written(steps)
        scores = self.model.predict_proba(texts)[:, 1] if texts else np.zeros(0)
        return [
            Verdict("assessed", None, OWN, float(score), (), ((self.category, float(score)),))
            if text
            else Verdict("not_assessed", "no_reasoning", (), None)
            for text, score in zip(texts, scores, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class TfidfBaseline:
    """Fits the baseline; all that it is given is used."""

    name: str = "tfidf"

    def fit(self, known: Labelled) -> TfidfMonitor:
        """The baseline that these traces make. Raises ValueError where they hold one class or no word twice."""
        texts = written(known.steps)
        model = text_model().fit(texts, np.asarray(known.labels, bool))
        return TfidfMonitor(model, known.category, digest(*texts, *map(int, known.labels)))


def written(steps: pa.ListArray) -> list[str]:
    """What the model itself wrote in each trace, up to MAX_CHARS."""
    own = kept(steps, OWN)
    texts = pc.fill_null(pc.utf8_slice_codeunits(pc.struct_field(own.flatten(), "text"), 0, MAX_CHARS), "").to_pylist()
    ends = own.offsets.to_pylist()
    return ["\n".join(texts[a:b])[:MAX_CHARS].strip() for a, b in pairwise(ends)]
