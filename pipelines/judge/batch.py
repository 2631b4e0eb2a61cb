"""The Batch API: questions go up as files, answers come down within a day at half the price.

Nothing else of a run changes. The answers go into the cache, and the run then reads them from there. Each batch has a
file in the store that is written before the batch is: a run that finds one waits for that batch, or finds it at the
server by the name it was to have, and submits nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from monitors.judge.client import CallFailed, Question
from monitors.judge.openai_client import answered, body, failure
from pipelines.judge.cache import Cache, Kept
from pipelines.store import marker
from schemas.canary import CANARY
from schemas.digest import digest
from schemas.errors import BusyError, CotmonitorError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from pipelines.judge.asking import Line

T = TypeVar("T")

FOLDER = Path("_judge") / "batches"  # below the store
MOST_REQUESTS = 50_000  # of one batch, and bytes of its file: the API's limits, the latter with room to spare
MOST_BYTES = 180 << 20
ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")
NAME = "cotmonitor"  # under which a batch bears its digest, among its metadata
PATIENCE = 8  # times in a row that a poll may fail


class BatchFailed(CotmonitorError):
    """The server would not take a batch, or gave it up as a whole."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A batch: the digest that names it, the run that pays for it, its calls; `batch_id` is empty until it is there."""

    digest: str
    run_id: str
    endpoint: str
    call_ids: tuple[str, ...]
    batch_id: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The batches of a store that are not collected."""

    folder: Path

    @classmethod
    def of(cls, store: str | Path) -> Ledger:
        return cls(Path(store) / FOLDER)

    def open(self, endpoint: str) -> list[Submitted]:
        """Those at one server."""
        values = [json.loads(path.read_text("utf-8")) for path in sorted(self.folder.glob("*.json"))]
        return [
            Submitted(v["digest"], v["run_id"], v["endpoint"], tuple(v["call_ids"]), v["batch_id"])
            for v in values
            if v["endpoint"] == endpoint
        ]

    def write(self, batch: Submitted) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"canary": f"{CANARY}:judgement", **asdict(batch)})
        marker.publish(self._path(batch), content.encode())

    def close(self, batch: Submitted) -> None:
        self._path(batch).unlink(missing_ok=True)

    def _path(self, batch: Submitted) -> Path:
        return self.folder / f"{batch.digest}.json"


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Seconds between looks and until a run gives up, and the format in which the server gives JSON."""

    poll: float
    wait: float
    wanted: dict[str, Any]


def fill_cache(line: Line, settings: BatchSettings, questions: Callable[[], Iterator[Question]]) -> None:
    """See to it that the cache has every answer that a batch can give; return when no batch is under way.

    `questions` gives those of this run. Raises `BusyError` if a batch takes longer than `settings.wait`.
    """
    asyncio.run(_Batches(line, settings).fill(questions))


class _Batches:
    def __init__(self, line: Line, settings: BatchSettings) -> None:
        self.line, self.settings = line, settings
        self.cache, self.ledger = Cache.of(line.store), Ledger.of(line.store)
        self.ends = time.monotonic() + settings.wait

    async def fill(self, questions: Callable[[], Iterator[Question]]) -> None:
        client = self.line.client()
        try:
            under_way = [await self._found(client.sdk, b) for b in self.ledger.open(self.line.ask.endpoint)]
            known = {c for b in under_way if b is not None for c in b.call_ids}
            fresh = [await self._submit(client.sdk, part) for part in self._parts(questions(), known)]
            for batch in (*under_way, *fresh):
                if batch is not None:
                    await self._collect(client.sdk, batch)
        finally:
            await client.close()

    def _parts(self, questions: Iterator[Question], known: set[str]) -> Iterator[list[tuple[str, bytes]]]:
        """The lines to submit, in files of a size that the API takes."""
        part: list[tuple[str, bytes]] = []
        size = 0
        seen = set(known)
        for q in questions:
            if q.call_id in seen or not self._needed(q.call_id):
                continue
            seen.add(q.call_id)
            request = body(q, self.line.ask, self.settings.wanted, self.line.token_parameter)
            entry = {"custom_id": q.call_id, "method": "POST", "url": ENDPOINT, "body": request}
            text = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
            if part and (len(part) >= MOST_REQUESTS or size + len(text) > MOST_BYTES):
                yield part
                part, size = [], 0
            part.append((q.call_id, text))
            size += len(text)
        if part:
            yield part

    def _needed(self, call_id: str) -> bool:
        from pipelines.judge.calling import useless

        kept = self.cache.get(call_id)
        if kept is None:
            return True
        return self.line.calls.again and kept.run_id != self.line.run_id and useless(kept.answered)

    async def _submit(self, sdk: AsyncOpenAI, part: Sequence[tuple[str, bytes]]) -> Submitted:
        calls = tuple(call_id for call_id, _ in part)
        batch = Submitted(digest(self.line.run_id, *calls), self.line.run_id, self.line.ask.endpoint, calls)
        self.ledger.write(batch)  # before anything is at the server: what is there can then be found again
        content = b"".join(line for _, line in part)
        file = await self._try(lambda: sdk.files.create(file=("requests.jsonl", content), purpose="batch"))
        made = await self._try(
            lambda: sdk.batches.create(
                input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h", metadata={NAME: batch.digest}
            ),
            once=True,
        )
        batch = replace(batch, batch_id=made.id)
        self.ledger.write(batch)
        return batch

    async def _found(self, sdk: AsyncOpenAI, batch: Submitted) -> Submitted | None:
        """A batch of an earlier run; one whose id was never written down is looked for by its name."""
        if batch.batch_id:
            return batch
        async for one in sdk.batches.list(limit=100):
            if (one.metadata or {}).get(NAME) == batch.digest:
                found = replace(batch, batch_id=one.id)
                self.ledger.write(found)
                return found
        self.ledger.close(batch)  # it never came to be
        return None

    async def _collect(self, sdk: AsyncOpenAI, batch: Submitted) -> None:
        """Wait for a batch to end, and keep every answer in it."""
        while True:
            state = await self._try(lambda: sdk.batches.retrieve(batch.batch_id))
            if state.status in ENDED:
                break
            if time.monotonic() > self.ends:
                raise BusyError(
                    f"the judge's batch {batch.batch_id} is still {state.status}. What it answers is not lost: "
                    "run again to collect it."
                )
            await asyncio.sleep(min(self.settings.poll, max(self.ends - time.monotonic(), 0.01)))
        asked = set(batch.call_ids)
        if state.output_file_id:
            content = await self._try(lambda: sdk.files.content(state.output_file_id or ""))
            for line in content.content.decode("utf-8").splitlines():
                self._keep(line, asked, batch.run_id)
        self.ledger.close(batch)
        if state.status == "failed":
            codes = sorted({str(e.code) for e in (state.errors.data or [])} if state.errors else [])
            why = ", ".join(codes) or "no reason given"
            raise BatchFailed(f"the server refused the judge's batch {batch.batch_id}: {why}.")

    def _keep(self, line: str, asked: set[str], run_id: str) -> None:
        """One line of a batch's output; what was not asked, or failed, is no answer."""
        try:
            value = json.loads(line)
            call_id, response = value["custom_id"], value["response"]
            if call_id not in asked or value.get("error") or response["status_code"] != 200:
                return
        except (ValueError, KeyError, TypeError):
            return
        self.cache.put(call_id, Kept(answered(response["body"]), run_id, 0.0, 1, batch=True))

    async def _try(self, call: Callable[[], Awaitable[T]], once: bool = False) -> T:
        """A request about files and batches: tried again when it fails, but not `once` it might have been heeded."""
        import openai

        for attempt in range(PATIENCE):
            try:
                return await call()
            except openai.APIError as error:
                failed = failure(error)
                sure = failed.kind.startswith("http_")  # the server said no: nothing was done
                if not failed.transient or attempt + 1 == PATIENCE or (once and not sure):
                    raise BatchFailed(
                        f"the server at {self.line.ask.endpoint} does not take batches now ({failed.kind}). Run again: "
                        "what is submitted is found again."
                    ) from None
                await asyncio.sleep(failed.retry_after or min(self.settings.poll, 2.0**attempt))
        raise CallFailed("unreachable")
