"""Rows with an id of no trace whose messages are the text of one: copies under other names."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow.compute as pc

from pipelines.audit.messages.compare import digest_numbers, pairs_of
from pipelines.audit.messages.lake import Texts
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.join import NONE
from pipelines.audit.text.words import I64

SPOKEN = ("reasoning", "action", "output")  # channels whose text tells a trace from others of its task
HALF = 0.5  # of a row's text that must be its trace's, and of what its trace did and answered that must be there
LEAST_CHARS = 48  # of text in common; less than that anybody may say


def copies(case: Case, known: Iterable[Texts]) -> I64:
    """The trace (m) of which each row that joined none is a copy; NONE where it is of no trace, or of several."""
    found = np.full(len(case.joined.trace), NONE, np.int64)
    column = case.table["messages"].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    flat = column.flatten()
    row = np.repeat(np.arange(len(column)), counts)
    chars = flat.field("chars").to_numpy(zero_copy_only=False)
    asked = (case.joined.trace[row] == NONE) & (chars > 0)
    if not asked.any():
        return found
    row, chars, digest = row[asked], chars[asked], digest_numbers(flat.field("text_digest"))[asked]
    channel = np.array(flat.field("channel").to_pylist(), dtype=object)[asked]
    owner, text = _owned(case, known)
    first, last = np.searchsorted(text, digest), np.searchsorted(text, digest, "right")
    telling = np.flatnonzero(np.isin(channel, SPOKEN) & (last - first == 1))
    telling = telling[np.argsort(chars[telling], kind="stable")]
    found[row[telling]] = owner[first[telling]]  # of several, the longest stands last and decides
    of = found[row]
    same = (of >= 0) & np.isin(pairs_of(of, digest), pairs_of(owner, text))
    common, size = (np.bincount(row, chars * which, minlength=len(found)) for which in (same, np.ones(len(row))))
    done = np.isin(channel, ("action", "output"))
    did = np.bincount(row, chars * (same & done), minlength=len(found))
    made = (case.pop.chars["action"] + case.pop.chars["output"])[np.maximum(found, 0)]
    copied = (common >= LEAST_CHARS) & (common >= HALF * size) & (did >= HALF * made)
    return np.where(copied, found, NONE)


def _owned(case: Case, known: Iterable[Texts]) -> tuple[I64, np.ndarray]:
    """Each text of each trace once: the trace (k), and the text's digest (k), sorted by that."""
    place = {key: i for i, key in enumerate(case.pop.key.tolist())}
    owners, digests = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for texts in known:
        owner = np.repeat(np.array([place.get(k, -1) for k in texts.keys], np.int64), texts.counts)
        owners.append(owner[owner >= 0])
        digests.append(texts.digests[owner >= 0])
    owner, digest = np.concatenate(owners), np.concatenate(digests)
    order = np.lexsort((owner, digest))
    owner, digest = owner[order], digest[order]
    new = np.ones(len(owner), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (digest[1:] != digest[:-1])
    return owner[new], digest[new]
