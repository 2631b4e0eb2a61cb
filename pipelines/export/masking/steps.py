"""The steps of a batch of traces as columns, one entry a step, and back into lists by trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.layouts.chat import Stretch
from schemas.training import MESSAGE, MESSAGES

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
SPANS = MESSAGE.field("spans").type


@dataclass(frozen=True, slots=True)
class StepColumns:
    """Steps of `rows` traces (n steps): each field as one array, in which trace each is, and its arguments if known.

    A text that is null, since it was withheld, is empty here.
    """

    rows: int
    trace: Ints
    role: pa.Array
    channel: pa.Array
    name: pa.Array
    text: pa.Array
    redacted: pa.Array
    _arguments: pa.ListArray | None
    _argument_at: Ints

    @classmethod
    def of(cls, steps: pa.ListArray, arguments: pa.ListArray | None) -> StepColumns:
        """The columns of `steps` (type STEPS) and, if given, of `arguments` (type ARGUMENTS), an entry a trace each."""
        counts = _counts(steps)
        fields = steps.flatten()
        trace = np.repeat(np.arange(len(steps)), counts)
        at = np.full(len(trace), -1)
        known = None
        if arguments is not None and arguments.null_count < len(arguments):
            known = arguments.flatten()
            listed = _counts(arguments)
            given = listed[trace] > 0
            at[given] = np.arange(len(known))
        role, channel, name, text, redacted = (
            pc.struct_field(fields, part) for part in ("role", "channel", "name", "text", "redacted")
        )
        return cls(len(steps), trace, role, channel, name, pc.fill_null(text, ""), redacted, known, at)

    def __len__(self) -> int:
        return len(self.trace)

    def is_channel(self, *channels: str) -> Flags:
        return flags(pc.is_in(self.channel, pa.array(channels, pa.string())))

    def is_named(self, such: Callable[[str], bool]) -> Flags:
        """Which steps have a name that is `such`; each name is asked about once."""
        names = self.name.dictionary_encode()
        said = np.array([name is not None and such(name) for name in names.dictionary.to_pylist()] or [False])
        at = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return said[at] & (at >= 0)

    def has_arguments(self, such: Callable[[str], bool] | None = None) -> Flags:
        """Which steps are calls whose arguments are known, or known to have one whose name is `such`."""
        found = np.zeros(len(self), bool)
        if self._arguments is not None:
            counts = _counts(self._arguments)
            if such is not None:
                names = pc.struct_field(self._arguments.flatten(), "name").dictionary_encode()
                wanted = np.array([such(name) for name in names.dictionary.to_pylist()], bool)
                hits = wanted[names.indices.to_numpy()]
                counts = np.bincount(np.repeat(np.arange(len(counts)), counts)[hits], minlength=len(counts))
            known = self._argument_at >= 0
            found[known] = counts[self._argument_at[known]] > 0
        return found

    def arguments(self, step: int) -> Sequence[Stretch]:
        at = int(self._argument_at[step])
        if self._arguments is None or at < 0:
            return ()
        return [Stretch(**stretch) for stretch in self._arguments[at].as_py()]

    def lists(
        self, role: pa.Array, channel: pa.Array, name: pa.Array, text: pa.Array, spans: pa.Array, keep: Flags | None
    ) -> pa.Array:
        """Messages by trace (type MESSAGES), of the steps in `keep` or of all; `train` is where there are spans."""
        trace = self.trace
        columns = [role, channel, name, text, spans]
        if keep is not None and not keep.all():
            trace = trace[keep]
            columns = [column.filter(pa.array(keep)) for column in columns]
        role, channel, name, text, spans = columns
        train = pc.greater(pc.list_value_length(spans), 0)
        values = pa.StructArray.from_arrays([role, channel, name, text, train, spans], fields=list(MESSAGE))
        offsets = np.zeros(self.rows + 1, np.int32)
        np.cumsum(np.bincount(trace, minlength=self.rows), out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=MESSAGES)


def flags(values: pa.Array) -> Flags:
    """Arrow's booleans as numpy's; null is false."""
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)


def _counts(lists: pa.ListArray) -> Ints:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
