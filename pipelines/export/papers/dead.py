"""Dead letters of an export: which rows were not taken and why, without a word of what stands in them.

A row that could not be read as a trace may hold reasoning all the same, so neither it nor a message that quotes it may
lie beside training data. The reader's own words go to the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.export.listing import veiled
from pipelines.read import DeadLetter

SAYS = {
    "corrupt_file": "the file, or a stretch of it, cannot be decoded",
    "unreadable_file": "the file cannot be opened",
    "unknown_layout": "the file's columns fit no layout",
    "null_id": "the trace has no id",
    "null_step": "a step is null",
    "null_steps": "the trace has no steps",
    "invalid_utf8": "a text is not UTF-8",
    "out_of_range": "a number lies outside of its range",
    "wrong_type": "a value has another type than its column needs",
    "unknown_role": "a step has a role that is not known",
    "unknown_channel": "a step has a channel that is not known",
    "unparsable_messages": "the messages cannot be parsed",
}


@dataclass(frozen=True, slots=True)
class Dead:
    """Dead rows of one reason: how many, and the first of them in the reader's words, for the terminal alone."""

    rows: int
    first: str


class DeadWriter:
    """Writes the dead letters of one shard as JSON lines, and keeps the first of each reason."""

    def __init__(self, sink: BinaryIO, key: bytes | None) -> None:
        self._sink, self._key = sink, key
        self.reasons: dict[str, Dead] = {}

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Append letters, in the order in which their rows were read."""
        for letter in letters:
            self._sink.write(line(letter, self._key))
            place = letter.file if letter.row is None else f"{letter.file}, row {letter.row}"
            before = self.reasons.get(letter.reason)
            said = letter.message.splitlines()[0] if letter.message else letter.reason
            first = said if said.startswith(letter.file) else f"{place}: {said}"
            self.reasons[letter.reason] = Dead(
                letter.rows + (before.rows if before else 0), before.first if before else first
            )


def line(letter: DeadLetter, key: bytes | None) -> bytes:
    """A letter as it is exported."""
    values = {
        "file": veiled(letter.file, key),
        "message": SAYS.get(letter.reason, "the row cannot be read as a trace"),
        "payload_digest": None if letter.payload_digest is None else veiled(letter.payload_digest, key),
        "reason": letter.reason,
        "row": letter.row,
        "row_group": letter.row_group,
        "rows": letter.rows,
        "stage": letter.stage,
    }
    return json.dumps(values, sort_keys=True).encode() + b"\n"


def added(tallies: Iterable[Mapping[str, Dead]]) -> dict[str, Dead]:
    """Reasons of all shards, in the order of the shards."""
    found: dict[str, Dead] = {}
    for tally in tallies:
        for reason, dead in tally.items():
            before = found.get(reason)
            found[reason] = Dead(before.rows + dead.rows, before.first) if before else dead
    return found
