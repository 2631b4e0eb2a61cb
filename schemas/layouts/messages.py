"""`messages` and `scout`: a conversation per row, as a list of messages or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.layouts.adapter import ARGUMENTS, STRETCH, Adapted, Faults, check_size, finish
from schemas.layouts.chat import UNPARSABLE, Conversation, MessageFault, Step, ThoughtArgument
from schemas.layouts.columns import Columns
from schemas.layouts.interleave import steps_array
from schemas.layouts.text import is_text, python_values, text_column, without_surrogates


@dataclass(frozen=True, slots=True)
class MessagesAdapter:
    """Reads the conversation of each row. A null one is a trace without steps: it was not looked at, and that shows."""

    sources: Columns
    layout: str = "messages"
    thoughts: tuple[ThoughtArgument, ...] = ()
    locate: bool = False  # say where a call's arguments stand in its text

    @property
    def columns(self) -> tuple[str, ...]:
        return self.sources.needed

    @property
    def unknown(self) -> tuple[str, ...]:
        return self.sources.unknown

    def adapt(self, batch: pa.RecordBatch) -> Adapted:
        faults = Faults(batch.num_rows)
        columns = self.sources.dimensions(batch, faults)
        if self.layout == "scout" and "score" in self.sources.found and "reward" not in columns:
            columns["reward"] = _numeric_scores(batch.column(self.sources.found["score"]), faults)
        offsets, steps = self._steps(batch, faults)
        columns["steps"] = columns_of_steps(offsets, steps)
        return finish(batch, columns, faults, _arguments(offsets, steps) if self.locate else None)

    def _steps(self, batch: pa.RecordBatch, faults: Faults) -> tuple[pa.Array, list[Step]]:
        source = self.sources.found["messages"]
        column = batch.column(source)
        as_text = is_text(column.type) or pa.types.is_null(column.type) or isinstance(column, pa.ExtensionArray)
        values: Sequence[object] = (
            text_column(column, source, faults) if as_text else python_values(column, source, faults)
        )
        steps: list[Step] = []
        counts = np.zeros(batch.num_rows + 1, np.int32)
        for row, value in enumerate(values):
            try:
                messages = message_list(value.as_py() if isinstance(value, pa.Scalar) else value)
                steps += Conversation(self.thoughts, self.locate).steps(messages)
            except MessageFault as fault:
                faults.add(row, fault.reason, f"{source}: {fault}")
            counts[row + 1] = len(steps)
        return pa.array(counts), steps


def message_list(value: object) -> list[object]:
    """The messages in a cell: a list, a JSON list, or an object that holds one under `messages`."""
    if value is None:
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise MessageFault(UNPARSABLE, f"not JSON: {error}") from error
    if value is None:
        return []
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if not isinstance(value, list):
        raise MessageFault(UNPARSABLE, f"a list of messages is needed, and this is a {type(value).__name__}")
    return value


def columns_of_steps(offsets: pa.Array, steps: list[Step]) -> pa.ListArray:
    """Steps made one by one as the `steps` column. Half a surrogate pair from JSON's escapes becomes U+FFFD."""
    roles, channels, names, texts, redacted, _ = zip(*steps, strict=True) if steps else ((), (), (), (), (), ())
    try:
        text = pa.array(texts, pa.large_string())
        name = pa.array(names, pa.string())
    except UnicodeEncodeError:
        text = pa.array([None if t is None else without_surrogates(t) for t in texts], pa.large_string())
        name = pa.array([None if n is None else without_surrogates(n) for n in names], pa.string())
    check_size(text.nbytes)
    role, channel = pa.array(roles, pa.string()), pa.array(channels, pa.string())
    return steps_array(offsets, role, channel, name, text.cast(pa.string()), pa.array(redacted, pa.bool_()))


def _arguments(offsets: pa.Array, steps: list[Step]) -> pa.ListArray:
    """Where the arguments of each step stand, by trace."""
    counts = np.zeros(len(steps) + 1, np.int32)
    np.cumsum([len(step.arguments) for step in steps], out=counts[1:])
    found = [stretch for step in steps for stretch in step.arguments]
    names = pa.array([without_surrogates(str(s.name)) for s in found], pa.string())
    places = [pa.array([s[i] for s in found], pa.int64()) for i in (1, 2)]
    stretches = pa.StructArray.from_arrays([names, *places], fields=list(STRETCH))
    return pa.ListArray.from_arrays(offsets, pa.ListArray.from_arrays(pa.array(counts), stretches)).cast(ARGUMENTS)


def _numeric_scores(column: pa.Array, faults: Faults) -> pa.Array:
    """Scout keeps scores as JSON: a number is a reward; any other score is left to metadata."""
    values = text_column(column, "score", faults).to_pylist()
    return pa.array([_number(value) for value in values], pa.float64())


def _number(value: str | None) -> float | None:
    try:
        score = json.loads(value) if value is not None else None
        number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else math.nan
    except (ValueError, RecursionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
