"""Settings of the notices that a run sends."""

from __future__ import annotations

import os
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.errors import InputError

Occasion = Literal["new", "growing", "failure", "always"]


class NotifySettings(BaseModel):
    """`notify:` of a job file. A webhook's address is a secret, so it is the value of an environment variable."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    webhook_variable: str | None = None
    on: tuple[Occasion, ...] = ("new", "growing", "failure")
    min_level: Literal["low", "medium", "high", "critical"] = "medium"
    attempts: int = Field(5, ge=1, le=10)
    timeout_seconds: float = Field(10.0, gt=0, le=120)
    metrics_file: str | None = None
    push: str | None = None

    @field_validator("push")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise ValueError(f"{value!r} is no address; use one like http://pushgateway:9091")
        return value

    def webhook(self) -> str | None:
        """The webhook's address, or None where none is wanted; raises `InputError` if its variable is not set."""
        if self.webhook_variable is None:
            return None
        url = os.environ.get(self.webhook_variable, "").strip()
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise InputError(
                f"notify.webhook_variable: the environment variable {self.webhook_variable} holds no http address. "
                "Set it to the webhook's, or take the key out."
            )
        return url
