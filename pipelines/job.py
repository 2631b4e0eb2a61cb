"""A job: what to read, which monitors to run, where to write. From YAML, from flags, or both."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipelines.judge.settings import JudgeSettings
from pipelines.notify.settings import NotifySettings
from pipelines.standard import standard_monitors
from pipelines.yamlfile import YamlKind, faults_of, read_yaml
from schemas.contracts.run.settings import ContractSettings
from schemas.errors import JobFileError
from schemas.layouts import LAYOUTS
from schemas.layouts.detect import TARGETS, TOOL

MONITOR_KINDS = ("rules", "code", "classifier")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Job(Strict):
    """One run of the main job. Field names are the keys of a job file and, with dashes, the flags of `run`."""

    traces: tuple[str, ...] = Field(min_length=1)
    store: str = Field(min_length=1)
    root: str | None = None
    layout: str = "auto"
    map: dict[str, str] = Field(default_factory=dict)
    date: dt.date | None = None
    since: dt.date | None = None
    shadow: bool = False
    monitors: tuple[str, ...] = Field(default_factory=standard_monitors)
    sample: int | None = Field(None, ge=1)
    workers: int | None = Field(None, ge=1, le=256)
    retry: bool = False
    allow_empty: bool = False
    keep_payloads: bool = True
    excerpt_chars: int = Field(200, ge=0, le=2000)
    threshold: float = Field(0.0, ge=0, le=1)
    contracts: ContractSettings = ContractSettings()
    batch_mb: float = Field(16, gt=0, le=1024)
    judge: JudgeSettings | None = None
    notify: NotifySettings | None = None

    @field_validator("traces", "monitors", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("sample", "workers", "excerpt_chars", "threshold", "batch_mb", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool):  # YAML reads yes as true, and true would do as 1
            raise ValueError("a number is needed")
        return value

    @field_validator("map")
    @classmethod
    def _known_targets(cls, value: dict[str, str]) -> dict[str, str]:
        for target, source in value.items():
            if target not in TARGETS:
                near = difflib.get_close_matches(target, TARGETS, 1) or TARGETS
                raise ValueError(f"nothing is called {target!r}; use {', '.join(near)}")
            if source.startswith(TOOL) and target != "reasoning":
                what = f"{target}={source}: a tool's argument is reasoning or nothing"
                raise ValueError(f"{what}; use reasoning={source}")
        return value

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, value: str) -> str:
        if value not in ("auto", *LAYOUTS):
            raise ValueError(f"unknown layout {value!r}; use auto, {', '.join(LAYOUTS)}")
        return value

    @field_validator("monitors")
    @classmethod
    def _known_monitors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            kind, _, ref = name.partition(":")
            if kind not in MONITOR_KINDS:
                known = "use rules, rules:PACK, where PACK is core or a path, code, classifier or classifier:MODEL"
                raise ValueError(f"unknown monitor {name!r}; {known}")
            if kind == "code" and name != kind:
                raise ValueError(f"monitor {name!r}: code has no packs; use code")
            if name != kind and not ref:
                raise ValueError(f"monitor {name!r} names nothing; use {kind} or {kind}:PATH")
        if not value:
            raise ValueError("no monitor is named; use rules, or leave the key out")
        return value


JOB_FILE = YamlKind(
    "a job file",
    "traces",
    "store",
    Job,
    "cotmonitor run",
    {"contracts": ContractSettings, "judge": JudgeSettings, "notify": NotifySettings},
)


def load_job(path: str | None, overrides: Mapping[str, Any]) -> Job:
    """The job of a file with the given flags on top; every fault is reported at once, with its line.

    Paths in a job file are relative to the folder in which the program is started, as they are in flags.
    """
    file = read_yaml(path, JOB_FILE) if path is not None else None
    values = file.values if file else {}
    given = {k: v for k, v in overrides.items() if v is not None}
    merged = {**values, **given}
    for part in JOB_FILE.parts:
        if part in given and isinstance(values.get(part), dict):
            merged[part] = {**values[part], **given[part]}
    try:
        return Job.model_validate(merged)
    except ValidationError as error:
        raise JobFileError(faults_of(error, JOB_FILE, file, given)) from None


def job_json(job: Job, root: str | None) -> dict[str, Any]:
    """The job as it ran, for the `runs` table."""
    return {**job.model_dump(mode="json"), "root": root}
