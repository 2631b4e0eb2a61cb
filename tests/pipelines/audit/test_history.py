"""What an audit costs: each different look less than the one before, the same look nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.audit.history import CorpusPrint, alone, corpus_print, question, share, spend
from pipelines.audit.settings import AuditSettings
from pipelines.store import Store
from schemas.canary import CANARY
from schemas.errors import BusyError

CORPUS = CorpusPrint("/c/mix", "d1", 1, 10)


def settings(**changed: Any) -> AuditSettings:
    return AuditSettings(corpus="c", store="s", **changed)


def remember(store: Store, audit_id: str, nth: int, corpus: CorpusPrint = CORPUS) -> None:
    verdicts = ("leak", "associated_unexplained", "associated_explained", "none_found", "not_identifiable")
    counts = dict.fromkeys((*verdicts, "not_assessed"), 0)
    store.append_audit(
        {
            **{"audit_id": audit_id, "corpus": corpus.place, "corpus_digest": corpus.digest, "nth": nth},
            **{"files": 1, "rows": 1, "bytes": 1, "alpha_total": 0.01, "alpha_spent": share(0.01, nth)},
            **{"min_level": "low", "refused": False, "settings": "{}", "report": "_audits/x", "code_version": "1"},
            **{"seconds": 1.0, "canary": f"{CANARY}:audit:x", "schema_version": 1, **counts},
        }
    )


def spending(store: Store, audit_id: str, corpus: CorpusPrint = CORPUS) -> tuple[int, bool]:
    with store.connect() as con:
        found = spend(con, corpus, audit_id, 0.01)
    assert found.alpha == share(0.01, found.nth)
    return found.nth, found.asked_before


def test_what_all_audits_may_spend_is_alpha() -> None:
    assert sum(share(0.01, k) for k in range(1, 100_000)) == pytest.approx(0.01, rel=1e-4)
    assert sum(share(0.01, k) for k in range(1, 100_000)) < 0.01


def test_each_different_audit_is_the_next_and_the_same_one_is_itself(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "S")
    assert spending(store, "a") == (1, False)
    remember(store, "a", 1)
    assert spending(store, "a") == (1, True)
    assert spending(store, "b") == (2, False)
    remember(store, "b", 2)
    remember(store, "a", 1)
    assert spending(store, "a") == (1, True)
    assert spending(store, "c") == (3, False)


@pytest.mark.parametrize(
    ("corpus", "nth"),
    [
        (CorpusPrint("/c/mix", "other bytes", 1, 10), 2),
        (CorpusPrint("/moved/mix", "d1", 1, 10), 2),
        (CorpusPrint("/another", "d2", 1, 10), 1),
    ],
    ids=["edited in its place", "copied elsewhere", "another corpus"],
)
def test_a_corpus_is_known_by_its_place_or_its_bytes(tmp_path: Path, corpus: CorpusPrint, nth: int) -> None:
    store = Store.create_or_open(tmp_path / "S")
    remember(store, "a", 1)
    assert spending(store, "new question", corpus) == (nth, False)


def test_the_view_shows_each_audit_once_and_the_table_each_asking(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "S")
    for audit_id, nth in (("a", 1), ("b", 2), ("a", 1)):
        remember(store, audit_id, nth)
    with store.connect() as con:
        assert con.execute("SELECT audit_id, nth FROM audits ORDER BY nth").fetchall() == [("a", 1), ("b", 2)]
        assert con.execute("SELECT count(*) FROM raw.audits").fetchall() == [(3,)]
        assert con.execute("SELECT sum(alpha_spent) < 0.01 FROM audits").fetchall() == [(True,)]


def corpus(folder: Path, **texts: str) -> list[tuple[str, str]]:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [(name, str(folder / name)) for name in texts]


def test_the_print_depends_on_every_byte_and_name_and_on_nothing_else(tmp_path: Path) -> None:
    files = corpus(tmp_path / "one", a="x" * 200_000, b="y")
    first = corpus_print("one", files)
    assert corpus_print("elsewhere", files[::-1]).digest == first.digest
    assert (first.files, first.nbytes) == (2, 200_001)
    changes = {
        "a byte in the middle": {"a": "x" * 100_000 + "z" + "x" * 99_999, "b": "y"},
        "a name": {"a": "x" * 200_000, "c": "y"},
        "bytes moved from file to file": {"a": "x" * 199_999, "b": "xy"},
        "a file less": {"a": "x" * 200_000},
    }
    prints = {name: corpus_print("one", corpus(tmp_path / name, **texts)).digest for name, texts in changes.items()}
    assert len({first.digest, *prints.values()}) == 5
    assert corpus_print("one", files).seed == first.seed >= 0


def test_a_file_that_cannot_be_read_is_part_of_the_print(tmp_path: Path) -> None:
    files = corpus(tmp_path / "one", a="x")
    gone = [*files, ("b", str(tmp_path / "one" / "b"))]
    assert corpus_print("one", gone).digest != corpus_print("one", files).digest
    assert corpus_print("one", gone).files == 2


def test_a_question_is_what_was_asked_of_what() -> None:
    def ask(corpus: CorpusPrint = CORPUS, store: str = "s", given: tuple[str, ...] = (), **changed: Any) -> str:
        return question(settings(**changed), corpus, store, given, "0.1")

    same = [ask(), ask(CorpusPrint("/moved", "d1", 1, 10)), ask(workers=2), ask(report="S/r.html"), ask(traces="l")]
    assert len(set(same)) == 1
    others = [
        *(ask(CorpusPrint("/c/mix", "d2", 1, 10)), ask(store="more alerts"), ask(given=("selection 2",))),
        *(ask(alpha=0.05), ask(min_level="high"), ask(reward_fn="grade"), ask(certificate=True), ask(id_column="key")),
    ]
    assert len({same[0], *others}) == len(others) + 1


def test_two_audits_of_one_corpus_do_not_run_at_once(tmp_path: Path) -> None:
    with alone(tmp_path, CORPUS):
        with pytest.raises(BusyError, match="another audit of it is at work"), alone(tmp_path, CORPUS):
            raise AssertionError("both were let in")
        with alone(tmp_path, CorpusPrint("/c/other", "d1", 1, 10)):
            pass
    with alone(tmp_path, CORPUS):
        pass
