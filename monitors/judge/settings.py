"""What makes one judge another: model, place, parameters, and how a trace is laid before it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from monitors.judge.prompt import judge_prompt
from schemas.digest import digest

JUDGE_VERSION = 1  # part of every digest: raise it when a change may alter what is asked or how it is understood


@dataclass(frozen=True, slots=True)
class AskSettings:
    """The question, but for the trace: whatever changes here is another question, and not in the cache.

    Lengths are in code points. `parameters` are handed to the server as they are, as JSON. `redaction` is the digest of
    what is withheld from it.
    """

    model: str
    endpoint: str
    parameters: str = "{}"
    max_completion_tokens: int = 2_000
    window_chars: int = 60_000
    head_chars: int = 8_000
    observation_chars: int = 4_000
    max_windows: int = 12
    quote_chars: int = 12
    redaction: str = ""

    @property
    def digest(self) -> str:
        """The question's digest: prompt, model, place, parameters and layout."""
        return digest("judge", JUDGE_VERSION, judge_prompt().digest, json.dumps(asdict(self), sort_keys=True))

    def call_id(self, trace_key: str, window: int) -> str:
        """The name of one call: the same question about the same window of the same trace has the same one."""
        return digest(self.digest, trace_key, window)
