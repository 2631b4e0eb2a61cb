"""Batches over real HTTP: the same verdicts as asking at once, nothing submitted twice, what failed is not assessed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitors.judge.settings import AskSettings
from pipelines.judge.asking import Line
from pipelines.judge.batch import BatchFailed, BatchSettings, Ledger, Submitted, fill_cache
from pipelines.judge.cache import Cache
from pipelines.judge.calling import CallSettings
from schemas.errors import BusyError
from tests.judge_server import MODEL, JudgeServer
from tests.pipelines.judge.making import CALL_USD, judged, rows, run
from tests.pipelines.judge.test_calling import asked

SETTINGS = BatchSettings(0.05, 20, {})


@pytest.fixture
def line(server: JudgeServer, tmp_path: Path) -> Line:
    calls = CallSettings(cache_only=True, timeout=5)
    return Line(
        AskSettings(MODEL, server.url), calls, "JUDGE_KEY", "max_completion_tokens", False, str(tmp_path), "run"
    )


def test_every_answer_of_a_batch_is_kept_and_asked_for_once(server: JudgeServer, line: Line) -> None:
    given = asked(server, 30)
    fill_cache(line, SETTINGS, lambda: iter([*given, given[0]]))
    cache = Cache.of(line.store)
    assert all((kept := cache.get(q.call_id)) is not None and kept.batch and kept.run_id == "run" for q in given)
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert (len(server.state.batches), max(server.state.answered.values())) == (1, 1)
    assert Ledger.of(line.store).open(server.url) == []
    (sent,) = server.state.files["file-0"].decode().splitlines()[:1]
    assert set(json.loads(sent)) == {"custom_id", "method", "url", "body"}


def test_a_large_batch_is_several(server: JudgeServer, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.judge.batch.MOST_REQUESTS", 12)
    given = asked(server, 30)
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert len(server.state.batches) == 3
    assert all(Cache.of(line.store).has(q.call_id) for q in given)


def test_a_batch_that_takes_too_long_is_collected_by_the_next_run(server: JudgeServer, line: Line) -> None:
    server.state.batch_seconds = 1.0
    given = asked(server, 5)
    with pytest.raises(BusyError, match="run again to collect it"):
        fill_cache(line, BatchSettings(0.05, 0.2, {}), lambda: iter(given))
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert len(server.state.batches) == 1 and all(Cache.of(line.store).has(q.call_id) for q in given)


@pytest.mark.parametrize(
    "known", [True, False], ids=["after its id was written down", "before its id was written down"]
)
def test_a_run_that_was_killed_is_taken_up_without_submitting_again(
    server: JudgeServer, line: Line, known: bool
) -> None:
    server.state.batch_seconds = 0.5
    given = asked(server, 5)
    with pytest.raises(BusyError):
        fill_cache(line, BatchSettings(0.05, 0.0, {}), lambda: iter(given))
    ledger = Ledger.of(line.store)
    (batch,) = ledger.open(server.url)
    if not known:
        ledger.write(Submitted(batch.digest, batch.run_id, batch.endpoint, batch.call_ids))
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert len(server.state.batches) == 1 and all(Cache.of(line.store).has(q.call_id) for q in given)


def test_a_batch_that_never_came_to_be_is_submitted(server: JudgeServer, line: Line) -> None:
    given = asked(server, 5)
    Ledger.of(line.store).write(Submitted("d" * 32, "killed", server.url, tuple(q.call_id for q in given)))
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert len(server.state.batches) == 1 and all(Cache.of(line.store).has(q.call_id) for q in given)


def test_requests_that_failed_or_expired_have_no_answer(server: JudgeServer, line: Line) -> None:
    server.state.batch_faults = ("ok", "expire", "error")
    given = asked(server, 9)
    fill_cache(line, SETTINGS, lambda: iter(given))
    assert sum(Cache.of(line.store).has(q.call_id) for q in given) == 3
    server.state.batch_faults = ()
    fill_cache(line, SETTINGS, lambda: iter(given))  # the next run submits those alone
    assert all(Cache.of(line.store).has(q.call_id) for q in given) and max(server.state.answered.values()) == 1


def test_a_server_without_batches_is_told_in_words(server: JudgeServer, line: Line) -> None:
    elsewhere = replace(line, ask=replace(line.ask, endpoint=server.url + "/nothing"))
    with pytest.raises(BatchFailed, match="does not take batches now"):
        fill_cache(elsewhere, SETTINGS, lambda: iter(asked(server, 1)))


@pytest.mark.slow
def test_a_run_by_batch_says_what_a_run_at_once_says_for_half_the_price(
    server: JudgeServer, tmp_path: Path, lake: Path
) -> None:
    said: list[Any] = []
    for mode in ("sync", "batch"):
        summary = run(tmp_path, lake, judged(server, mode=mode, poll_seconds=0.05), mode)
        query = "SELECT * EXCLUDE (run_id, unit_id) FROM {} WHERE monitor = 'judge' ORDER BY ALL"
        said.append([rows(tmp_path / mode, query.format(t)) for t in ("assessments", "alerts")])
        price = 40 * CALL_USD * (0.5 if mode == "batch" else 1) + 2 * CALL_USD
        assert summary.cost_usd == pytest.approx(price)
    assert said[0] == said[1]
    assert len(server.state.batches) == 1


@pytest.mark.slow
def test_what_a_batch_did_not_answer_is_not_assessed_and_taken_up_by_a_retry(
    server: JudgeServer, tmp_path: Path, lake: Path
) -> None:
    server.state.batch_faults = ("ok", "expire")
    batch = judged(server, mode="batch", poll_seconds=0.05)
    run(tmp_path, lake, batch)
    states = "SELECT state, reason, count(*) FROM assessments WHERE monitor = 'judge' GROUP BY ALL ORDER BY 1"
    assert rows(tmp_path / "S", states) == [("assessed", None, 20), ("not_assessed", "judge_error", 20)]
    server.state.batch_faults = ()
    run(tmp_path, lake, batch, retry=True)
    assert rows(tmp_path / "S", states) == [("assessed", None, 40)]
    assert max(server.state.answered.values()) == 1
