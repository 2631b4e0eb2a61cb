"""The contracts of an export: which figure of its files must lie between which bounds, and in whose words."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.contracts.promise import Promise
from schemas.contracts.report import CRITICAL

ROWS = "rows"
COLUMNS = "columns"
MASKS = "masks"
REASONING = "reasoning"
MONITORS = "monitors"
FRAMES = (ROWS, COLUMNS, MASKS, REASONING, MONITORS)


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """The one limit that is a matter of taste; the other contracts are simply true or not."""

    max_dead_letter_ratio: float = 0.05


def promises(limits: ExportLimits) -> tuple[Promise, ...]:
    """Every promise, in the order of the report; each is critical, for what is published cannot be called back."""
    return (
        Promise(ROWS, "unaccounted_rows", "rows read = exported + left out + replicas + dead, by file and in total"),
        Promise(ROWS, "footer_gap", "as many rows were read as the lake's own footers say"),
        Promise(ROWS, "shard_gap", "each shard holds as many rows as were exported of its file"),
        Promise(ROWS, "unscanned_shards", "as many shards were read again as files were listed"),
        Promise(
            ROWS,
            "dead_letter_ratio",
            "few input rows are dead letters",
            None,
            limits.max_dead_letter_ratio,
            CRITICAL,
            "max_dead_letter_ratio",
            "give --max-dead-letter-ratio",
        ),
        Promise(ROWS, "broken_checks", "no row broke a check that was made on the way"),
        Promise(COLUMNS, "wrong_columns", "each shard has exactly the columns that were asked for, with their types"),
        Promise(COLUMNS, "foreign_metadata", "no file says anything beside its rows"),
        Promise(COLUMNS, "nulls", "columns and fields that may not be null are not"),
        Promise(COLUMNS, "unknown_words", "roles and channels are known ones"),
        Promise(COLUMNS, "empty_ids", "each row has an id"),
        Promise(COLUMNS, "undigested_ids", "with a key, each id looks like a keyed digest"),
        Promise(COLUMNS, "repeated_ids", "with a key, no id is there twice in a file"),
        Promise(MASKS, "stray_spans", "each span lies inside its text and is not empty"),
        Promise(MASKS, "tangled_spans", "spans are in order and apart"),
        Promise(MASKS, "flags_that_disagree", "`train` says whether there are spans"),
        Promise(MASKS, "untrainable", "only messages of roles and channels that may train for this audience do"),
        Promise(MASKS, "untrained_outputs", "outputs train whole, but for the reasoning in them"),
        Promise(MASKS, "all_ones", "no row trains from end to end"),
        Promise(REASONING, "trained_reasoning", "no reasoning trains, under any name"),
        Promise(REASONING, "reasoning_steps", "graders see no message of reasoning or memory"),
        Promise(REASONING, "marked_reasoning", "graders see no reasoning in other messages, under any name"),
        Promise(REASONING, "reasoning_columns", "graders see no column called like reasoning"),
        Promise(MONITORS, "canaries", "no canary stands anywhere, in any disguise"),
        Promise(MONITORS, "ids", "no id of a rule, an alert or a finding stands anywhere"),
        Promise(MONITORS, "missed_controls", "the scanner found every canary that was planted for it"),
        Promise(MONITORS, "planted_controls", "canaries were planted for the scanner to find", 1.0, None),
    )
