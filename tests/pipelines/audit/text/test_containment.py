from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import rationales as made
from pipelines.audit.text.containment import COMMON_SHARE, background, leaks, search, search_rows
from pipelines.audit.text.index import MEETING, Arrays, TextIndex, build_index, lookup, open_arrays
from pipelines.audit.text.texts import MonitorText
from pipelines.audit.text.words import Words, words_of

SEEDS = range(40)
TEXTS = [MonitorText("alert", f"alert-{i}", made.rationale(i)) for i in SEEDS]
HONEST = [made.honest(i, 600).encode() for i in range(120)]


def batch(rows: list[bytes]) -> tuple[Words, np.ndarray]:
    each = [words_of(row) for row in rows]
    flat = Words(np.concatenate([w.hashes for w in each]), np.concatenate([w.starts for w in each]))
    return flat, np.repeat(np.arange(len(each)), [len(w) for w in each])


@pytest.fixture(scope="module")
def index() -> TextIndex:
    """An index that knows, by a lake of honest traces, what everybody says."""
    plain = build_index(TEXTS)
    keys, counts = background(plain.arrays, *batch(HONEST), ours=False)
    common = np.zeros(len(plain.arrays.keys), bool)
    common[keys[counts > max(2, COMMON_SHARE * len(HONEST))]] = True
    return plain.without(common)


def leaked(index: TextIndex, row: str) -> set[str]:
    """The ids of the texts that leaked into a row."""
    counts = np.where(index.arrays.common, 1_000, 0)
    return {
        index.texts[index.pieces[m.piece]].id
        for m in search(index, row.encode())
        if leaks(m, index.arrays.own[index.arrays.piece(m.piece)], counts, 1_000)
    }


WAYS: list[tuple[str, Callable[[str, random.Random], str], float]] = [
    ("pasted whole", lambda text, _: text, 1),
    ("every fifth word another", made.every(5), 0.95),
    ("every fourth word another", made.every(4), 0.95),
    ("every third word another", made.every(3), 0.9),
    ("sentences in another order", made.shuffled, 1),
    ("capitals without punctuation", made.plain, 1),
    ("words put in", made.padded, 0.95),
    ("the first half", made.half, 0.9),
]


@pytest.mark.parametrize(("way", "least"), [w[1:] for w in WAYS], ids=[w[0] for w in WAYS])
def test_a_rationale_is_found_in_a_row_of_1200_words(
    index: TextIndex, way: Callable[[str, random.Random], str], least: float
) -> None:
    found = 0
    for i, text in enumerate(TEXTS):
        before, after = made.honest(1_000 + i, 600), made.honest(2_000 + i, 600)
        found += bool(leaked(index, f"{before} {way(text.text, random.Random(i))} {after}"))
    assert found >= least * len(TEXTS)


def test_honest_reasoning_about_the_same_deeds_is_no_leak(index: TextIndex) -> None:
    wrong = {i: hit for i in range(200) if (hit := leaked(index, made.honest(5_000 + i, 1_200)))}
    assert wrong == {}


def test_it_is_the_text_itself_that_is_named(index: TextIndex) -> None:
    right = sum(text.id in leaked(index, f"{made.honest(i, 300)} {text.text}") for i, text in enumerate(TEXTS))
    assert right == len(TEXTS)


def test_texts_from_one_template_are_found_though_each_key_leads_to_a_few_of_them() -> None:
    texts = [
        MonitorText("alert", f"a{i}", f"The agent of case {i} alters the ledger on purpose and keeps it from its user.")
        for i in range(500)
    ]
    index = build_index(texts)
    row = f"{made.honest(1, 100)} {texts[400].text} {made.honest(2, 100)}"
    assert [m for m in search(index, row.encode()) if m.share > 0.7]


def test_a_paragraph_of_a_long_text_is_found() -> None:
    long = " ".join(made.rationale(i) for i in range(12))
    index = build_index([MonitorText("judgement", "call-1", long)])
    assert leaked(index, f"{made.honest(1, 300)} {made.rationale(5)} {made.honest(2, 300)}") == {"call-1"}


def test_words_that_a_text_quotes_are_not_its_own() -> None:
    quote = "I will just write down the nine numbers that the checker wants to see in the end"
    text = MonitorText(
        "alert", "a", f'It says "{quote}", and means it: nobody is told that the answers were copied.', (quote,)
    )
    index = build_index([text])
    assert leaked(index, f"Let me think. {quote}. Done.") == set()
    assert leaked(index, f"Let me think. {text.text} Done.") == {"a"}


def test_short_texts_are_counted_and_not_looked_for() -> None:
    index = build_index([MonitorText("review", "f", "yes, clearly"), MonitorText("alert", "a", "too short", (), 3)])
    assert index.texts == ()
    assert dict(index.short) == {"review": 1, "alert": 3}
    assert search(index, b"yes, clearly too short") == ()


def test_the_same_text_is_looked_for_once() -> None:
    index = build_index([MonitorText("alert", f"a{i}", TEXTS[0].text) for i in range(5)])
    assert [(t.id, t.alike) for t in index.texts] == [("a0", 5)]


def test_keys_do_not_go_from_one_row_into_the_next(index: TextIndex) -> None:
    words = TEXTS[3].text.split()
    halves = [" ".join(words[i : i + 2]).encode() for i in range(0, len(words), 2)]
    flat, rows = batch(halves)
    assert search_rows(index.arrays, flat, rows).meetings == ()
    assert search_rows(index.arrays, flat, np.zeros_like(rows)).meetings != ()


def test_a_row_does_not_count_for_a_text_that_is_all_there() -> None:
    index = build_index(TEXTS[:1])
    rows = [HONEST[0], TEXTS[0].text.encode()]
    keys, counts = background(index.arrays, *batch(rows), ours=True)
    all_keys, all_counts = background(index.arrays, *batch(rows), ours=False)
    assert counts.sum() < all_counts.sum()
    assert set(keys) < set(all_keys)
    result = search_rows(index.arrays, *batch(rows))
    assert [m.row for m in result.meetings if m.share > 0.9] == [1]
    assert result.counts.sum() < all_counts.sum()


def test_an_index_of_nothing_finds_nothing() -> None:
    index = build_index([])
    assert search(index, HONEST[0]) == ()
    assert index.unsearchable() == 0


def test_a_text_all_of_whose_keys_are_common_is_told() -> None:
    index = build_index(TEXTS[:2], background=[TEXTS[0].text])
    assert index.unsearchable() == 1


def test_the_index_is_the_same_from_a_file(index: TextIndex, tmp_path) -> None:
    index.save(tmp_path)
    read: Arrays = open_arrays(tmp_path)
    row = TEXTS[7].text.encode()
    assert [(m.piece, m.share) for m in search(read, row)] == [(m.piece, m.share) for m in search(index, row)]


def test_lookup_finds_exactly_the_keys_that_are_there(index: TextIndex) -> None:
    """Compared with dictionaries."""
    hashes = words_of(HONEST[0] + b" " + TEXTS[1].text.encode()).hashes
    known = {int(k): i for i, k in enumerate(index.arrays.keys) if not index.arrays.common[i]}
    from pipelines.audit.text.index import keys_of

    found, places = keys_of(hashes)
    expected = sorted((int(p), known[int(k)]) for k, p in zip(found, places, strict=True) if int(k) in known)
    got = lookup(index.arrays, hashes, np.zeros(len(hashes), np.int64))
    assert sorted(zip(*(g.tolist() for g in got), strict=True)) == expected
    assert len(expected) >= MEETING
