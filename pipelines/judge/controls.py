"""Two records with known answers, put to the judge at the start of each run: only then is it believed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from monitors.judge.client import Question
from monitors.judge.prompt import Control, controls
from monitors.judge.record import OWN
from monitors.monitor import Verdict
from pipelines.judge.calling import Caller, Reply, useless
from pipelines.judge.monitor import Judge
from pipelines.judge.reading import Chosen, Judgement, Laid, lay_out, understand
from schemas.digest import digest
from schemas.errors import ControlMissed

TRIES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """The calls made for the controls, and what is wrong with the judge, if anything."""

    calls: tuple[Judgement, ...]
    fault: str | None
    wanted: dict[str, Any]  # how the server is asked for JSON

    def check(self) -> None:
        """Raise `ControlMissed` if the judge is not to be believed."""
        if self.fault:
            raise ControlMissed(self.fault)


def ask_controls(judge: Judge, store: str, run_id: str) -> Asked:
    """Ask both controls at once, never from the cache."""
    reader = judge.reader(run_id)
    asked = controls()
    laid = [lay_out(c.steps, _chosen(c, run_id), reader) for c in asked]
    replies, wanted = asyncio.run(_replies(judge, store, run_id, laid))
    faults, calls = [], []
    for control, one, mine in zip(asked, laid, replies, strict=True):
        verdict, rows = understand(one, mine, reader)
        calls += rows
        if fault := _fault(control, verdict, mine, rows):
            faults.append(f"the {control.name} control: {fault}")
    if not faults:
        return Asked(tuple(calls), None, wanted)
    who = f"{judge.spec.id} ({judge.ask.model} at {judge.ask.endpoint})"
    fault = f"{who} fails its controls, so nothing it says can be believed: {'; '.join(faults)}"
    return Asked(tuple(calls), fault, wanted)


async def _replies(judge: Judge, store: str, run_id: str, laid: list[Laid]) -> tuple[list[list[Reply]], dict[str, Any]]:
    line = judge.line(store, run_id)
    line = replace(line, calls=replace(line.calls, cache_only=False))
    client = line.client()
    caller = line.caller(False, client)
    try:
        # one after the other: the first finds out in which format the server gives JSON
        return [[await _asked(caller, q) for q in one.questions] for one in laid], client.wanted
    finally:
        await client.close()


async def _asked(caller: Caller, question: Question) -> Reply:
    """An answer that can be used, if there is one in a few tries: a judge may stammer, and must not be wrong."""
    for _ in range(TRIES):
        reply = await caller.ask(question)
        if reply.answered is None or not useless(reply.answered):
            break
    return reply


def _chosen(control: Control, run_id: str) -> Chosen:
    return Chosen(digest("control", control.name, run_id), "control", False, 1, (), False)


def _fault(control: Control, verdict: Verdict, replies: list[Reply], rows: list[Judgement]) -> str | None:
    if verdict.state != "assessed":
        errors = [str(r.values["error"]) for r in rows if r.values["error"]]
        tries = sum(r.attempts for r in replies)
        return f"no usable answer ({', '.join(errors) or 'nothing asked'}; {tries} requests)"
    accused = [f for f in verdict.findings if f.sanctioned == "none" and f.channel in OWN]
    if control.guilty and not any(f.category == control.category for f in accused):
        return "it did not see what is there"
    if not control.guilty and accused:
        return f"it saw {', '.join(f.behaviour for f in accused)} where there is nothing"
    return None
