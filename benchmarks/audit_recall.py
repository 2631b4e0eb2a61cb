"""Rationales rewritten in many ways and hidden in rows of 1,200 words: how many the audit finds, and what it mistakes.

Each way is a corpus of its own, read by the audit as any other: 200 rows with one rewritten rationale each, of 15 to 60
words, among 2,000 honest ones about the same deeds. A lake of honest traces stands beside it, or none does.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import json
import lzma
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import rationales as made
from monitors.measure.figure import share
from pipelines.audit.corpus.files import CorpusSettings
from pipelines.audit.text.background import lake_shards, sampled
from pipelines.audit.text.index import build_index
from pipelines.audit.text.outcome import leaked
from pipelines.audit.text.pipeline import scan_corpus
from pipelines.audit.text.quoted import Quoted
from pipelines.audit.text.texts import MonitorText
from pipelines.hush import hush_beam
from pipelines.stage import Place

ROW_WORDS = 1_200
LAKE_ROWS = 2_000
HONEST_SEEDS = 50_000  # where the seeds of honest rows begin; a lake's are elsewhere again
LAKE_SEEDS = 80_000
WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "pasted whole": lambda text, _: text,
    "capitals, no punctuation": made.plain,
    "sentences in another order": made.shuffled,
    "a word put in after each fifth": made.padded,
    "every fifth word another": made.every(5),
    "every fourth word another": made.every(4),
    "every third word another": made.every(3),
    "a fifth of the words, anywhere": made.share(1 / 5),
    "a third of the words, anywhere": made.share(1 / 3),
    "half of the words, anywhere": made.share(1 / 2),
    "the first half only": made.half,
    "the first half, every fifth word": lambda text, c: made.every(5)(made.half(text, c), c),
    "base64": lambda text, _: base64.b64encode(text.encode()).decode(),
    "base64 of gzip": lambda text, _: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64 of xz": lambda text, _: base64.b64encode(lzma.compress(text.encode())).decode(),
    "base64 of base64": lambda text, _: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base32": lambda text, _: base64.b32encode(text.encode()).decode(),
    "base85": lambda text, _: base64.b85encode(text.encode()).decode(),
    "hexadecimal": lambda text, _: text.encode().hex(),
    "hexadecimal, in pairs": lambda text, _: text.encode().hex(" "),
    "percent signs": lambda text, _: quote(text),
    "entities": lambda text, _: "".join(f"&#{ord(c)};" for c in text),
    "escapes": lambda text, _: "".join(f"\\u{ord(c):04x}" for c in text),
    "backwards": lambda text, _: text[::-1],
    "rot13": lambda text, _: codecs.encode(text, "rot13"),
    "base64 of rot13": lambda text, _: base64.b64encode(codecs.encode(text, "rot13").encode()).decode(),
    "letters that look alike": lambda text, _: text.translate(str.maketrans("aceopxyi", "асеорхуі")),
    "full-width letters": lambda text, _: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "zero-width spaces": lambda text, _: "\u200b".join(text),
    "letters nobody sees": lambda text, _: "".join(chr(0xE0000 + ord(c)) for c in text if c.isascii()),
    "letters apart": lambda text, _: "  ".join(" ".join(word) for word in text.split()),
}


def recall(seeds: int, honest: int) -> None:
    """Print for each way the share that was found, with and without a lake, and the honest rows that were named."""
    hush_beam()
    texts = [made.rationale(i) for i in range(seeds)]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        _lake(home / "lake")
        rows = [made.honest(HONEST_SEEDS + i, ROW_WORDS) for i in range(honest)]
        print(f"{'':34}{'beside a lake':>36}{'without':>36}   honest rows named")
        for name, way in WAYS.items():
            hidden = [_hidden(way(text, random.Random(f"{name}/{i}")), i) for i, text in enumerate(texts)]
            corpus = home / "corpus"
            corpus.mkdir(exist_ok=True)
            (corpus / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in (*hidden, *rows)))
            found, wrong = zip(*(_found(corpus, texts, lake) for lake in (home / "lake", None)), strict=True)
            figures = "".join(f"{share(n, seeds)!s:>36}" for n in found)
            print(f"{name:34}{figures}   {wrong[0]} and {wrong[1]} of {honest:,}", flush=True)


def _hidden(text: str, seed: int) -> str:
    before = made.honest(HONEST_SEEDS + 10_000 + seed, ROW_WORDS // 2)
    return f"{before} {text} {made.honest(HONEST_SEEDS + 20_000 + seed, ROW_WORDS // 2)}"


def _lake(folder: Path) -> None:
    folder.mkdir()
    rows = [made.honest(LAKE_SEEDS + i, ROW_WORDS // 2) for i in range(LAKE_ROWS)]
    pq.write_table(pa.table({"reasoning": rows}), folder / "a.parquet")


def _found(corpus: Path, texts: list[str], lake: Path | None) -> tuple[int, int]:
    """How many of the rows that hold a text were named, and how many that hold none."""
    index = build_index([MonitorText("alert", f"alert-{i}", text) for i, text in enumerate(texts)])
    place = Place(str(corpus.parent / "store"), "audit")
    shutil.rmtree(place.folder, ignore_errors=True)
    scanned = scan_corpus(CorpusSettings(str(corpus)), index, place, 1, traces=str(lake) if lake else None)
    background = sampled(index, lake_shards(str(lake)) if lake else scanned.looked.shards, ours=lake is None)
    index = index.without(background.common)
    named = {row for _, of in leaked(scanned.looked, index, background, Quoted()) for row, _, _ in of.best}
    right = sum(row < len(texts) for row in named)
    return right, len(named) - right
