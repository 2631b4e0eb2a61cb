"""A webhook: one POST of JSON when a run found something new or growing, or failed.

Alerts are confidential, and chat rooms are read by many: a notice holds counts, ids of findings, behaviours, levels
and names of environments. No text of a trace, no file, no reason in prose.
"""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pipelines.notify.settings import NotifySettings
from pipelines.summary import RunSummary
from schemas.results import LEVELS

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
MOST_WAIT = 60.0  # seconds between two attempts, whatever a server asks for
MOST_GROUPS = 5  # in the sentence; all of them are in the JSON


def occasions(summary: RunSummary, settings: NotifySettings) -> tuple[str, ...]:
    """Which of the settings' occasions this run is."""
    found = []
    if summary.exit_code not in (0, None):
        found.append("failure")
    if summary.findings is not None:
        if any(g.new for g in _loud(summary, settings)):
            found.append("new")
        if summary.findings.growing:
            found.append("growing")
    if summary.status != "dry_run":
        found.append("always")
    return tuple(o for o in found if o in settings.on)


def notice(summary: RunSummary, settings: NotifySettings, why: tuple[str, ...]) -> dict[str, Any]:
    """The JSON that is sent."""
    values = summary.model_dump(mode="json")
    kept = ("run_id", "run_date", "status", "exit_code", "error_kind", "started_at", "finished_at", "seconds")
    counts = ("files", "rows", "traces", "dead", "alerts", "not_assessed", "without_reasoning", "cost_usd")
    body: dict[str, Any] = {"text": _sentence(summary, settings, why), "why": list(why)}
    body |= {name: values[name] for name in kept} | {"counts": {name: values[name] for name in counts}}
    if summary.findings is not None:
        body["findings"] = values["findings"] | {
            "groups": [g.model_dump(mode="json") for g in _loud(summary, settings)]
        }
    return body


def _loud(summary: RunSummary, settings: NotifySettings) -> list[Any]:
    """Groups of findings at or above the level from which somebody is to be told."""
    least = LEVELS.index(settings.min_level)
    return [g for g in summary.findings.groups if LEVELS.index(g.level) >= least] if summary.findings else []


def _sentence(summary: RunSummary, settings: NotifySettings, why: tuple[str, ...]) -> str:
    """One line for a chat room."""
    run = f"cotmonitor {summary.run_id or 'run'}"
    if "failure" in why:
        return f"{run} failed: {summary.error_kind or summary.status}, exit code {summary.exit_code}"
    fresh = sorted((g for g in _loud(summary, settings) if g.new), key=lambda g: -g.new)
    groups = [f"{g.new} {g.level} {g.behaviour} in {g.environment or 'no environment'}" for g in fresh]
    more = f" and {len(groups) - MOST_GROUPS} more" if len(groups) > MOST_GROUPS else ""
    grown = (
        [f"{g.behaviour} in {g.environment or 'no environment'}" for g in summary.findings.growing]
        if (summary.findings)
        else []
    )
    parts = [f"new: {', '.join(groups[:MOST_GROUPS])}{more}"] if groups else []
    parts += [f"growing: {', '.join(grown[:MOST_GROUPS])}"] if grown else []
    return f"{run}: {'; '.join(parts) or 'nothing new'} ({summary.traces or 0:,} traces)"


def send(url: str, body: dict[str, Any], settings: NotifySettings) -> None:
    """Send it, trying again after what may pass. Raises `requests.RequestException` if it does not get there.

    Redirects are not followed: the address is the one that was permitted.
    """
    again = Retry(
        total=settings.attempts - 1,
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=MOST_WAIT,
        status_forcelist=TRANSIENT,
        allowed_methods=None,  # a notice that comes twice is better than none
        redirect=False,
        retry_after_max=int(MOST_WAIT),
    )
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        answer = session.post(url, json=body, timeout=settings.timeout_seconds, allow_redirects=False)
        answer.raise_for_status()
        if answer.is_redirect:
            raise requests.HTTPError(f"{answer.status_code}: redirects are not followed")
