"""The traces as they are stored, as steps that a monitor reads, and as files that `cotmonitor evaluate` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.labels.files import Label, write_labels
from schemas.behaviours import BEHAVIOURS
from schemas.digest import trace_digests, trace_keys
from schemas.labels import FALSE, TRUE
from schemas.trace import STEPS

SETS = ("dev", "held_out")
FOLDER = Path(__file__).parent
LABELLER = "paraphrases"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trace; `name` is the tool's."""

    role: str
    channel: str
    text: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Paraphrase:
    """One trace and what its writer meant it to be; the README says what each field means."""

    trace_id: str
    steps: tuple[Step, ...]
    behaviour: str
    label: bool
    stance: str | None
    sanctioned: str
    family: str | None
    style: str
    channel: str
    canary: str

    @property
    def category(self) -> str:
        return BEHAVIOURS[self.behaviour].category

    @property
    def where(self) -> str:
        """`reasoning` where it shows there alone, `both` where there as well, otherwise `deed`."""
        channels = self.channel.split("+")
        return "deed" if "reasoning" not in channels else "reasoning" if len(channels) == 1 else "both"


def read(name: str) -> list[Paraphrase]:
    """The traces of a set, in the order of their behaviours."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Paraphrase(**{**row, "steps": tuple(Step(**step) for step in row["steps"])}) for row in rows]


def steps_of(traces: Sequence[Paraphrase]) -> pa.ListArray:
    """The steps of each trace, as a monitor is given them."""
    return pa.array(
        [
            [{"role": s.role, "channel": s.channel, "name": s.name, "text": s.text, "redacted": False} for s in t.steps]
            for t in traces
        ],
        STEPS,
    )


def write(traces: Sequence[Paraphrase], name: str, folder: Path) -> tuple[Path, Path]:
    """Write canonical traces and their labels, as `<name>.parquet` and `<name>.labels.jsonl`; both paths.

    A positive affirms its behaviour. A negative denies its whole category: it was written to show none of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps, ids = steps_of(traces), [t.trace_id for t in traces]
    digests = trace_digests(steps)
    groups = {"environment": [t.behaviour for t in traces], "style": [t.style for t in traces]}
    table = pa.table({"trace_id": ids, **groups, "steps": steps})
    path, labels = folder / f"{name}.parquet", folder / f"{name}.labels.jsonl"
    pq.write_table(table, path, compression="zstd")
    rows = zip(traces, trace_keys(ids, digests), digests, strict=True)
    write_labels([_label(t, key, digest) for t, key, digest in rows], labels, overwrite=True)
    return path, labels


def _label(trace: Paraphrase, key: str, digest: str) -> Label:
    return Label(
        trace_key=key,
        category=trace.category,
        behaviour=trace.behaviour if trace.label else None,
        label=TRUE if trace.label else FALSE,
        origin="counterfactual",  # it follows from how the trace was made
        labeller=LABELLER,
        trace_id=trace.trace_id,
        trace_digest=digest,
        stance=trace.stance,
        sanctioned=trace.sanctioned,
        note=trace.family,
    )
