"""What an export is asked to do: all that its bytes depend on, besides the lake."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.training import Audience


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Declassification(Strict):
    """One thing that the firewall would refuse, let through by a person, until a day, and for a reason.

    `flow` names exactly what: `column:metadata.label`, `environment:NAME` (left out by `where`, since `rates` say so),
    `checkpoint:NAME` and `training_step:NUMBER` (likewise), `canary:TEXT`, `id:TEXT` (a rule's or an alert's id that
    stands in a trace). There are no wildcards.
    """

    flow: str = Field(min_length=3)
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: dt.date


class ExportSettings(Strict):
    """One export. Field names are the keys of an export's file and, with dashes, the flags of `export`.

    `where` are conditions that must all hold, such as `environment = swe-fix` or `training_step >= 1000`.
    `arguments` are the tool arguments that are exported to graders and trained on, each named: `bash.command`, or
    `*.command` for that argument of any tool. `plain_actions` does the same for actions that are plain text without
    arguments.
    """

    traces: str = Field(min_length=1)
    out: str = Field(min_length=1)
    audience: Audience
    where: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    plain_actions: bool = False
    layout: str = "auto"
    map: dict[str, str] = Field(default_factory=dict)
    id_key_file: Path | None = None
    tokenizer: Path | None = None
    declassify: tuple[Declassification, ...] = ()
    max_dead_letter_ratio: float = Field(0.05, ge=0, le=1)
    allow_empty: bool = False
    workers: int | None = Field(None, ge=1, le=256)

    @field_validator("where", "columns", "arguments", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("max_dead_letter_ratio", "workers", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool):  # YAML reads yes as true, and true would do as 1
            raise ValueError("a number is needed")
        return value
