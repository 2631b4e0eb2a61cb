"""The canonical trace: what every layout is turned into, and the only thing a monitor reads."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table

CHANNELS = ("prompt", "reasoning", "action", "observation", "output", "memory")
ROLES = ("system", "user", "assistant", "tool")

STEP = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("text", pa.string()),
        pa.field("redacted", pa.bool_(), nullable=False),
    ]
)
STEPS = pa.list_(pa.field("step", STEP, nullable=False))
METADATA = pa.map_(pa.string(), pa.string())
METADATA_VALUE_CHARS = 256  # metadata is for grouping, not for carrying text about

DIMENSIONS = (
    Column("trace_id", pa.string(), "The trace's id as its producer gave it; any characters, never empty."),
    Column("episode_id", pa.string(), "The episode; several context windows may share one.", nullable=True),
    Column("window_index", pa.int64(), "Which context window of the episode, from 0.", nullable=True, minimum=0),
    Column("rollout_group", pa.string(), "Rollouts of one prompt that were scored together.", nullable=True),
    Column("model", pa.string(), "The model that produced the trace.", nullable=True),
    Column("checkpoint", pa.string(), "The checkpoint of that model.", nullable=True),
    Column("training_step", pa.int64(), "The optimiser step of the checkpoint.", nullable=True),
    Column("training_run", pa.string(), "The training run the checkpoint belongs to.", nullable=True),
    Column("environment", pa.string(), "The environment or task family.", nullable=True),
    Column("task_id", pa.string(), "The task within the environment.", nullable=True),
    Column("started_at", pa.timestamp("us", tz="UTC"), "When the episode began.", nullable=True),
    Column("reward", pa.float64(), "The reward paid.", nullable=True),
    Column("success", pa.bool_(), "Whether the task counted as solved.", nullable=True),
    Column(
        "metadata",
        METADATA,
        f"Columns the layout does not know, cut at {METADATA_VALUE_CHARS} characters.",
        nullable=True,
    ),
)

CANONICAL = Table(
    "trace",
    version=1,
    doc="One row a trace, as every layout is adapted to and as `--layout canonical` is read.",
    columns=(
        *DIMENSIONS,
        Column("steps", STEPS, "What happened, in order: role, channel, name (of a tool), text, redacted."),
    ),
    key=("trace_id",),
)

PROVENANCE = (
    Column("file", pa.string(), "The input file, relative to the input root."),
    Column("row_group", pa.int32(), "Row group within the file, from 0.", minimum=0),
    Column("row", pa.int64(), "Row within the row group, from 0.", minimum=0),
)
IDENTITY = (
    Column("trace_key", pa.string(), "Digest of trace_id and trace_digest; two rows with one key are replicas."),
    Column("trace_digest", pa.string(), "Digest of the steps alone."),
)

ADAPTED = Table(
    "adapted",
    version=1,
    doc="A canonical trace on its way through the pipeline, with its identity and where it came from.",
    columns=(*CANONICAL.columns, *IDENTITY, *PROVENANCE),
    key=("file", "row_group", "row"),
)

COMMITTED_BY = (
    Column("unit_id", pa.string(), "The unit of work this row belongs to; it counts once `units` has it."),
    Column("run_id", pa.string(), "The run that staged the row; it counts when `units` names the same run."),
)

TRACES = Table(
    "traces",
    version=1,
    doc=(
        "One row a trace seen: its dimensions, its lengths by channel (Unicode code points) and where to find it, "
        "never its text. The view adds `id_conflict`: the same trace_id is also present with other content."
    ),
    columns=(
        *COMMITTED_BY,
        *IDENTITY,
        *DIMENSIONS,
        Column("steps", pa.int32(), "Number of steps.", minimum=0),
        *(Column(f"{c}_chars", pa.int64(), f"Code points of {c} text.", minimum=0) for c in CHANNELS),
        Column("redacted_steps", pa.int32(), "Steps whose text was withheld by the provider.", minimum=0),
        *PROVENANCE,
    ),
    key=("unit_id", "run_id", "file", "row_group", "row"),
)
