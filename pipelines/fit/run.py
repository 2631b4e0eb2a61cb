"""One fit from its settings to its card."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitors.classifier.card import Card, CardHead, SourceRow
from monitors.classifier.features import FEATURES_VERSION
from monitors.classifier.fitting import probes_of
from monitors.classifier.model import Model
from monitors.classifier.monitor import ClassifierMonitor
from monitors.classifier.probes import PROBES, probe_steps
from monitors.classifier.saved import weights_of
from monitors.classifier.training import Fitted, fit
from monitors.monitor import Monitor
from pipelines.fit.figures import figures
from pipelines.fit.gather import PRESUMED, SURE, TAUGHT, Gathered, Gathering, ordinary_rows
from pipelines.fit.settings import FitSettings
from pipelines.inputs import expand
from pipelines.job import load_job
from pipelines.labels.files import read_labels
from pipelines.labels.lake import Seen, read_traces
from pipelines.labels.truth import truths
from pipelines.run import build_monitors
from schemas.digest import digest
from schemas.errors import InputError

Say = Callable[[str], None]
LIBRARIES = ("scikit-learn", "skops", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class Made:
    """A model as the bytes of its weights, and its card."""

    weights: bytes
    card: Card


def gather(settings: FitSettings, say: Say = lambda _: None) -> Gathered:
    """Read what is to be fitted on. Raises InputError for settings and labels that cannot be used."""
    files = expand(settings.traces)
    labels = [label for path in settings.labels for label in read_labels(path)]
    if not settings.labels and settings.label_column is None:
        raise InputError("nothing says which traces are positive. Give --labels FILE or --label-column NAME.")
    gathering = Gathering(settings, truths(labels) if settings.labels else None, _teachers(settings.teachers))
    say(f"reading {len(files):,} files")
    for traces in read_traces(files, settings.layout, Seen()):
        gathering.add(traces)
    return gathering.done()


def fitted(settings: FitSettings, gathered: Gathered, say: Say = lambda _: None) -> Made:
    """The model that the traces make; the same traces and settings make the same bytes.

    Raises InputError where there is too little to learn from.
    """
    examples = gathered.examples
    ordinary = _ordinary(settings, frozenset(gathered.keys), say)
    say(f"fitting on {int((examples.weight > 0).sum()):,} traces, {len(examples.rows.trace):,} windows")
    try:
        result = fit(examples, settings.false_alarms, ordinary_rows(ordinary) if ordinary else None)
    except ValueError as error:
        raise InputError(f"nothing can be fitted: {error}.") from None
    say("measuring")
    told = figures(gathered, result, settings.leave_out, settings.replicates)
    weights = weights_of(result.scale, result.heads)
    model = Model(settings.name, settings.version, settings.category, result.scale, result.heads, "")
    scores = ClassifierMonitor(model, ()).scores(probe_steps())
    thresholds = np.array([h.threshold for h in result.heads])
    seen = [p.name for p, s in zip(PROBES, scores, strict=True) if (s >= thresholds).any()]
    card = Card(
        name=settings.name,
        version=settings.version,
        category=settings.category,
        features_version=FEATURES_VERSION,
        command=command_line(settings),
        teachers=settings.teachers,
        unlabelled_weight=settings.unlabelled_weight,
        false_alarms=settings.false_alarms,
        thresholds_on=_rationale(settings, sum(map(len, ordinary))),
        data_digest=_data_digest(gathered, np.ones(len(examples), bool)),
        sources=_sources(gathered),
        heads=tuple(CardHead(h.behaviour, h.relief, h.slope, h.offset, h.threshold) for h in result.heads),
        figures=told,
        probes=probes_of(model),
        remarks=(*settings.notes, *_remarks(settings, result, gathered, seen)),
        libraries=tuple(f"{name} {version(name)}" for name in LIBRARIES),
        model_sha256=hashlib.sha256(weights).hexdigest(),
    )
    return Made(weights, card)


def command_line(settings: FitSettings) -> str:
    """The command that makes the model again, with the names of files but not where they lie."""
    s, plain = settings, FitSettings((), "", "")
    told: list[str] = ["cotmonitor", "fit"]
    told += [w for t in s.traces for w in ("--traces", Path(t).name)]
    told += [w for t in s.labels for w in ("--labels", Path(t).name)]
    told += ["--label-column", s.label_column] if s.label_column else []
    own = [f"{k}={v}" for k, v in s.meanings.items() if k != v]
    told += ["--label-map", ",".join(own)] if own else []
    told += ["--category", s.category, "--name", s.name, "--model-version", s.version]
    told += ["--behaviour", s.behaviour] if s.behaviour else []
    told += [w for t in s.teachers for w in ("--teacher", t)]
    told += ["--unlabelled-weight", f"{s.unlabelled_weight:g}"] if s.unlabelled_weight else []
    told += ["--group-by", s.group_by] if s.group_by else []
    told += ["--group-pattern", s.group_pattern] if s.group_pattern else []
    told += ["--source-column", s.source_column] if s.source_column else []
    told += [w for c in s.leave_out for w in ("--leave-out", c)]
    told += [w for t in s.ordinary for w in ("--ordinary", Path(t).name)]
    told += ["--false-alarms", f"{s.false_alarms:g}"] if s.false_alarms != plain.false_alarms else []
    return shlex.join(told)


def _teachers(names: Sequence[str]) -> tuple[Monitor, ...]:
    if not names:
        return ()
    monitors = build_monitors(load_job(None, {"traces": ("-",), "store": "-", "monitors": tuple(names)}))
    for monitor in monitors:
        monitor.control()
    return monitors


def _ordinary(settings: FitSettings, fitted_on: frozenset[str], say: Say) -> list[pa.RecordBatch]:
    """Ordinary traffic, but for traces that are fitted on."""
    if not settings.ordinary:
        return []
    files = expand(settings.ordinary)
    say(f"reading ordinary traffic in {len(files):,} files")
    found = []
    for traces in read_traces(files, settings.layout, Seen()):
        apart = traces.filter(pa.array([k not in fitted_on for k in traces.column("trace_key").to_pylist()]))
        found += [apart] if len(apart) else []
    if not found:
        raise InputError("--ordinary: every trace is one that is fitted on. Give other traffic.")
    return found


def _sources(gathered: Gathered) -> tuple[SourceRow, ...]:
    examples, basis = gathered.examples, np.array(gathered.basis)
    positive, source = examples.positive(), np.array(examples.source)
    used = examples.weight > 0
    found = []
    for name in sorted(set(examples.source)):
        inside = source == name
        ground = {b: used & inside & (basis == b) for b in (SURE, TAUGHT, PRESUMED)}
        found.append(
            SourceRow(
                source=name,
                traces=int(inside.sum()),
                positives=int((ground[SURE] & positive).sum()),
                negatives=int((ground[SURE] & ~positive).sum()),
                taught=int(ground[TAUGHT].sum()),
                presumed=int(ground[PRESUMED].sum()),
                left_out=int((inside & ~used).sum()),
                digest=_data_digest(gathered, inside),
            )
        )
    return tuple(found)


def _data_digest(gathered: Gathered, inside: np.ndarray) -> str:
    lines = sorted(
        f"{key}:{basis}:{behaviour}"
        for key, basis, behaviour, yes in zip(
            gathered.keys, gathered.basis, gathered.examples.behaviour, inside, strict=True
        )
        if yes
    )
    return digest(*lines)


def _rationale(settings: FitSettings, ordinary: int) -> str:
    share = f"{settings.false_alarms * 100:g} %"
    if ordinary:
        return f"Thresholds let at most {share} of {ordinary:,} ordinary traces through, none of which was fitted on."
    return (
        f"Thresholds let at most {share} of the negatives of any source through, all behaviours together, judged by "
        "a model that was fitted without that source; where there could be none, without the trace's task. A source of "
        "a few hundred traces lets none through, and says little of a rate below one in a hundred."
    )


def _remarks(settings: FitSettings, result: Fitted, gathered: Gathered, seen: Sequence[str]) -> Iterator[str]:
    known = {h.behaviour for h in result.heads}
    lost = sorted(set(gathered.examples.behaviour) - known - {""})
    if lost:
        yield f"Too few positives to be learnt, and left out: {', '.join(lost)}."
    if gathered.unread:
        yield f"{gathered.unread:,} traces in which the model wrote nothing were left out."
    said = ", ".join(f"`{name}`" for name in seen) or "none"
    yield f"Of the probes, these reach a threshold: {said}. A worker must score all of them as here, or the run fails."
