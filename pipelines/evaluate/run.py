"""One evaluation from its settings to its report: read, judge, change, judge again, measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitors.fittable import Fittable
from monitors.measure.figure import Floats, Ints
from monitors.measure.variants import Variant, variants
from monitors.monitor import Monitor
from pipelines.evaluate.agreed import agreements
from pipelines.evaluate.corpus import Corpus, Gathering
from pipelines.evaluate.fitted import FITTED, Shown, fitted_results
from pipelines.evaluate.fused import Folds, folds
from pipelines.evaluate.judged import Book, Judged, categories_of, heard
from pipelines.evaluate.measure import measured
from pipelines.evaluate.report import Data, FittedResult, MonitorRow, Report
from pipelines.evaluate.sections import NO_SKLEARN, alert_rates, leakage_of
from pipelines.evaluate.settings import EvaluateSettings
from pipelines.evaluate.stored import StoredWord
from pipelines.inputs import expand
from pipelines.job import load_job
from pipelines.labels.files import read_labels, without_canary
from pipelines.labels.lake import Seen, read_traces
from pipelines.labels.truth import Truth, truths
from pipelines.run import build_monitors
from pipelines.store import Store
from schemas.behaviours import CATEGORIES
from schemas.digest import digest
from schemas.errors import Fault, InputError

Say = Callable[[str], None]
NO_VARIANTS = "traces were not changed, since scores come from the store"


@dataclass(slots=True)
class _Session:
    """What is filled while traces are read: a book for each monitor, and one for each monitor and variant."""

    settings: EvaluateSettings
    monitors: tuple[Monitor, ...]
    stored: StoredWord | None
    changes: tuple[Variant, ...]
    books: dict[str, Book] = field(default_factory=dict)
    changed: dict[tuple[str, str], Book] = field(default_factory=dict)
    shown: list[tuple[Ints, pa.ListArray]] = field(default_factory=list)

    def book(self, monitor: Monitor) -> Book:
        return Book(monitor.spec, categories_of(monitor.spec), self.settings.min_level)

    def judge(self, traces: pa.RecordBatch, rows: Ints, books: dict[str, Book]) -> None:
        """Every monitor's word on a batch of traces."""
        if self.stored is not None:
            keys = traces.column("trace_key").to_pylist()
            for name in self.stored.specs:
                book = books.setdefault(name, self.stored.book(name, self.settings.min_level))
                book.add(rows, self.stored.said(name, keys))
            return
        for monitor in self.monitors:
            book = books.setdefault(monitor.spec.id, self.book(monitor))
            book.add(rows, heard(monitor.judge(traces.column("steps"))))

    def judge_changed(self, traces: pa.RecordBatch, rows: Ints, labelled: Ints) -> None:
        """Every monitor's word on the labelled traces of a batch, in each variant."""
        if not len(labelled):
            return
        steps = traces.column("steps").take(pa.array(labelled))
        if self.settings.fitted:
            self.shown.append((rows[labelled], steps))
        for variant in self.changes:
            other = variant.apply(steps)
            for monitor in self.monitors:
                book = self.changed.setdefault((monitor.spec.id, variant.name), self.book(monitor))
                book.add(rows[labelled], heard(monitor.judge(other)))


def evaluate(
    settings: EvaluateSettings, say: Say = lambda _: None, fittables: Mapping[str, Fittable] = FITTED
) -> Report:
    """Measure monitors against labelled traces. Raises InputError for settings and labels that cannot be used."""
    labelled, remarks = _labels(settings)
    files = expand(settings.traces)
    ordinary_files = expand(settings.calibration) if settings.calibration else []
    session = _session(settings, fittables)
    say(f"reading and judging {len(files):,} files")
    gathering, seen = Gathering(settings, labelled), Seen()
    for traces in read_traces(files, settings.layout, seen):
        rows, inside = gathering.add(traces)
        session.judge(traces, rows, session.books)
        session.judge_changed(traces, rows, inside)
    corpus = gathering.done()
    if not corpus.keys:
        raise InputError("no trace could be read. `cotmonitor traces validate` says why.")
    judged = [book.closed(len(corpus.keys)) for book in session.books.values()]
    fused = folds(judged, corpus)
    whole = judged + ([fused.over(judged)] if fused else [])
    ordinary = _ordinary(session, ordinary_files, frozenset(corpus.keys), fused, say)
    changed = _changed(session, corpus, fused)
    say("looking for leakage")
    leakage, lifted = leakage_of(corpus, settings.replicates, remarks)
    say("measuring")
    results = tuple(
        measured(
            corpus,
            one,
            changed.get(one.monitor, {}),
            category,
            None if ordinary is None else ordinary.scores(one.monitor, category),
            lifted.get(category),
            settings.nightly,
            settings.replicates,
        )
        for category in CATEGORIES
        for one in whole
    )
    fitted = _fitted(session, corpus, fittables, say, remarks)
    if session.stored is not None:
        remarks.append(NO_VARIANTS)
    left_out = ordinary.left_out if ordinary else 0
    keys = ordinary.keys if ordinary else ()
    data = Data(
        digest(*(part for k, t in zip(corpus.keys, corpus.truth, strict=True) for part in (k, _spelt(t)))),
        len(files),
        len(corpus.keys),
        seen.dead,
        seen.replicas,
        len(np.unique(corpus.clusters)),
        _label_counts(corpus),
        len(keys),
        left_out,
        digest(*keys) if ordinary else None,
    )
    rows_of = tuple(_monitor_row(j) for j in whole)
    rates = tuple(r for j in whole for r in alert_rates(j, corpus))
    agreed = tuple(agreements(judged, corpus, settings.replicates))
    return Report(_told(settings), data, rows_of, results, rates, leakage, fitted, tuple(remarks), agreed)


def _labels(settings: EvaluateSettings) -> tuple[dict[str, Truth] | None, list[str]]:
    remarks: list[str] = []
    if not settings.labels:
        if settings.label_column is None:
            raise InputError("nothing says which traces are positive. Give --labels FILE or --label-column NAME.")
        return None, remarks
    labels = [label for path in settings.labels for label in read_labels(path)]
    if bare := without_canary(labels):
        what = "label rows carry no canary; `cotmonitor labels import` gives them one"
        remarks.append(f"{bare:,} {what}")
    return truths(labels), remarks


def _session(settings: EvaluateSettings, fittables: Mapping[str, Fittable]) -> _Session:
    """Monitors loaded and their positive controls passed, and every name in the settings known."""
    faults = [
        Fault("--fitted", None, f"nothing is called {name!r}", f"use {', '.join(fittables)}")
        for name in settings.fitted
        if name not in fittables
    ]
    known = variants(settings.mask)
    wanted = tuple(known) if settings.variants is None else settings.variants
    faults += [
        Fault("--variants", None, f"no variant {name!r}", f"use none, all, {', '.join(known)}")
        for name in wanted
        if name not in known
    ]
    columns = ("source", "environment", "model", "reasoning length", *settings.group_by)
    if settings.fitted and settings.leave_out not in columns:
        todo = f"use {', '.join(columns)}, or name it with --group-by too"
        faults.append(Fault("--leave-out", None, f"figures are not told apart by {settings.leave_out!r}", todo))
    if faults:
        raise InputError(faults)
    if settings.store is not None:
        return _Session(settings, (), StoredWord(Store.open(settings.store), settings.monitors), ())
    overrides = {"traces": settings.traces, "store": "unused", "monitors": settings.monitors, "excerpt_chars": 0}
    monitors = build_monitors(load_job(None, overrides))
    for monitor in monitors:
        monitor.control()
    return _Session(settings, monitors, None, tuple(known[name] for name in wanted))


@dataclass(frozen=True, slots=True)
class _Ordinary:
    """What monitors said of ordinary traffic."""

    judged: tuple[Judged, ...]
    keys: tuple[str, ...]
    left_out: int

    def scores(self, monitor: str, category: str) -> Floats:
        found = next((j.score[category] for j in self.judged if j.monitor == monitor), np.zeros(0))
        return found[~np.isnan(found)]


def _ordinary(
    session: _Session, files: Sequence[str], measured_keys: frozenset[str], fused: Folds | None, say: Say
) -> _Ordinary | None:
    """Separate traffic judged, but for traces that are measured, too."""
    if not files:
        return None
    say(f"judging ordinary traffic in {len(files):,} files")
    books: dict[str, Book] = {}
    keys: list[str] = []
    left_out = 0
    for traces in read_traces(files, session.settings.layout, Seen()):
        stay = [key not in measured_keys for key in traces.column("trace_key").to_pylist()]
        left_out += stay.count(False)
        apart = traces.filter(pa.array(stay))
        if len(apart):
            rows = np.arange(len(keys), len(keys) + len(apart))
            keys += apart.column("trace_key").to_pylist()
            session.judge(apart, rows, books)
    judged = [book.closed(len(keys)) for book in books.values()]
    if fused and judged:
        judged.append(fused.elsewhere(judged))
    return _Ordinary(tuple(judged), tuple(keys), left_out)


def _changed(session: _Session, corpus: Corpus, fused: Folds | None) -> dict[str, dict[str, tuple[str, Judged]]]:
    """monitor -> variant -> its meaning and the word on it, all monitors together included."""
    found: dict[str, dict[str, tuple[str, Judged]]] = {}
    for variant in session.changes:
        said = [b.closed(len(corpus.keys)) for (_, name), b in session.changed.items() if name == variant.name]
        for one in said + ([fused.over(said)] if fused and said else []):
            found.setdefault(one.monitor, {})[variant.name] = (variant.meaning, one)
    return found


def _fitted(
    session: _Session, corpus: Corpus, fittables: Mapping[str, Fittable], say: Say, remarks: list[str]
) -> tuple[FittedResult, ...]:
    if not session.settings.fitted or not session.shown:
        return ()
    shown = Shown(
        np.concatenate([rows for rows, _ in session.shown]), pa.concat_arrays([steps for _, steps in session.shown])
    )
    found: list[FittedResult] = []
    settings = session.settings
    for name in settings.fitted:
        for category in CATEGORIES:
            if not corpus.answers(category)[1].any():
                continue
            say(f"fitting {name} for {category}")
            try:
                found += fitted_results(
                    name,
                    fittables[name],
                    corpus,
                    shown,
                    category,
                    settings.leave_out,
                    settings.nightly,
                    settings.replicates,
                )
            except ImportError:
                remarks.append(f"{name} was not fitted: {NO_SKLEARN}")
    return tuple(found)


def _monitor_row(judged: Judged) -> MonitorRow:
    alerted = int(np.logical_or.reduce([judged.alerted[c] for c in CATEGORIES]).sum())
    return MonitorRow(judged.monitor, judged.version, judged.digest, judged.categories, alerted, judged.unseen)


def _label_counts(corpus: Corpus) -> dict[str, int]:
    counts = Counter[str]()
    for truth in corpus.truth:
        counts.update(f"{c} {str(v).lower()}" for c, v in truth.categories.items())
        counts.update(f"{c} unsure" for c in truth.unsure)
        counts["no label"] += not truth.categories and not truth.unsure
    return dict(sorted(counts.items()))


def _spelt(truth: Truth) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted({**truth.categories, **truth.behaviours}.items()))


def _told(settings: EvaluateSettings) -> dict[str, object]:
    """The settings as a report shows them: names of files, not where they lie."""
    told: dict[str, object] = {
        name: getattr(settings, name) for name in EvaluateSettings.__slots__ if name not in ("layout", "meanings")
    }
    told["labels"] = [Path(p).name for p in settings.labels]
    told["layout"] = settings.layout.layout
    told["map"] = dict(settings.layout.rename)
    return told
