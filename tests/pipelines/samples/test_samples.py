from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.samples import samples, write_samples
from pipelines.samples.story import GAMED_FROM, GAMED_RUN
from pipelines.samples.texts import GAMING
from schemas.layouts import LayoutSettings, adapter_for
from schemas.trace import CHANNELS, ROLES

BAD_ROWS = {"canonical": 1, "flat": 2, "messages": 2, "scout": 0}


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.parquet")}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_samples(tmp_path / name, traces=80, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert set(contents(tmp_path / "a").values()).isdisjoint(contents(tmp_path / "c").values())


def test_a_longer_sample_begins_with_the_shorter_one() -> None:
    assert list(samples(40, 7)) == list(samples(400, 7))[:40]


def test_every_layout_gets_a_quarter_and_the_bad_rows(tmp_path: Path) -> None:
    files = write_samples(tmp_path / "s", traces=160)
    rows = {f.parent.name: pq.ParquetFile(f).metadata.num_rows - BAD_ROWS[f.parent.name] for f in files}
    assert rows == {"canonical": 40, "flat": 40, "messages": 40, "scout": 40}


def test_an_existing_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    assert write_samples(tmp_path / "s") == []
    assert list(tmp_path.iterdir()) == [tmp_path / "s"]


def test_it_goes_wrong_in_two_environments_from_one_checkpoint_on() -> None:
    gamed = {(s.training_run, s.environment, s.training_step) for s in samples(1600, 7) if s.story == "gaming"}
    assert {environment for _, environment, _ in gamed} == set(GAMING)
    assert {run for run, _, _ in gamed} == {GAMED_RUN}
    assert min(step for _, _, step in gamed) == GAMED_FROM


def test_the_share_grows_with_training() -> None:
    shares = {}
    for step in (2000, 3000, 4000, 5000):
        stories = Counter(
            s.story
            for s in samples(1600, 7)
            if (s.training_run, s.environment, s.training_step) == (GAMED_RUN, "swe-fix", step)
        )
        shares[step] = stories["gaming"] / stories.total()
    assert shares[2000] == 0.0 < shares[3000] < shares[4000] < shares[5000]


def test_hard_negatives_are_found_in_every_environment_and_checkpoint() -> None:
    everything = list(samples(1600, 7))
    hard = [s for s in everything if s.story == "hard_negative"]
    assert {s.environment for s in hard} == {s.environment for s in everything}
    assert {s.checkpoint for s in hard} == {s.checkpoint for s in everything}


def test_steps_use_the_known_words_only() -> None:
    steps = [step for sample in samples(400, 7) for step in sample.steps]
    assert {s.channel for s in steps} <= set(CHANNELS)
    assert {s.role for s in steps} <= set(ROLES)
    assert not [s.text for s in steps if s.text and ("{input" in s.text or "{function}" in s.text)]


@pytest.mark.parametrize("layout", list(BAD_ROWS))
def test_nothing_in_a_file_says_which_story_a_row_tells(tmp_path: Path, layout: str) -> None:
    write_samples(tmp_path / "s", traces=64)
    (file,) = (tmp_path / "s" / layout).glob("*.parquet")
    table = pq.read_table(file)
    ids = table.column("transcript_id" if layout == "scout" else "trace_id")
    assert "story" not in table.column_names
    assert not pc.any(pc.match_substring_regex(ids, "gaming|negative|clean")).as_py()


def adapted(file: Path) -> tuple[dict[str, list[tuple[str, str, str | None, bool]]], Counter[str]]:
    parquet = pq.ParquetFile(file)
    adapter = adapter_for(parquet.schema_arrow, LayoutSettings(), str(file))
    assert adapter.layout == file.parent.name
    traces, dead = {}, Counter[str]()
    for batch in parquet.iter_batches(columns=list(adapter.columns)):
        taken = adapter.adapt(batch)
        dead.update(letter.reason for letter in taken.dead)
        for row in taken.traces.to_pylist():
            traces[row["trace_id"]] = [(s["role"], s["channel"], s["text"], s["redacted"]) for s in row["steps"]]
    return traces, dead


DEAD = {
    "canonical": {"null_id": 1},
    "flat": {"null_id": 2},
    "messages": {"unparsable_messages": 1, "unknown_role": 1},
    "scout": {},
}


@pytest.mark.parametrize("layout", list(DEAD))
def test_every_layout_is_read_back_and_its_bad_rows_are_named(tmp_path: Path, layout: str) -> None:
    write_samples(tmp_path / "s", traces=160)
    (file,) = (tmp_path / "s" / layout).glob("*.parquet")
    traces, dead = adapted(file)
    assert len(traces) == 40
    assert dead == DEAD[layout]


@pytest.mark.parametrize("layout", ["canonical", "scout"])
def test_layouts_with_steps_of_their_own_lose_nothing(tmp_path: Path, layout: str) -> None:
    write_samples(tmp_path / "s", traces=320)
    (file,) = (tmp_path / "s" / layout).glob("*.parquet")
    made = {s.trace_id: [(t.role, t.channel, t.text, t.redacted) for t in s.steps] for s in samples(320, 7)}
    traces, _ = adapted(file)
    assert {k: v for k, v in traces.items() if v} == {k: made[k] for k, v in traces.items() if v}
