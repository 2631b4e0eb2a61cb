"""Whether an export's folder is as it was certified: its papers, its seal, its files and its sums."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.export.ids import key_print
from pipelines.export.papers.certify import seal
from pipelines.export.papers.manifest import canonical
from pipelines.export.papers.publish import CERTIFICATE, DATA, DEAD_LETTERS, FILES, MANIFEST
from pipelines.guard import Guard

MALFORMED = (KeyError, TypeError, AttributeError, ValueError)  # what papers in another form than ours give rise to
NAMED = 5  # files named in one sentence; the others are counted


@dataclass(frozen=True, slots=True)
class Papers:
    """An export's certificate and manifest, as they stand in its folder."""

    certificate: Mapping[str, Any]
    manifest: Mapping[str, Any]


class Unreadable(ValueError):
    """A paper that is not there, or is not one."""


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
        if sha256_of(guard, folder / name) != papers.certificate["files"][name]:
            yield f"{name} is not the file that was certified"


def _file_faults(guard: Guard, folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = {shard["file"]: shard for shard in manifest["shards"]}
    there = set(files_in(folder))
    yield from some("is missing", sorted(set(listed) - there))
    yield from some("is not in the manifest", sorted(there - set(listed) - set(FILES)))
    changed = []
    for name in sorted(there & set(listed)):
        path = folder / name
        same = os.path.getsize(path) == listed[name]["bytes"] and sha256_of(guard, path) == listed[name]["sha256"]
        changed += [] if same else [name]
    yield from some("is not the file that was certified", changed)


def files_in(folder: Path) -> Iterator[str]:
    """Everything below a folder but `data` itself: links and empty folders are as strange there as files."""
    for here, folders, files in os.walk(folder):
        for name in [*files, *(f for f in folders if Path(here, f) != folder / DATA or Path(here, f).is_symlink())]:
            yield Path(here, name).relative_to(folder).as_posix()


def some(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{name} {what}" for name in names[:NAMED])
    if len(names) > NAMED:
        yield f"and {len(names) - NAMED:,} more files: each {what}"


def sha256_of(guard: Guard, path: Path) -> str | None:
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
