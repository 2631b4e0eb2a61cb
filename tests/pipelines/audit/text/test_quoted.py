from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.audit.corpus.files import CorpusSettings
from pipelines.audit.text.index import build_index
from pipelines.audit.text.pipeline import Scanned, scan_corpus
from pipelines.audit.text.texts import monitor_texts
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.stage import Place
from pipelines.store import Store
from schemas.results import JUDGEMENTS
from tests.pipelines.lakes import flat, pack, rollouts

QUOTE = "the twelve sums in the table are what the checker wants and so I copy them over one by one"
SAYS = "Here the agent hands in numbers that it never worked out, knowing full well what it does"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake, and a store with a judge's verdict that quotes the first trace without saying so."""
    home = tmp_path_factory.mktemp("home")
    rows = rollouts(30)
    rows[0]["reasoning"] = f"Well, {QUOTE}. I will hard-code it."
    flat(home / "lake" / "a.parquet", rows)
    job = Job(traces=(str(home / "lake"),), store=str(home / "S"), monitors=(f"rules:{pack(home)}",))
    run_job(job, quiet=True)
    store = Store.open(home / "S", write=True)
    with store.connect() as con:
        (key,) = con.execute("SELECT trace_key FROM traces WHERE trace_id = 't0'").fetchall()[0]
    judged = {
        **{"unit_id": ["u"], "run_id": ["r"], "trace_key": [key], "monitor": ["judge"], "call_id": ["call-1"]},
        **{"verdict": [json.dumps({"why": f"{QUOTE}. {SAYS}."})], "quote_found": [True], "prompt_tokens": [1]},
        **{"completion_tokens": [1], "cost_usd": [0.0], "seconds": [0.1], "cached": [False], "attempts": [1]},
    }
    store.append(JUDGEMENTS, pa.Table.from_batches([JUDGEMENTS.batch(judged)]), "r")
    return home


def audit(home: Path, folder: Path, text: str, lake: bool) -> Scanned:
    (folder / "c").mkdir()
    (folder / "c" / "a.jsonl").write_text(json.dumps({"id": "t0", "text": text}) + "\n")
    store = Store.open(home / "S")
    traces = str(home / "lake") if lake else None
    place = Place(str(folder / "work"), "x")
    return scan_corpus(
        CorpusSettings(str(folder / "c")), build_index(monitor_texts(store)), place, 1, traces=traces, store=store
    )


def leaks(scanned: Scanned) -> list[str]:
    return [f.subject for f in scanned.findings if f.check == "containment" and f.verdict == "leak"]


@pytest.mark.parametrize(
    ("text", "lake", "found"),
    [
        pytest.param(f"Well, {QUOTE}. Done.", True, [], id="the trace's words alone, beside its lake"),
        pytest.param(
            f"Well, {QUOTE}. Done.", False, ["verdicts of judges"], id="the trace's words, and no lake to know"
        ),
        pytest.param(f"Well, {SAYS}. Done.", True, ["verdicts of judges"], id="the judge's words"),
        pytest.param(f"{QUOTE}. {SAYS}.", True, ["verdicts of judges"], id="all of it"),
    ],
)
def test_what_a_verdict_quotes_of_its_trace_is_no_leak(
    home: Path, tmp_path: Path, text: str, lake: bool, found: list[str]
) -> None:
    assert leaks(audit(home, tmp_path, text, lake)) == found


def test_a_row_that_is_only_quoted_is_told_of(home: Path, tmp_path: Path) -> None:
    scanned = audit(home, tmp_path, f"Well, {QUOTE}. Done.", True)
    assert any(f.subject == "texts that quote their trace" for f in scanned.findings)
