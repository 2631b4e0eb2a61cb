"""An export's settings: from YAML, from flags, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipelines.export.settings import Declassification, ExportSettings
from pipelines.guard import Guard
from pipelines.yamlfile import YamlKind, faults_of, read_yaml
from schemas.errors import JobFileError

EXPORT_FILE = YamlKind(
    "an export's file", "traces", "out", ExportSettings, "cotmonitor export", {"declassify": Declassification}
)


def load_export(path: str | None, overrides: Mapping[str, Any]) -> ExportSettings:
    """The settings of a file with the given flags on top; every fault is reported at once, with its line.

    Paths in a file are relative to the folder in which the program is started, as they are in flags.
    """
    guard = Guard()
    file = read_yaml(path, EXPORT_FILE, guard.read) if path is not None else None
    given = {k: v for k, v in overrides.items() if v is not None}
    try:
        return ExportSettings.model_validate({**(file.values if file else {}), **given})
    except ValidationError as error:
        raise JobFileError(faults_of(error, EXPORT_FILE, file, given)) from None
