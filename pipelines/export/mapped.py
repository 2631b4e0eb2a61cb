"""What `--map` may do in an export: say how a lake calls what it has, and not choose rows or let reasoning pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.export.masking.thought_names import means_thoughts
from schemas.errors import Fault
from schemas.layouts.detect import TOOL

# other names by which lakes call what an export selects by or hands on; any other needs a declassification
KNOWN_AS: Mapping[str, frozenset[str]] = {
    "model": frozenset({"model_name", "model_id", "model_version", "policy", "agent"}),
    "checkpoint": frozenset({"ckpt", "checkpoint_id", "checkpoint_name", "model_checkpoint", "revision"}),
    "training_step": frozenset({"step", "global_step", "train_step", "optimizer_step", "iteration"}),
    "training_run": frozenset({"run", "run_id", "run_name", "experiment", "experiment_name", "job_id", "job"}),
    "environment": frozenset({"env", "env_name", "env_id", "environment_id", "environment_name", "task_set"})
    | {"task_name", "dataset", "dataset_name", "domain", "benchmark", "suite", "data_source"},
    "started_at": frozenset({"date", "timestamp", "created_at", "created", "start_time", "started", "eval_created"}),
    "window_index": frozenset({"window", "context_index", "context_window", "segment", "turn_window"}),
    "reward": frozenset({"score", "scores", "return", "total_reward", "reward_total", "episode_reward", "rewards"}),
    "success": frozenset({"score", "scores", "solved", "resolved", "passed", "correct", "is_correct", "completed"}),
    "task_id": frozenset({"task", "problem_id", "problem", "question_id", "instance_id", "item_id", "prompt_id"}),
    "rollout_group": frozenset({"group", "group_id", "prompt_group", "rollout_group_id", "prompt_id", "task_id"}),
    "episode_id": frozenset({"episode", "rollout_id", "session_id", "conversation_id", "trajectory_id", "run_id"}),
}
IDENTIFYING = ("trace_id", "id", "uuid", "sample_id", "transcript_id", "conversation_id", "episode_id", "task_id")
SELECTABLE = (
    *("model", "checkpoint", "training_step", "training_run", "environment", "started_at", "window_index"),
    *("reward", "success"),
)


def map_faults(renamed: Mapping[str, str]) -> Iterator[Fault]:
    """Mappings that nothing can allow: reasoning as anything else, and ids as what rows are selected by."""
    for target, source in renamed.items():
        if source.startswith(TOOL):
            continue
        if means_thoughts(source) and target != "reasoning":
            what = f"{target}={source}: the column is called like reasoning, and would be handed on as {target}"
            yield Fault("--map", None, what, f"leave it out, or map it with reasoning={source}")
        elif target in SELECTABLE and _identifies(source) and source not in KNOWN_AS[target]:
            what = f"{target}={source}: rows are selected by {target}, and ids would select what somebody listed"
            yield Fault("--map", None, what, "leave it out")


def _identifies(source: str) -> bool:
    return source in IDENTIFYING or source == "rollout_group"


def unusual(renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(column, why) for columns that are to be read as what they are not called, which a person has to answer for."""
    for target, source in renamed.items():
        known = KNOWN_AS.get(target)
        if known is not None and source != target and source.lower() not in known and not source.startswith(TOOL):
            yield source, f"is mapped to {target}, and {target} is not known to be called so"
