"""Answers that were paid for, kept for every later run: one file per call, whole or not there.

They hold what a judge said, so they lie in the store, on the monitors' side of the firewall.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from monitors.judge.client import Answered
from schemas.canary import CANARY

FOLDER = Path("_judge") / "answers"  # below the store


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, what it took to get it, and the run that paid for it."""

    answered: Answered
    run_id: str
    seconds: float
    attempts: int
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Cache:
    """The answers of a store."""

    folder: Path

    @classmethod
    def of(cls, store: str | Path) -> Cache:
        return cls(Path(store) / FOLDER)

    def path(self, call_id: str) -> Path:
        return self.folder / call_id[:2] / f"{call_id}.json"

    def get(self, call_id: str) -> Kept | None:
        """The answer, or None where there is none, or a file that is none of ours."""
        try:
            value = json.loads(self.path(call_id).read_bytes())
            return Kept(
                Answered(**value["answered"]),
                value["run_id"],
                value["seconds"],
                value["attempts"],
                bool(value.get("batch")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has(self, call_id: str) -> bool:
        return self.path(call_id).exists()

    def put(self, call_id: str, kept: Kept) -> None:
        """Keep an answer; killed at any instant, there is either nothing or all of it."""
        path = self.path(call_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"canary": f"{CANARY}:judgement", **asdict(kept)}))
        os.replace(temporary, path)
