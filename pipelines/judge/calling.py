"""Asking many questions at once: as many as the server bears, each until it is answered or will not be.

A transient failure is tried again after a jittered wait, a 429 makes everyone wait and halves how many are under way.
Whatever was answered is kept at once, so that nothing is paid for twice, whoever asks again.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace

from monitors.judge.answer import Unusable, understood
from monitors.judge.client import Answered, CallFailed, JudgeClient, Question
from pipelines.judge.cache import Cache, Kept

SLOWEST = 60.0  # seconds that backing off may grow to
TURNED_AWAY = 4  # times of being told to wait that count as one attempt: nothing was tried


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How hard to try. Seconds throughout; `deadline` counts from the first call of a worker."""

    concurrency: int = 32
    attempts: int = 6
    timeout: float = 120.0
    deadline: float = 14_400.0
    backoff: float = 0.5
    again: bool = False  # ask again where the answer in the cache cannot be used
    cache_only: bool = False  # make no call at all


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question: an answer, or the error for which there is none.

    `cached`: it was there before; `paid_by`: the run that paid for it; `attempts`: requests made now.
    """

    call_id: str
    answered: Answered | None
    error: str | None = None
    cached: bool = False
    paid_by: str = ""
    seconds: float = 0.0
    attempts: int = 0
    batch: bool = False


class Gate:
    """How many calls may be under way: fewer after a 429 (half, once a round), slowly more again with each success."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.active = 0
        self._quiet_until = 0.0
        self._halved = 0.0
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> None:
        async with self._changed:
            while True:
                quiet = self._quiet_until - time.monotonic()
                if quiet <= 0 and self.active < int(self.limit):
                    self.active += 1
                    return
                if quiet > 0:
                    self._changed.release()
                    try:
                        await asyncio.sleep(quiet)
                    finally:
                        await self._changed.acquire()
                else:
                    await self._changed.wait()

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self.active -= 1
            self._changed.notify(2)  # this place, and one more if the limit has grown

    def went_well(self) -> None:
        self.limit = min(self.limit + 1 / self.limit, float(self.most))

    def throttled(self, began: float, retry_after: float | None) -> None:
        """The server said that it is too much; what began before the last halving does not count again."""
        if began >= self._halved:
            self.limit = max(self.limit / 2, 1.0)
            self._halved = time.monotonic()
        if retry_after:
            self._quiet_until = max(self._quiet_until, time.monotonic() + retry_after)


class Caller:
    """Asks through one client, within one event loop, keeping each answer in the cache."""

    def __init__(self, client: JudgeClient, settings: CallSettings, run_id: str, cache: Cache | None) -> None:
        self.client, self.settings, self.run_id, self.cache = client, settings, run_id, cache
        self.gate = Gate(settings.concurrency)
        self.closed: str | None = None  # why no call is made any more
        self._ends = time.monotonic() + settings.deadline
        self._asking: dict[str, asyncio.Future[Reply]] = {}

    async def ask(self, question: Question) -> Reply:
        """What becomes of a question; never raises but for faults of ours, such as a full disk."""
        kept = self.cache.get(question.call_id) if self.cache is not None else None
        if kept is not None and not (self.settings.again and kept.run_id != self.run_id and useless(kept.answered)):
            return Reply(
                question.call_id, kept.answered, None, True, kept.run_id, kept.seconds, kept.attempts, kept.batch
            )
        if question.call_id in self._asking:  # a replica: one call answers both
            return replace(await asyncio.shield(self._asking[question.call_id]), cached=True, attempts=0)
        waiting = self._asking[question.call_id] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._called(question)
            if reply.answered is not None and self.cache is not None:
                self.cache.put(question.call_id, Kept(reply.answered, self.run_id, reply.seconds, reply.attempts))
            waiting.set_result(reply)
            return reply
        except BaseException as error:
            waiting.set_exception(error)
            waiting.exception()  # somebody raises it; this keeps asyncio from saying so twice
            raise
        finally:
            del self._asking[question.call_id]

    async def _called(self, question: Question) -> Reply:
        if self.settings.cache_only:
            return Reply(question.call_id, None, "not_in_batch")
        error, attempts, turned_away = "", 0, 0
        while True:
            async with self.gate:
                left = self._ends - time.monotonic()
                if self.closed or left <= 0:
                    return Reply(question.call_id, None, self.closed or error or "deadline", attempts=attempts)
                began = time.monotonic()
                attempts += 1
                try:
                    answered = await asyncio.wait_for(self.client.ask(question), min(self.settings.timeout * 1.1, left))
                except CallFailed as failed:
                    failure = failed
                except TimeoutError:
                    failure = CallFailed("timeout")
                else:
                    self.gate.went_well()
                    seconds = time.monotonic() - began
                    return Reply(question.call_id, answered, paid_by=self.run_id, seconds=seconds, attempts=attempts)
            error = failure.kind
            if failure.fatal:
                self.closed = error
            if error == "http_429" or failure.retry_after:
                self.gate.throttled(began, failure.retry_after)
                turned_away += 1
            spent = attempts - turned_away + turned_away // TURNED_AWAY
            if not failure.transient or spent >= self.settings.attempts:
                return Reply(question.call_id, None, error, seconds=time.monotonic() - began, attempts=attempts)
            await asyncio.sleep(self._wait(question.call_id, attempts, failure.retry_after))

    def _wait(self, call_id: str, attempts: int, retry_after: float | None) -> float:
        """Between nothing and all of a time that doubles (full jitter), after what the server asked for."""
        jitter = random.Random(f"{call_id}:{attempts}").random()
        return (retry_after or 0.0) + jitter * min(self.settings.backoff * 2.0**attempts, SLOWEST)


def useless(answered: Answered) -> bool:
    """Whether an answer says nothing."""
    try:
        understood(answered)
    except Unusable:
        return True
    return False
