"""Jobs with a judge, over small lakes, against the server of the test suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.account import Summary
from pipelines.job import Job
from pipelines.run import run_job
from pipelines.store import Store
from tests.judge_server import MODEL, JudgeServer
from tests.pipelines.lakes import pack

EVERYTHING = {"score": (0.0, 1.0), "audit_share": 0.0}
PRICES = {MODEL: {"input": 1.0, "output": 10.0}}
CALL_USD = (1_000 * 1.0 + 100 * 10.0) / 1e6  # what the server's usage comes to


def judged(server: JudgeServer, escalate: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A `judge:` section that knows the server."""
    return {
        "model": MODEL,
        "endpoint": server.url,
        "endpoints": [server.url],
        "key_variable": "JUDGE_KEY",
        "escalate": EVERYTHING if escalate is None else escalate,
        "prices": PRICES,
        "backoff_seconds": 0.01,
        "timeout_seconds": 20,
        **settings,
    }


def job(folder: Path, lake: Path, judge: dict[str, Any] | None, store: str = "S", **settings: Any) -> Job:
    return Job.model_validate(
        {
            "traces": (str(lake),),
            "store": str(folder / store),
            "root": str(lake),
            "monitors": (f"rules:{pack(folder)}",),
            "date": "2026-11-22",
            "judge": judge,
            **settings,
        }
    )


def run(*args: Any, **settings: Any) -> Summary:
    return run_job(job(*args, **settings), quiet=True)


def rows(store: Path, query: str) -> list[Any]:
    with Store.open(store).connect() as con:
        return con.execute(query).fetchall()
