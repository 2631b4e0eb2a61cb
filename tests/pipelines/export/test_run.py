"""Whole exports: what comes out of which lake, what stops one, and what is said of every row."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.export.certificate import verify
from pipelines.export.listing import write_plan
from pipelines.export.masking.tokens import RoundTrip
from pipelines.export.run import export_lake
from pipelines.export.settings import Declassification
from schemas.canary import CANARY
from schemas.errors import CotmonitorError, FirewallError, GateError, InputError
from schemas.training import AUDIENCES, BLIND, training_table
from tests.pipelines.export.exports import (
    all_layouts,
    certificate,
    copied,
    export,
    key_file,
    published,
    rows,
    settings,
    texts,
)
from tests.pipelines.export.exports import small_lake as small
from tests.pipelines.lakes import flat, rollouts


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return all_layouts(tmp_path_factory.mktemp("layouts") / "lake")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the small lake."""
    folder = tmp_path_factory.mktemp("made")
    assert export(small(folder / "lake"), folder / "out").status == "done"
    return folder / "out"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return small(tmp_path / "lake")


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_valid_trace_of_every_layout_once(layouts: Path, tmp_path: Path, audience: str) -> None:
    summary = export(layouts, tmp_path / "out", audience=audience, columns=("model", "metadata.seed"))
    assert (summary.status, summary.exported, summary.files) == ("done", 160, 4)
    assert summary.rows == 160 + sum(d.rows for d in summary.dead.values()) == 165
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"data", "manifest.json", "certificate.json", "dead_letters.jsonl"}
    made = rows(tmp_path / "out")
    assert made.schema.equals(training_table(("model", "metadata.seed")).arrow(), check_metadata=False)
    assert len(set(made.column("sample_id").to_pylist())) == 160
    spans = [m["spans"] for messages in made.column("messages").to_pylist() for m in messages]
    assert any(spans) is (audience not in BLIND)
    channels = {m["channel"] for messages in made.column("messages").to_pylist() for m in messages}
    assert ("reasoning" in channels) is (audience not in BLIND)


def test_shards_mirror_files_and_rows_keep_their_order(made: Path) -> None:
    ids = [pq.read_table(p).column("sample_id").to_pylist() for p in (made / "data").iterdir()]
    assert sorted(ids, key=len) == [[f"b{i}" for i in range(25)] + ["a3"], [f"a{i}" for i in range(40)]]


def test_large_rows_keep_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading leaves rows that fill most of their row group to the end, unless it is told not to."""
    monkeypatch.setattr("pipelines.read.LARGE", 10_000)
    monkeypatch.setattr("pipelines.read.READ_ROWS", 2)
    many = rollouts(9)
    many[4]["reasoning"] = "".join(f"Let me think about {i}. " for i in range(20_000))
    flat(tmp_path / "lake" / "a.parquet", many)
    export(tmp_path / "lake", tmp_path / "out")
    assert rows(tmp_path / "out").column("sample_id").to_pylist() == [f"t{i}" for i in range(9)]


def test_a_replica_is_exported_where_it_stands_first(made: Path, lake: Path, tmp_path: Path) -> None:
    counts = certificate(made)["accounting"]
    assert (counts["rows"], counts["exported"], counts["replicas"]) == (68, 66, 1)
    # as if the replica had never been there, to the byte
    two = pq.read_table(lake / "two" / "two.parquet")
    pq.write_table(two.filter(pa.array([i != 25 for i in range(27)])), lake / "two" / "two.parquet")
    export(lake, tmp_path / "again")
    ours, theirs = published(made), published(tmp_path / "again")
    assert {n: d for n, d in ours.items() if n.startswith("data/")} == {
        n: d for n, d in theirs.items() if n.startswith("data/")
    }


@pytest.mark.parametrize("audience", AUDIENCES)
def test_traces_without_steps_beside_a_column_that_is_kept(tmp_path: Path, audience: str) -> None:
    empty = pa.table(
        {
            "trace_id": ["a"],
            "messages": pa.array([None], pa.string()),
            "task_id": ["a task with a long name of its own"],
        }
    )
    (tmp_path / "lake").mkdir()
    pq.write_table(empty, tmp_path / "lake" / "a.parquet")
    flat(tmp_path / "lake" / "b.parquet", rollouts(5))
    assert export(tmp_path / "lake", tmp_path / "out", audience=audience).exported == 6
    assert rows(tmp_path / "out").num_rows == 6


@pytest.mark.parametrize("how", ["link", "copy"])
def test_a_file_of_a_store_is_refused_wherever_it_lies(lake: Path, tmp_path: Path, how: str) -> None:
    rows_of_alerts = pa.table(
        {"trace_id": ["a"], "output": ["x"]},
        pa.schema([("trace_id", pa.string()), ("output", pa.string())], metadata={"cotmonitor.table": "alerts"}),
    )
    store = tmp_path / "store" / "alerts"
    store.mkdir(parents=True)
    pq.write_table(rows_of_alerts, store / "x.parquet")
    (os.link if how == "link" else shutil.copy)(store / "x.parquet", lake / "x.parquet")
    with pytest.raises(FirewallError, match=r"x\.parquet: is a file of the table alerts of a monitor's store"):
        export(lake, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_of_an_export_has_its_messages(made: Path, tmp_path: Path) -> None:
    assert export(made / "data", tmp_path / "out", map={"trace_id": "sample_id"}).exported == 66
    said = [
        sorted(
            (r["sample_id"], [(m["role"], m["channel"], m["text"]) for m in r["messages"]])
            for r in rows(at).to_pylist()
        )
        for at in (made, tmp_path / "out")
    ]
    assert said[0] == said[1]


def test_a_lake_full_of_replicas(tmp_path: Path) -> None:
    for name in ("a", "b", "c/d"):
        flat(tmp_path / "lake" / f"{name}.parquet", rollouts(30) + rollouts(10))
    summary = export(tmp_path / "lake", tmp_path / "out")
    assert (summary.rows, summary.exported, summary.replicas) == (120, 30, 90)
    assert sorted(s["rows"] for s in json.loads((tmp_path / "out/manifest.json").read_bytes())["shards"]) == [0, 0, 30]
    assert len(list((tmp_path / "out" / "data").iterdir())) == 3


def test_every_row_is_accounted_for(lake: Path, tmp_path: Path) -> None:
    where = ("environment = swe", "training_step >= 1000", "reward > 0.5")
    summary = export(lake, tmp_path / "out", where=where)
    by = dict(summary.left_out)
    # a0..a39, b0..b24 and the replica a0 (even: math) and the namesake b2 (even: math)
    assert by == {"environment = 'swe'": 35, "training_step >= 1000": 11, "reward > 0.5": 0}
    assert (summary.rows, summary.exported, summary.replicas) == (68, 21, 0)
    counts = certificate(tmp_path / "out")["accounting"]
    assert counts["rows"] == counts["exported"] + counts["replicas"] + 46 + counts["dead"]["null_id"] == 68
    assert all(int(i[1:]) % 2 for i in rows(tmp_path / "out").column("sample_id").to_pylist())


def test_a_file_of_which_nothing_is_left_still_has_its_shard(lake: Path, tmp_path: Path) -> None:
    summary = export(lake, tmp_path / "out", where=("environment = nowhere",))
    assert (summary.exported, len(list((tmp_path / "out" / "data").iterdir()))) == (0, 2)
    assert rows(tmp_path / "out").schema.names == ["sample_id", "messages", "environment", "task_id", "reward"]


def test_ids_are_keyed_and_names_are_veiled(made: Path, lake: Path, tmp_path: Path) -> None:
    copied(made, tmp_path / "plain")
    export(lake, tmp_path / "keyed", id_key_file=key_file(tmp_path))
    export(lake, tmp_path / "other", id_key_file=key_file(tmp_path, b"another key of many bytes"))
    names = [{p.name for p in (tmp_path / out / "data").iterdir()} for out in ("plain", "keyed", "other")]
    assert not (names[0] & names[1] or names[1] & names[2])
    ids = [set(rows(tmp_path / out).column("sample_id").to_pylist()) for out in ("plain", "keyed", "other")]
    assert not (ids[0] & ids[1] or ids[1] & ids[2])
    assert (len(ids[0]), len(ids[1])) == (65, 66)  # a namesake with other content has the same id only without a key
    for out in ("plain", "keyed"):
        everything = b"".join(p.read_bytes() for p in (tmp_path / out).rglob("*") if p.is_file())
        for word in (b"one.parquet", b"two", str(tmp_path).encode(), b"ids.key", b"a key of more"):
            assert word not in everything


def test_dead_letters_say_where_and_why_and_nothing_of_what(layouts: Path, tmp_path: Path) -> None:
    bad = [{**r, "trace_id": None, "reasoning": "THE SECRET PLAN"} for r in rollouts(2)]
    shutil.copytree(layouts, tmp_path / "lake")
    flat(tmp_path / "lake" / "bad.parquet", bad)
    (tmp_path / "lake" / "torn.parquet").write_bytes(b"PAR1 torn THE SECRET PLAN")
    pq.write_table(pa.table({"THE SECRET COLUMN": [1, 2, 3]}), tmp_path / "lake" / "what.parquet")
    summary = export(tmp_path / "lake", tmp_path / "out", max_dead_letter_ratio=0.5)
    text = (tmp_path / "out" / "dead_letters.jsonl").read_text()
    letters = [json.loads(line) for line in text.splitlines()]
    assert sum(x["rows"] for x in letters) == sum(d.rows for d in summary.dead.values()) == 5 + 2 + 1 + 3
    assert "SECRET" not in text and ".parquet" not in text
    keys = {"file", "message", "payload_digest", "reason", "row", "row_group", "rows", "stage"}
    assert all(set(x) == keys and x["message"] for x in letters)
    assert {summary.dead_files[x["file"]] for x in letters} >= {"bad.parquet", "torn.parquet", "what.parquet"}
    assert "SECRET" in summary.dead["unknown_layout"].first  # on the terminal it is told


def test_too_many_dead_letters_stop_it(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"--max-dead-letter-ratio.*\n.*first of each kind:\n  1 x null_id: one"):
        export(lake, tmp_path / "out", max_dead_letter_ratio=0.001)
    assert {p.name for p in tmp_path.iterdir()} == {"lake", "out.contracts.html"}


LEAKS = {
    "a canary": f"so it goes {CANARY}:pack:core and on",
    "a canary in disguise": "so it goes cotmonitor\u200b-CANARY-do-not-train",
    "a rule's id": "flagged by TG08.hard-code again",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_monitors_word_in_a_trace_stops_it(lake: Path, tmp_path: Path, leak: str) -> None:
    flat(lake / "leak.parquet", [{**r, "output": LEAKS[leak]} for r in rollouts(3, "leak")])
    with pytest.raises(GateError, match="contracts failed"):
        export(lake, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def declassified(flow: str, **more: Any) -> Declassification:
    return Declassification(**{"flow": flow, "owner": "ada", "reason": "a test", "expires": "2026-12-01"} | more)


def test_what_is_declassified_passes_and_is_stamped(lake: Path, tmp_path: Path) -> None:
    flat(lake / "leak.parquet", [{**r, "output": LEAKS["a rule's id"]} for r in rollouts(3, "leak")])
    let = (declassified("id:TG08.hard-code"), declassified("environment:swe"))
    asked = settings(lake, tmp_path / "out", where=("environment != swe",), declassify=let)
    with pytest.raises(FirewallError, match="expires by a day that was not given"):
        export_lake(asked, quiet=True)
    with pytest.raises(FirewallError, match="expired on 2026-12-01"):
        export_lake(asked, quiet=True, today=dt.date(2026, 12, 2))
    export_lake(asked, quiet=True, today=dt.date(2026, 11, 22))
    flows = [d["flow"] for d in certificate(tmp_path / "out")["declassified"]]
    assert flows == ["id:TG08.hard-code", "environment:swe"]
    unused = settings(lake, tmp_path / "no", declassify=(declassified("id:TG09.other-rule"), let[0]))
    with pytest.raises(
        FirewallError, match=r"id:TG09\.other-rule is declassified, and nothing in this export needs it"
    ):
        export_lake(unused, quiet=True, today=dt.date(2026, 11, 22))
    assert not (tmp_path / "no").exists()


def test_the_same_export_again_is_found_and_checked(made: Path, lake: Path) -> None:
    before = published(made)
    again = export(lake, made)
    assert (again.status, again.exported, again.replicas) == ("published_already", 66, 1)
    assert published(made) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param("settings", "holds another export: of other settings", id="other settings"),
        pytest.param("lake", "holds another export: of other traces", id="another lake"),
        pytest.param("edit", "holds this export, but it was changed: dead_letters.jsonl is not the", id="an edit"),
        pytest.param("extra", "but it was changed: data/extra.parquet is not in the manifest", id="another file"),
        pytest.param("no export", "exists and is no export: certificate.json cannot be read", id="no export"),
        pytest.param("file", "exists and is no export", id="a file"),
    ],
)
def test_what_else_lies_at_out_is_left_alone(made: Path, lake: Path, tmp_path: Path, change: str, says: str) -> None:
    out = copied(made, tmp_path / "out")
    more: dict[str, Any] = {}
    if change == "settings":
        more = {"columns": ("model",)}
    elif change == "lake":
        flat(lake / "more.parquet", rollouts(2, "z"))
    elif change == "edit":
        (out / "dead_letters.jsonl").write_bytes(b"")
    elif change == "extra":
        (out / "data" / "extra.parquet").write_bytes(b"")
    else:
        shutil.rmtree(out)
        (out / "x").mkdir(parents=True) if change == "no export" else out.write_text("mine")
    before = published(out)
    with pytest.raises(InputError, match=says):
        export(lake, out, **more)
    assert published(out) == before


def test_a_dry_run_writes_nothing(lake: Path, tmp_path: Path) -> None:
    summary = export_lake(settings(lake, tmp_path / "out"), dry_run=True, quiet=True)
    assert (summary.status, summary.files) == ("dry_run", 2)
    assert {p.name for p in tmp_path.iterdir()} == {"lake"}


def test_everything_wrong_with_the_settings_is_told_at_once(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        export(
            lake,
            tmp_path / "out",
            where=("colour = red", "trace_id = 1"),
            columns=("colour", "metadata.alert_id"),
            arguments=("command",),
            layout="excel",
            map={"thought": "cot"},
            id_key_file=tmp_path / "none.key",
        )
    said = str(caught.value)
    for word in ("'colour'", "trace_id", "metadata.alert_id", "'command'", "excel", "'thought'", "none.key"):
        assert word in said
    assert {p.name for p in tmp_path.iterdir()} == {"lake"}


@pytest.mark.parametrize("where", ["in it", "above it", "it"])
def test_the_lake_and_the_export_do_not_overlap(lake: Path, tmp_path: Path, where: str) -> None:
    out = {"in it": lake / "out", "above it": tmp_path, "it": lake}[where]
    with pytest.raises(InputError):
        export(lake, out)
    assert {p.name for p in tmp_path.iterdir()} == {"lake"}


def test_a_misspelt_column_of_map_is_told(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--map reasoning=cott: no file has a column of this name"):
        export(lake, tmp_path / "out", map={"reasoning": "cott"})


def test_an_empty_lake_is_a_choice(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    with pytest.raises(InputError, match="holds no Parquet file"):
        export(tmp_path / "lake", tmp_path / "out")
    summary = export(tmp_path / "lake", tmp_path / "out", allow_empty=True)
    assert (summary.status, summary.files, summary.rows) == ("done", 0, 0)
    assert export(tmp_path / "lake", tmp_path / "out", allow_empty=True).status == "published_already"


def test_a_lake_that_changes_meanwhile_is_told(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*args: Any) -> int:
        flat(lake / "one.parquet", rollouts(3))
        return write_plan(*args)

    monkeypatch.setattr("pipelines.export.run.write_plan", changed)
    with pytest.raises(CotmonitorError, match="changed while it was being exported") as caught:
        export(lake, tmp_path / "out")
    assert caught.value.exit_code == 75
    assert {p.name for p in tmp_path.iterdir()} == {"lake"}


def test_graders_read_no_reasoning(layouts: Path, tmp_path: Path) -> None:
    shutil.copytree(layouts, tmp_path / "lake")
    thoughts = [{**t, "reasoning": f"UNSPEAKABLE {i}"} for i, t in enumerate(rollouts(4))]
    flat(tmp_path / "lake" / "thoughts.parquet", thoughts)
    export(tmp_path / "lake", tmp_path / "out", audience="grader")
    assert not any("UNSPEAKABLE" in text for text in texts(tmp_path / "out"))
    export(tmp_path / "lake", tmp_path / "sft")
    assert sum("UNSPEAKABLE" in text for text in texts(tmp_path / "sft")) == 4


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer, trained on a few sentences."""
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.BPE())
    made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["Let me think about case 12.", "It is a loop.", "return n + 1"] * 20, trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def test_masks_are_held_to_a_tokenizer(lake: Path, made: Path, tokenizer: Path, tmp_path: Path) -> None:
    export(lake, tmp_path / "out", tokenizer=tokenizer)
    tokens = certificate(tmp_path / "out")["tokens"]
    assert (tokens["rows"], tokens["outside"], tokens["missed"], tokens["all_ones"]) == (66, 0, 0, 0)
    assert tokens["tokens"] >= tokens["trained"] > 66
    ours, theirs = published(tmp_path / "out"), published(made)
    assert {n for n in ours if ours[n] != theirs[n]} == {"certificate.json"}  # it looks, and changes nothing
    assert verify(tmp_path / "out", str(lake)) == []


def test_masks_that_do_not_fit_the_tokenizer_stop_it(
    lake: Path, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = RoundTrip.check
    monkeypatch.setattr(RoundTrip, "check", lambda *args: replace(check(*args), outside=3))
    with pytest.raises(GateError, match="tokens that train beyond the masks: 6"):
        export(lake, tmp_path / "out", tokenizer=tokenizer)


def test_what_is_no_tokenizer_is_told_at_once(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(InputError, match="this is no tokenizer"):
        export(lake, tmp_path / "out", tokenizer=tmp_path / "t.json")
    assert not (tmp_path / "out").exists()
