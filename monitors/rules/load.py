"""Finding a pack, reading all of its files, and trying each rule on its own tests."""

from __future__ import annotations

import re
from pathlib import Path

from yaml.nodes import Node

import monitors.packs
from monitors.rules.lint import Heading, lint_ids
from monitors.rules.pack import Guard, Rule, RulePack
from monitors.rules.read import heading, read_rule
from monitors.rules.read_when import read_guards, read_phrases
from monitors.rules.source import Source
from schemas.canary import CANARY
from schemas.errors import Fault, PackError

HEAD = "pack.yml"
_PACK_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SEMVER = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,60})?\Z")


def find_pack(ref: str) -> Path:
    """The file or folder a reference means: a pack that ships with cotmonitor, by name, or a path."""
    shipped = Path(next(iter(monitors.packs.__path__)))
    if _PACK_NAME.match(ref) and (shipped / ref / HEAD).is_file():
        return shipped / ref
    path = Path(ref)
    if path.is_file() or path.is_dir():
        return path
    names = sorted(p.parent.name for p in shipped.glob(f"*/{HEAD}"))
    raise PackError(
        [Fault(ref, None, "no such rule pack", f"give a .yml file, a folder, or one of {', '.join(names)}")]
    )


def read_pack(ref: str) -> RulePack:
    """The pack, read and linted but not yet tried on its tests; raises `PackError` with every fault."""
    path = find_pack(ref)
    faults: list[Fault] = []
    head, others = (path, []) if path.is_file() else (path / HEAD, _rule_files(path))
    if not head.is_file():
        raise PackError([Fault(str(path), None, f"the folder has no {HEAD}", "put pack, version and canary there")])
    source = _open(head, path, faults)
    if source is None or source.root is None:
        faults += [] if faults else [Fault(_shown(head, path), None, "the file is empty")]
        raise PackError(faults)
    parts = source.mapping(
        source.root, "pack", ("pack", "version", "description", "canary"), ("phrases", "guards", "rules")
    )
    name, version, description = _head(source, parts)
    if "phrases" in parts:
        read_phrases(source, parts["phrases"])
    guards = read_guards(source, parts["guards"]) if "guards" in parts else {}
    headings: list[Heading] = []
    rules = _rules(source, parts["rules"], guards, headings) if "rules" in parts else []
    for file in others:
        other = _open(file, path, faults)
        if other is not None and other.root is not None:
            other.phrases = source.phrases
            found = other.mapping(other.root, "file", ("rules",))
            rules += _rules(other, found["rules"], guards, headings) if "rules" in found else []
    faults += lint_ids(headings)
    if not rules and not faults:
        faults.append(Fault(str(path), None, "the pack has no rules"))
    if faults:
        raise PackError(sorted(faults, key=lambda f: (f.where, f.line or 0)))
    return RulePack(name, version, description, tuple(rules))


def load_pack(ref: str) -> RulePack:
    """A pack fit to run: read, linted, and every rule right on its own tests; raises `PackError` with every fault.

    `ref` is the name of a pack that ships with cotmonitor, such as `core`, or the path of a .yml file or a folder.
    """
    from monitors.rules.selftest import failed_tests  # the engine is not needed to read a pack

    pack = read_pack(ref)
    if failed := failed_tests(pack):
        raise PackError(failed)
    return pack


def _rule_files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*.yml")) if p != folder / HEAD]


def _shown(file: Path, root: Path) -> str:
    return str(file) if root.is_file() else f"{root.name if root.is_absolute() else root}/{file.relative_to(root)}"


def _open(file: Path, root: Path, faults: list[Fault]) -> Source | None:
    where = _shown(file, root)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        faults.append(Fault(where, None, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        faults.append(Fault(where, None, "is not UTF-8 text"))
    else:
        return Source(where, text, faults)
    return None


def _head(source: Source, parts: dict[str, Node]) -> tuple[str, str, str]:
    texts = {
        k: source.text(parts[k], f"pack: {k}") or "" for k in ("pack", "version", "description", "canary") if k in parts
    }
    name, version = texts.get("pack", ""), texts.get("version", "")
    if name and not _PACK_NAME.match(name):
        source.fault(parts["pack"], f"pack: {name!r} is not a name", "use lower-case letters, digits and -")
    if version and not _SEMVER.match(version):
        source.fault(parts["version"], f"pack: version {version!r} is not semantic", "write it like 1.0.0")
    marker = f"{CANARY}:pack:{name}"
    if name and texts.get("canary") and texts["canary"] != marker:
        source.fault(parts["canary"], "pack: canary is not this pack's", f"write {marker}")
    return name, version, texts.get("description", "")


def _rules(source: Source, node: Node, guards: dict[str, tuple[Guard, ...]], headings: list[Heading]) -> list[Rule]:
    """The rules without a fault; the headings of all are added to `headings`."""
    items = source.items(node, "rules")
    headings += [found for item in items if (found := heading(source, item)) is not None]
    read = [read_rule(source, item, guards) for item in items]
    return [rule for rule in read if rule is not None]
