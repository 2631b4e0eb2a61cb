"""Which source column serves as what: renamed, found under its other names, or left to metadata."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.layouts.adapter import Faults
from schemas.layouts.dimensions import TYPES, dimension
from schemas.layouts.metadata import metadata_column


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file as a layout reads them.

    `serving` are (target, source) pairs for dimensions and text; `unknown` go to metadata; `needed` is all of them
    in file order.
    """

    serving: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    needed: tuple[str, ...]

    @property
    def found(self) -> dict[str, str]:
        return dict(self.serving)

    def dimensions(self, batch: pa.RecordBatch, faults: Faults) -> dict[str, pa.Array]:
        """All dimensions of the batch's rows, metadata included; the missing ones are left out."""
        columns = {
            target: dimension(batch.column(source), target, source, faults)
            for target, source in self.serving
            if target in TYPES
        }
        columns["metadata"] = metadata_column(batch, self.unknown, faults)
        return columns
