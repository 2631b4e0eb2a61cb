"""`judge:` in a job file: which model, where, over which traces, at what cost."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from monitors.judge.settings import AskSettings
from pipelines.judge.calling import CallSettings
from pipelines.judge.redaction import Patterns
from schemas.behaviours import BEHAVIOURS
from schemas.digest import digest
from schemas.errors import InputError

OPENAI = "https://api.openai.com/v1"
PARAMETERS = ("temperature", "top_p", "seed", "reasoning_effort", "verbosity", "service_tier", "store")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, value: object, info: object) -> object:
        if isinstance(value, bool) and getattr(info, "field_name", None) != "proxy":  # YAML reads yes as true: 1
            raise ValueError("a number or text is needed")
        return value


class Policy(_Strict):
    """Which traces are worth a judge's price. The same policy and traces choose the same calls."""

    score: tuple[float, float] = Field(
        (0.3, 1.0), description="Traces whose suspicion, the highest score of any cheap monitor, lies in this band."
    )
    behaviours: tuple[str, ...] = Field(
        ("HO03", "HO05", "HO08", "HO15", "HO17", "HO24", "HO25", "TG25"),
        description="Traces with an alert for one of these, whatever their score: what words alone do not settle.",
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of all traces drawn by hash of the trace key, suspicious or not."
    )
    audit_seed: str = Field("", description="Another seed draws other traces for the audit.")

    @field_validator("score")
    @classmethod
    def _a_band(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] <= 1:
            raise ValueError("is no band; give two numbers from 0 to 1, the lower first")
        return value

    @field_validator("behaviours")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for behaviour in value:
            if behaviour not in BEHAVIOURS:
                raise ValueError(f"no behaviour is called {behaviour!r}; use ids such as TG08 or HO15")
        return value


class Budget(_Strict):
    """What one run may spend at most; what is left out is not limited. Estimates count, so real spending is below."""

    calls: int | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)
    usd: float | None = Field(None, ge=0)


class Price(_Strict):
    """USD for a million tokens of one model."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0, description="For tokens that the server had cached; else as input.")
    batch: float = Field(0.5, ge=0, le=1, description="Share of these prices that the Batch API takes.")

    def usd(self, prompt: int, cached: int, completion: int, batch: bool) -> float:
        """The price of one call."""
        at_hand = self.input if self.cached_input is None else self.cached_input
        cost = ((prompt - cached) * self.input + cached * at_hand + completion * self.output) / 1e6
        return cost * (self.batch if batch else 1.0)


class Withheld(_Strict):
    """A pattern (RE2) that a third party must not see, and the word that is shown instead."""

    pattern: str = Field(min_length=1)
    shown: str = "[withheld]"


class JudgeSettings(_Strict):
    """The judge of a job. Keys of servers are read from the environment, never from here."""

    model: str = Field(min_length=1)
    name: str = Field("judge", pattern=r"^judge(\.[a-z0-9_-]{1,40})?$", description="The monitor's id.")
    endpoint: str | None = Field(None, description="The server; without it OPENAI_BASE_URL, else OpenAI.")
    endpoints: tuple[str, ...] = Field((OPENAI,), description="The servers that may see traces; no other is asked.")
    key_variable: str | None = Field(
        "OPENAI_API_KEY", description="The environment variable that holds the key; null for a server without."
    )
    mode: Literal["sync", "batch"] = "sync"
    escalate: Policy = Policy()
    budget: Budget = Budget()
    prices: dict[str, Price] = Field(default_factory=dict, description="Price table: model -> prices.")
    redact: tuple[Withheld, ...] = ()
    threshold: float = Field(0.5, ge=0, le=1, description="A finding alerts from this confidence on.")
    parameters: dict[str, str | float | int] = Field(
        default_factory=dict, description=f"Handed to the server: {', '.join(PARAMETERS)}."
    )
    token_parameter: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    max_completion_tokens: int = Field(2_000, ge=64, le=200_000)
    window_chars: int = Field(60_000, ge=4_000, le=4_000_000)
    max_windows: int = Field(12, ge=1, le=200)
    chars_per_token: float = Field(3.0, gt=0, le=10, description="For estimates; fewer make them more cautious.")
    concurrency: int = Field(32, ge=1, le=1024, description="Calls under way at once, in each worker.")
    attempts: int = Field(6, ge=1, le=50)
    timeout_seconds: float = Field(120, gt=0, le=3600)
    deadline_seconds: float = Field(14_400, gt=0)
    backoff_seconds: float = Field(0.5, gt=0, le=60)
    poll_seconds: float = Field(30, gt=0, le=3600, description="Between two looks at a batch.")
    batch_wait_seconds: float = Field(90_000, ge=0, description="How long to wait for a batch before giving up.")
    proxy: bool = Field(False, description="Whether proxies named in the environment may carry the calls.")

    @field_validator("endpoint", "endpoints", mode="after")
    @classmethod
    def _plain_urls(cls, value: object) -> object:
        for url in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{url!r} is no address of a server; write it like {OPENAI}")
            if parts.username or parts.password or parts.query or parts.fragment:
                raise ValueError("an address holds no key; put the key in the environment")
        return value

    @field_validator("parameters")
    @classmethod
    def _known_parameters(cls, value: dict[str, object]) -> dict[str, object]:
        for name in value:
            if name not in PARAMETERS:
                raise ValueError(f"unknown parameter {name!r}; use {', '.join(PARAMETERS)}")
        return value

    @field_validator("redact")
    @classmethod
    def _patterns(cls, value: tuple[Withheld, ...]) -> tuple[Withheld, ...]:
        Patterns(tuple((w.pattern, w.shown) for w in value)).check()
        return value

    @model_validator(mode="after")
    def _priced(self) -> JudgeSettings:
        if self.budget.usd is not None and self.model not in self.prices:
            raise ValueError(f"a budget in usd needs a price; add prices: {self.model}: {{input: ..., output: ...}}")
        return self

    @property
    def price(self) -> Price | None:
        """The model's price; None where the job does not say."""
        return self.prices.get(self.model)

    @property
    def redaction(self) -> Patterns:
        return Patterns(tuple((w.pattern, w.shown) for w in self.redact))

    def address(self, environment: Mapping[str, str] = os.environ) -> str:
        """The server that is asked; raises `InputError` unless the job permits it."""
        url = self.endpoint or environment.get("OPENAI_BASE_URL", "").strip() or OPENAI
        permitted = {e.rstrip("/") for e in self.endpoints}
        if url.rstrip("/") not in permitted:
            origin = "judge.endpoint" if self.endpoint else "OPENAI_BASE_URL"
            raise InputError(
                f"{origin}: traces may not be sent to {_safe(url)}. Add it to judge.endpoints in the job file, "
                f"or use one of {', '.join(sorted(permitted))}."
            )
        return url.rstrip("/")

    def key(self, environment: Mapping[str, str] = os.environ) -> str:
        """The key, from the environment alone."""
        if self.key_variable is None:
            return "none"
        found = environment.get(self.key_variable, "").strip()
        if not found:
            raise InputError(
                f"judge: the environment has no {self.key_variable}. Set it to the server's key, or set "
                "judge.key_variable (null for a server without keys)."
            )
        return found

    def ask(self, environment: Mapping[str, str] = os.environ) -> AskSettings:
        return AskSettings(
            model=self.model,
            endpoint=self.address(environment),
            parameters=json.dumps(self.parameters, sort_keys=True),
            max_completion_tokens=self.max_completion_tokens,
            window_chars=self.window_chars,
            max_windows=self.max_windows,
            redaction=self.redaction.digest,
        )

    def calls(self, again: bool = False) -> CallSettings:
        return CallSettings(
            self.concurrency,
            self.attempts,
            self.timeout_seconds,
            self.deadline_seconds,
            self.backoff_seconds,
            again,
            self.mode == "batch",
        )

    def judge_digest(self, ask: AskSettings, excerpt_chars: int, cheap: tuple[str, ...]) -> str:
        """Digest of the judge as a monitor: the question, the policy, and the monitors whose scores it goes by.

        The budget is no part of it: what was over it is tried again with `--retry`, like what failed.
        """
        policy = self.escalate.model_dump_json()
        return digest("judge", self.name, ask.digest, policy, str(self.threshold), excerpt_chars, *cheap)


def _safe(url: str) -> str:
    """An address without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
