"""What an export hands to its contracts: what became of each file, and what a second look found in each shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOLD_TEXTS = 20  # of canaries or ids of one shard; the count covers the others


@dataclass(frozen=True, slots=True)
class ShardCheck:
    """What was found in one staged file by reading it again; all counts, and zero is well but for the first four.

    `canaries` and `ids` map each text found to how often; at most TOLD_TEXTS of them, `more_canaries` and `more_ids`
    count the others.
    """

    rows: int = 0
    messages: int = 0
    chars: int = 0
    trained_chars: int = 0
    # the table
    wrong_columns: int = 0  # columns missing, too many, of another type or in another order
    foreign_metadata: int = 0  # keys in the file's or its columns' metadata that are not the table's own
    nulls: int = 0
    unknown_words: int = 0  # roles and channels that there are not
    # ids
    empty_ids: int = 0
    undigested_ids: int = 0  # ids that cannot be keyed digests
    repeated_ids: int = 0  # within the file
    # what trains
    stray_spans: int = 0  # spans that are empty or leave their text
    tangled_spans: int = 0  # spans that begin before the one before them has ended
    flags_that_disagree: int = 0  # `train` without spans, or spans without `train`
    untrainable: int = 0  # messages with spans that must not train, by their role and channel
    trained_reasoning: int = 0  # messages in which marked reasoning trains
    untrained_outputs: int = 0  # messages whose mask is not the one that the policy gives
    all_ones: int = 0  # rows in which every character trains
    # what graders see
    reasoning_steps: int = 0  # messages of channels that graders must not see
    marked_reasoning: int = 0  # messages with reasoning under any name
    reasoning_columns: int = 0  # columns called like reasoning
    # monitors' words
    canaries: Mapping[str, int] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)
    more_canaries: int = 0
    more_ids: int = 0


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """What became of one file of the lake: rows == kept + left_out + replicas + dead.

    `name` is what the terminal and the page call it; `source_rows` is what its own footer says (None: unreadable);
    `check` is None where nobody looked at its shard again.
    """

    name: str
    source_rows: int | None
    rows: int
    kept: int
    left_out: int = 0
    replicas: int = 0
    dead: int = 0
    check: ShardCheck | None = None


@dataclass(frozen=True, slots=True)
class ExportStaged:
    """A staged export.

    `listed` is how many files the lake has. `declassified` are the (kind, text) that may stand in it (kinds `canary`
    and `id`). `planted` and `found` are the canaries of the scanner's own test. `violations` counts rows by checks
    made on the way, zeros included.
    """

    files: Sequence[ExportedFile]
    listed: int
    blind: bool
    keyed: bool
    planted: int
    found: int
    declassified: frozenset[tuple[str, str]] = frozenset()
    violations: Mapping[str, int] = field(default_factory=dict)
