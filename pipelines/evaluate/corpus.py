"""The traces of an evaluation: what is known of each without looking at what a monitor says."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.measure.baseline import written
from monitors.measure.bootstrap import numbered
from monitors.measure.figure import Bools, Floats, Ints
from monitors.measure.leakage import Clues, opening_words
from monitors.measure.variants import kept
from pipelines.evaluate.settings import EvaluateSettings
from pipelines.labels.column import check_column, check_values, labels_of, values_of
from pipelines.labels.files import Label
from pipelines.labels.truth import Truth, truths
from schemas.digest import digest
from schemas.errors import Fault, InputError
from schemas.text import code_points
from schemas.trace import CHANNELS

NOTHING = "(none)"
PROMPT_CHARS = 4_000  # of a prompt, from its beginning, that the probes read
MOST_TEXTS = 12_000  # labelled traces whose text is kept for the probes, drawn by their key
LENGTHS = ((0, "none"), (1_000, "up to 1k"), (4_000, "1k to 4k"), (16_000, "4k to 16k"), (64_000, "16k to 64k"))
LONGEST = "above 64k"
BINS = (*(name for _, name in LENGTHS), LONGEST)  # of the length of reasoning, in code points


@dataclass(frozen=True, slots=True)
class Texts:
    """What the probes may read of one trace."""

    prompt: str
    opening: str
    own: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """n traces, in the order in which they were read. `groups` are the columns by which figures are told apart."""

    keys: tuple[str, ...]
    truth: tuple[Truth, ...]
    groups: Mapping[str, tuple[str, ...]]
    clusters: Ints
    lengths: Floats
    texts: Mapping[int, Texts]

    def answers(self, category: str) -> tuple[Bools, Bools]:
        """(known, positive), n each: known where somebody is sure."""
        told = [t.categories.get(category) for t in self.truth]
        return np.array([t is not None for t in told], bool), np.array([t is True for t in told], bool)

    def clues(self, rows: Ints) -> Clues:
        """What the probes look at, for rows whose texts are kept."""
        texts = [self.texts[int(i)] for i in rows]
        columns = {name: [self.groups[name][i] for i in rows] for name in ("source", "environment", "model")}
        return Clues(
            self.lengths[rows],
            columns["source"],
            columns["environment"],
            columns["model"],
            [t.prompt for t in texts],
            [t.opening for t in texts],
        )


@dataclass(slots=True)
class Gathering:
    """Takes traces in, batch by batch, in bounded memory but for a few words on each."""

    settings: EvaluateSettings
    labelled: Mapping[str, Truth] | None  # None: the labels are a column of the traces
    keys: list[str] = field(default_factory=list)
    truth: list[Truth] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    clusters: list[str] = field(default_factory=list)
    lengths: list[Floats] = field(default_factory=list)
    texts: dict[int, Texts] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    columns: set[str] = field(default_factory=set)

    def add(self, traces: pa.RecordBatch) -> tuple[Ints, Ints]:
        """Take in a batch; the rows that its traces have in the corpus, and, within the batch, those labelled."""
        first = len(self.keys)
        truth = self._truth(traces)
        steps = traces.column("steps")
        self.keys += traces.column("trace_key").to_pylist()
        self.truth += truth
        self.lengths.append(channel_lengths(steps))
        groups = self._groups(traces)
        for name, values in groups.items():
            self.groups.setdefault(name, []).extend(values)
        labelled = np.array([i for i, t in enumerate(truth) if t.categories], np.int64)
        prompts = prompt_texts(steps)
        self.clusters += self._clusters(traces, groups["source"], prompts)
        if len(labelled):
            own = written(steps.take(pa.array(labelled)))
            for at, text in zip(labelled.tolist(), own, strict=True):
                self.texts[first + at] = Texts(prompts[at], opening_words(text), text)
        if len(self.texts) > 1.25 * MOST_TEXTS:
            self._thin()
        return np.arange(first, len(self.keys)), labelled

    def done(self) -> Corpus:
        """All of it. Raises InputError where a column that was asked for was in no trace, or no trace has a label."""
        if self.settings.label_column is not None and self.labelled is None:
            check_column(self.settings.label_column, self.values, len(self.keys), "--label-column")
            check_values(self.values, self.settings.meanings)
        asked = [("--source-column", self.settings.source_column), ("--cluster-by", self.settings.cluster_by)]
        for option, column in [*asked, *(("--group-by", c) for c in self.settings.group_by)]:
            if column is not None:
                check_column(column, {column: 1} if column in self.columns else {}, len(self.keys), option)
        if self.keys and not any(t.categories for t in self.truth):
            todo = "check that the labels are of these traces: they go by trace_key"
            raise InputError([Fault("labels", None, "no trace that was read has a label of true or false", todo)])
        self._thin()
        lengths = np.concatenate(self.lengths) if self.lengths else np.zeros((0, len(CHANNELS)))
        groups = {name: tuple(values) for name, values in self.groups.items()}
        return Corpus(tuple(self.keys), tuple(self.truth), groups, numbered(self.clusters), lengths, dict(self.texts))

    def _truth(self, traces: pa.RecordBatch) -> list[Truth]:
        keys = traces.column("trace_key").to_pylist()
        known = self.labelled
        if known is None:
            column = self.settings.label_column or ""
            values = values_of(traces, column)
            self.values.update(v for v in values if v is not None)
            made: list[Label] = list(labels_of(traces, values, self.settings.meanings, "presumed", column))
            known = truths(made)
        return [known.get(key, Truth()) for key in keys]

    def _groups(self, traces: pa.RecordBatch) -> dict[str, list[str]]:
        def named(column: str) -> list[str]:
            values = values_of(traces, column)
            if any(v is not None for v in values):
                self.columns.add(column)
            return [NOTHING if v is None else v for v in values]

        found = {
            "source": named(self.settings.source_column or "source"),
            "environment": named("environment"),
            "model": named("model"),
            "reasoning length": [length_bin(n) for n in self.lengths[-1][:, CHANNELS.index("reasoning")]],
        }
        if self.settings.source_column is None:
            stems = [PurePath(f).stem for f in traces.column("file").to_pylist()]
            found["source"] = [s if v == NOTHING else v for v, s in zip(found["source"], stems, strict=True)]
        return found | {c: named(c) for c in self.settings.group_by if c not in found}

    def _clusters(self, traces: pa.RecordBatch, source: Sequence[str], prompts: Sequence[str]) -> list[str]:
        """The task of each trace: what was asked for, or its task_id, its rollout group, or its prompt."""
        if self.settings.cluster_by or self.settings.cluster_pattern:
            column = self.settings.cluster_by or "trace_id"
            values = values_of(traces, column)
            if any(v is not None for v in values):
                self.columns.add(column)
            tasks = [None if v is None else task_of(v, self.settings.cluster_pattern) for v in values]
        else:
            pairs = zip(traces.column("task_id").to_pylist(), traces.column("rollout_group").to_pylist(), strict=True)
            tasks = [task or group for task, group in pairs]
        return [f"{s}\0{t or digest(p)}" for s, t, p in zip(source, tasks, prompts, strict=True)]

    def _thin(self) -> None:
        if len(self.texts) > MOST_TEXTS:
            stay = heapq.nsmallest(MOST_TEXTS, self.texts, key=lambda row: self.keys[row])
            self.texts = {row: self.texts[row] for row in sorted(stay)}


def task_of(value: str, pattern: str | None) -> str:
    """The groups of the pattern in the value, or all of it where the pattern is not found or has none.

    >>> task_of("run-3:item-17", r"item-(\\d+)")
    '17'
    """
    match = re.search(pattern, value) if pattern else None
    groups = [g for g in match.groups() if g is not None] if match else []
    return ":".join(groups) or (match[0] if match else value)


def length_bin(chars: float) -> str:
    """The name of the bin of so many code points of reasoning."""
    return next((name for most, name in LENGTHS if chars <= most), LONGEST)


def channel_lengths(steps: pa.ListArray) -> Floats:
    """Code points by trace and channel (n, channels)."""
    owners = pc.list_parent_indices(steps).to_numpy(zero_copy_only=False)
    values = steps.flatten()
    channels = pc.index_in(values.field("channel"), pa.array(CHANNELS)).to_numpy(zero_copy_only=False)
    sums = np.zeros((len(steps), len(CHANNELS)))
    np.add.at(sums, (owners, channels), code_points(values.field("text")))
    return sums


def prompt_texts(steps: pa.ListArray) -> list[str]:
    """The prompt of each trace, its beginning."""
    asked = kept(steps, ("prompt",))
    texts = pc.fill_null(pc.struct_field(asked.flatten(), "text"), "").to_pylist()
    ends = asked.offsets.to_pylist()
    return ["\n".join(texts[a:b])[:PROMPT_CHARS] for a, b in pairwise(ends)]
