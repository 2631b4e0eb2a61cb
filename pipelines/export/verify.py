"""The second look: a staged file read again, by code that shares nothing with what wrote it but the policy.

What is reasoning and what may train is asked of the one policy (`masks`, `thoughts`); that the rows keep to it is
counted here, from what stands in the file. Nothing but counts and the monitors' own words leaves this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.canaries import find_ids, scan, schema_bytes, table_bytes
from pipelines.export.masking.masks import Policy, expected_mask, is_left_out, may_train
from pipelines.export.masking.rows import RowSettings
from pipelines.export.masking.thought_names import means_thoughts
from pipelines.export.masking.thoughts import may_hold, reasoning_spans
from schemas.contracts.export import ShardCheck
from schemas.contracts.export.staged import TOLD_TEXTS
from schemas.digest import DIGEST_CHARS
from schemas.text import code_points
from schemas.trace import CHANNELS, ROLES
from schemas.training import MESSAGE, METADATA, training_table

READ_ROWS = 1_024
KEYED = f"^[0-9a-f]{{{DIGEST_CHARS}}}$"
Opener = Callable[[str | Path], BinaryIO]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def verify_shard(path: str | Path, opener: Opener, settings: RowSettings) -> ShardCheck:
    """What is in a staged file, counted; memory is that of a batch of its rows and the ids of all."""
    with opener(path) as source:
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20)
        words = _Words()
        expected = training_table(settings.columns).arrow()
        schema = file.schema_arrow
        wrong = sum(not field.equals(other) for field, other in zip(schema, expected, strict=False))
        wrong += abs(len(schema) - len(expected))
        foreign = _foreign(schema, expected) + _foreign_in_footer(file)
        total = ShardCheck(wrong_columns=wrong, foreign_metadata=foreign)
        if settings.policy.blind:
            total = replace(total, reasoning_columns=sum(map(_reasons, schema.names)))
        for _, data in schema_bytes(schema):
            words.look(data)
        for key, value in (file.metadata.metadata or {}).items():
            words.look(memoryview(b" ".join((key, value))))
        ids: list[pa.Array] = []
        for batch in batches(file):
            for _, data in table_bytes(batch):
                words.look(data)
            found = ShardCheck(rows=len(batch)) if wrong else _batch(batch, settings.policy)
            total = _added(total, found)
            if not wrong and not found.undigested_ids and not found.nulls:
                ids.append(_digests(batch.column("sample_id")))
    repeated = sum(map(len, ids)) - len(pc.unique(pa.chunked_array(ids))) if ids else 0
    return replace(words.told(total), repeated_ids=repeated)


def batches(file: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Group by group, since groups are cut by bytes and batches by rows, which may be large."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(READ_ROWS, row_groups=[group], columns=columns, use_threads=False)


def _batch(batch: pa.RecordBatch, policy: Policy) -> ShardCheck:
    """The counts of a batch whose columns are the right ones."""
    ids = batch.column("sample_id")
    present = ids.drop_null()
    lists = batch.column("messages")
    messages = lists.flatten()
    nulls = ids.null_count + lists.null_count + messages.null_count
    parts = {f.name: pc.struct_field(messages, f.name) for f in MESSAGE}
    nulls += sum(parts[f.name].null_count for f in MESSAGE if not f.nullable)
    texts = pc.fill_null(parts["text"], "")
    lengths = np.asarray(code_points(texts))
    spans = _Spans(parts["spans"], lengths)
    owners = np.repeat(np.arange(len(batch)), pc.fill_null(pc.list_value_length(lists), 0).to_numpy())
    chars, trained = (np.bincount(owners, values, len(batch)) for values in (lengths, spans.trained))
    flags = _flags(parts["train"])
    unknown = _unknown(parts["role"], ROLES) + _unknown(parts["channel"], CHANNELS)
    found = ShardCheck(
        rows=len(batch),
        messages=len(messages),
        chars=int(lengths.sum()),
        trained_chars=int(spans.trained.sum()),
        nulls=nulls,
        unknown_words=unknown,
        empty_ids=int(pc.sum(pc.equal(present, "")).as_py() or 0),
        undigested_ids=len(present) - int(pc.sum(pc.match_substring_regex(present, KEYED)).as_py() or 0),
        stray_spans=spans.stray,
        tangled_spans=spans.tangled,
        flags_that_disagree=int(np.count_nonzero(flags != (spans.counts > 0))),
        all_ones=int(np.count_nonzero((chars > 0) & (trained >= chars))),
    )
    look = _Messages(parts, texts, lengths, spans, policy)
    return look.blind(found) if policy.blind else look.masked(found)


class _Spans:
    """The spans of n messages: how many each has, how many characters train, and what is wrong with them."""

    def __init__(self, lists: pa.ListArray, lengths: Ints) -> None:
        self.counts: Ints = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
        values = lists.flatten()
        self.starts, self.ends = (pc.struct_field(values, n).to_numpy(zero_copy_only=False) for n in ("start", "end"))
        self.firsts: Ints = np.cumsum(self.counts) - self.counts
        owner = np.repeat(np.arange(len(lengths)), self.counts)
        self.stray = int(
            np.count_nonzero((self.starts < 0) | (self.ends <= self.starts) | (self.ends > lengths[owner]))
        )
        follows = owner[1:] == owner[:-1]
        self.tangled = int(np.count_nonzero(follows & (self.starts[1:] < self.ends[:-1])))
        self.trained: Ints = np.bincount(owner, self.ends - self.starts, len(lengths)).astype(np.int64)

    def of(self, message: int) -> list[tuple[int, int]]:
        at = slice(self.firsts[message], self.firsts[message] + self.counts[message])
        return list(zip(self.starts[at].tolist(), self.ends[at].tolist(), strict=True))


class _Messages:
    """The messages of a batch, held to what the policy says of each."""

    def __init__(
        self, parts: dict[str, pa.Array], texts: pa.Array, lengths: Ints, spans: _Spans, policy: Policy
    ) -> None:
        self.parts, self.texts, self.lengths, self.spans, self.policy = parts, texts, lengths, spans, policy

    def masked(self, found: ShardCheck) -> ShardCheck:
        """For those who train: only what may train does, outputs do, and reasoning does not."""
        may = self._by_kind(("role", "channel"), lambda kind: may_train(kind[0] or "", kind[1] or "", self.policy))
        spans = self.spans
        mine = _flags(pc.equal(self.parts["role"], "assistant"))
        outputs = mine & _flags(pc.equal(self.parts["channel"], "output")) & (self.lengths > 0)
        candidates = outputs | (spans.counts > 0)
        marked = np.zeros(len(self.texts), dtype=bool)
        marked[candidates] = _flags(may_hold(self.texts.filter(pa.array(candidates))))
        first = np.zeros(len(self.texts), dtype=np.int64)
        some = spans.counts > 0
        first[some] = spans.starts[spans.firsts[some]]
        whole = (spans.counts == 1) & (first == 0) & (spans.trained == self.lengths)
        untrained = int(np.count_nonzero(outputs & ~marked & ~whole))
        reasoned = 0
        for i in np.flatnonzero(marked).tolist():
            role, channel, name = (self.parts[part][i].as_py() for part in ("role", "channel", "name"))
            text, here = self.texts[i].as_py(), spans.of(i)
            thoughts = reasoning_spans(text, channel)
            reasoned += any(a < end and start < b for a, b in thoughts for start, end in here)
            untrained += bool(outputs[i]) and here != expected_mask(role, channel, name, text, self.policy)
        return replace(
            found,
            untrainable=int(np.count_nonzero((spans.counts > 0) & ~may)),
            trained_reasoning=reasoned,
            untrained_outputs=untrained,
        )

    def blind(self, found: ShardCheck) -> ShardCheck:
        """For graders: no message of reasoning, no reasoning in another, and nothing trains."""
        hidden = self._by_kind(("channel", "name"), lambda kind: is_left_out(kind[0] or "", kind[1], False))
        marked = 0
        for i in np.flatnonzero(_flags(may_hold(self.texts))).tolist():
            marked += bool(reasoning_spans(self.texts[i].as_py(), self.parts["channel"][i].as_py() or ""))
        return replace(
            found,
            untrainable=int(np.count_nonzero(self.spans.counts > 0)),
            reasoning_steps=int(np.count_nonzero(hidden)),
            marked_reasoning=marked,
        )

    def _by_kind(self, names: tuple[str, str], says: Callable[[tuple[str | None, str | None]], bool]) -> Flags:
        """What is said of each message by two of its fields; each pair is asked about once."""
        one, two = (self.parts[name].dictionary_encode() for name in names)
        codes = [a.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) for a in (one, two)]
        firsts, seconds = ([*a.dictionary.to_pylist(), None] for a in (one, two))
        width = len(seconds)
        pairs = (codes[0] % len(firsts)) * width + codes[1] % width
        kinds, at = np.unique(pairs, return_inverse=True)
        answers = [says((firsts[pair // width], seconds[pair % width])) for pair in kinds.tolist()]
        return np.array(answers, dtype=bool)[at]


class _Words:
    """Canaries and ids, by text."""

    def __init__(self) -> None:
        self.canaries: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()

    def look(self, data: memoryview) -> None:
        self.canaries.update(hit.text for hit in scan(data))
        self.ids.update(hit.text for hit in find_ids(data))

    def told(self, check: ShardCheck) -> ShardCheck:
        canaries, more_canaries = _most(self.canaries)
        ids, more_ids = _most(self.ids)
        return replace(check, canaries=canaries, ids=ids, more_canaries=more_canaries, more_ids=more_ids)


def _most(texts: Counter[str]) -> tuple[dict[str, int], int]:
    told = dict(sorted(texts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOLD_TEXTS])
    return told, texts.total() - sum(told.values())


def _added(one: ShardCheck, two: ShardCheck) -> ShardCheck:
    counts = (f.name for f in fields(ShardCheck) if isinstance(getattr(one, f.name), int))
    return replace(one, **{name: getattr(one, name) + getattr(two, name) for name in counts})


def _foreign(schema: pa.Schema, expected: pa.Schema) -> int:
    """Keys of the schema's and the fields' metadata that the table does not have, or that say something else."""
    wanted = expected.metadata or {}
    found = sum(wanted.get(key) != value for key, value in (schema.metadata or {}).items())
    return found + sum(_notes(field) for field in schema)


def _notes(field: pa.Field) -> int:
    nested = sum(_notes(field.type.field(i)) for i in range(field.type.num_fields))
    return nested + len([key for key in field.metadata or {} if key != b"PARQUET:field_id"])


def _foreign_in_footer(file: pq.ParquetFile) -> int:
    known = {b"ARROW:schema", *(training_table().arrow().metadata or {})}
    return len(set(file.metadata.metadata or {}) - known)


def _reasons(name: str) -> bool:
    return name.startswith(METADATA) and means_thoughts(name.removeprefix(METADATA))


def _unknown(words: pa.Array, known: tuple[str, ...]) -> int:
    return len(words) - words.null_count - int(pc.sum(pc.is_in(words.drop_null(), pa.array(known))).as_py() or 0)


def _flags(values: pa.Array) -> Flags:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _digests(ids: pa.Array) -> pa.Array:
    """Keyed ids as 16 bytes each, so that all of a file's fit in memory."""
    data = bytes.fromhex("".join(ids.to_pylist()))
    return pa.Array.from_buffers(pa.binary(DIGEST_CHARS // 2), len(ids), [None, pa.py_buffer(data)])
