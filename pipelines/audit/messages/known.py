"""The texts that a trace may stand as in a row: its steps as they are, stripped, or as an export shows graders."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.export.masking.rows import RowSettings, counted_rows
from pipelines.read import without_arguments
from schemas.digest import text_buffer
from schemas.training import BLIND

U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
DIGEST_BYTES = 8  # of a text's digest that are compared


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom a corpus was made, as its certificate or its declaration says it; None where nobody says it."""

    name: str | None = None
    arguments: tuple[str, ...] = ()
    plain_actions: bool = True

    @property
    def blind(self) -> bool:
        return self.name in BLIND


def known_texts(traces: pa.RecordBatch, audience: Audience) -> Iterator[tuple[str, U64, I32]]:
    """(trace_key, digests of the texts and names it may stand as, the step of each) of each trace.

    `traces` are as read with their arguments; of a name and of a text that graders are shown the step is unknown (-1).
    """
    plain, arguments = without_arguments(traces)
    keys = plain.column("trace_key").to_pylist()
    shown = [_digests(plain.column("steps"))]
    if audience.blind:
        settings = RowSettings(str(audience.name), audience.arguments, audience.plain_actions)
        shown.append(_digests(counted_rows(plain, arguments, settings)[0].column("messages")))
    names = plain.column("steps").values.field("name").to_pylist()
    bounds = plain.column("steps").offsets.to_pylist()
    for i, key in enumerate(keys):
        called = {name for name in names[bounds[i] : bounds[i + 1]] if name}
        pairs = [*shown[0][i], *((d, -1) for lists in shown[1:] for d, _ in lists[i])]
        pairs += [(text_number(name.encode("utf-8", "surrogatepass")), -1) for name in sorted(called)]
        found = list(dict.fromkeys(pairs))
        yield key, np.array([d for d, _ in found], np.uint64), np.array([step for _, step in found], np.int32)


def _digests(steps: pa.ListArray) -> list[list[tuple[int, int]]]:
    """The digests of each trace's texts, as they are and without blanks around, and the step of each."""
    data, starts = text_buffer(steps.values.field("text"))
    bounds, offsets = starts.tolist(), steps.offsets.to_pylist()
    found: list[list[tuple[int, int]]] = []
    for first, last in itertools.pairwise(offsets):
        mine: list[tuple[int, int]] = []
        for i in range(first, last):
            text = bytes(data[bounds[i] : bounds[i + 1]])
            bare = text.decode("utf-8", "surrogatepass").strip().encode("utf-8", "surrogatepass")
            mine += [(text_number(t), i - first) for t in ((text,) if bare == text else (text, bare))]
        found.append(mine)
    return found


def text_number(text: bytes) -> int:
    """The beginning of a text's digest, as a number: what `corpus.facts.text_digest` begins with.

    >>> text_number(b"a") == int(hashlib.sha256(b"a").hexdigest()[:16], 16)
    True
    """
    return int.from_bytes(hashlib.sha256(text).digest()[:DIGEST_BYTES], "big")
