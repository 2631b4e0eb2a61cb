"""The figures of a card: what the model did to traces that it had not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitors.classifier.card import CardFigure
from monitors.classifier.training import Fitted, left_out
from monitors.measure.bootstrap import resampled
from monitors.measure.figure import Bools, Figure, Floats, absent, share
from monitors.measure.operating import NEEDED, operating_point, percent
from monitors.measure.ranking import Ranked
from pipelines.fit.gather import PRESUMED, SURE, TAUGHT, Gathered

TASKS = "tasks left out"
SOURCE = "its source left out"
NIGHTLY = 100_000


def figures(gathered: Gathered, fitted: Fitted, leave_out: tuple[str, ...], replicates: int) -> tuple[CardFigure, ...]:
    """Every figure, in the order of the card."""
    held = fitted.held
    found = list(_way(gathered, fitted, TASKS, held.task, replicates))
    found += _way(gathered, fitted, "leave one source out", held.source, replicates)
    for column in leave_out:
        if column == "source":
            continue
        values = [f"{s}\0{v}" for s, v in zip(gathered.columns["source"], gathered.columns[column], strict=True)]
        out = left_out(gathered.examples, fitted, values, _mixed(gathered)[1])
        found += _way(gathered, fitted, f"leave one {column} out", out, replicates)
    return (*found, *_by_source(gathered, fitted))


def _way(gathered: Gathered, fitted: Fitted, way: str, by_head: Floats, replicates: int) -> Iterator[CardFigure]:
    """Labelled traces of the sources that have both, pooled; scores by heads that had not seen the trace's like."""
    examples = gathered.examples
    truth = examples.positive()
    mixed, inside = _mixed(gathered)
    inside &= examples.sure
    value, alerted = _highest(by_head), _alerted(fitted, by_head)
    seen = inside & ~np.isnan(value)
    said = f"{way}, {', '.join(sorted(mixed))}"
    if not mixed or len(np.unique(truth[seen])) < 2:
        yield _told(said, "AUROC", absent("without what was left out, positives or negatives are missing"))
        return
    clusters = examples.group[seen]
    ranked = Ranked(truth[seen], value[seen])
    yield _told(said, "AUROC", resampled(ranked.auroc, clusters, "no pair to compare", replicates))
    for target in sorted(NEEDED, reverse=True):
        point = operating_point(target, value[seen], truth[seen], clusters, None, NIGHTLY, replicates)
        if point.refused is None:
            yield _told(said, f"caught at {percent(target)} false positives", point.tpr)
            yield _told(said, f"false positives at that cut (aimed at {percent(target)})", point.fpr)
    yield _told(said, "caught at the model's threshold", _share(alerted, seen & truth, "positives"))
    yield _told(said, "false alarms at the model's threshold", _share(alerted, seen & ~truth, "negatives"))


def _mixed(gathered: Gathered) -> tuple[set[str], Bools]:
    """The sources that have labelled positives, and which traces are theirs."""
    examples = gathered.examples
    pairs = zip(examples.source, examples.positive(), examples.sure, strict=True)
    mixed = {source for source, positive, sure in pairs if positive and sure}
    return mixed, np.array([s in mixed for s in examples.source], bool)


def _by_source(gathered: Gathered, fitted: Fitted) -> Iterator[CardFigure]:
    examples, held = gathered.examples, fitted.held
    basis, source = np.array(gathered.basis), np.array(examples.source)
    negative = ~examples.positive()
    kinds = ((SURE, negative, "labelled negatives alerted"), (PRESUMED, negative, "traces without a label alerted"))
    for name in sorted(set(examples.source)):
        for ground, rows, what in (*kinds, (TAUGHT, ~negative, "taught positives alerted")):
            inside = (source == name) & (basis == ground) & rows
            for way, by_head in ((TASKS, held.task), (SOURCE, held.source)):
                seen = inside & ~np.isnan(_highest(by_head))
                if seen.any():
                    yield _told(f"{way}, {name}", what, _share(_alerted(fitted, by_head), seen, "traces"))


def _highest(by_head: Floats) -> Floats:
    """The highest score of each trace; NaN where no head could be asked."""
    found = np.where(np.isnan(by_head), -1.0, by_head).max(axis=1)
    return np.where(found < 0, np.nan, found)


def _alerted(fitted: Fitted, by_head: Floats) -> Bools:
    thresholds = np.array([h.threshold for h in fitted.heads])
    return np.asarray((np.where(np.isnan(by_head), -1.0, by_head) >= thresholds).any(axis=1), bool)


def _share(flags: Bools, rows: Bools, of: str) -> Figure:
    return share(int(flags[rows].sum()), int(rows.sum()), of)


def _told(way: str, what: str, f: Figure) -> CardFigure:
    def short(value: float | None) -> float | None:
        return None if value is None else round(float(value), 4)

    return CardFigure(way, what, short(f.value), short(f.low), short(f.high), f.k, f.n, f.why)
