"""Calls over real HTTP, through the real SDK, to a server that misbehaves: what is tried again, and what is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitors.judge.client import Question
from monitors.judge.openai_client import OpenAIClient
from monitors.judge.settings import AskSettings
from monitors.judge.windows import questions
from pipelines.judge.cache import Cache
from pipelines.judge.calling import Caller, CallSettings, Reply
from tests.judge_server import KEY, MODEL, JudgeServer
from tests.monitors.judge.making import steps

QUICK = CallSettings(backoff=0.005, timeout=5)


def asked(server: JudgeServer, n: int) -> list[Question]:
    s = AskSettings(MODEL, server.url)
    return [
        q
        for i in range(n)
        for q in questions(f"key{i}", steps(("prompt", f"Mend {i}."), ("reasoning", f"I will hard-code it, {i}.")), s)
    ]


def put(
    server: JudgeServer,
    given: Sequence[Question],
    cache: Cache | None = None,
    run_id: str = "run",
    timeout: float = 5,
    **settings: Any,
) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        client = OpenAIClient(AskSettings(MODEL, server.url), KEY, timeout)
        caller = Caller(client, replace(QUICK, timeout=timeout, **settings), run_id, cache)
        try:
            return list(await asyncio.gather(*(caller.ask(q) for q in given)))
        finally:
            await client.close()

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("fault", ["429", "429-wait", "500", "drop", "half"])
def test_a_transient_failure_is_tried_again(server: JudgeServer, fault: str) -> None:
    server.state.script = [fault, fault]
    (reply,) = put(server, asked(server, 1))
    assert reply.answered is not None and reply.error is None
    assert (reply.attempts, server.state.requests, sum(server.state.answered.values())) == (3, 3, 1)


@pytest.mark.parametrize(
    ("fault", "error"), [("429", "http_429"), ("500", "http_500"), ("drop", "connection"), ("half", "connection")]
)
def test_one_that_stays_is_an_error_and_no_answer(server: JudgeServer, fault: str, error: str) -> None:
    server.state.faults, server.state.rate = (fault,), 1.0
    (reply,) = put(server, asked(server, 1), attempts=3)
    assert (reply.answered, reply.error) == (None, error)
    assert server.state.requests >= 3


@pytest.mark.parametrize("fault", ["not-json", "schema", "refusal", "length", "quote", "body"])
def test_an_answer_of_no_use_is_paid_for_once_and_kept(server: JudgeServer, tmp_path: Path, fault: str) -> None:
    server.state.script = [fault]
    cache = Cache(tmp_path)
    (one,), (two,) = put(server, asked(server, 1), cache), put(server, asked(server, 1), cache)
    assert one.answered == two.answered is not None
    assert (one.cached, two.cached, server.state.requests) == (False, True, 1)


def test_a_retry_asks_again_for_an_answer_of_no_use_and_for_no_other(server: JudgeServer, tmp_path: Path) -> None:
    server.state.script = ["refusal", "ok"]
    cache, given = Cache(tmp_path), asked(server, 2)
    put(server, given, cache, concurrency=1)
    again = put(server, given, cache, "another run", again=True)
    assert [r.cached for r in again] == [False, True] and server.state.requests == 3
    assert all(r.answered is not None and not r.answered.refusal for r in again)


def test_a_slow_answer_is_not_paid_for_twice(server: JudgeServer) -> None:
    server.state.script, server.state.slow = ["slow"], 1.5
    (reply,) = put(server, asked(server, 1), timeout=0.4)
    assert (reply.answered, reply.error) == (None, "timeout")
    time.sleep(1.5)
    assert (server.state.requests, server.state.abandoned, sum(server.state.answered.values())) == (1, 1, 0)


@pytest.mark.parametrize(("fault", "error"), [("401", "http_401"), ("quota", "insufficient_quota")])
def test_a_key_or_an_account_that_is_refused_ends_all_asking(server: JudgeServer, fault: str, error: str) -> None:
    server.state.faults, server.state.rate = (fault,), 1.0
    replies = put(server, asked(server, 50), concurrency=4)
    assert {r.error for r in replies} == {error}
    assert server.state.requests <= 8


def test_a_redirect_is_not_followed(server: JudgeServer) -> None:
    server.state.script = ["redirect"]
    (reply,) = put(server, asked(server, 1))
    assert (reply.answered, reply.error, server.state.requests) == (None, "http_307", 1)


def test_a_server_that_has_no_schemas_is_asked_for_json_and_then_for_text(server: JudgeServer) -> None:
    for formats in (("json_object",), ()):
        server.state.formats = formats
        replies = put(server, asked(server, 5), concurrency=1)
        assert all(r.answered is not None and r.attempts == 1 for r in replies)


def test_no_more_are_under_way_than_allowed(server: JudgeServer) -> None:
    server.state.latency = 0.02
    put(server, asked(server, 60), concurrency=5)
    assert server.state.busiest == 5


def test_a_server_that_bears_less_is_asked_less(server: JudgeServer) -> None:
    server.state.latency, server.state.at_most = 0.02, 4
    replies = put(server, asked(server, 80), concurrency=32)
    assert all(r.answered is not None for r in replies)
    assert max(server.state.answered.values()) == 1
    turned_away = server.state.requests - 80
    assert turned_away < 80  # a fixed concurrency of 32 would be turned away several times for each answer


def test_everybody_waits_when_the_server_says_so(server: JudgeServer) -> None:
    server.state.script, server.state.wait = ["429-wait"], 0.6
    began = time.monotonic()
    replies = put(server, asked(server, 3), concurrency=1)
    assert all(r.answered is not None for r in replies)
    assert time.monotonic() - began >= 0.6


def test_after_the_deadline_nothing_is_asked(server: JudgeServer) -> None:
    server.state.latency = 0.1
    replies = put(server, asked(server, 40), concurrency=1, deadline=0.5)
    late = [r for r in replies if r.answered is None]
    assert late and {r.error for r in late} <= {"deadline", "timeout"}
    assert server.state.requests < 10


def test_a_replica_asked_at_the_same_time_is_one_call(server: JudgeServer) -> None:
    server.state.latency = 0.05
    (question,) = asked(server, 1)
    one, two = put(server, [question, question])
    assert one.answered == two.answered is not None
    assert (server.state.requests, sorted((one.cached, two.cached))) == (1, [False, True])


def test_a_file_that_is_no_answer_of_ours_is_asked_for_again(server: JudgeServer, tmp_path: Path) -> None:
    cache, given = Cache(tmp_path), asked(server, 1)
    put(server, given, cache)
    cache.path(given[0].call_id).write_text("{")
    (reply,) = put(server, given, cache)
    assert not reply.cached and server.state.requests == 2


def test_the_key_goes_to_the_server_and_nowhere_else(
    server: JudgeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    server.state.script = ["401"]
    replies = put(server, asked(server, 1), Cache(tmp_path))
    replies += put(server, asked(server, 2), Cache(tmp_path))
    assert server.state.keys == {f"Bearer {KEY}"}
    kept = "".join(p.read_text() for p in tmp_path.rglob("*.json"))
    said = "".join(capfd.readouterr()) + caplog.text
    assert kept and KEY not in kept + said + repr(replies)
    assert "hard-code it" not in said
