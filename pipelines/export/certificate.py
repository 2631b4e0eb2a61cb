"""Whether a certificate holds: every file as certified, every sum right, and, with the lake, every byte made again."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.export.certify import code_version, seal
from pipelines.export.ids import key_print, read_key
from pipelines.export.manifest import canonical
from pipelines.export.publish import CERTIFICATE, DATA, DEAD_LETTERS, FILES, MANIFEST
from pipelines.export.settings import ExportSettings
from pipelines.guard import Guard
from schemas.errors import CotmonitorError

NOT_MADE_AGAIN = ("seal", "tokens")  # the seal is over all the rest; the tokenizer is not at hand
MALFORMED = (KeyError, TypeError, AttributeError, ValueError)  # what papers in another form than ours give rise to
NAMED = 5  # files named in one sentence; the others are counted


@dataclass(frozen=True, slots=True)
class Papers:
    """An export's certificate and manifest, as they stand in its folder."""

    certificate: Mapping[str, Any]
    manifest: Mapping[str, Any]


class Unreadable(ValueError):
    """A paper that is not there, or is not one."""


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


def read_papers(guard: Guard, folder: Path) -> Papers:
    """The certificate and the manifest; raises Unreadable, in words, where one is none."""
    found = []
    for name in (CERTIFICATE, MANIFEST):
        try:
            value = json.loads(guard.read(folder / name))
        except OSError as error:
            raise Unreadable(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from None
        except ValueError:
            raise Unreadable(f"{name} is not JSON") from None
        if not isinstance(value, dict):
            raise Unreadable(f"{name} is not a {name.split('.')[0]}")
        found.append(value)
    return Papers(*found)


def folder_faults(guard: Guard, folder: Path, key: bytes | None, keyed: bool = True) -> Iterator[str]:
    """What does not hold of a folder by itself: its papers, its seal, its files, its sums.

    `keyed` says whether a key was given to check with.
    """
    try:
        papers = read_papers(guard, folder)
    except Unreadable as error:
        yield str(error)
        return
    try:
        yield from _paper_faults(guard, folder, papers, key, keyed)
        yield from _file_faults(guard, folder, papers.manifest)
        yield from _sum_faults(papers)
    except MALFORMED as error:
        yield f"{CERTIFICATE} or {MANIFEST} lacks what each export's has, or has it in another form: {error}"


def _paper_faults(guard: Guard, folder: Path, papers: Papers, key: bytes | None, keyed: bool) -> Iterator[str]:
    for name, value in ((CERTIFICATE, papers.certificate), (MANIFEST, papers.manifest)):
        if guard.read(folder / name) != canonical(value):
            yield f"{name} is not spelled as it was written"
    body = {name: value for name, value in papers.certificate.items() if name != "seal"}
    stated, sealed = papers.certificate["settings"]["key"], papers.certificate["seal"]
    if stated is not None and not keyed:
        yield "the seal cannot be checked without the key: give --id-key-file"
    elif (stated is None) != (key is None):
        yield "the export was made without a key, and one was given" if key else "the export was made with a key"
    elif key is not None and stated != key_print(key):
        yield "the export was made with another key"
    elif sealed["kind"] != seal(body, key)["kind"] or not hmac.compare_digest(
        str(sealed["value"]), seal(body, key)["value"]
    ):
        yield f"the seal of {CERTIFICATE} is broken: it was changed after it was written"
    for name in (MANIFEST, DEAD_LETTERS):
        if _sha256(guard, folder / name) != papers.certificate["files"][name]:
            yield f"{name} is not the file that was certified"


def _file_faults(guard: Guard, folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = {shard["file"]: shard for shard in manifest["shards"]}
    there = set(_files(folder))
    yield from _some("is missing", sorted(set(listed) - there))
    yield from _some("is not in the manifest", sorted(there - set(listed) - set(FILES)))
    changed = []
    for name in sorted(there & set(listed)):
        path = folder / name
        same = os.path.getsize(path) == listed[name]["bytes"] and _sha256(guard, path) == listed[name]["sha256"]
        changed += [] if same else [name]
    yield from _some("is not the file that was certified", changed)


def _files(folder: Path) -> Iterator[str]:
    """Everything below a folder but `data` itself: links and empty folders are as strange there as files."""
    for here, folders, files in os.walk(folder):
        for name in [*files, *(f for f in folders if Path(here, f) != folder / DATA or Path(here, f).is_symlink())]:
            yield Path(here, name).relative_to(folder).as_posix()


def _some(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{name} {what}" for name in names[:NAMED])
    if len(names) > NAMED:
        yield f"and {len(names) - NAMED:,} more files: each {what}"


def _sha256(guard: Guard, path: Path) -> str | None:
    try:
        with guard.open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _sum_faults(papers: Papers) -> Iterator[str]:
    counts, shards = papers.certificate["accounting"], papers.manifest["shards"]
    out = counts["exported"] + counts["replicas"] + sum(counts["dead"].values())
    out += sum(left["rows"] for left in counts["left_out"])
    if counts["rows"] != out:
        yield f"rows in ({counts['rows']:,}) are not rows out, left out, replicas and dead ({out:,})"
    for name in ("rows", "bytes"):
        if papers.manifest[name] != sum(s[name] for s in shards):
            yield f"the {name} of the shards in {MANIFEST} do not add up"
    if papers.manifest["rows"] != counts["exported"]:
        yield f"{MANIFEST} and {CERTIFICATE} disagree on the rows exported"
    listed = papers.certificate["shards"]
    if not listed["listed"] == listed["scanned"] == len(shards) == len(papers.certificate["lake"]["files"]):
        yield "not every file of the lake has a shard that was scanned"
    yield from (f"a contract is broken: {c['expectation']}" for c in papers.certificate["contracts"] if not c["ok"])


def _made_again(guard: Guard, folder: Path, papers: Papers, traces: str, key_file: Path | None) -> Iterator[str]:
    """Export the lake once more by the certified settings, and say what is not the same."""
    from pipelines.export.run import export_lake

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
        if _sha256(guard, folder / DEAD_LETTERS) != _sha256(guard, again / DEAD_LETTERS):
            yield f"{DEAD_LETTERS} is not what the lake gives"
        for name in sorted(_files(again)):
            if name.startswith(f"{DATA}/") and _sha256(guard, folder / name) != _sha256(guard, again / name):
                yield f"{name} is not what the lake gives"


def certified_settings(certificate: Mapping[str, Any], traces: str, out: Path, key_file: Path | None) -> ExportSettings:
    """The settings by which an export was made, to make it again; without its tokenizer, which changes no row."""
    stated = {name: v for name, v in certificate["settings"].items() if name not in ("key", "tokenizer")}
    paths = {"traces": traces, "out": str(out), "id_key_file": key_file}
    return ExportSettings.model_validate({**stated, **paths, "declassify": certificate["declassified"]})


def _differences(papers: Papers, made: Papers) -> Iterator[str]:
    before = {s["file"]: s for s in papers.manifest.get("shards", ())}
    after = {s["file"]: s for s in made.manifest["shards"]}
    yield from _some("is not what the lake gives", sorted(n for n in after if n in before and before[n] != after[n]))
    yield from _some("is in the manifest, and the lake gives none such", sorted(set(before) - set(after)))
    yield from _some("is given by the lake, and not in the manifest", sorted(set(after) - set(before)))
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
