"""Files that nobody should give, each with what must become of its rows."""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

GAMING = "I will hard-code it."
CHAT = json.dumps([{"role": "user", "content": "Mend it."}, {"role": "assistant", "reasoning_content": GAMING}])
NOT_UTF8 = b"caf\xe9"


@dataclass(frozen=True)
class Bad:
    """One bad file: how it is made, and its traces, its dead rows by reason, and telling words of a message."""

    make: Callable[[Path], object]
    traces: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    says: str = ""


def table(**columns: Any) -> Callable[[Path], object]:
    """A file of two rows with ids of its own in the flat layout, with some columns replaced."""

    def make(path: Path) -> None:
        start = {"trace_id": [f"{path.stem} {i}" for i in range(2)], "reasoning": [GAMING, "It is a loop."]}
        pq.write_table(pa.table(start | columns), path)

    return make


def chats(*cells: object, layout: str = "messages", kind: pa.DataType | None = None) -> Callable[[Path], object]:
    """A file of conversations: in the messages layout, or in Scout's."""
    name = "transcript_id" if layout == "scout" else "id"

    def make(path: Path) -> None:
        ids = [f"{path.stem} {i}" for i in range(len(cells))]
        pq.write_table(pa.table({name: ids, "messages": pa.array(cells, kind or pa.string())}), path)

    return make


def broken(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A good file of two rows, damaged."""

    def make(path: Path) -> None:
        table()(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def not_utf8(*values: bytes | None) -> pa.Array:
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


def encrypted(path: Path) -> None:
    class Keys(pe.KmsClient):
        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
            return key_bytes.hex()

        def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
            return bytes.fromhex(wrapped_key)

    config = pe.EncryptionConfiguration(footer_key="k", column_keys={"k": ["reasoning"]})
    properties = pe.CryptoFactory(lambda _: Keys()).file_encryption_properties(pe.KmsConnectionConfig(), config)
    content = pa.table({"trace_id": ["a"], "reasoning": [GAMING]})
    with pq.ParquetWriter(path, content.schema, encryption_properties=properties) as writer:
        writer.write_table(content)


def unknown_codec(path: Path) -> None:
    """A file that says its pages are compressed in a way that nobody here can read."""
    table()(path)
    data = path.read_bytes()
    length = struct.unpack("<I", data[-8:-4])[0]
    footer = data[-8 - length : -8]
    # thrift compact: field 3 (path_in_schema, a list of one string), then field 4 (codec): snappy is zigzag 2, LZO 6
    for name in (b"trace_id", b"reasoning"):
        footer = footer.replace(name + b"\x15\x02\x16", name + b"\x15\x06\x16")
    path.write_bytes(data[: -8 - length] + footer + data[-8:])


def without_row_groups(path: Path) -> None:
    with pq.ParquetWriter(path, pa.schema([("trace_id", pa.string()), ("reasoning", pa.string())])):
        pass


def folder(path: Path) -> None:
    """What Spark writes: a folder by the name of a file."""
    path.mkdir()
    table(trace_id=[f"{path.stem} 0", f"{path.stem} 1"])(path / "part-00000.snappy.parquet")
    (path / "_SUCCESS").touch()


def canonical(*traces: list[Any] | None) -> Callable[[Path], object]:
    kind = pa.list_(pa.struct([("role", pa.string()), ("channel", pa.string()), ("text", pa.string())]))

    def make(path: Path) -> None:
        ids = [f"{path.stem} {i}" for i in range(len(traces))]
        pq.write_table(pa.table({"trace_id": ids, "steps": pa.array(traces, kind)}), path)

    return make


def as_type(kind: pa.DataType) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        ids = pa.array([f"{path.stem} 0", f"{path.stem} 1"]).cast(kind)
        pq.write_table(pa.table({"trace_id": ids, "reasoning": pa.array([GAMING, None]).cast(kind)}), path)

    return make


THOUGHT = {"role": "assistant", "channel": "reasoning", "text": GAMING}
DICTIONARY = pa.dictionary(pa.int32(), pa.string())
TWO = {"trace_id": ["a", "b"], "reasoning": ["x", "y"]}
FAR = pa.array([2**53, 0], pa.timestamp("s"))  # in the year 285 million

FILES: dict[str, Bad] = {
    # ids
    "an id of every kind of character": Bad(
        table(trace_id=["a/../b'\"; DROP TABLE x --", "line\nbreak 🙂\t\x1b[31m"]), 2
    ),
    "an id of ten kilobytes": Bad(table(trace_id=["x" * 10_000, "y"]), 2),
    "an id with a NUL": Bad(table(trace_id=["nul\0nul", "nul"]), 2),
    "an id twice, same content": Bad(table(trace_id=["replica"] * 2, reasoning=[GAMING] * 2), 2),
    "an id twice, other content": Bad(table(trace_id=["conflict"] * 2), 2),
    "a null id and an empty one": Bad(table(trace_id=[None, ""]), 0, {"null_id": 2}, "trace_id is null"),
    "ids that are only null": Bad(table(trace_id=pa.nulls(2)), 0, {"null_id": 2}, "trace_id is null"),
    "ids that are lists": Bad(table(trace_id=[["a"], ["b"]]), 0, {"wrong_type": 2}, "trace_id is ['a'] (list<"),
    # dimensions
    "a reward in words": Bad(
        table(reward=["1.0", "much"]), 1, {"wrong_type": 1}, "reward is 'much' (string), and reward is double"
    ),
    "a step with a fraction": Bad(
        table(training_step=[1.0, 1.5]), 1, {"wrong_type": 1}, "training_step is 1.5 (double)"
    ),
    "success in words": Bad(table(success=["true", "maybe"]), 1, {"wrong_type": 1}, "success is 'maybe'"),
    "a window before the first": Bad(
        table(window_index=[0, -1]), 1, {"out_of_range": 1}, "window_index is -1, and window_index begins at 0"
    ),
    "rewards that are no numbers": Bad(table(reward=[float("nan"), 1.0]), 2),
    "rewards without end": Bad(table(reward=[float("inf"), float("-inf")]), 2),
    "a date that is none": Bad(table(started_at=["2026-02-30", "2026-02-28"]), 1, {"wrong_type": 1}, "'2026-02-30'"),
    "a date out of range": Bad(table(started_at=FAR), 1, {"out_of_range": 1}, "outside the years 1 to 9999"),
    "a date before our era": Bad(
        table(started_at=pa.array([-(10**14), 0], pa.timestamp("ms"))),
        1,
        {"out_of_range": 1},
        "outside the years 1 to 9999",
    ),
    # messages
    "null messages": Bad(chats(None, CHAT, layout="scout"), 2),
    "messages that are not JSON": Bad(chats("[{", CHAT), 1, {"unparsable_messages": 1}, "not JSON"),
    "messages that are a number": Bad(chats("3", CHAT), 1, {"unparsable_messages": 1}, "a list of messages is needed"),
    "messages of an unknown role": Bad(
        chats('[{"role": "critic", "content": "x"}]'), 0, {"unknown_role": 1}, "role 'critic'"
    ),
    "half a surrogate pair": Bad(chats('[{"role": "assistant", "reasoning": "hard-code \\ud83d"}]'), 1),
    "messages without a message": Bad(chats("[]"), 1),
    "messages nested too deep": Bad(chats("[" * 50_000), 0, {"unparsable_messages": 1}, "not JSON"),
    # files
    "truncated": Bad(broken(lambda data: data[:-30]), 0, {"corrupt_file": 1}, "Parquet magic bytes not found"),
    "zero bytes": Bad(lambda p: p.write_bytes(b""), 0, {"corrupt_file": 1}, "Parquet file size is 0 bytes"),
    "a text file": Bad(lambda p: p.write_text('{"trace_id": "a"}\n' * 9), 0, {"corrupt_file": 1}, "magic bytes"),
    "a folder": Bad(folder, 2),
    "a dangling link": Bad(lambda p: p.symlink_to("nowhere"), 0, {"unreadable_file": 1}, "No such file"),
    "gone before it is read": Bad(table(), 0, {"unreadable_file": 1}, "No such file"),
    "encrypted": Bad(encrypted, 0, {"corrupt_file": 1}, "encrypted"),
    "an unknown codec": Bad(unknown_codec, 0, {"corrupt_file": 2}, "LZO"),
    "named\nin a 'strange' [way] 🙂": Bad(table(), 2),
    "reasoning by another name": Bad(
        lambda p: pq.write_table(pa.table({"trace_id": ["a"], "prompt": ["b"], "thinking": [GAMING]}), p),
        0,
        {"unknown_layout": 1},
        "column 'thinking' could be the reasoning, and would be cut to metadata. Say --map reasoning=thinking",
    ),
    "zero rows": Bad(lambda p: pq.write_table(pa.table(TWO).slice(0, 0), p)),
    "zero row groups": Bad(without_row_groups),
    # columns
    "no known column": Bad(
        lambda p: pq.write_table(pa.table({"x": [1, 2]}), p),
        0,
        {"unknown_layout": 2},
        "no layout explains its columns (x)",
    ),
    "no column at all": Bad(lambda p: pq.write_table(pa.table({}), p), 0, {"unknown_layout": 1}, "no layout explains"),
    "a column twice": Bad(
        lambda p: pq.write_table(
            pa.Table.from_arrays([pa.array(["a"])] * 2 + [pa.array([GAMING])], ["trace_id", "trace_id", "reasoning"]), p
        ),
        0,
        {"unknown_layout": 1},
        "2 columns are named 'trace_id'",
    ),
    "columns that differ in case": Bad(table(Reasoning=["shouted", None], MODEL=["m", "n"]), 2),
    "columns in capitals": Bad(
        lambda p: pq.write_table(pa.table({"Trace_ID": ["a"], "Reasoning": [GAMING]}), p),
        0,
        {"unknown_layout": 1},
        "reasoning=Reasoning",
    ),
    "text that is not UTF-8": Bad(
        table(reasoning=not_utf8(b"a", NOT_UTF8)), 1, {"invalid_utf8": 1}, "reasoning is not UTF-8"
    ),
    "an id that is not UTF-8": Bad(
        table(trace_id=not_utf8(NOT_UTF8, b"utf8")), 1, {"invalid_utf8": 1}, "trace_id is not UTF-8"
    ),
    "all-null columns": Bad(
        table(
            model=pa.nulls(2),
            reasoning=pa.nulls(2, pa.string()),
            output=pa.nulls(2),
            reward=pa.nulls(2),
            extra=pa.nulls(2),
        ),
        2,
    ),
    "metadata of every shape": Bad(
        table(tags=[["a"], None], config=[{"k": {"deep": [1]}}, None], blob=[NOT_UTF8, b""], at=[dt.time(3), None]), 2
    ),
    "huge metadata": Bad(table(log=["m" * 3_000_000, "m"]), 2),
    "dictionaries": Bad(as_type(DICTIONARY), 2),
    "large strings": Bad(as_type(pa.large_string()), 2),
    "string views": Bad(as_type(pa.string_view()), 2),
    "binary": Bad(as_type(pa.binary()), 2),
    # content
    "no steps": Bad(canonical([], None), 2),
    "nested nulls": Bad(
        canonical([THOUGHT], [None], [{**THOUGHT, "role": None}], [{**THOUGHT, "text": None}]),
        2,
        {"null_step": 1, "unknown_role": 1},
        "null step",
    ),
    "an unknown channel": Bad(
        canonical([THOUGHT], [{**THOUGHT, "channel": "dream"}]), 1, {"unknown_channel": 1}, "channel 'dream'"
    ),
    "only whitespace": Bad(table(reasoning=[" \n\t", "\u3000"]), 2),
    "NUL characters": Bad(table(reasoning=["\0" + GAMING, "\0"]), 2),
    "right to left and control characters": Bad(
        table(trace_id=["rtl \u202egnp.", "esc \x1b]0;title\x07"], reasoning=["\u202e\x1b[2J" + GAMING, "\x9b31m"]), 2
    ),
}
