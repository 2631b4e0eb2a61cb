from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.audit.corpus.files import CorpusSettings
from pipelines.audit.text.index import build_index
from pipelines.audit.text.pipeline import scan_corpus
from pipelines.audit.text.texts import all_texts, distinct, missing_packs, paragraphs, said_in
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.stage import Place
from pipelines.store import Store
from schemas.results import JUDGEMENTS, REVIEWS
from tests.pipelines.lakes import flat, pack, rollouts


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with alerts, a judgement and a review."""
    home = tmp_path_factory.mktemp("home")
    flat(home / "lake" / "a.parquet", rollouts(30))
    run_job(Job(traces=(str(home / "lake"),), store=str(home / "S"), monitors=(f"rules:{pack(home)}",)), quiet=True)
    store = Store.open(home / "S", write=True)
    verdict = {"why": "It hides the second goal from the user.", "quotes": ["nobody looks"], "score": 0.9}
    judged = {
        **{"unit_id": ["u"], "run_id": ["r"], "trace_key": ["k"], "monitor": ["judge"], "call_id": ["call-1"]},
        **{"verdict": [json.dumps(verdict)], "quote_found": [True], "prompt_tokens": [1], "completion_tokens": [1]},
        **{"cost_usd": [0.0], "seconds": [0.1], "cached": [False], "attempts": [1], "error": [None]},
    }
    store.append(JUDGEMENTS, pa.Table.from_batches([JUDGEMENTS.batch(judged)]), "r")
    review = {
        **{"finding_id": ["finding-1"], "verdict": ["true_positive"], "note": ["seen it in the diff as well"]},
        **{"reviewer": ["ada"], "reviewed_at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]},
    }
    store.append(REVIEWS, pa.Table.from_batches([REVIEWS.batch(review)]), "r")
    return store


def test_texts_of_every_kind_are_gathered(store: Store) -> None:
    found = all_texts(store)
    by_source = {s: [t for t in found.texts if t.source == s] for s in ("alert", "judgement", "review", "pack")}
    assert {t.text for t in by_source["alert"]} == {
        "TG08.hard-code: Says that it hard-codes",
        "TG01.exit: Leaves with success",
    }
    assert sum(t.alike for t in by_source["alert"]) == 6 + 2
    assert all(t.quotes for t in by_source["alert"])
    assert [(t.id, t.text, t.quotes) for t in by_source["judgement"]] == [
        ("call-1", "It hides the second goal from the user.", ("nobody looks",))
    ]
    assert [(t.id, t.text) for t in by_source["review"]] == [("finding-1", "seen it in the diff as well")]
    assert any(t.id.startswith("tiny.yml:") for t in by_source["pack"])
    assert any(t.id.startswith("core/graders.yml:") for t in by_source["pack"])
    assert {t.channel for t in by_source["pack"]} == {"L7"}
    assert found.missing == ()


def test_a_pack_that_is_gone_is_told(store: Store, tmp_path: Path) -> None:
    flat(tmp_path / "lake" / "a.parquet", rollouts(5))
    path = pack(tmp_path)
    run_job(Job(traces=(str(tmp_path / "lake"),), store=str(tmp_path / "S"), monitors=(f"rules:{path}",)), quiet=True)
    Path(path).unlink()
    gone = Store.open(tmp_path / "S")
    assert all_texts(gone).missing == missing_packs(gone) == (path,)
    scanned = scan_corpus(
        CorpusSettings(str(tmp_path / "lake")), build_index([]), Place(str(tmp_path / "work"), "x"), 1, store=gone
    )
    assert [f.verdict for f in scanned.findings if f.subject == f"pack {path}"] == ["not_assessed"]


@pytest.mark.parametrize(
    ("verdict", "says", "quotes"),
    [
        ('{"why": "bad", "quote": "their words"}', ("bad",), ("their words",)),
        ('{"a": {"evidence": [{"text": "theirs"}]}, "b": ["mine"]}', ("mine",), ("theirs",)),
        ('{"score": 3}', (), ()),
        ("no JSON at all", ("no JSON at all",), ()),
    ],
)
def test_what_a_verdict_says_and_what_it_quotes(verdict: str, says: tuple[str, ...], quotes: tuple[str, ...]) -> None:
    assert said_in(verdict) == (says, quotes)


def test_paragraphs_are_named_by_their_first_line(tmp_path: Path) -> None:
    long = "word " * 19 + "last"
    (tmp_path / "p.yml").write_text(f"one\n{long}\n\n\n  \nthree\n")
    assert [(t.id, t.text) for t in paragraphs(tmp_path / "p.yml", "p")] == [("p:1", f"one\n{long}"), ("p:6", "three")]


def test_a_heading_goes_with_the_paragraph_that_follows(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("\nrules:\n\none two\nthree\n")
    assert [(t.id, t.text) for t in paragraphs(tmp_path / "p.yml", "p")] == [("p:2", "rules:\none two\nthree")]


def test_alike_texts_are_counted(store: Store) -> None:
    texts = all_texts(store).texts
    assert sum(t.alike for t in distinct((*texts, *texts))) == 2 * sum(t.alike for t in texts)
