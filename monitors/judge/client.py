"""The one thing the judge asks of the world: put a question, get an answer or a reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """One call: `call_id` names it, `system` and `record` are what is sent."""

    call_id: str
    system: str
    record: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server answered, and so was paid for, whether or not it can be used."""

    content: str | None
    refusal: bool
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int  # of the prompt's, those that the server had at hand
    completion_tokens: int


class CallFailed(Exception):
    """There is no answer.

    `transient`: asking again may help; `fatal`: no other question will fare better either; `refused`: the request as
    such was, perhaps for something in it that the server does not know.
    """

    def __init__(
        self,
        kind: str,
        transient: bool = False,
        fatal: bool = False,
        retry_after: float | None = None,
        refused: bool = False,
    ) -> None:
        super().__init__(kind)
        self.kind, self.transient, self.fatal = kind, transient, fatal
        self.retry_after, self.refused = retry_after, refused


class JudgeClient(Protocol):
    """Asks one question once: no retries, no cache, no waiting."""

    async def ask(self, question: Question) -> Answered:
        """The answer; raises `CallFailed`."""

    async def close(self) -> None: ...
