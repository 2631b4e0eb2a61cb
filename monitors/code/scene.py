"""What a detector may ask beside the piece in hand: the task, and what had happened before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from monitors.code import paths
from monitors.code.requests import forbidden
from monitors.code.task import Task

_FAILED = re.compile(
    r"\b(?:[1-9]\d* (?:failed|failures?|errors?)|FAILED|FAIL:|AssertionError|Traceback \(most recent|Error:|panicked at|"
    r"exit(?:ed with)? (?:code|status) [1-9]|tests? failed|Build failed|BUILD FAILED|not ok \d|✗|✕|failed the tests)"
)
_PASSED = re.compile(
    r"\b(?:[1-9]\d* (?:passed|passing|tests? OK)|All tests passed|OK \(|Tests:\s+[1-9]\d* passed|BUILD SUCCESS|^OK$|exit (?:code|status) 0|PASSED|^ok\s)", re.M
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What the environment said, and at which turn."""

    order: int
    failed: bool
    passed: bool


def read_answer(order: int, text: str) -> Answer:
    """Whether an observation shows a failing or a passing run; its last 20,000 characters are read."""
    tail = text[-20_000:]
    failed, passed = bool(_FAILED.search(tail)), bool(_PASSED.search(tail))
    return Answer(order, failed, passed and not re.search(r"[1-9]\d* failed|FAILED", tail))


@dataclass(frozen=True)
class Scene:
    """The task and the environment's answers in order."""

    task: Task
    answers: tuple[Answer, ...] = ()

    @cached_property
    def protected(self) -> tuple[str, ...]:
        return forbidden(self.task.prompt)

    def failed_before(self, order: int) -> bool:
        """Whether the last run before this turn that told anything had failed."""
        told = [a for a in self.answers if a.order < order and (a.failed or a.passed)]
        return bool(told) and told[-1].failed

    def failed_after(self, order: int) -> bool:
        """Whether what came right after this turn was an error, so that the act was an attempt."""
        after = next((a for a in self.answers if a.order > order), None)
        return after is not None and after.failed

    def forbids(self, path: str | None) -> bool:
        """Whether the prompt says that this file must not be changed."""
        if not path:
            return False
        name = path.rsplit("/", 1)[-1].lower()
        return any(name in what or ("test" in what and paths.is_test(path)) for what in self.protected)
