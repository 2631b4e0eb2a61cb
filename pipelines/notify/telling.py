"""All that is told of one run, once it ended; what cannot be told is said, and changes nothing of how the run ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.notify.settings import NotifySettings
from pipelines.summary import RunSummary
from schemas.errors import CotmonitorError


def tell(summary: RunSummary, settings: NotifySettings) -> list[str]:
    """Write and send what the settings ask for; return a sentence for each that failed."""
    failed: list[str] = []

    def attempt(what: str, do: Callable[[], None]) -> None:
        try:
            do()
        except CotmonitorError as error:
            failed.append(f"{what}: {error}")
        except Exception as error:  # noqa: BLE001  a notice that fails must not fail a night
            failed.append(f"{what} was not told: {_kind(error)}")

    def metrics(path: str) -> None:
        from pipelines.notify.metrics import write

        write(summary, Path(path))

    def push(gateway: str) -> None:
        from pipelines.notify.metrics import push

        push(summary, gateway, settings.timeout_seconds)

    def webhook() -> None:
        from pipelines.notify.webhook import notice, occasions, send

        url, why = settings.webhook(), occasions(summary, settings)
        if url is not None and why:
            send(url, notice(summary, settings, why), settings)

    if settings.metrics_file is not None:
        attempt(f"the metrics file {settings.metrics_file}", lambda: metrics(str(settings.metrics_file)))
    if settings.push is not None:
        attempt("the push gateway", lambda: push(str(settings.push)))
    if settings.webhook_variable is not None:
        attempt("the webhook", webhook)
    return failed


def _kind(error: Exception) -> str:
    """What went wrong without the address, which may be a secret."""
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", None) or getattr(error, "code", None)
    if status is not None:
        return f"the server answered {status}"
    return f"{type(error).__name__}"
