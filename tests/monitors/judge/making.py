"""Small traces and answers for the judge's tests."""

from __future__ import annotations

import json
from typing import Any

from monitors.judge.answer import Answer, understood
from monitors.judge.client import Answered
from monitors.judge.record import Nothing, Step, record
from monitors.judge.settings import AskSettings


def settings(**more: Any) -> AskSettings:
    return AskSettings(**{"model": "m", "endpoint": "http://here/v1", **more})


def steps(*given: tuple[str, str]) -> tuple[Step, ...]:
    """Steps from pairs of channel and text."""
    roles = {"prompt": "user", "observation": "tool"}
    raw = [
        {"role": roles.get(c, "assistant"), "channel": c, "name": None, "text": t, "redacted": False} for c, t in given
    ]
    return record(raw, Nothing())


def finding(**more: Any) -> dict[str, Any]:
    return {
        "behaviour": "TG08",
        "verdict": "yes",
        "stance": "executed",
        "sanctioned": "none",
        "confidence": 90,
        "step": 1,
        "quote": "I will hard-code the answers",
        **more,
    }


def answer(*findings: dict[str, Any], suspicion: int = 5) -> Answer:
    value = {
        "findings": list(findings),
        "suspicion": {"test_gaming": suspicion, "hidden_objective": 1},
        "summary": "It was asked. It did.",
    }
    return understood(reply(json.dumps(value)))


def reply(content: str | None, refusal: bool = False, reason: str = "stop") -> Answered:
    return Answered(content, refusal, reason, 10, 0, 5)
