"""The samples as Parquet files, in each of the four layouts, with a few rows that no layout can take."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.samples.story import Sample, Step
from schemas.digest import digest
from schemas.trace import CANONICAL, DIMENSIONS

CARRIED = (
    *("episode_id", "rollout_group", "model", "checkpoint", "training_step", "training_run"),
    *("environment", "task_id", "started_at", "reward", "success"),
)
TYPES = {column.name: column.type for column in DIMENSIONS}
SCOUT_ROW_GROUP = 25  # what Inspect Scout writes
ROW_GROUP = 256

Rows = list[dict[str, Any]]


def write_canonical(samples: Sequence[Sample], folder: Path) -> Path:
    rows: Rows = [{"trace_id": s.trace_id, **_carried(s), "steps": [_step(t) for t in s.steps]} for s in samples]
    rows += [{**rows[0], "trace_id": ""}] if rows else []
    return _write(rows, CANONICAL.arrow(), folder / "rollouts.parquet", ROW_GROUP)


def write_flat(samples: Sequence[Sample], folder: Path) -> Path:
    schema = _schema(("trace_id", pa.string()), *((name, pa.string()) for name in FLAT))
    rows: Rows = [{"trace_id": s.trace_id, **_carried(s), **_flat(s)} for s in samples]
    rows += [{**row, "trace_id": None} for row in rows[:2]]
    return _write(rows, schema, folder / "rollouts.parquet", ROW_GROUP)


def write_messages(samples: Sequence[Sample], folder: Path) -> Path:
    schema = _schema(("trace_id", pa.string()), ("messages", pa.string()))
    rows: Rows = [{"trace_id": s.trace_id, **_carried(s), "messages": json.dumps(_chat(s))} for s in samples]
    if rows:
        cut = {**rows[0], "trace_id": "cut-short", "messages": rows[0]["messages"][:400]}
        stranger = {**rows[0], "trace_id": "stranger", "messages": '[{"role": "oracle", "content": "So be it."}]'}
        rows += [cut, stranger]
    return _write(rows, schema, folder / "rollouts.parquet", ROW_GROUP)


def write_scout(samples: Sequence[Sample], folder: Path) -> Path:
    """Named and grouped as Inspect Scout does; one transcript was never recorded, which is not the same as clean."""
    schema = pa.schema(
        [
            *(("transcript_id", pa.large_string()), ("source_type", pa.large_string()), ("date", pa.large_string())),
            *(("task_set", pa.large_string()), ("score", pa.large_string()), ("message_count", pa.int64())),
            *((n, TYPES[n]) for n in CARRIED if n not in ("environment", "started_at", "reward")),
            *(("messages", pa.large_string()), ("events", pa.large_string())),
        ]
    )
    rows: Rows = []
    for i, s in enumerate(samples):
        chat = _parts(s)
        rows.append(
            {
                **_carried(s),
                "transcript_id": s.trace_id,
                "source_type": "eval_log",
                "date": s.started_at.isoformat(),
                "task_set": s.environment,
                "score": json.dumps(s.reward),
                "message_count": len(chat),
                "messages": json.dumps(chat) if i % 97 != 96 else None,
                "events": json.dumps([{"event": "model", "pending": False}]),
            }
        )
    name = f"transcripts_20260504T180000_{digest('samples')[:8]}.parquet"
    return _write(rows, schema, folder / name, SCOUT_ROW_GROUP)


WRITERS: dict[str, Callable[[Sequence[Sample], Path], Path]] = {
    "canonical": write_canonical,
    "flat": write_flat,
    "messages": write_messages,
    "scout": write_scout,
}

FLAT = {"prompt": "prompt", "reasoning": "reasoning", "actions": "action", "output": "output"}  # column: channel


def _flat(sample: Sample) -> dict[str, str | None]:
    texts = {
        column: "\n\n".join(s.text for s in sample.steps if s.channel == channel and s.text)
        for column, channel in FLAT.items()
    }
    return {column: text or None for column, text in texts.items()}


def _step(step: Step) -> dict[str, object]:
    return {
        "role": step.role,
        "channel": step.channel,
        "name": step.name,
        "text": step.text,
        "redacted": step.redacted,
    }


def _chat(sample: Sample) -> list[dict[str, object]]:
    """As chat servers keep it: `reasoning_content` beside `content`, and tool calls with arguments as JSON text."""
    chat: list[dict[str, object]] = []
    thought: str | None = None
    for i, step in enumerate(sample.steps):
        if step.channel == "reasoning":
            thought = step.text
            continue
        message: dict[str, object] = {"role": step.role, "content": step.text}
        if step.channel == "observation":
            message["tool_call_id"] = f"call_{i - 1}"
        elif step.channel == "action":
            call = {"name": step.name, "arguments": json.dumps({"command": step.text})}
            message |= {"content": None, "tool_calls": [{"id": f"call_{i}", "type": "function", "function": call}]}
        if thought is not None and step.role == "assistant":
            message["reasoning_content"], thought = thought, None
        chat.append(message)
    return chat


def _parts(sample: Sample) -> list[dict[str, object]]:
    """As Inspect keeps it: content in parts, of which reasoning may be redacted with a summary at best."""
    chat: list[dict[str, object]] = []
    parts: list[dict[str, object]] = []
    for i, step in enumerate(sample.steps):
        if step.channel == "reasoning":
            sealed = {"reasoning": f"gAAAA{digest(sample.trace_id, i)}", "redacted": True, "summary": step.text}
            parts.append({"type": "reasoning", **(sealed if step.redacted else {"reasoning": step.text})})
            continue
        message: dict[str, object] = {"id": f"m{i}", "role": step.role, "content": step.text}
        if step.channel == "observation":
            message |= {"tool_call_id": f"call_{i - 1}", "function": step.name}
        elif step.channel == "action":
            call = {"id": f"call_{i}", "function": step.name, "arguments": {"command": step.text}, "type": "function"}
            message |= {"content": parts, "tool_calls": [call]}
            parts = []
        elif step.role == "assistant":
            message["content"] = [*parts, {"type": "text", "text": step.text}]
            parts = []
        chat.append(message)
    return chat


def _carried(sample: Sample) -> dict[str, object]:
    return {name: getattr(sample, name) for name in CARRIED}


def _schema(*own: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([own[0], *((name, TYPES[name]) for name in CARRIED), *own[1:]])


def _write(rows: Rows, schema: pa.Schema, path: Path, row_group: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [pa.array([row.get(f.name) for row in rows], f.type) for f in schema]
    nullable = pa.schema([f.with_nullable(True) for f in schema])  # files in the wild promise nothing
    table = pa.Table.from_arrays(columns, schema=nullable)
    pq.write_table(table, path, compression="zstd", row_group_size=row_group)
    return path
