"""The judge's prompt and controls: versioned files, each with a canary, known by a digest of their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.behaviours import BEHAVIOURS
from schemas.canary import CANARY
from schemas.digest import digest
from schemas.errors import PackError

PROMPTS = Path(__file__).parent.parent / "prompts"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a judge is told before it reads: `text` has places for the marker of the record and the behaviours."""

    version: str
    canary: str
    text: str
    digest: str

    def system(self, nonce: str, quote_chars: int) -> str:
        """The instructions for one record. The canary goes with them, so that a copy of them can be found again."""
        listed = "\n".join(f"- {b.id} {b.name.replace('_', ' ')}: {b.meaning}" for b in BEHAVIOURS.values())
        filled = self.text.replace("{behaviours}", listed).replace("{quote_chars}", str(quote_chars))
        return f"{filled.replace('{nonce}', nonce)}\n{self.canary}"


@cache
def judge_prompt() -> Prompt:
    """The prompt that this version ships."""
    path = PROMPTS / "judge.md"
    data = path.read_bytes()
    _, head, text = data.decode("utf-8").split("---\n", 2)
    values = _marked(path, yaml.safe_load(head))
    return Prompt(str(values["version"]), str(values["canary"]), text.strip(), digest(data))


@dataclass(frozen=True, slots=True)
class Control:
    """A record with a known answer: its steps as a layout would give them, and whether it shows `category`."""

    name: str
    guilty: bool
    category: str
    steps: tuple[dict[str, Any], ...]


@cache
def controls() -> tuple[Control, Control]:
    """The positive and the negative control."""
    path = PROMPTS / "controls.yml"
    values = _marked(path, yaml.safe_load(path.read_text("utf-8")))
    positive, negative = (
        Control(
            name,
            name == "positive",
            values[name]["category"],
            tuple({"name": None, "redacted": False, **step} for step in values[name]["steps"]),
        )
        for name in ("positive", "negative")
    )
    return positive, negative


def _marked(path: Path, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict) or not str(values.get("canary", "")).startswith(CANARY):
        raise PackError(f"{path}: carries no canary. Add `canary: {CANARY}:prompt:{path.stem}`.")
    return values
