"""Whether a certificate holds: every file as certified, every sum right, and, with the lake, every byte made again."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.export.ids import read_key
from pipelines.export.papers.certify import code_version
from pipelines.export.papers.faults import (
    MALFORMED,
    Papers,
    Unreadable,
    files_in,
    folder_faults,
    read_papers,
    sha256_of,
    some,
)
from pipelines.export.papers.publish import CERTIFICATE, DATA, DEAD_LETTERS, MANIFEST
from pipelines.export.run import export_lake
from pipelines.export.settings import Declassification, ExportSettings
from pipelines.guard import Guard
from schemas.errors import CotmonitorError

NOT_MADE_AGAIN = ("seal", "tokens")  # the seal is over all the rest; the tokenizer is not at hand


def verify(folder: str | Path, traces: str | None = None, key_file: Path | None = None) -> list[str]:
    """What does not hold of an export, in words; an empty list when all does.

    With `traces`, the lake's folder, the export is made again elsewhere and compared: so an edit is found even by one
    who sealed it anew.
    """
    guard = Guard()
    place = guard.check(folder, "the export")
    key = read_key(key_file, guard.open) if key_file else None
    said = list(folder_faults(guard, place, key, key_file is not None))
    if traces is not None:
        try:
            papers = read_papers(guard, place)
        except Unreadable:
            return said
        settings = papers.certificate.get("settings")
        if not isinstance(settings, dict) or (key is None and settings.get("key") is not None):
            return said  # without its settings, or its key, it would be another export
        said += _made_again(guard, place, papers, traces, key_file)
    return said


def declassified(guard: Guard, folder: Path) -> list[Declassification]:
    """What a person let through, by a certificate that holds."""
    return [Declassification.model_validate(d) for d in read_papers(guard, folder).certificate["declassified"]]


def _made_again(guard: Guard, folder: Path, papers: Papers, traces: str, key_file: Path | None) -> Iterator[str]:
    """Export the lake once more by the certified settings, and say what is not the same."""
    if papers.certificate.get("code") != code_version():
        made_by = papers.certificate.get("code")
        yield f"it was made by {made_by}, and this is {code_version()}: bytes may differ for that"
    with tempfile.TemporaryDirectory(prefix="export-again-") as scratch:
        again = Path(scratch, "out")
        try:
            settings = certified_settings(papers.certificate, traces, again, key_file)
            today = min((d.expires for d in settings.declassify), default=dt.date.min)
            export_lake(settings, quiet=True, today=today)
        except (CotmonitorError, KeyError, TypeError, ValueError) as error:
            yield f"the export could not be made again: {error}"
            return
        made = read_papers(guard, again)
        try:
            yield from _differences(papers, made)
        except MALFORMED as error:
            yield f"{MANIFEST} is none that an export writes: {error}"
        if sha256_of(guard, folder / DEAD_LETTERS) != sha256_of(guard, again / DEAD_LETTERS):
            yield f"{DEAD_LETTERS} is not what the lake gives"
        for name in sorted(files_in(again)):
            if name.startswith(f"{DATA}/") and sha256_of(guard, folder / name) != sha256_of(guard, again / name):
                yield f"{name} is not what the lake gives"


def certified_settings(certificate: Mapping[str, Any], traces: str, out: Path, key_file: Path | None) -> ExportSettings:
    """The settings by which an export was made, to make it again; without its tokenizer, which changes no row."""
    stated = {name: v for name, v in certificate["settings"].items() if name not in ("key", "tokenizer")}
    paths = {"traces": traces, "out": str(out), "id_key_file": key_file}
    return ExportSettings.model_validate({**stated, **paths, "declassify": certificate["declassified"]})


def _differences(papers: Papers, made: Papers) -> Iterator[str]:
    before = {s["file"]: s for s in papers.manifest.get("shards", ())}
    after = {s["file"]: s for s in made.manifest["shards"]}
    yield from some("is not what the lake gives", sorted(n for n in after if n in before and before[n] != after[n]))
    yield from some("is in the manifest, and the lake gives none such", sorted(set(before) - set(after)))
    yield from some("is given by the lake, and not in the manifest", sorted(set(after) - set(before)))
    tokenized = papers.certificate["settings"].get("tokenizer") is not None
    for part in sorted({*papers.certificate, *made.certificate} - set(NOT_MADE_AGAIN if tokenized else ("seal",))):
        if _without_tokenizer(papers.certificate, part) != _without_tokenizer(made.certificate, part):
            yield f"{part} in {CERTIFICATE} is not what the lake gives"
    if {k: v for k, v in papers.manifest.items() if k != "shards"} != {
        k: v for k, v in made.manifest.items() if k != "shards"
    }:
        yield f"{MANIFEST} is not what the lake gives"


def _without_tokenizer(certificate: Mapping[str, Any], part: str) -> object:
    value = certificate.get(part)
    return {k: v for k, v in value.items() if k != "tokenizer"} if part == "settings" and value else value
