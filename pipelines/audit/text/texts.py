"""What was written by monitors and about them: the texts that no training row may contain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from monitors.judge.prompt import PROMPTS
from monitors.rules.load import find_pack
from pipelines.store import Store
from schemas.errors import PackError

Source = Literal["alert", "judgement", "review", "pack"]
QUOTING = ("quote", "quotes", "excerpt", "excerpts", "evidence", "span", "spans")  # of a verdict: the trace's words
HEADING = 20  # words: fewer are no paragraph by themselves
QUOTED_ALERTS = 8  # alerts of one rationale whose excerpts are looked at; one that quotes its trace has few


@dataclass(frozen=True, slots=True)
class MonitorText:
    """One text, whom it is from, and the id of the (first) alert, judgement, finding or pack file that has it.

    `quotes` are words of the trace that it may repeat; they are not the monitor's own. `alike` counts the alerts
    (or judgements, ...) that have the very same text.
    """

    source: Source
    id: str
    text: str
    quotes: tuple[str, ...] = ()
    alike: int = 1
    trace_key: str | None = None

    @property
    def channel(self) -> str:
        return "L7" if self.source == "pack" else "L1"


@dataclass(frozen=True, slots=True)
class MonitorTexts:
    """All texts of a store, and the packs that its runs name but that are not where they were."""

    texts: tuple[MonitorText, ...]
    missing: tuple[str, ...] = ()


def monitor_texts(store: Store) -> list[MonitorText]:
    """The texts that stand in a store and in the packs of its runs; superseded rows too, since they leak as well."""
    return list(all_texts(store).texts)


def all_texts(store: Store) -> MonitorTexts:
    """As `monitor_texts`, and which packs could not be read any more."""
    with store.connect() as con:
        alerts = con.execute(
            f"""
            SELECT rationale, min(alert_id), count(*), min(trace_key),
                flatten(list(list_transform(evidence, lambda e: e.excerpt) ORDER BY alert_id)[:{QUOTED_ALERTS}])
            FROM (SELECT DISTINCT alert_id, rationale, trace_key, evidence FROM raw.alerts)
            GROUP BY rationale ORDER BY rationale"""
        ).fetchall()
        verdicts = con.execute(
            "SELECT verdict, min(call_id), count(*), min(trace_key) FROM raw.judgements "
            "WHERE verdict IS NOT NULL GROUP BY verdict ORDER BY verdict"
        ).fetchall()
        notes = con.execute(
            "SELECT note, min(finding_id), count(*) FROM raw.reviews WHERE note IS NOT NULL GROUP BY note ORDER BY note"
        ).fetchall()
        configs = _configs(con)
    texts = [
        MonitorText("alert", i, text, tuple(dict.fromkeys(q for q in quotes or () if q)), n, key)
        for text, i, n, key, quotes in alerts
    ]
    for verdict, i, n, key in verdicts:
        said, quoted = said_in(verdict)
        texts += [MonitorText("judgement", i, s, quoted, n, key) for s in said]
    texts += [MonitorText("review", i, note, (), n) for note, i, n in notes]
    packs, missing = _packs(configs)
    return MonitorTexts((*texts, *packs, *_prompts()), missing)


def _prompts() -> Iterator[MonitorText]:
    """The paragraphs of what judges are told; they are as much of the monitors as packs are."""
    for path in sorted(p for p in PROMPTS.iterdir() if p.is_file()):
        yield from paragraphs(path, f"prompts/{path.name}")


def missing_packs(store: Store) -> tuple[str, ...]:
    """The packs that runs of a store name and that cannot be read any more, so that nobody can look for them."""
    with store.connect() as con:
        return _packs(_configs(con))[1]


def said_in(verdict: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a judge says in its verdict, and what it quotes there.

    >>> said_in('{"why": "The model hides it.", "quote": "keep quiet"}')
    (('The model hides it.',), ('keep quiet',))
    """
    try:
        value = json.loads(verdict)
    except (ValueError, RecursionError):
        return (verdict,), ()
    found = list(_strings(value, False))
    return tuple(t for t, quoted in found if not quoted), tuple(t for t, quoted in found if quoted)


def _strings(value: object, quoted: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, quoted
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, quoted or str(key).lower() in QUOTING)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, quoted)


def _configs(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [str(c) for (c,) in con.execute("SELECT DISTINCT config FROM raw.runs ORDER BY config").fetchall()]


def _packs(configs: Iterable[str]) -> tuple[list[MonitorText], tuple[str, ...]]:
    """The paragraphs of the packs that ship with cotmonitor and of those that runs name."""
    refs = ["core"]
    for config in configs:
        try:
            named = json.loads(config).get("monitors") or ()
        except (ValueError, AttributeError):
            continue
        refs += [ref for name in named if (ref := str(name).partition(":")[2])]
    texts: list[MonitorText] = []
    missing = []
    for ref in dict.fromkeys(refs):
        try:
            path = find_pack(ref)
            files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in (".yml", ".yaml"))
            for file in files:
                texts += paragraphs(file, file.name if path.is_file() else f"{path.name}/{file.relative_to(path)}")
        except (PackError, OSError, UnicodeDecodeError):
            missing.append(ref)
    return texts, tuple(missing)


def paragraphs(path: Path, name: str) -> Iterator[MonitorText]:
    """The paragraphs of a text file, each named by the line on which it begins; a heading goes with what follows."""
    lines = path.read_text("utf-8").splitlines()
    begun, held = 1, list[str]()
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            begun = begun if held else number
            held.append(line)
        elif held and (number > len(lines) or len(" ".join(held).split()) >= HEADING):
            yield MonitorText("pack", f"{name}:{begun}", "\n".join(held))
            held = []


def distinct(texts: Iterable[MonitorText]) -> Iterator[MonitorText]:
    """Each text of each source once, in order, with the count of all that have it."""
    first: dict[tuple[str, str], MonitorText] = {}
    for text in texts:
        key = (text.source, text.text)
        known = first.get(key)
        first[key] = replace(known, alike=known.alike + text.alike) if known else text
    yield from first.values()
