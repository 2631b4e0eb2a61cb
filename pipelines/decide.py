"""From verdicts to rows: one assessment per trace, one alert per behaviour found, and the checks each row must pass."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.monitor import Finding, MonitorSpec, Verdict
from pipelines.plan import Part
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.canary import CANARY, marked_id
from schemas.digest import digest, text_buffer
from schemas.results import ALERTS, ASSESSMENTS
from schemas.text import CodePoints, code_points
from schemas.trace import CHANNELS, DIMENSIONS, TRACES

CANARY_LINE = f"{CANARY}:alert"
ALERT_DIMENSIONS = tuple(c.name for c in DIMENSIONS if c.name != "metadata")


@dataclass(frozen=True, slots=True)
class RunStamp:
    """What every staged row says of its run."""

    run_id: str
    run_date: dt.date
    adapter_digest: str


def unit_ids(traces: pa.RecordBatch, fingerprints: dict[str, str], part: Part, stamp: RunStamp) -> pa.Array:
    """The unit of each row: (file fingerprint, adapter digest, part digest)."""
    files = pc.dictionary_encode(traces.column("file"))
    ids = [part.unit_id(fingerprints[f], stamp.adapter_digest) for f in files.dictionary.to_pylist()]
    return pa.array(ids, pa.string()).take(files.indices)


def seen(traces: pa.RecordBatch, fingerprints: dict[str, str], part: Part, stamp: RunStamp) -> pa.RecordBatch:
    """Rows of the `traces` table: all dimensions, lengths by channel, and no text."""
    steps = traces.column("steps")
    parents = pc.list_parent_indices(steps)
    fields = pc.list_flatten(steps)
    channels = fields.field("channel")
    lengths = code_points(fields.field("text"))
    owners = np.asarray(parents.to_numpy(zero_copy_only=False))
    codes = np.asarray(pc.index_in(channels, pa.array(CHANNELS)).to_numpy(zero_copy_only=False))
    sums = np.zeros((len(CHANNELS), len(traces)), np.int64)
    np.add.at(sums, (codes, owners), lengths)
    redacted = np.asarray(fields.field("redacted").to_numpy(zero_copy_only=False), dtype=np.int64)
    columns: dict[str, object] = {
        "unit_id": unit_ids(traces, fingerprints, part, stamp),
        "run_id": pa.repeat(pa.scalar(stamp.run_id), len(traces)),
        **{
            c.name: traces.column(c.name) for c in TRACES.columns if c.name in traces.schema.names and c.name != "steps"
        },
        "steps": pc.fill_null(pc.list_value_length(steps), 0),
        **{f"{c}_chars": pa.array(sums[i]) for i, c in enumerate(CHANNELS)},
        "redacted_steps": pa.array(np.bincount(owners, redacted, len(traces)).astype(np.int32)),
    }
    return TRACES.batch(columns)


def assessments(
    traces: pa.RecordBatch, units: pa.Array, verdicts: Sequence[Verdict], spec: MonitorSpec, stamp: RunStamp
) -> pa.RecordBatch:
    """One row per trace, in order."""
    n = len(traces)
    # few distinct channel lists occur: encode them once instead of building n lists
    kinds: dict[tuple[str, ...], int] = {}
    codes = [kinds.setdefault(v.channels, len(kinds)) for v in verdicts]
    channels = pa.array([list(k) for k in kinds], pa.list_(pa.string())).take(pa.array(codes, pa.int32()))
    return ASSESSMENTS.batch(
        {
            "unit_id": units,
            "run_id": pa.repeat(pa.scalar(stamp.run_id), n),
            "trace_key": traces.column("trace_key"),
            "monitor": pa.repeat(pa.scalar(spec.id), n),
            "monitor_digest": pa.repeat(pa.scalar(spec.digest), n),
            "state": pa.array([v.state for v in verdicts], pa.string()),
            "reason": pa.array([v.reason for v in verdicts], pa.string()),
            "channels": channels,
            "score": pa.array([v.score for v in verdicts], pa.float64()),
            **{c: pa.array([_score_of(v, c) for v in verdicts], pa.float64()) for c in CATEGORIES},
            "file": traces.column("file"),
            "row_group": traces.column("row_group"),
            "row": traces.column("row"),
        }
    )


def _score_of(verdict: Verdict, category: str) -> float | None:
    return next((score for c, score in verdict.by_category if c == category), None)


def alerts(
    traces: pa.RecordBatch, units: pa.Array, verdicts: Sequence[Verdict], spec: MonitorSpec, stamp: RunStamp
) -> pa.RecordBatch | None:
    """One row per finding, or None where nothing was found."""
    found = [(i, f) for i, v in enumerate(verdicts) for f in v.findings]
    if not found:
        return None
    at = pa.array([i for i, _ in found], pa.int64())
    keys = traces.column("trace_key").take(at).to_pylist()
    findings = [f for _, f in found]
    digests = [digest(k, spec.id, f.behaviour) for k, f in zip(keys, findings, strict=True)]
    carried = ("trace_key", "trace_digest", *ALERT_DIMENSIONS, "file", "row_group", "row")
    n = len(found)
    return ALERTS.batch(
        {
            "unit_id": units.take(at),
            "run_id": [stamp.run_id] * n,
            "alert_id": [marked_id("alert", digest(d, spec.digest)) for d in digests],
            "finding_id": [marked_id("finding", d) for d in digests],
            "run_date": [stamp.run_date] * n,
            "monitor": [spec.id] * n,
            "monitor_version": [spec.version] * n,
            "monitor_digest": [spec.digest] * n,
            **{
                name: [getattr(f, name) for f in findings]
                for name in (
                    "category",
                    "behaviour",
                    "stance",
                    "sanctioned",
                    "level",
                    "score",
                    "threshold",
                    "channel",
                    "rationale",
                )
            },
            "rules": [list(f.rules) for f in findings],
            "evidence": [
                [
                    {"step": s.step, "start": s.start, "end": s.end, "rule": s.rule, "excerpt": s.excerpt}
                    for s in f.evidence
                ]
                for f in findings
            ],
            "signature": [signature(f) for f in findings],
            **{name: traces.column(name).take(at) for name in carried},
            "canary": [CANARY_LINE] * n,
            "schema_version": [ALERTS.version] * n,
        }
    )


def signature(finding: Finding) -> str:
    """A digest that alike alerts share: the rules, and the evidence with digits, case and spaces folded.

    >>> "n == 3" and normal("return 7 if  n == 3") == normal("return 42 IF n == 10")
    True
    """
    spans = sorted({(s.rule, normal(s.excerpt or "")) for s in finding.evidence})
    return digest(finding.behaviour, *finding.rules, *(part for span in spans for part in span))


def normal(text: str) -> str:
    """Text with numbers as 0, lower case, runs of white space as one blank."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", text)).strip().casefold()


def violations(
    traces: pa.RecordBatch, judged: pa.RecordBatch, found: pa.RecordBatch | None, verdicts: Sequence[Verdict]
) -> dict[str, int]:
    """Rows that break a promise which only the worker can check, counted by check; the gate wants none."""
    broken = Counter(ASSESSMENTS.violations(judged))
    if len(verdicts) != len(traces):
        broken["one verdict per trace"] += abs(len(verdicts) - len(traces))
    broken["assessments: a score by category where the monitor looked, and nowhere else"] += sum(
        (v.state == "assessed") != bool(v.by_category) for v in verdicts
    )
    if found is not None:
        broken.update(ALERTS.violations(found))
        broken["alerts.evidence lies inside its step"] += _stray_spans(traces.column("steps"), verdicts)
        broken["alerts.category agrees with behaviour"] += sum(
            BEHAVIOURS[b].category != c if b in BEHAVIOURS else 0
            for b, c in zip(found.column("behaviour").to_pylist(), found.column("category").to_pylist(), strict=True)
        )
    return {name: n for name, n in broken.items() if n}


def _stray_spans(steps: pa.ListArray, verdicts: Sequence[Verdict]) -> int:
    """Evidence that is not what its trace says at that place, by a way of counting that the monitors do not share."""
    data, starts = text_buffer(steps.values.field("text"))
    offsets = steps.offsets.to_pylist()
    stray = 0
    for i, verdict in enumerate(verdicts):
        texts: dict[int, CodePoints] = {}  # several spans often share a step
        for finding in verdict.findings:
            for s in finding.evidence:
                if not 0 <= s.step < offsets[i + 1] - offsets[i]:
                    stray += 1
                    continue
                step = offsets[i] + s.step
                text = texts.get(s.step)
                if text is None:
                    text = texts[s.step] = CodePoints(data[starts[step] : starts[step + 1]])
                inside = 0 <= s.start < s.end <= len(text)
                stray += not (inside and text[s.start : s.end].startswith(s.excerpt or ""))
    return stray
