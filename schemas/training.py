"""The training row: what an export writes, column by column, and for whom. Nothing here knows of monitors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import pyarrow as pa

from schemas.table import Column, Table

Audience = Literal["grader", "preference", "sft", "rl"]
AUDIENCES: tuple[str, ...] = get_args(Audience)
BLIND = ("grader", "preference")  # they judge what was done, and never see why

SPAN = pa.struct([pa.field("start", pa.int64(), nullable=False), pa.field("end", pa.int64(), nullable=False)])
MESSAGE = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("train", pa.bool_(), nullable=False),
        pa.field("spans", pa.list_(pa.field("span", SPAN, nullable=False)), nullable=False),
    ]
)
MESSAGES = pa.list_(pa.field("message", MESSAGE, nullable=False))

BASE = (
    Column("sample_id", pa.string(), "The trace's id; with a key, a keyed digest of the trace's key in its place."),
    Column(
        "messages",
        MESSAGES,
        "role, channel, name (of a tool), text; `train`: whether any of it trains; `spans`: what does, in code points.",
    ),
    Column("environment", pa.string(), "The environment or task family.", nullable=True),
    Column("task_id", pa.string(), "The task within the environment.", nullable=True),
    Column("reward", pa.float64(), "The reward paid, as the lake has it.", nullable=True),
)
# what a user may name besides; none of it existed after a monitor and not before
CHOOSABLE = (
    Column("episode_id", pa.string(), "The episode; a keyed digest where ids are keyed.", nullable=True),
    Column("window_index", pa.int64(), "Which context window of the episode, from 0.", nullable=True, minimum=0),
    Column("rollout_group", pa.string(), "Rollouts of one prompt that were scored together.", nullable=True),
    Column("model", pa.string(), "The model that produced the trace.", nullable=True),
    Column("checkpoint", pa.string(), "The checkpoint of that model.", nullable=True),
    Column("training_step", pa.int64(), "The optimiser step of the checkpoint.", nullable=True),
    Column("training_run", pa.string(), "The training run the checkpoint belongs to.", nullable=True),
    Column("started_at", pa.timestamp("us", tz="UTC"), "When the episode began.", nullable=True),
    Column("success", pa.bool_(), "Whether the task counted as solved.", nullable=True),
)
METADATA = "metadata."  # `metadata.KEY` names one key of the metadata, as a column of strings of that name


def training_table(chosen: Sequence[str] = ()) -> Table:
    """The export's table with the columns that were chosen, in their order.

    Raises KeyError for a name that is neither in CHOOSABLE nor `metadata.KEY`.
    """
    known = {c.name: c for c in CHOOSABLE}
    extra = [
        Column(name, pa.string(), f"Metadata {name.removeprefix(METADATA)!r}.", nullable=True)
        if name.startswith(METADATA)
        else known[name]
        for name in chosen
    ]
    return Table("training", version=1, doc="One row a trace, for training.", columns=(*BASE, *extra))
