"""The same traces with less in them, or worded otherwise: what a monitor rests on shows when it is taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitors.measure.rewrite import SYNONYMS, Rewriter, alternating, encoded, leetspeak, masked, words_replaced
from schemas.trace import CHANNELS, STEPS

Change = Callable[[pa.ListArray], pa.ListArray]
OWN = ("reasoning", "action", "output", "memory")  # what the model itself wrote
CONTEXT = ("prompt", "observation")  # which a monitor may heed, in whatever channel it looks


@dataclass(frozen=True, slots=True)
class Variant:
    """A change of steps, and what it is, in words."""

    name: str
    meaning: str
    apply: Change


def variants(mask: Sequence[str] = ()) -> dict[str, Variant]:
    """Every variant by name. `mask` are words to be masked besides those known here."""
    reworded = words_replaced(SYNONYMS)
    found = (
        Variant("reasoning_only", "reasoning alone (with the prompt)", partial(kept, channels=("prompt", "reasoning"))),
        Variant(
            "actions_only",
            "actions alone (with prompt and observations)",
            partial(kept, channels=(*CONTEXT, "action", "memory")),
        ),
        Variant(
            "reasoning_stripped",
            "everything but the reasoning",
            partial(kept, channels=tuple(c for c in CHANNELS if c != "reasoning")),
        ),
        Variant("reasoning_case", "reasoning in capital and small letters by turns", _reasoning(alternating)),
        Variant("reasoning_leet", "reasoning with digits for letters", _reasoning(leetspeak)),
        Variant(
            "reasoning_synonyms", "reasoning with other words for tests, graders and cheating", _reasoning(reworded)
        ),
        Variant("reasoning_base64", "every other sentence of the reasoning in base64", _reasoning(encoded)),
        Variant(
            "words_masked",
            "words of roles and of how sets are made masked, wherever the model wrote them",
            partial(rewritten, channels=OWN, rewriter=masked(mask)),
        ),
    )
    return {v.name: v for v in found}


def kept(steps: pa.ListArray, channels: Sequence[str]) -> pa.ListArray:
    """Only the steps of these channels; `steps` has the type STEPS."""
    counts, values = _flat(steps)
    stay = pc.is_in(values.field("channel"), pa.array(channels, pa.string())).to_numpy(zero_copy_only=False)
    before = np.concatenate([[0], np.cumsum(stay)])
    ends = np.concatenate([[0], np.cumsum(counts)])
    return _rebuilt(before[ends], values.filter(pa.array(stay)))


def rewritten(steps: pa.ListArray, channels: Sequence[str], rewriter: Rewriter) -> pa.ListArray:
    """The same steps, with the text of these channels rewritten."""
    counts, values = _flat(steps)
    told = pc.is_in(values.field("channel"), pa.array(channels, pa.string())).to_pylist()
    old = values.field("text").to_pylist()
    text = [rewriter(t) if say and t else t for say, t in zip(told, old, strict=True)]
    names = [f.name for f in values.type]
    arrays = [pa.array(text, pa.string()) if n == "text" else values.field(n) for n in names]
    fresh = pa.StructArray.from_arrays(arrays, fields=list(values.type))
    return _rebuilt(np.concatenate([[0], np.cumsum(counts)]), fresh)


def _reasoning(rewriter: Rewriter) -> Change:
    return partial(rewritten, channels=("reasoning",), rewriter=rewriter)


def _flat(steps: pa.ListArray) -> tuple[np.ndarray, pa.StructArray]:
    """How many steps each trace has, and the steps of all of them."""
    counts = pc.fill_null(pc.list_value_length(steps), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return counts, steps.flatten()


def _rebuilt(offsets: np.ndarray, values: pa.StructArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values).cast(STEPS)
