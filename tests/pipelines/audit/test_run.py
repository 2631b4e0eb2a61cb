"""Whole audits through the command line: a clean corpus passes, each planted leak is found, and garbage is told."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipelines.audit.finding import CHECKS
from pipelines.audit.history import share
from pipelines.cli import main
from pipelines.store import Store
from schemas.canary import CANARY
from tests.pipelines.audit.corpora import House, Row, build, rows_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return build(tmp_path_factory.mktemp("house"))


@pytest.fixture
def own(house: House, tmp_path: Path) -> House:
    """The same with a store of its own, so that no audit is the second of its corpus."""
    shutil.copytree(house.store, tmp_path / "side" / "S")
    return House(tmp_path, house.lake, tmp_path / "side" / "S", house.flagged, house.rationale)


def audit(house: House, corpus: Path | str, *flags: str, traces: bool = True) -> Result:
    given = ["--store", str(house.store), *(["--traces", str(house.lake)] if traces else []), "--workers", "1", *flags]
    result = CliRunner().invoke(main, ["audit", str(corpus), *given])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.stderr
    return result


def report(house: House) -> dict[str, Any]:
    """The newest report of the store."""
    (newest,) = sorted((house.store / "_audits").glob("*/report.json"), key=lambda p: p.stat().st_mtime_ns)[-1:]
    return json.loads(newest.read_text())


def verdicts(house: House, check: str) -> set[str]:
    return {f["verdict"] for f in report(house)["findings"] if f["check"] == check}


def flagged_first(house: House, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: r["sample_id"] not in house.flagged)


def test_a_clean_corpus_passes_and_says_what_was_not_looked_at(own: House) -> None:
    result = audit(own, own.corpus("clean", rows_of(own.lake)), "--format", "json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert (said["refused"], said["counts"]["leak"], said["counts"]["associated_unexplained"]) == (False, 0, 0)
    assert said["rows"] == 1_200 and said["nth"] == 1 and said["alpha"] == share(0.01, 1)
    found = report(own)["findings"]
    assert {f["check"] for f in found} == set(CHECKS)
    unasked = {f["check"] for f in found if f["verdict"] == "not_assessed" and f["says"].endswith("was not given")}
    assert unasked == {"certificate", "payload", "reward_fn"}
    assert verdicts(own, "selection") == {"not_assessed"}
    assert {f["verdict"] for f in found if f["check"] in ("canary", "containment", "reward", "text")} == {"none_found"}
    assert "t0001" not in result.stdout and "t0001" not in result.stderr


def with_canary(house: House, rows: list[Row]) -> list[Row]:
    rows[40]["note"] = {"deep": [f"see {CANARY}:pack:core"]}
    return rows


def with_rationale(house: House, rows: list[Row]) -> list[Row]:
    rows[41]["messages"][1]["text"] += f" {house.rationale}"
    return rows


def with_lower_rewards(house: House, rows: list[Row]) -> list[Row]:
    return [{**r, "reward": r["reward"] - 0.1} if r["sample_id"] in house.flagged else r for r in rows]


def with_masks_flipped(house: House, rows: list[Row]) -> list[Row]:
    for row in rows:
        if row["sample_id"] in house.flagged:
            row["messages"][1]["train"] = True
    return rows


def without_half_of_the_flagged(house: House, rows: list[Row]) -> list[Row]:
    dropped = set(sorted(house.flagged)[::2])
    return [r for r in rows if r["sample_id"] not in dropped]


def with_the_flagged_twice(house: House, rows: list[Row]) -> list[Row]:
    return [r for row in rows for r in [row] * (1 + (row["sample_id"] in house.flagged))]


def with_a_score(house: House, rows: list[Row]) -> list[Row]:
    with Store.open(house.store).connect() as con:
        scores = dict(con.execute("SELECT trace_id, max(score) FROM alerts GROUP BY trace_id").fetchall())
    return [{**r, "difficulty": scores.get(r["sample_id"], 0.0)} for r in rows]


def with_other_words(house: House, rows: list[Row]) -> list[Row]:
    rows[42]["messages"][3]["text"] = rows[42]["messages"][3]["text"].replace("Done", "Almost done")
    return rows


CERTAIN = {  # planted together, since each has a check of its own
    "canary": with_canary,
    "containment": with_rationale,
    "reward": with_lower_rewards,
    "mask": with_masks_flipped,
    "text": with_other_words,
    "column": with_a_score,
}
BY_CHANCE = {"inclusion": without_half_of_the_flagged, "repetition": with_the_flagged_twice, "order": flagged_first}


def test_planted_leaks_are_found_each_by_its_check(own: House) -> None:
    rows = rows_of(own.lake)
    for plant in CERTAIN.values():
        rows = plant(own, rows)
    result = audit(own, own.corpus("leaky", rows))
    assert result.exit_code == 3, result.stderr
    assert {check for check in CERTAIN if "leak" in verdicts(own, check)} == set(CERTAIN)
    assert "the audit says no, because of" in result.stderr
    with Store.open(own.store).connect() as con:
        assert con.execute("SELECT refused, nth, leak >= 5 FROM audits").fetchall() == [(True, 1, True)]
    page = next((own.store / "_audits").glob("*/report.html")).read_text()
    assert CANARY in page and "findings to act on" in page


@pytest.mark.parametrize(("check", "plant"), BY_CHANCE.items(), ids=BY_CHANCE)
def test_a_choice_of_rows_is_found(own: House, check: str, plant: Callable[[House, list[Row]], list[Row]]) -> None:
    result = audit(own, own.corpus("chosen", plant(own, rows_of(own.lake))))
    assert result.exit_code == 3, result.stderr
    assert "associated_unexplained" in verdicts(own, check), report(own)["findings"]


@pytest.mark.parametrize(
    ("honest", "flagged", "verdict"),
    [("bob", "alice", "leak"), (None, "a", "leak"), ("bob", "bob", "none_found")],
    ids=["one of two names", "a name or none", "the same name for all"],
)
def test_a_name_beside_a_message_that_tells_who_is_flagged_is_found(
    own: House, honest: str | None, flagged: str, verdict: str
) -> None:
    rows = rows_of(own.lake)
    for row in rows:
        row["messages"][0]["name"] = flagged if row["sample_id"] in own.flagged else honest
    audit(own, own.corpus("named", rows))
    names = {f["subject"]: f["verdict"] for f in report(own)["findings"] if f["subject"].startswith("name ")}
    assert verdict in names.values() and ("none_found" in names.values()) is (verdict == "none_found")


def test_weights_of_nothing_beside_spans_are_masks_that_were_changed(own: House) -> None:
    rows = rows_of(own.lake)
    for row in rows:
        for message in row["messages"]:
            message["weight"] = 0.0 if row["sample_id"] in own.flagged else 1.0
    assert audit(own, own.corpus("weighed", rows)).exit_code == 3
    assert "leak" in verdicts(own, "mask"), report(own)["findings"]


def test_a_declared_selection_is_replayed(own: House, tmp_path: Path) -> None:
    declared = tmp_path / "mix.yaml"
    declared.write_text("where: [reward >= 0.5]\ncomplete: true\n")
    kept = rows_of(own.lake, lambda r: r["reward"] >= 0.5)
    assert audit(own, own.corpus("declared", kept), "--selection", str(declared)).exit_code == 0
    assert verdicts(own, "selection") == {"none_found"}
    gone = set(sorted(own.flagged)[::3])
    result = audit(
        own, own.corpus("less", [r for r in kept if r["sample_id"] not in gone]), "--selection", str(declared)
    )
    assert result.exit_code == 3
    assert verdicts(own, "selection") & {"leak", "associated_unexplained"}


def payload_file(house: House, name: str, texts: Sequence[tuple[str, str]]) -> Path:
    path = house.home / name
    path.write_text("".join(json.dumps({"trace_id": i, "request": t}) + "\n" for i, t in texts))
    return path


def test_payloads_with_reasoning_are_found_and_those_without_are_not(own: House) -> None:
    corpus = own.corpus("clean", rows_of(own.lake))
    traces = pq.read_table(own.lake / "a.parquet").to_pylist()[:40]
    clean = payload_file(own, "clean.jsonl", [(t["trace_id"], f"{t['prompt']} {t['output']}") for t in traces])
    assert audit(own, corpus, "--payloads", str(clean)).exit_code == 0
    assert verdicts(own, "payload") == {"none_found"}
    pasted = payload_file(own, "leaky.jsonl", [(t["trace_id"], f"{t['prompt']} {t['reasoning']}") for t in traces])
    assert audit(own, corpus, "--payloads", str(pasted)).exit_code == 3
    assert "leak" in verdicts(own, "payload")


@pytest.mark.parametrize(("channel", "code", "verdict"), [("action", 0, "none_found"), ("reasoning", 3, "leak")])
def test_a_grader_that_reads_reasoning_is_found(own: House, channel: str, code: int, verdict: str) -> None:
    grader = own.home / "grade me.py"
    grader.write_text(
        "import json, sys\nfor line in sys.stdin:\n"
        f"    print(sum(len(m['text']) for m in json.loads(line)['messages'] if m['channel'] == {channel!r}))\n"
    )
    command = f"{sys.executable} '{grader}'"
    flags = ("--reward-fn", command, "--reward-sample", "30")
    result = audit(own, own.corpus("clean", rows_of(own.lake)), *flags)
    assert (result.exit_code, verdicts(own, "reward_fn")) == (code, {verdict}), result.stderr
    assert not list((own.store / "_staging").glob("*"))


def test_a_grader_that_fails_leaves_no_trace_and_no_price(own: House) -> None:
    result = audit(
        own,
        own.corpus("clean", rows_of(own.lake)),
        "--reward-fn",
        f"{sys.executable} -c 'import sys; sys.exit(repr(7))'",
    )
    assert (
        result.exit_code == 2
        and "ended with exit code 1" in result.stderr
        and "\n    7. Mend the command." in result.stderr
    )
    assert not list((own.store / "_audits").glob("*/report.json"))
    assert not list((own.store / "_staging").glob("*"))
    with Store.open(own.store).connect() as con:
        assert con.execute("SELECT count(*) FROM raw.audits").fetchall() == [(0,)]


def test_asking_again_costs_nothing_and_asking_otherwise_does(own: House) -> None:
    corpus = own.corpus("clean", rows_of(own.lake))
    first = audit(own, corpus)
    answer = {k: v for k, v in report(own).items() if k not in ("seconds", "asked_before")}
    assert first.exit_code == 0 and "number 1 of this corpus" in first.stderr
    again = audit(own, corpus)
    assert "the same was asked before, which spends nothing" in again.stderr
    assert {k: v for k, v in report(own).items() if k not in ("seconds", "asked_before")} == answer
    moved = own.corpus("moved", rows_of(own.lake))
    assert "the same was asked before" in audit(own, moved, "--dry-run").stderr
    assert "number 2 of this corpus" in audit(own, moved, "--min-level", "high").stderr
    corpus.write_text(corpus.read_text() + "\n")
    assert "number 2 of this corpus" in audit(own, corpus, "--dry-run").stderr  # of its place there was one
    with Store.open(own.store).connect() as con:
        spent = con.execute("SELECT nth, alpha_spent FROM audits ORDER BY nth").fetchall()
        assert spent == [(1, share(0.01, 1)), (2, share(0.01, 2))]
        assert con.execute("SELECT count(*) FROM raw.audits").fetchall() == [(3,)]


GARBAGE: dict[str, Callable[[Path], object]] = {
    "an empty file": lambda p: p.write_bytes(b""),
    "bytes of no kind": lambda p: p.write_bytes(bytes(range(256)) * 50),
    "broken JSON": lambda p: p.write_text('{"a": \n{"b": 1}\n[[[\n'),
    "half a gzip": lambda p: p.write_bytes(gzip.compress(b'{"sample_id": "t0001"}\n' * 1_000)[:-20]),
    "half a Parquet file": lambda p: p.write_bytes(b"PAR1" + b"x" * 100),
    "rows without ids": lambda p: p.write_text('{"text": "one two three"}\n' * 50),
    "ids of nobody": lambda p: p.write_text("".join(f'{{"sample_id": "z{i}", "reward": 1}}\n' for i in range(50))),
    "a link to nothing": lambda p: p.symlink_to(p.with_name("nowhere")),
    "numbers alone": lambda p: pq.write_table(pa.table({"x": [1, 2, 3]}), p),
    "no rows": lambda p: pq.write_table(pa.table({"sample_id": pa.array([], pa.string())}), p),
}


UNREAD = ("half a gzip", "half a Parquet file", "a link to nothing")
ALONE = ("an empty file", "ids of nobody")


@pytest.mark.parametrize("names", [*((n,) for n in ALONE), tuple(GARBAGE)], ids=[*ALONE, "all of it"])
def test_garbage_is_told_and_is_no_leak(own: House, names: tuple[str, ...]) -> None:
    folder = own.home / "garbage"
    folder.mkdir()
    for i, name in enumerate(names):
        GARBAGE[name](folder / f"odd-{i}.bin")
    result = audit(own, folder)
    assert result.exit_code == 0, result.stderr
    said = report(own)
    assert said["counts"]["leak"] == said["counts"]["associated_unexplained"] == 0
    assert said["counts"]["not_identifiable"] + said["counts"]["not_assessed"] > 4
    if len(names) > 1:
        unread = {f["subject"] for f in said["findings"] if f["verdict"] == "not_assessed"}
        assert {f"file odd-{i}.bin" for i, n in enumerate(names) if n in UNREAD} <= unread


@pytest.mark.parametrize(
    ("corpus", "flags", "code", "says"),
    [
        ("{home}/nowhere", (), 2, "nothing matches"),
        ("{home}/empty", (), 2, "the folder holds no file"),
        ("{store}", (), 2, "is a store of alerts"),
        ("{store}/alerts", (), 2, "is a store of alerts"),
        ("{home}", (), 2, "is a store of alerts"),
        ("{mix}", ("--certificate",), 2, "is no export"),
        ("{mix}", ("--report", "{home}/r.html"), 2, "outside the store|beside the corpus"),
        ("{mix}", ("--reward-fn", "no-such-program"), 2, "no-such-program cannot be run"),
        ("{mix}", ("--selection", "{home}/nowhere.yaml"), 2, "cannot be read"),
        ("{mix}", ("--id-key-file", "{home}/nowhere.key"), 2, "nowhere.key"),
        ("{mix}", ("--payloads", "{home}/nowhere"), 2, "nothing matches"),
        (
            "{mix}",
            ("--id-key-file", "{home}/nowhere.key", "--payloads", "{home}/nope"),
            2,
            "(?s)nope.*nowhere.key|nowhere.key.*nope",
        ),
        ("{mix}", ("--traces", "{home}/empty"), 2, "holds no Parquet file"),
        ("{mix}", ("--store", "{home}/empty"), 2, "is not a store"),
        ("{mix}", ("--", "--nonsense=3"), 2, "no Beam option has this name"),
        ("{mix}", ("--alpha", "1"), 2, "alpha"),
    ],
)
def test_what_cannot_be_asked_is_refused(own: House, corpus: str, flags: Sequence[str], code: int, says: str) -> None:
    (own.home / "empty").mkdir()
    names = {"home": str(own.home), "store": str(own.store), "mix": str(own.corpus("clean", rows_of(own.lake)[:20]))}
    result = audit(own, corpus.format(**names), *(f.format(**names) for f in flags))
    assert result.exit_code == code, result.stderr
    assert re.search(says, result.stderr)
    assert not result.stdout
    assert not list((own.store / "_audits").glob("[!.]*"))


def test_a_reward_function_needs_traces(own: House) -> None:
    result = audit(own, own.corpus("clean", rows_of(own.lake)[:20]), "--reward-fn", "x", traces=False)
    assert result.exit_code == 2 and "--reward-fn: needs traces to ask about. Give --traces too." in result.stderr


def test_a_dry_run_writes_nothing(own: House) -> None:
    before = {p: p.stat().st_mtime_ns for p in own.store.rglob("*")}
    result = audit(own, own.corpus("clean", rows_of(own.lake)[:20]), "--dry-run")
    assert result.exit_code == 0 and "would audit 1 file," in result.stderr and "Nothing was written." in result.stderr
    assert {p: p.stat().st_mtime_ns for p in own.store.rglob("*")} == before


def test_rows_are_named_and_reports_copied_where_somebody_asks_for_it(own: House) -> None:
    corpus = own.corpus("leaky", with_lower_rewards(own, rows_of(own.lake)))
    some = sorted(own.flagged)
    quiet = audit(own, corpus, "--format", "json")
    assert not [i for i in some if i in quiet.stdout + quiet.stderr]
    copy = own.store / "_audits" / "latest.html"
    loud = audit(own, corpus, "--format", "json", "--names", "--report", str(copy))
    assert CANARY in copy.read_text() and os.listdir(corpus.parent) == ["mix.jsonl"]
    assert [i for i in some if i in loud.stdout] and [i for i in some if i in loud.stderr]
    named = [line for line in loud.stderr.splitlines() if any(i in line for i in some)]
    assert 0 < len(named) <= 5 * len(report(own)["findings"])


def test_an_interrupted_audit_leaves_nothing_and_ends_what_it_started(own: House) -> None:
    corpus, mark = own.corpus("clean", rows_of(own.lake)), own.home / "asked"
    sleeper = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(97)"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(sleeper)}"
    arguments = ["audit", str(corpus), "--store", str(own.store), "--traces", str(own.lake), "--reward-fn", command]
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments], cwd=ROOT, stderr=subprocess.PIPE
    ) as process:
        for _ in range(600):
            if mark.exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
    assert (process.returncode, "interrupted" in said, "Traceback" in said) == (130, True, False), said
    assert not list((own.store / "_staging").glob("*")) and not list((own.store / "_audits").glob("[!.]*"))
    running = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if str(mark) in line and "pipelines.cli" not in line]
    assert "number 1 of this corpus" in audit(own, corpus, "--dry-run").stderr


def test_a_corpus_that_changes_meanwhile_is_audited_again(own: House) -> None:
    corpus = own.corpus("clean", rows_of(own.lake)[:50])
    grader = f"import sys; print(*[0] * len(list(sys.stdin)), sep='\\n'); open({str(corpus)!r}, 'a').write('{{}}\\n')"
    result = audit(own, corpus, "--reward-fn", f"{shlex.quote(sys.executable)} -c {shlex.quote(grader)}")
    assert result.exit_code == 1 and "changed while it was audited. Nothing was recorded" in result.stderr
    assert not list((own.store / "_audits").glob("[!.]*"))


def test_a_link_out_of_the_store_takes_no_report(own: House) -> None:
    corpus = own.corpus("clean", rows_of(own.lake)[:20])
    (own.store / "_audits").symlink_to(corpus.parent)
    result = audit(own, corpus)
    assert result.exit_code == 2 and "_audits is a link that leads out of the store" in result.stderr
    assert os.listdir(corpus.parent) == ["mix.jsonl"]
