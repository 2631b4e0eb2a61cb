"""What an audit is asked to do: all that its answer depends on, besides the corpus, the store and the lake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.yamlfile import YamlKind, faults_of
from schemas.errors import InputError

Level = Literal["informational", "low", "medium", "high", "critical"]  # schemas.results.LEVELS
# fields that change no answer, and those for which their content stands
NOT_ASKED = ("store", "corpus", "report", "workers", "traces", "selection", "payloads", "id_key_file")


class AuditSettings(BaseModel):
    """One audit. Field names are, with dashes, the flags of `audit`.

    `alpha` is the chance of a false alarm that all audits of one corpus may have together; `min_level` the level of an
    alert from which its trace counts as flagged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    corpus: str = Field(min_length=1)
    store: str = Field(min_length=1)
    traces: str | None = None
    selection: Path | None = None
    payloads: str | None = None
    reward_fn: str | None = None
    reward_sample: int = Field(200, ge=2)
    reward_timeout: float = Field(600, gt=0)
    certificate: bool = False
    id_key_file: Path | None = None
    id_column: str | None = None
    min_level: Level = "low"
    alpha: float = Field(0.01, gt=0, lt=1)
    report: Path | None = None
    workers: int | None = Field(None, ge=1, le=256)


FLAGS = YamlKind("an audit", "corpus", "store", AuditSettings, "cotmonitor audit")


def settings_of(flags: Mapping[str, Any]) -> AuditSettings:
    """The settings that flags give; raises InputError with all that is wrong with them. None is a flag not given."""
    given = {k: v for k, v in flags.items() if v is not None}
    try:
        return AuditSettings.model_validate(given)
    except ValidationError as error:
        raise InputError(faults_of(error, FLAGS, None, given)) from None
