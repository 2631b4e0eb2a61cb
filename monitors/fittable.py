"""What can be fitted: labelled traces in, a monitor out. Seen by the measuring loop that leaves sources out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from monitors.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Labelled:
    """Traces (`steps` of type schemas.trace.STEPS), whether each shows `category`, and the task that each belongs to.

    Like a monitor, what is fitted sees steps and nothing else; `groups` are for splitting alone.
    """

    steps: pa.ListArray
    category: str
    labels: Sequence[bool]
    groups: Sequence[str]


class Fittable(Protocol):
    """Something that becomes a monitor for one category when it is shown labelled traces."""

    @property
    def name(self) -> str: ...

    def fit(self, known: Labelled) -> Monitor:
        """The monitor that these traces make; the same traces make the same monitor."""
