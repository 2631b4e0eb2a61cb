"""A worker's event loop: questions go in from Beam's thread, replies come out, many under way at once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from monitors.judge.client import JudgeClient, Question
from monitors.judge.openai_client import OpenAIClient
from monitors.judge.settings import AskSettings
from pipelines.judge.cache import Cache
from pipelines.judge.calling import Caller, CallSettings, Reply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """How a worker reaches the judge; it travels with the pipeline, and so holds the key's name and not the key."""

    ask: AskSettings
    calls: CallSettings
    key_variable: str | None
    token_parameter: str
    proxy: bool
    store: str
    run_id: str

    def client(self) -> OpenAIClient:
        key = os.environ.get(self.key_variable, "") if self.key_variable else "none"
        return OpenAIClient(self.ask, key, self.calls.timeout, self.token_parameter, self.proxy)

    def caller(self, cached: bool = True, client: JudgeClient | None = None) -> Caller:
        """A caller within the running event loop."""
        cache = Cache.of(self.store) if cached else None
        return Caller(client or self.client(), self.calls, self.run_id, cache)


class Asker:
    """A thread with an event loop that asks. Made by `hire`, ended by `let_go`."""

    def __init__(self, line: Line) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
        self._thread.start()
        self._caller = self._run(self._made(line)).result()

    @staticmethod
    async def _made(line: Line) -> Caller:
        return line.caller()

    def submit(self, questions: Sequence[Question]) -> Future[list[Reply]]:
        """Ask all of them; the future has one reply for each, in order."""
        return self._run(self._all(questions))

    async def _all(self, questions: Sequence[Question]) -> list[Reply]:
        return list(await asyncio.gather(*(self._caller.ask(q) for q in questions)))

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        self._run(self._caller.client.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


_HIRED: dict[Line, tuple[Asker, int]] = {}
_LOCK = threading.Lock()


def hire(line: Line, make: Callable[[Line], Asker] = Asker) -> Asker:
    """The asker of this process for a line: one, however many steps share it, so that its limits hold for all."""
    with _LOCK:
        asker, users = _HIRED.get(line) or (make(line), 0)
        _HIRED[line] = asker, users + 1
        return asker


def let_go(line: Line) -> None:
    """The counterpart of `hire`; the last to go closes the door."""
    with _LOCK:
        if line not in _HIRED:
            return
        asker, users = _HIRED.pop(line)
        if users > 1:
            _HIRED[line] = asker, users - 1
            return
    asker.close()
