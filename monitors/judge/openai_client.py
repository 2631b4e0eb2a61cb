"""The judge's client for OpenAI and whatever speaks its protocol: one request, no retries, no redirects.

The SDK retries and follows redirects by itself; here it may do neither. Retries are counted and paid for elsewhere; a
redirect would carry the trace to a place that nobody permitted.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from monitors.judge.answer import SCHEMA
from monitors.judge.client import Answered, CallFailed, Question
from monitors.judge.settings import AskSettings

if TYPE_CHECKING:
    import openai

# how a server is asked for JSON, the strictest first; the prompt describes the object in any case
FORMATS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "json_schema",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "v", "strict": True, "schema": SCHEMA}}},
    ),
    ("json_object", {"response_format": {"type": "json_object"}}),
    ("plain", {}),
)
REFUSED_AS_SUCH = (400, 404, 415, 422, 501)  # a server that does not know a format says one of these
TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)
FATAL = (401, 402, 403)  # the key, the account: the next question would fare no better
NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")


def body(question: Question, settings: AskSettings, wanted: dict[str, Any], tokens: str) -> dict[str, Any]:
    """The request as JSON, the same whether it is sent alone or in a batch."""
    return {
        "model": settings.model,
        "messages": [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.record},
        ],
        tokens: settings.max_completion_tokens,
        **json.loads(settings.parameters),
        **wanted,
    }


class OpenAIClient:
    """Asks `settings.endpoint`. `key` is never kept anywhere but in the SDK's client.

    A server that refuses a JSON schema is asked again for a JSON object, then for plain text; what it first answered to
    it is asked for ever after.
    """

    def __init__(
        self,
        settings: AskSettings,
        key: str,
        timeout: float,
        tokens: str = "max_completion_tokens",
        proxy: bool = False,
    ) -> None:
        self.settings, self.tokens = settings, tokens
        self._format = 0
        self._proven = False
        self.sdk = connected(settings.endpoint, key, timeout, proxy)

    async def ask(self, question: Question) -> Answered:
        """The answer; raises `CallFailed`."""
        while True:
            at, (_, wanted) = self._format, FORMATS[self._format]
            try:
                answered = await self._once(body(question, self.settings, wanted, self.tokens))
            except _Refused as refused:
                if self._proven or (at == self._format and at + 1 == len(FORMATS)):
                    raise CallFailed(refused.kind, fatal=refused.kind == "http_404") from None
                self._format = max(self._format, at + 1)
                continue
            self._proven = True
            return answered

    @property
    def wanted(self) -> dict[str, Any]:
        """How the server is asked for JSON now."""
        return FORMATS[self._format][1]

    async def _once(self, request: dict[str, Any]) -> Answered:
        import openai

        try:
            raw = await self.sdk.chat.completions.with_raw_response.create(**request)
        except openai.APIError as error:
            failed = failure(error)
            if failed.refused:
                raise _Refused(failed.kind) from None
            raise failed from None
        try:
            return answered(json.loads(raw.text))
        except (ValueError, RecursionError):
            return Answered(None, False, "not_json", 0, 0, 0)

    async def close(self) -> None:
        await self.sdk.close()


def connected(endpoint: str, key: str, timeout: float, proxy: bool) -> openai.AsyncOpenAI:
    """The SDK's client for one endpoint, with what it does on its own accord turned off."""
    import openai

    for name in ("openai", "httpx2", "httpx", "httpcore", "httpcore2"):  # they would log requests, and so traces
        logging.getLogger(name).setLevel(logging.CRITICAL)
    patience = openai.Timeout(timeout, connect=min(timeout, 10.0))
    http = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=proxy, timeout=patience)
    return openai.AsyncOpenAI(api_key=key, base_url=endpoint, max_retries=0, timeout=timeout, http_client=http)


class _Refused(Exception):
    """The request as such was refused, perhaps for the way in which JSON was asked for."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def failure(error: openai.APIError) -> CallFailed:
    """What a failure of the SDK means. Its words are dropped: some servers repeat the key or the trace in them."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        # a question that never left may be put again; one that is being answered would be paid for twice
        return CallFailed("timeout", transient=type(error.__cause__).__name__ in ("ConnectTimeout", "PoolTimeout"))
    if isinstance(error, openai.APIConnectionError):
        return CallFailed("connection", transient=True)
    return _status(error) if isinstance(error, openai.APIStatusError) else CallFailed("no_answer")


def _status(error: openai.APIStatusError) -> CallFailed:
    status = int(error.status_code)
    code = str(error.code or "")
    if status == 429 and code in NO_MONEY:
        return CallFailed(code, fatal=True)
    if status in FATAL:
        return CallFailed(f"http_{status}", fatal=True)
    if status in TRANSIENT:
        return CallFailed(f"http_{status}", transient=True, retry_after=retry_after(error.response.headers))
    if code == "context_length_exceeded":
        return CallFailed(code)
    if status in REFUSED_AS_SUCH:
        return CallFailed(f"http_{status}", refused=True)
    return CallFailed(f"http_{status}")


def retry_after(headers: Any) -> float | None:
    """The seconds that a server asks to be left alone; dates are not read, ours and its clock may differ."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None


def answered(value: Any) -> Answered:
    """What a chat completion says, from its JSON; whatever is missing or odd reads as no content."""
    try:
        choice = value["choices"][0]
        message = choice["message"]
        content = message.get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        return Answered(None, False, "no_choice", *_usage(value))
    text = content if isinstance(content, str) else None
    return Answered(text, bool(message.get("refusal")), str(choice.get("finish_reason") or ""), *_usage(value))


def _usage(value: Any) -> tuple[int, int, int]:
    usage = value.get("usage") if isinstance(value, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return _count(usage.get("prompt_tokens")), _count(cached), _count(usage.get("completion_tokens"))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
