"""Certificates: whatever is changed in an export afterwards is found, and an export made again is the same."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.export.certificate import verify
from pipelines.export.papers.certify import seal
from pipelines.export.papers.manifest import canonical
from schemas.errors import FirewallError
from tests.pipelines.export.exports import certificate, copied, export, key_file, small_lake
from tests.pipelines.lakes import flat, rollouts

PAPERS = ("manifest.json", "certificate.json", "dead_letters.jsonl")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake, a key, and two exports of it: `plain`, and `keyed` with the key."""
    folder = tmp_path_factory.mktemp("certificates")
    small_lake(folder / "lake")
    export(folder / "lake", folder / "plain", where=("reward >= 0",), columns=("model",))
    export(folder / "lake", folder / "keyed", id_key_file=key_file(folder))
    return folder


@pytest.fixture
def out(world: Path, tmp_path: Path) -> Path:
    """A copy of the plain export, to do harm to."""
    return copied(world / "plain", tmp_path / "out")


def test_what_was_not_touched_holds(world: Path) -> None:
    assert verify(world / "plain") == []
    assert verify(world / "keyed", key_file=world / "ids.key") == []
    assert verify(world / "plain", str(world / "lake")) == []
    assert verify(world / "keyed", str(world / "lake"), world / "ids.key") == []


def files(out: Path) -> list[Path]:
    return sorted(p for p in out.rglob("*") if p.is_file())


def test_any_flipped_bit_is_found(out: Path) -> None:
    chance = random.Random(7)
    for path in files(out):
        data = path.read_bytes()
        places = {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(60))}
        for at in sorted(places):
            changed = bytearray(data)
            changed[at] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            assert verify(out), f"{path.name}, byte {at}"
        path.write_bytes(data)
    assert verify(out) == []


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is gone": (lambda out: shard(out).unlink(), "is missing"),
    "a shard is empty": (lambda out: shard(out).write_bytes(b""), "is not the file that was certified"),
    "two shards changed places": (lambda out: swap(*sorted((out / "data").iterdir())), "is not the file that was"),
    "a shard more": (lambda out: shutil.copy(shard(out), out / "data" / "part-x.parquet"), "is not in the manifest"),
    "a hidden file": (lambda out: (out / ".x").write_text(""), ".x is not in the manifest"),
    "an empty folder": (lambda out: (out / "data" / "x").mkdir(), "data/x is not in the manifest"),
    "a link": (lambda out: (out / "x").symlink_to("data"), "x is not in the manifest"),
    "a shard cut short": (lambda out: shard(out).write_bytes(shard(out).read_bytes()[:-1]), "is not the file"),
    "rows written anew": (lambda out: pq.write_table(pq.read_table(shard(out)), shard(out)), "is not the file"),
    "no manifest": (lambda out: (out / "manifest.json").unlink(), "manifest.json cannot be read: no such file"),
    "no certificate": (lambda out: (out / "certificate.json").unlink(), "certificate.json cannot be read"),
    "no dead letters": (lambda out: (out / "dead_letters.jsonl").unlink(), "dead_letters.jsonl is not the file"),
    "an empty certificate": (lambda out: (out / "certificate.json").write_text("{}"), "lacks what each export's has"),
    "a list for a manifest": (lambda out: (out / "manifest.json").write_text("[]"), "is not a manifest"),
    "other blanks": (lambda out: respell(out / "certificate.json"), "is not spelled as it was written"),
}


def shard(out: Path) -> Path:
    return max((out / "data").iterdir(), key=lambda p: p.stat().st_size)


def swap(one: Path, two: Path) -> None:
    ours, theirs = one.read_bytes(), two.read_bytes()
    one.write_bytes(theirs)
    two.write_bytes(ours)


def respell(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes())))


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_found_and_named(harm: str, out: Path) -> None:
    do, says = HARM[harm]
    do(out)
    said = verify(out)
    assert any(says in sentence for sentence in said), said


def nodes(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a paper stands; of many alike, the first."""
    if at:
        yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from nodes(inner, (*at, name))
    elif isinstance(value, list) and value:
        yield from nodes(value[0], (*at, 0))


@pytest.mark.parametrize("paper", ["certificate.json", "manifest.json"])
def test_papers_of_any_other_form_are_told_and_break_nothing(paper: str, out: Path) -> None:
    path = out / paper
    whole = json.loads(path.read_bytes())
    others: list[Any] = [None, [], {}, 7, "x", [[]], {"x": 1}]
    changes = 0
    for at in nodes(whole):
        for other in others:
            changed = json.loads(json.dumps(whole))
            inner = changed
            for step in at[:-1]:
                inner = inner[step]
            if inner[at[-1]] == other:
                continue
            inner[at[-1]] = other
            path.write_bytes(canonical(changed))
            assert verify(out), (at, other)
            if at[0] != "seal" and paper == "certificate.json":  # by one who can seal it anew
                body = {name: v for name, v in changed.items() if name != "seal"}
                path.write_bytes(canonical({**body, "seal": seal(body, None)}))
            verify(out)
            changes += 1
    assert changes > 60


def resealed(out: Path, key: bytes | None = None) -> None:
    """Make manifest and certificate agree with whatever lies there now, as one would who knows how they are made."""
    manifest = json.loads((out / "manifest.json").read_bytes())
    for entry in manifest["shards"]:
        data = (out / entry["file"]).read_bytes()
        entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        entry["rows"] = pq.read_metadata(out / entry["file"]).num_rows
    manifest |= {name: sum(e[name] for e in manifest["shards"]) for name in ("rows", "bytes")}
    (out / "manifest.json").write_bytes(canonical(manifest))
    body = {name: value for name, value in certificate(out).items() if name != "seal"}
    body["accounting"]["exported"] = manifest["rows"]
    body["files"] = {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in ("manifest.json", PAPERS[2])}
    body["accounting"]["rows"] = (
        manifest["rows"] + body["accounting"]["replicas"] + sum(x["rows"] for x in body["accounting"]["left_out"])
    ) + sum(body["accounting"]["dead"].values())
    (out / "certificate.json").write_bytes(canonical({**body, "seal": seal(body, key)}))


def edit(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    body = certificate(out)
    change(body)
    (out / "certificate.json").write_bytes(canonical(body))


FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a word more in the certificate": (lambda out: edit(out, lambda c: c.update(extra="TG06")), "extra in certificate"),
    "a row dropped": (lambda out: drop_a_row(out), "is not what the lake gives"),
    "dead letters emptied": (lambda out: (out / PAPERS[2]).write_bytes(b""), "dead_letters.jsonl is not what the lake"),
    "a condition taken out": (lambda out: edit(out, lambda c: c["settings"]["where"].clear()), "accounting in"),
    "another count": (lambda out: edit(out, lambda c: c["withheld"].update(rows=1)), "withheld in certificate.json"),
    "a file of the lake left out": (lambda out: edit(out, lambda c: c["lake"]["files"].pop()), "lake in certificate"),
    "a contract left out": (lambda out: edit(out, lambda c: c["contracts"].pop()), "contracts in certificate.json"),
    "another self-test": (lambda out: edit(out, lambda c: c["self_test"]["found"].clear()), "self_test in"),
    "a permission stamped": (lambda out: edit(out, permit), "could not be made again"),
}


def drop_a_row(out: Path) -> None:
    table = pq.read_table(shard(out))
    pq.write_table(table.slice(1), shard(out))


def permit(body: dict[str, Any]) -> None:
    body["declassified"].append({"flow": "environment:swe", "owner": "me", "reason": "none", "expires": "2026-12-01"})


@pytest.mark.slow
@pytest.mark.parametrize("forgery", FORGED)
def test_an_edit_that_was_sealed_anew_is_found_with_the_lake(forgery: str, world: Path, out: Path) -> None:
    do, says = FORGED[forgery]
    do(out)
    resealed(out)
    said = verify(out, str(world / "lake"))
    assert any(says in sentence for sentence in said), said


def test_without_the_key_nobody_can_seal(world: Path, tmp_path: Path) -> None:
    out = copied(world / "keyed", tmp_path / "out")
    drop_a_row(out)
    resealed(out)
    assert any("the seal of certificate.json is broken" in s for s in verify(out, key_file=world / "ids.key"))
    resealed(out, b"another key of many bytes")
    assert any("the seal of certificate.json is broken" in s for s in verify(out, key_file=world / "ids.key"))
    edit(out, lambda c: c["settings"].update(key=None))
    resealed(out)
    assert verify(out, key_file=world / "ids.key") == ["the export was made without a key, and one was given"]


def test_the_key_is_asked_for(world: Path, tmp_path: Path) -> None:
    assert verify(world / "keyed") == ["the seal cannot be checked without the key: give --id-key-file"]
    assert verify(world / "keyed", str(world / "lake")) == verify(world / "keyed")
    other = key_file(tmp_path, b"another key of many bytes")
    assert verify(world / "keyed", key_file=other) == ["the export was made with another key"]


def test_another_lake_does_not_give_this_export(world: Path, tmp_path: Path) -> None:
    lake = copied(world / "lake", tmp_path / "lake")
    flat(lake / "two" / "two.parquet", rollouts(25, "b"))
    said = verify(world / "plain", str(lake))
    assert any("lake in certificate.json" in s for s in said)
    assert any(s.startswith("data/part-") for s in said)


def test_what_is_no_export_is_told_as_such(tmp_path: Path) -> None:
    assert verify(tmp_path) == ["certificate.json cannot be read: no such file or directory"]
    (tmp_path / "_cotmonitor_store").write_text("{}")
    with pytest.raises(FirewallError):
        verify(tmp_path)
