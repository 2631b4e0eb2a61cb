"""What somebody declares of a corpus: by what it was chosen, repeated, ordered and derived. Replayed row by row.

where: [environment = swe-fix, reward >= 0.5, length <= 20000]
drop_zero_variance_groups: true
sample: {rate: 0.8, by: hash, salt: march}
repeat: [{where: [environment = hard-math], times: 2}]
order: {by: [training_step, length]}
columns: {n_chars: length, advantage: 'zscore(reward, rollout_group)'}
complete: true
audience: grader
rewritten: true
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from pipelines.audit.rows.derive import Underivable, parse
from pipelines.audit.rows.population import Population
from pipelines.audit.rows.source import Source
from pipelines.export.where import COLUMNS, parse_where
from pipelines.yamlfile import YamlKind, faults_of, read_yaml
from schemas.errors import InputError, JobFileError
from schemas.trace import CHANNELS
from schemas.training import Audience

LENGTHS = ("length", "steps", *(f"{c}_chars" for c in CHANNELS))
SORTABLE = (*LENGTHS, "reward", "success", "training_step", "window_index", "started_at", "group_mean", "group_rank")
LENGTH = re.compile(rf"\s*({'|'.join(LENGTHS)})\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*")
HASHED = 2.0**64


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _condition(text: str) -> str:
    try:
        parse_where([] if LENGTH.fullmatch(text) else [text])
    except InputError as error:
        fault = error.faults[0]
        raise ValueError(f"{fault.what}; {fault.todo}") from None
    return text


Condition = Annotated[str, AfterValidator(_condition)]


class Sample(Strict):
    """A share of the traces. Without `by`, drawn by chance, row by row.

    With `by: hash` a trace is in it if the first 8 bytes of SHA-256 of `salt:trace_id`, read as a big-endian fraction
    of 1, are below `rate`.
    """

    rate: float = Field(gt=0, le=1)
    by: Literal["hash"] | None = None
    salt: str = ""

    @field_validator("rate", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool):  # YAML reads yes as true, and true would do as 1
            raise ValueError("a number is needed")
        return value


class Repeat(Strict):
    """Traces that meet all of `where` are there `times` times; the first entry that fits a trace counts."""

    where: tuple[Condition, ...] = ()
    times: int = Field(ge=1, le=1000)


class Order(Strict):
    """Rows are sorted by these source columns."""

    by: tuple[str, ...] = Field(min_length=1)
    descending: bool = False

    @field_validator("by")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if name not in SORTABLE]
        if wrong:
            raise ValueError(f"nothing is sorted by {', '.join(wrong)}; use {', '.join(SORTABLE)}")
        return value


def _kind_of_order(value: object) -> str:
    return "word" if isinstance(value, str) else "columns"


AsWord = Annotated[Literal["as_listed", "shuffled"], Tag("word")]
ByColumns = Annotated[Order, Tag("columns")]


class Selection(Strict):
    """The keys of a selection file. `complete` says that every trace so chosen is there, and no other; `audience` for
    whom it is, and `rewritten` that somebody rewrote texts.
    """

    where: tuple[Condition, ...] = ()
    drop_zero_variance_groups: bool = False
    sample: Sample | None = None
    repeat: tuple[Repeat, ...] = ()
    order: Annotated[AsWord | ByColumns, Discriminator(_kind_of_order)] | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    complete: bool = False
    audience: Audience | None = None
    rewritten: bool = False

    @field_validator("columns")
    @classmethod
    def _derivable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            try:
                parse(text)
            except Underivable as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    @model_validator(mode="after")
    def _possible(self) -> Selection:
        if self.complete and self.sample is not None and self.sample.by is None and self.sample.rate < 1:
            raise ValueError("a sample drawn by chance cannot be complete; give by: hash, or leave complete out")
        return self

    @property
    def exact(self) -> bool:
        """Whether it says of every trace if it is there."""
        return self.complete or (self.sample is not None and self.sample.by == "hash")


KIND = YamlKind("a selection file", "where", "complete", Selection, "--selection")


def load_selection(path: str | Path) -> Selection:
    """The declaration in a file. Raises JobFileError with every fault and its line."""
    file = read_yaml(str(path), KIND)
    try:
        return Selection.model_validate(file.values)
    except ValidationError as error:
        raise JobFileError(faults_of(error, KIND, file, {})) from None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a declaration makes of each trace (n): whether it may be there, and how often (0: not at all).

    `exact` says that a trace that may be there must be; `left_out` counts what each condition left out first.
    """

    may: np.ndarray
    times: np.ndarray
    exact: bool
    repeated: bool
    left_out: Mapping[str, int]


def replay(selection: Selection, pop: Population, source: Source) -> Replayed:
    """Apply a declaration to all traces."""
    may = np.ones(len(pop), dtype=bool)
    left_out: dict[str, int] = {}

    def leave(name: str, keep: np.ndarray) -> None:
        left_out[name] = int((may & ~keep).sum())
        may[:] &= keep

    for text in selection.where:
        leave(text, meets(text, pop))
    if selection.drop_zero_variance_groups:
        spread = source.numeric.get("group_spread", np.zeros(len(pop)))
        leave("zero-variance groups", spread > 0)
    if selection.sample is not None and selection.sample.by == "hash":
        leave("sample", sampled(pop.trace_id, selection.sample.rate, selection.sample.salt))
    times = np.ones(len(pop), dtype=np.int64)
    for entry in reversed(selection.repeat):
        chosen = np.ones(len(pop), dtype=bool)
        for text in entry.where:
            chosen &= meets(text, pop)
        times[chosen] = entry.times
    return Replayed(may, np.where(may, times, 0), selection.exact, bool(selection.repeat), left_out)


def meets(condition: str, pop: Population) -> np.ndarray:
    """Which traces (n) meet a condition."""
    length = LENGTH.fullmatch(condition)
    if length is not None:
        name, op, bound = length[1], length[2], float(length[3])
        values = pop.length if name == "length" else pop.steps if name == "steps" else pop.chars[name[: -len("_chars")]]
        return {"<": values < bound, "<=": values <= bound, ">": values > bound, ">=": values >= bound}[op]
    (predicate,) = parse_where([condition])
    return predicate.keep(_traces(pop))


def _traces(pop: Population) -> pa.RecordBatch:
    """The columns by which one may select, as an adapted trace has them."""
    columns: dict[str, pa.Array] = {}
    for name in COLUMNS:
        value = getattr(pop, name)
        columns[name] = _column(name, value) if isinstance(value, np.ndarray) else value.texts()
    return pa.RecordBatch.from_pydict(columns)


def _column(name: str, values: np.ndarray) -> pa.Array:
    null = np.isnan(values)
    filled = np.where(null, 0.0, values)
    if name == "started_at":
        return pa.array(np.round(filled * 1e6).astype(np.int64), mask=null).cast(pa.timestamp("us", tz="UTC"))
    kind = {"success": np.bool_, "training_step": np.int64, "window_index": np.int64}.get(name, np.float64)
    return pa.array(filled.astype(kind), mask=null)


def sampled(trace_ids: np.ndarray, rate: float, salt: str) -> np.ndarray:
    """Which traces (n) a sample by hash holds."""
    bound = rate * HASHED
    prefix = f"{salt}:"
    hashed = (
        int.from_bytes(hashlib.sha256(f"{prefix}{t}".encode("utf-8", "surrogatepass")).digest()[:8], "big")
        for t in trace_ids.tolist()
    )
    return np.fromiter((h < bound for h in hashed), dtype=bool, count=len(trace_ids))
