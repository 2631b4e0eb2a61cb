"""Figures on the labelled set itself, whatever the monitor: what tells its labels, and who is woken by which source."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitors.measure.figure import Ints, share
from monitors.measure.leakage import NAMES, Probe, probes
from monitors.measure.one_regex import one_regex_ceiling
from pipelines.evaluate.corpus import Corpus
from pipelines.evaluate.judged import Judged
from pipelines.evaluate.measure import LIFTED_OVER
from pipelines.evaluate.report import AlertRate, Leakage, ProbeResult
from pipelines.labels.truth import Truth
from schemas.behaviours import CATEGORIES

NO_SKLEARN = "scikit-learn is not installed: pip install 'cotmonitor[classifier]'"


def leakage_of(
    corpus: Corpus, replicates: int, remarks: list[str]
) -> tuple[tuple[Leakage, ...], dict[str, tuple[Ints, Probe]]]:
    """The probes of each category, and the one that lift is taken over."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        remarks.append(f"no leakage check: {NO_SKLEARN}")
        return (), {}
    found: list[Leakage] = []
    lifted: dict[str, tuple[Ints, Probe]] = {}
    for category in CATEGORIES:
        known, positive = corpus.answers(category)
        rows = np.array([i for i in np.flatnonzero(known) if int(i) in corpus.texts], np.int64)
        if not len(rows):
            continue
        if len(rows) < int(known.sum()):
            remarks.append(f"{category}: leakage was looked for in {len(rows):,} of {int(known.sum()):,} traces")
        done = probes(corpus.clues(rows), positive[rows], corpus.clusters[rows], replicates)
        own = [corpus.texts[int(i)].own for i in rows]
        ceilings = one_regex_ceiling(own, positive[rows], corpus.clusters[rows])
        remarks += [
            f"{category}: the {p.clue} alone tells the label, AUROC {p.auroc}: read figures by part, not pooled"
            for p in done
            if p.clue in NAMES and p.verdict == "leaks"
        ]
        told = tuple(ProbeResult(p.clue, p.auroc, p.verdict) for p in done)
        found.append(Leakage(category, len(rows), told, ceilings))
        lifted[category] = (rows, next(p for p in done if p.clue == LIFTED_OVER))
    return tuple(found), lifted


def alert_rates(judged: Judged, corpus: Corpus) -> Iterator[AlertRate]:
    """By source and by what is held true: positive of some category, benign, or neither known."""
    any_alert = np.logical_or.reduce([judged.alerted[c] for c in CATEGORIES])
    kinds = np.array([_kind(t) for t in corpus.truth], object)
    sources = np.array(corpus.groups["source"], object)
    for source in sorted(set(sources.tolist())):
        for kind in ("positive", "benign", "unknown"):
            inside = (sources == source) & (kinds == kind)
            if not inside.any():
                continue
            seen = inside & judged.assessed
            alerted = share(int(any_alert[seen].sum()), int(seen.sum()), "assessed traces")
            yield AlertRate(judged.monitor, source, kind, alerted, int((inside & ~judged.assessed).sum()))


def _kind(truth: Truth) -> str:
    told = set(truth.categories.values())
    return "positive" if True in told else "benign" if told else "unknown"
