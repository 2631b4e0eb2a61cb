"""Make traces for measuring: prose and code that look like work, any size, any layout, the same for the same seed.

    python -m benchmarks.generate bench-data/example --mb 250 --layout flat --files 8

A bank of sentences is written word by word once; a trace is then a run of sentences drawn from it, gathered by Arrow,
so that the disk is the limit and not Python.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.trace import CANONICAL, STEPS

LAYOUTS = ("canonical", "flat", "messages", "scout")
TRACE_BYTES = 7_700  # mean of the real traces we tuned on
# share of a trace's bytes, text bank, and step channel of each column of the flat layout
COLUMNS = {
    "prompt": (0.08, "prose", "prompt"),
    "reasoning": (0.60, "prose", "reasoning"),
    "actions": (0.24, "code", "action"),
    "output": (0.08, "prose", "output"),
}
BANK = {"prose": 60_000, "code": 40_000}
CHUNK_MB = 16

SUBJECTS = (
    "I We It This That Perhaps\u00a0we The\u00a0user The\u00a0function The\u00a0parser The\u00a0test The\u00a0log "
    "Somebody Now\u00a0it"
).split(" ")
VERBS = (
    "needed checked returned broke kept moved expected wrote read held missed covered dropped raised compared sorted "
    "merged rounded counted called wrapped copied printed opened closed skipped delayed showed explained replaced"
).split()
NOUNS = (
    "index cache buffer file row column value result boundary loop branch queue parser token request answer step "
    "schema module import offset window batch thread lock path config flag option matrix kernel vector sum limit "
    "exception message header field record date range zone currency invoice parcel account ticket sensor engine Größe "
    "naïve-case tolerance baseline example hypothesis assumption variable coefficient interval proof lemma draft"
).split()
LINKS = "because although while so\u00a0that before after unless since whereas and but".split(" ")
CODE = (
    "{pad}{a} = {f}({b}, {n})\n",
    "{pad}if {a} > {n}:\n{pad}    return {b}\n",
    "{pad}for {a} in range({n}):\n{pad}    {b}.append({f}({a}))\n",
    "{pad}{a}, {b} = {b}, {a} % {n}\n",
    "def {f}({a}, {b}={n}):\n    return {a}[{b}:]\n",
    "{pad}# {w} {x} {y}\n",
    "{pad}raise ValueError(f'{w} {x}: {{{a}}}')\n",
    "$ grep -rn '{f}' src | head -{n}\n",
    "src/{a}_{b}.py:{n}: {w} {x}\n",
)
# things that rules look for, planted rarely, so that the path behind a hit is measured as well
PLANTED = (
    "I'll just hard-code the expected outputs for the tests. ",
    "I will call sys.exit(0) before the assertions run. ",
    "I'll mark the failing test as skipped so that the suite goes green. ",
    "I won't mention this to the user. ",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What to make. `one_row_group` writes each file as a single one, as most files in the wild are."""

    megabytes: float
    layout: str = "flat"
    files: int = 4
    row_group_mb: float = 8
    one_row_group: bool = False
    planted: float = 0.01  # share of traces
    trace_bytes: int = TRACE_BYTES
    seed: int = 7


def generate(folder: Path, shape: Shape) -> int:
    """Write the files into a new folder and return the bytes of text in them; a folder that is there is kept."""
    note = folder / "generated.json"
    if note.exists():
        return int(json.loads(note.read_text())["text_bytes"])
    scratch = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    banks = {kind: sentences(kind, count, shape.seed) for kind, count in BANK.items()}
    total = 0
    for part in range(shape.files):
        total += _write(scratch / f"part-{part:03d}.parquet", shape, part, banks)
    (scratch / note.name).write_text(json.dumps({"text_bytes": total, "layout": shape.layout}))
    scratch.rename(folder)
    return total


def sentences(kind: str, count: int, seed: int) -> pa.Array:
    """A bank of `count` sentences of prose, or lines of code."""
    chance = random.Random(f"{kind}/{seed}")
    names = [f"{chance.choice(NOUNS)}_{chance.choice(NOUNS)}".replace("-", "_") for _ in range(400)]
    weights = [1 / (i + 3) for i in range(len(NOUNS))]  # some words are everywhere, most are rare
    nouns = chance.choices(NOUNS, weights, k=count * 3)
    made = []
    for i in range(count):
        w, x, y = nouns[3 * i : 3 * i + 3]
        if kind == "code":
            slots = {
                "a": w[:1] + str(i % 9),
                "b": chance.choice(names),
                "f": chance.choice(names),
                "w": w,
                "x": x,
                "y": y,
            }
            made.append(chance.choice(CODE).format(**slots, n=chance.randint(2, 9999), pad="    " * (i % 3)))
        else:
            tail = f" {chance.choice(LINKS)} the {y} {chance.choice(VERBS)} {chance.randint(2, 4000)}" if i % 3 else ""
            end = "? " if i % 17 == 0 else ".\n" if i % 6 == 0 else ". "
            made.append(f"{chance.choice(SUBJECTS)} {chance.choice(VERBS)} the {w} of the {x}{tail}{end}")
    made += PLANTED if kind == "prose" else ()
    return pa.array([m.replace("\u00a0", " ") for m in made], pa.large_string())


def _write(path: Path, shape: Shape, part: int, banks: dict[str, pa.Array]) -> int:
    chance = np.random.default_rng([shape.seed, part])
    target = int(shape.megabytes * 1e6 / shape.files)
    written = rows = 0
    writer: pq.ParquetWriter | None = None
    held: list[pa.Table] = []
    while written < target:
        size = min(CHUNK_MB * 1e6, target - written)
        texts = draw(max(1, round(size / shape.trace_bytes)), shape, chance, banks)
        table = LAYOUT_OF[shape.layout](texts, _ids(part, rows, len(texts["prompt"])))
        written += sum(text_bytes(t) for t in texts.values())
        rows += len(table)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        if shape.one_row_group:
            held.append(table)
        else:
            per_group = max(1, int(shape.row_group_mb * 1e6 / shape.trace_bytes))
            writer.write_table(table, row_group_size=per_group)
    if writer is not None:
        if held:
            writer.write_table(pa.concat_tables(held), row_group_size=rows)
        writer.close()
    return written


def draw(rows: int, shape: Shape, chance: np.random.Generator, banks: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """One array of texts per column; lengths are log-normal, so that a few traces are long and most are not."""
    scale = chance.lognormal(-0.32, 0.8, rows)  # mean 1
    planted = np.flatnonzero(chance.random(rows) < shape.planted)
    texts = {}
    for column, (share, kind, _) in COLUMNS.items():
        bank, real = banks[kind], BANK[kind]
        mean = text_bytes(bank) / len(bank)
        counts = np.maximum(1, (scale * shape.trace_bytes * share / mean)).astype(np.int64)
        ends = np.cumsum(counts)
        picks = chance.integers(0, real, ends[-1])
        if column == "reasoning":
            picks[ends[planted] - 1 - counts[planted] // 2] = real + chance.integers(0, len(PLANTED), len(planted))
        gathered = bank.take(pa.array(picks))
        _, offsets, data = gathered.buffers()
        starts = np.frombuffer(offsets, np.int64)[: ends[-1] + 1][np.concatenate([[0], ends])]
        # the sentences of a trace lie side by side, so its text is one stretch of what was gathered
        texts[column] = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(starts), data).cast(pa.string())
    return texts


def text_bytes(texts: pa.Array) -> int:
    starts = np.frombuffer(texts.buffers()[1], np.int64 if pa.types.is_large_string(texts.type) else np.int32)
    return int(starts[texts.offset + len(texts)] - starts[texts.offset])


def _ids(part: int, first: int, rows: int) -> dict[str, pa.Array]:
    n = np.arange(first, first + rows)
    return {
        "trace_id": pa.array([f"bench-{part:03d}-{i:08d}" for i in n]),
        "model": pa.array(["orchid-1"] * rows),
        "checkpoint": pa.array([f"step-{1000 * (i % 8):05d}" for i in n]),
        "environment": pa.array([f"env-{i % 12}" for i in n]),
        "task_id": pa.array([f"task-{i // 4}" for i in n]),
        "reward": pa.array((n % 11) / 10.0),
    }


def _flat(texts: dict[str, pa.Array], ids: dict[str, pa.Array]) -> pa.Table:
    return pa.table({**ids, **texts})


def _canonical(texts: dict[str, pa.Array], ids: dict[str, pa.Array]) -> pa.Table:
    """Four steps a trace: the columns of the flat layout, one after the other."""
    rows, width = len(texts["prompt"]), len(COLUMNS)
    order = np.arange(rows * width).reshape(width, rows).T.reshape(-1)  # column-major to row-major
    text = pa.concat_arrays([t.cast(pa.large_string()) for t in texts.values()]).take(pa.array(order)).cast(pa.string())
    channels = [channel for _, _, channel in COLUMNS.values()]
    fields = {
        "role": pa.array((["user"] + ["assistant"] * (width - 1)) * rows),
        "channel": pa.array(channels * rows),
        "name": pa.nulls(rows * width, pa.string()),
        "text": text,
        "redacted": pa.array(np.zeros(rows * width, bool)),
    }
    steps = pa.StructArray.from_arrays(list(fields.values()), fields=list(STEPS.value_type))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * width, pa.int32()), steps, type=STEPS)
    schema = pa.schema([f for f in CANONICAL.arrow() if f.name in ids or f.name == "steps"])
    return pa.table({**ids, "steps": lists}).select(schema.names)


def _messages(texts: dict[str, pa.Array], ids: dict[str, pa.Array]) -> pa.Table:
    return pa.table({**ids, "messages": pa.array(list(_chats(texts)), pa.string())})


def _scout(texts: dict[str, pa.Array], ids: dict[str, pa.Array]) -> pa.Table:
    chats = pa.array(list(_chats(texts, parts=True)), pa.large_string())
    renamed = {{"trace_id": "transcript_id", "environment": "task_set"}.get(k, k): v for k, v in ids.items()}
    return pa.table({**renamed, "messages": chats, "events": pa.array(["[]"] * len(chats), pa.large_string())})


def _chats(texts: dict[str, pa.Array], parts: bool = False) -> Iterator[str]:
    for prompt, reasoning, action, output in zip(*(t.to_pylist() for t in texts.values()), strict=True):
        call: dict[str, Any] = {"name": "bash", "arguments": json.dumps({"command": action})}
        calls: list[dict[str, Any]] = [{"id": "c1", "type": "function", "function": call}]
        thought: dict[str, Any] = {"role": "assistant", "content": None, "reasoning_content": reasoning}
        if parts:
            calls = [{"id": "c1", "type": "function", "function": "bash", "arguments": {"command": action}}]
            thought = {"role": "assistant", "content": [{"type": "reasoning", "reasoning": reasoning}]}
        chat = [{"role": "user", "content": prompt}, {**thought, "tool_calls": calls}]
        yield json.dumps([*chat, {"role": "assistant", "content": output}], ensure_ascii=False)


LAYOUT_OF = {"canonical": _canonical, "flat": _flat, "messages": _messages, "scout": _scout}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make traces for measuring.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mb", type=float, default=250, help="megabytes of text (default 250)")
    parser.add_argument("--layout", choices=LAYOUTS, default="flat")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--row-group-mb", type=float, default=8)
    parser.add_argument("--one-row-group", action="store_true", help="one row group a file")
    parser.add_argument("--trace-bytes", type=int, default=TRACE_BYTES)
    parser.add_argument("--seed", type=int, default=7)
    a = parser.parse_args()
    shape = Shape(a.mb, a.layout, a.files, a.row_group_mb, a.one_row_group, trace_bytes=a.trace_bytes, seed=a.seed)
    begun = time.perf_counter()
    total = generate(a.folder, shape)
    print(f"{a.folder}: {total / 1e6:.0f} MB of text in {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
