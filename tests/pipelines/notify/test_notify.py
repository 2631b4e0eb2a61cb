"""Who is told of a run, and what: counts and ids, to a server that may misbehave, and never a word of a trace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipelines.cli import main
from pipelines.notify.settings import NotifySettings
from pipelines.notify.webhook import occasions
from pipelines.summary import RunSummary
from tests.pipelines.lakes import flat, pack, rollouts

SECRET = "s3cret-path"  # addresses of webhooks are passwords


@dataclass
class Receiver:
    """A server that keeps what it gets, and answers the first requests with the codes of `answers`."""

    url: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for method, _, body in self.got if method == "POST"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known.got.append((self.command, self.path, body))
            code = known.answers.pop(0) if known.answers else 200
            self.send_response(code)
            if code == 429:
                self.send_header("Retry-After", "0")
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_GET = answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Receiver(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield known
        server.shutdown()


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    flat(tmp_path / "lake" / "one.parquet", rollouts(40, "a"))
    monkeypatch.setenv("HOOK", f"{receiver.url}/{SECRET}")
    return tmp_path


def run(folder: Path, *more: str) -> Result:
    lake = str(folder / "lake")
    words = ["run", "--traces", lake, "--root", lake, "--store", str(folder / "S"), "--workers", "1"]
    return CliRunner().invoke(main, [*words, "--monitors", f"rules:{pack(folder)}", *more])


def test_new_findings_are_told_once_without_a_word_of_a_trace(told: Path, receiver: Receiver) -> None:
    assert run(told, "--webhook-variable", "HOOK").exit_code == 0
    assert run(told, "--webhook-variable", "HOOK").exit_code == 0  # nothing new
    (body,) = receiver.bodies()
    assert body["why"] == ["new"]
    assert body["counts"]["traces"] == 40
    assert body["findings"]["new"] == len(body["findings"]["new_ids"]) == 8 + 3
    assert body["text"].endswith("(40 traces)")
    sent = json.dumps(body)
    rows = pq.read_table(told / "lake").to_pylist()
    texts = {str(r[c]) for r in rows for c in ("prompt", "reasoning", "actions", "output", "trace_id")}
    assert not [t for t in texts if f'"{t}"' in sent or (len(t) > 8 and t in sent)]
    assert str(told) not in sent


def test_a_failure_is_told_by_its_kind(told: Path, receiver: Receiver) -> None:
    rows = [*rollouts(4), *({**r, "trace_id": None} for r in rollouts(4, "b"))]
    flat(told / "lake" / "two.parquet", rows)
    assert run(told, "--webhook-variable", "HOOK").exit_code == 3
    (body,) = receiver.bodies()
    assert (body["why"], body["exit_code"], body["error_kind"]) == (["failure"], 3, "GateError")
    assert "two.parquet" not in json.dumps(body)


@pytest.mark.parametrize("answers", [[500], [429, 503]], ids=["after a 500", "after being told to wait"])
def test_what_may_pass_is_tried_again(told: Path, receiver: Receiver, answers: list[int]) -> None:
    receiver.answers = list(answers)
    result = run(told, "--webhook-variable", "HOOK")
    assert result.exit_code == 0
    assert "warning" not in result.output
    assert len(receiver.bodies()) == len(answers) + 1


@pytest.mark.parametrize(("answer", "says"), [(403, "answered 403"), (302, "HTTPError")], ids=["403", "a redirect"])
def test_a_notice_that_is_refused_is_said_and_fails_no_night(
    told: Path, receiver: Receiver, answer: int, says: str
) -> None:
    receiver.answers = [answer]
    result = run(told, "--webhook-variable", "HOOK")
    assert result.exit_code == 0
    assert "the webhook was not told" in result.output
    assert SECRET not in result.output
    assert [path for _, path, _ in receiver.got] == [f"/{SECRET}"]  # once, and not to where it was sent on


def test_the_address_is_kept_nowhere(told: Path, receiver: Receiver) -> None:
    run(told, "--webhook-variable", "HOOK", "--summary", str(told / "last.json"))
    files = [p for p in told.rglob("*") if p.is_file()]
    assert not [p for p in files if SECRET.encode() in p.read_bytes()]


def test_a_variable_that_holds_no_address_is_a_fault_before_the_night(told: Path) -> None:
    result = run(told, "--webhook-variable", "UNSET")
    assert result.exit_code == 2
    assert "UNSET holds no http address" in result.output
    assert not (told / "S").exists()


def test_figures_of_the_run_in_openmetrics(told: Path, receiver: Receiver) -> None:
    file = told / "out.prom"
    assert run(told, "--metrics-file", str(file), "--push-metrics", receiver.url).exit_code == 0
    families = {f.name: f for f in text_string_to_metric_families(file.read_text())}
    assert families["cotmonitor_run_success"].samples[0].value == 1
    assert families["cotmonitor_run_traces"].samples[0].value == 40
    new = [s for s in families["cotmonitor_run_findings"].samples if s.labels["new"] == "yes"]
    assert sum(s.value for s in new) == 8 + 3
    (pushed,) = [(path, body) for method, path, body in receiver.got if method == "PUT"]
    assert pushed[0] == "/metrics/job/cotmonitor"
    assert b"cotmonitor_run_traces 40.0" in pushed[1]


def test_a_failed_run_says_what_it_knows(told: Path) -> None:
    flat(told / "lake" / "two.parquet", [{**r, "trace_id": None} for r in rollouts(40, "b")])
    assert run(told, "--metrics-file", str(told / "out.prom")).exit_code == 3
    families = {f.name: f for f in text_string_to_metric_families((told / "out.prom").read_text())}
    assert families["cotmonitor_run_success"].samples[0].value == 0
    assert families["cotmonitor_run_exit_code"].samples[0].value == 3
    assert "cotmonitor_run_alerts" not in families  # unknown is not 0


def test_a_behaviour_that_grows_is_told(told: Path, receiver: Receiver) -> None:
    flat(told / "lake" / "one.parquet", rollouts(200, "a", every=50))
    run(told)
    flat(told / "lake" / "two.parquet", rollouts(40, "b", every=2))
    run(told, "--webhook-variable", "HOOK")
    (body,) = receiver.bodies()
    assert body["why"] == ["new", "growing"]
    grown = {(g["behaviour"], g["environment"]) for g in body["findings"]["growing"]}
    assert ("TG08", "math") in grown
    flat(told / "lake" / "three.parquet", rollouts(200, "c", every=50))
    run(told, "--webhook-variable", "HOOK")
    assert receiver.bodies()[1]["findings"]["growing"] == []


def test_only_what_was_asked_for_is_told() -> None:
    failed = RunSummary.model_validate({"status": "failed", "exit_code": 1, "started_at": "2026-11-22T00:00:00Z"})
    assert occasions(failed, NotifySettings(on=("new",))) == ()
    assert occasions(failed, NotifySettings()) == ("failure",)
    well = failed.model_copy(update={"status": "done", "exit_code": 0})
    assert occasions(well, NotifySettings(on=("always", "failure"))) == ("always",)
